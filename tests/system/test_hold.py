"""`silogate ctl hold`: over every kind of leg, with clients that leave, with another hold, a move, a drain and a
SIGTERM at the same time."""
import signal
import socket
import ssl
import threading
import time

import pytest

from harness import gate as gates, places, wire
from test_control import make  # noqa: F401: the fixture
from test_move_gate import control
from test_moves import OLD, make_scene  # noqa: F401: the fixture

WRITE = "INSERT INTO nilecare_billing.hold_marks VALUES (1)"
CLINICAL = "UPDATE clinical_data.patients SET clinical_data.patients.id = clinical_data.patients.id WHERE 1 = 0"


@pytest.fixture
def marks(server):
    """A table of billing's, and how many rows are in it."""
    server.sql("CREATE TABLE nilecare_billing.hold_marks (n INT)")
    yield lambda: server.sql("SELECT COUNT(*) FROM nilecare_billing.hold_marks")[0][0]
    server.sql("DROP TABLE nilecare_billing.hold_marks")


def held(gate):
    return sum(one["kept"] == "its statement waits for the end of a hold" for one in gate.ctl("sessions")["sessions"])


def waits(gate, client, sql, count=1):
    client.command(client.query_bytes(sql))
    assert places.wait_for(lambda: held(gate) == count, 30)


@pytest.mark.parametrize("way", ["query", "large", "prepared", "reset"])
def test_a_client_that_leaves_while_it_is_held(server, make, marks, way):  # noqa: F811
    """It is gone at once for silogate and the server, and what it has sent is not run."""
    gate = make(server)
    client = wire.connect(gate.port, "billing_service", "nilecare_billing")
    # of a large one the rest is not read while it waits, nor its end
    write = WRITE + ("/*" + "x" * 300000 + "*/" if way == "large" else "")
    statement = client.prepare(write)[0] if way == "prepared" else None
    other = wire.connect(gate.port, "lab_service")
    hold = gate.ctl("hold", "billing", "--writes", "--for", "60s")
    client.command(client.execute_bytes(statement) if statement else client.query_bytes(write))
    assert places.wait_for(lambda: held(gate) == 1, 30)
    if way == "reset":
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert places.wait_for(lambda: len(gate.ctl("sessions")["sessions"]) == 1, 30)
    assert places.wait_for(lambda: not server.sql(
        "SELECT 1 FROM information_schema.processlist WHERE user = 'billing_service'"), 30)
    gate.ctl("undo", hold["id"])
    assert other.query("SELECT 1")[0].rows == [["1"]]
    assert marks() == 0
    other.quit()


@pytest.mark.parametrize("secure, packed", [(False, wire.COMPRESS), (True, 0), (True, wire.ZSTD)],
                         ids=["zlib", "tls", "tls-zstd"])
def test_every_kind_of_leg(server, make, marks, certificates, secure, packed):  # noqa: F811
    gate = make(server, ("tls", "certificate", certificates / "server.pem"),
                ("tls", "key", certificates / "server.key"), ("tls", "client", "preferred"))
    tls = ssl.create_default_context(cafile=certificates / "ca.pem") if secure else None
    client, leaves = (wire.connect(gate.port, "billing_service", "nilecare_billing",
                                   capabilities=wire.USUAL | packed, tls=tls) for _ in range(2))
    statement = client.prepare(WRITE)[0]
    hold = gate.ctl("hold", "billing", "--writes", "--for", "60s")
    waits(gate, leaves, WRITE, 1)
    leaves.close()
    assert places.wait_for(lambda: len(gate.ctl("sessions")["sessions"]) == 1, 30)
    assert client.query("SELECT 1")[0].rows == [["1"]]
    client.command(client.execute_bytes(statement))
    assert places.wait_for(lambda: held(gate) == 1, 30)
    assert marks() == 0
    gate.ctl("undo", hold["id"])
    client.answers()
    assert marks() == 1
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("way", ["query", "prepared"])
def test_a_session_that_waits_is_not_idle(server, make, marks, way):  # noqa: F811
    """Its command is answered, however short the idle_timeout is."""
    gate = make(server, ("proxy", "idle_timeout", "1s"))
    client = wire.connect(gate.port, "billing_service", "nilecare_billing")
    statement = client.prepare(WRITE)[0]
    gate.ctl("hold", "billing", "--writes", "--for", "6s")
    client.command(client.execute_bytes(statement) if way == "prepared" else client.query_bytes(WRITE))
    assert client.answers()[0].affected == 1
    assert marks() == 1
    assert client.socket.recv(1) == b""  # idle from here on
    client.close()


def test_two_holds(server, make, marks):  # noqa: F811
    """What writes for two owners waits for both; the end of one, or of one of two of the same owner, is not the
    other's."""
    gate = make(server, ("grant:hold", "service", "billing"), ("grant:hold", "on", "clinical_data.*"),
                ("grant:hold", "access", "all"), ("grant:hold", "ticket", "NC-1"))
    server.sql("GRANT UPDATE ON clinical_data.patients TO 'billing_service'@'%'")
    both, one, other = (wire.connect(gate.port, "billing_service", "nilecare_billing") for _ in range(3))
    holds = [gate.ctl("hold", owner, "--writes", "--for", "60s") for owner in ("billing", "clinical", "billing")]
    waits(gate, both, "UPDATE hold_marks, clinical_data.patients SET n = 2, clinical_data.patients.id = clinical_data.patients.id WHERE 1 = 0")
    waits(gate, one, WRITE, 2)
    waits(gate, other, CLINICAL, 3)
    gate.ctl("undo", holds[0]["id"])
    assert held(gate) == 3
    gate.ctl("undo", holds[1]["id"])
    other.answers()
    assert held(gate) == 2
    gate.ctl("undo", holds[2]["id"])
    both.answers()
    one.answers()
    assert marks() == 1
    server.sql("REVOKE UPDATE ON clinical_data.patients FROM 'billing_service'@'%'")
    for client in (both, one, other):
        client.quit()


@pytest.mark.long(short=2)
@pytest.mark.parametrize("how", ["drain", "SIGTERM", "takeover", "kill"])
def test_hold_and_end(server, make, marks, how):  # noqa: F811
    """A session that waits stands at a boundary: it ends with 1053, what it has sent is not run, and nothing waits
    for the end of the hold."""
    gate = make(server, ("proxy", "drain_timeout", "12s"))
    gate.uncounted = "its records are counted elsewhere"
    inside, waiting = (wire.connect(gate.port, "billing_service", "nilecare_billing") for _ in range(2))
    inside.query("BEGIN")
    inside.query(WRITE)
    gate.ctl("hold", "billing", "--writes", "--for", "60s")
    waits(gate, waiting, WRITE)
    began, new = time.monotonic(), None
    if how == "drain":
        assert gate.ctl("drain", "--service", "billing")["leaving"] == 2
    elif how == "SIGTERM":
        gate.process.send_signal(signal.SIGTERM)
    elif how == "takeover":
        old = gate.process
        gate.start()
        new = gate.process
        assert [one["kind"] for one in gate.ctl("overrides")["overrides"]] == ["hold"]
    else:
        gate.ctl("kill", str([one for one in gate.ctl("sessions")["sessions"] if not one["transaction"]][0]["id"]))
    with pytest.raises(wire.Error) as error:
        waiting.answers()
    assert error.value.code == (1927 if how == "kill" else 1053)
    assert waiting.closed()
    inside.query(WRITE)  # who is inside is held by nobody
    inside.query("COMMIT")
    assert marks() == 2
    inside.close()
    if how == "SIGTERM":
        assert gate.process.wait(40) == 0
    if how == "takeover":
        assert old.wait(40) == 0
        fresh = wire.connect(gate.port, "billing_service", "nilecare_billing")
        waits(gate, fresh, WRITE)
        fresh.close()
        assert gate.process is new
    assert time.monotonic() - began < 55
    assert marks() == 2


def test_hold_and_move(make_scene):  # noqa: F811
    """Tables of the owner move while it is held: the mover does not wait for who waits, the statement waits on, and
    is run where the tables stand then."""
    scene = make_scene()
    gate = scene.gate
    control(gate)
    gate.stop()
    gate.start()
    assert places.wait_for(scene.is_followed, 30), gate.log()
    client = wire.connect(gate.port, "mv_billing", OLD)
    done = gates.run("ctl", "-c", gate.path, "hold", "billing", "--writes", "--for", "60s", "--json")
    assert done.returncode == 0, done.stderr
    hold = done.stdout.split('"id":"')[1][:8]
    client.command(client.query_bytes("INSERT INTO t0 (client, number, note) VALUES (99, 1, 'held')"))
    assert places.wait_for(lambda: gate.metrics().total("commands_held_total") >= 1, 30)
    done = scene.move()
    assert done.returncode == 0, done.stdout + done.stderr
    assert not scene.server.sql(f"SELECT 1 FROM {OLD}.t0 WHERE client = 99")
    answers = []
    reader = threading.Thread(target=lambda: answers.append(client.answers()))
    reader.start()
    done = gates.run("ctl", "-c", gate.path, "undo", hold)
    assert done.returncode == 0, done.stderr
    reader.join(30)
    assert answers and len(scene.server.sql("SELECT 1 FROM mv_new.t0 WHERE client = 99")) == 1
    client.quit()
