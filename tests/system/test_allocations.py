"""The path of a judged command allocates nothing: malloc is wrapped, and counted over 10,000 of them."""
import os
import struct
import subprocess

import pytest

from harness import gate, places, wire

COMMANDS = 10000


@pytest.fixture(scope="module")
def counted(mariadb, tmp_path_factory):
    """A gate whose allocations are counted, and how many there were so far."""
    folder = tmp_path_factory.mktemp("count")
    library, counter = folder / "count.so", folder / "counter"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library,
                    places.TOP / "tests/harness/count_allocations.c"], check=True)
    if places.is_sanitized():
        pytest.skip("a sanitizer has a malloc of its own")
    counter.write_bytes(bytes(8))
    os.environ.update(LD_PRELOAD=str(library), COUNT_ALLOCATIONS=str(counter))
    try:
        # The same violation again is a repeat, as it is in production; `0` would write each one.
        running = gate.Gate(mariadb, changes=(("log", "repeat", "60s"), ("proxy", "workers", "1")))
        running.start()
    finally:
        del os.environ["LD_PRELOAD"], os.environ["COUNT_ALLOCATIONS"]
    yield running, lambda: struct.unpack("<Q", counter.read_bytes())[0]
    running.stop()
    running.remove()


def quiet(count):
    """Allocations of the moments in between (a probe of the upstream, once in ten seconds) are none of
    a command's: the least of several tries is what the commands themselves need."""
    return min(count() for _ in range(3))


def run(counted, action):
    running, total = counted
    del running
    action(100)  # what is made once has been made

    def once():
        before = total()
        action(COMMANDS // 3)
        return total() - before
    return quiet(once)


def test_the_counter_counts(counted):
    """Preparing a statement does allocate: the counter is no dummy."""
    running, total = counted
    connection = wire.connect(running.port, "billing_service")
    before = total()
    for _ in range(10):
        connection.prepare("SELECT 1")
    assert total() - before >= 10
    connection.quit()


STATEMENTS = {
    "own": "SELECT id, status FROM invoices WHERE invoice_number = 'INV-0001'",
    "join_own": "SELECT i.id FROM invoices i JOIN invoice_line_items l ON l.invoice_id = i.id LIMIT 1",
    "nothing": "SELECT 1",
    "transaction": "BEGIN",
    "set": "SET autocommit = 1",
    "logged": "SELECT email FROM auth_users WHERE id = 'x'",
}


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
