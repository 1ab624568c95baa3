"""The path of a judged command allocates nothing: malloc is wrapped, and counted over thousands of them."""
import os
import re
import struct
import subprocess

import pytest

from harness import gate, places, wire
from test_moves import NEW, OLD, Scene

COMMANDS = 3333


@pytest.fixture(scope="module")
def make_counted(tmp_path_factory):
    """make_counted(upstream, ...): a gate whose allocations are counted, and how many there were so far; with 1,
    those of its workers alone."""
    folder = tmp_path_factory.mktemp("count")
    library, counter = folder / "count.so", folder / "counter"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library,
                    places.TOP / "tests/harness/count_allocations.c"], check=True)
    if places.is_sanitized():
        pytest.skip("a sanitizer has a malloc of its own")
    made = []

    def make(upstream, **options):
        counter.write_bytes(bytes(16))
        os.environ.update(LD_PRELOAD=str(library), COUNT_ALLOCATIONS=str(counter))
        try:
            made.append(gate.Gate(upstream, **options))
            made[-1].start()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["COUNT_ALLOCATIONS"]
        return made[-1], lambda of=0: struct.unpack("<QQ", counter.read_bytes())[of]

    yield make
    for one in made:
        one.stop()
        one.remove()


@pytest.fixture(scope="module")
def counted(mariadb, make_counted):
    # The same violation again is a repeat, as it is in production; `0` would write each one.
    return make_counted(mariadb, changes=(("log", "repeat", "60s"), ("proxy", "workers", "1")))


def quiet(count):
    """Allocations of the moments in between (a probe of the upstream, once in ten seconds) are none of
    a command's: the least of several tries is what the commands themselves need, and less than none there is not."""
    least = count()
    for _ in range(5):
        if least == 0:
            break
        least = min(least, count())
    return least


def run(counted, action):
    running, total = counted
    del running
    action(100)  # what is made once has been made

    def once():
        before = total()
        action(COMMANDS)
        return total() - before
    return quiet(once)


def test_the_counter_counts(counted):
    """Preparing a statement does allocate: the counter is no dummy."""
    running, total = counted
    connection = wire.connect(running.port, "billing_service")
    before = total()
    for _ in range(10):
        connection.prepare("SELECT 1")
    assert total() - before >= 10 and total(1) > 10
    connection.quit()


STATEMENTS = {
    "own": "SELECT id, status FROM invoices WHERE invoice_number = 'INV-0001'",
    "join_own": "SELECT i.id FROM invoices i JOIN invoice_line_items l ON l.invoice_id = i.id LIMIT 1",
    "nothing": "SELECT 1",
    "transaction": "BEGIN",
    "set": "SET autocommit = 1",
    "logged": "SELECT email FROM auth_users WHERE id = 'x'",
}


@pytest.mark.long(short=3)
@pytest.mark.parametrize("name", STATEMENTS)
def test_no_allocation_for_a_query(counted, name):
    connection = wire.connect(counted[0].port, "billing_service")

    def action(count):
        for _ in range(count):
            connection.query(STATEMENTS[name])
    assert run(counted, action) == 0
    connection.quit()


def test_no_allocation_for_a_blocked_query(counted):
    connection = wire.connect(counted[0].port, "main_service")

    def action(count):
        for _ in range(count):
            with pytest.raises(wire.Error):
                connection.query("SELECT last_name FROM clinical_data.patients WHERE mrn = 'x'")
    assert run(counted, action) == 0
    connection.quit()


def test_no_allocation_for_an_execution(counted):
    connection = wire.connect(counted[0].port, "billing_service")
    statement, _, _ = connection.prepare("SELECT id FROM invoices WHERE invoice_number = ?")

    def action(count):
        for _ in range(count):
            connection.execute(statement, [b"INV-0001"])
    assert run(counted, action) == 0
    connection.quit()


def test_memory_of_an_idle_session(mariadb, make_gate):
    """At most 1.5 KiB, both legs being plain; what the heap's pages add to a thousand is left room for."""
    if places.is_sanitized():
        pytest.skip("a sanitizer has a malloc of its own")
    running = make_gate(mariadb, ("proxy", "workers", "1"), ("upstream:main", "tls", "off"))

    def resident():
        status = open(f"/proc/{running.process.pid}/smaps_rollup", encoding="ascii").read()
        return int(re.search(r"(?m)^Rss:\s+(\d+)", status).group(1)) * 1024

    def sessions(count):
        made = [wire.connect(running.port, "billing_service") for _ in range(count)]
        for one in made:
            one.query("SELECT 1")
        return made

    limit = mariadb.sql("SELECT @@GLOBAL.max_connections")[0][0]
    mariadb.sql("SET GLOBAL max_connections = 2000")
    try:
        first = sessions(50)
        before = resident()
        idle = sessions(1000)
        each = (resident() - before) / len(idle)
        for one in first + idle:
            one.close()
    finally:
        mariadb.sql(f"SET GLOBAL max_connections = {limit}")
    assert each < 1536 * 1.15


@pytest.fixture(scope="module")
def moved(mariadb, make_counted, tmp_path_factory):
    """A gate with an open move whose tables stand at their new place: each statement that names one is mapped,
    and kept until it is answered."""
    counts = []

    def make_gate(upstream, ini):
        running, total = make_counted(upstream, ini=ini.replace("[proxy]\n", "[proxy]\nworkers = 1\n"))
        counts.append(lambda: total(1))
        return running

    scene = Scene(mariadb, make_gate, tmp_path_factory.mktemp("moved"))
    done = scene.move()
    assert done.returncode == 0, done.stdout + done.stderr
    yield scene, counts[0]
    scene.clear()


MAPPED = {
    "short": f"SELECT number FROM {OLD}.t0 WHERE id = 1",
    "long": f"SELECT number FROM {OLD}.t0 WHERE id IN ({','.join(map(str, range(3000)))})",
    "execution": f"SELECT number FROM {OLD}.t0 WHERE id = ?",
}


@pytest.mark.long(short=1)
@pytest.mark.parametrize("name", MAPPED)
def test_no_allocation_for_a_mapped_statement(moved, name):
    """On the worker's thread: the watch over the move is another, and does allocate."""
    scene, total = moved
    assert scene.stand_in(NEW)
    connection = wire.connect(scene.gate.port, "mv_billing", OLD)
    if name == "execution":
        statement, _, _ = connection.prepare(MAPPED[name])

    def action(count):
        for _ in range(count):
            if name == "execution":
                connection.execute(statement, [b"1"])
            else:
                connection.query(MAPPED[name])
    assert run((scene.gate, total), action) == 0
    connection.quit()
