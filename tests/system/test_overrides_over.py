"""An override that is over stays over: whatever the tables on the upstream say, whoever could be told, and however often
silogate is replaced."""
import contextlib
import json
import re
import signal
import socket

import pytest

from harness import gate as gates, places, wire
from harness.generations import Generations
from test_evidence import small_disk  # noqa: F401: the fixture
from test_instances import account, make, others, refused  # noqa: F401: the fixtures

ALLOW = ("allow", "lab", "on", "clinical_data.patients", "access", "read", "--for")
BLOCK = ("mode", "lab", "block", "--for")
COUNT = "SELECT COUNT(*) FROM silogate.overrides"
BLOCKS = (("service:lab", "mode", "block"), ("proxy", "drain_timeout", "1s"))


@pytest.fixture
def one(make):  # noqa: F811
    """An instance whose lab is in mode block, and how it is replaced."""
    gate = make(1, *BLOCKS)
    gate.uncounted = "an older generation has counted some of it"
    line = Generations(gate)
    others(gate, alive=1)
    yield line
    line.end()


def replace(line, how):
    if how == "upgrade":
        line.upgrade()
        assert line.old[-1].wait(60) == 0
    elif how == "restart":
        line.gate.stop()
        line.gate.start()
    else:
        line.gate.process.kill()
        line.gate.process.wait()
        line.gate.start()
    return lab(line.gate)


def lab(gate):
    session = wire.connect(gate.port, "lab_service")
    return refused(session), session


def round_done(gate):
    """The table was read after this call."""
    assert "not_yet" not in gate.ctl("undo", gate.ctl("hold", "lab", "--writes", "--for", "20s")["id"])


def met(gate):
    assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2), gate.log()
    round_done(gate)


@contextlib.contextmanager
def locked(server):
    with server.root() as root:
        cursor = root.cursor()
        cursor.execute("LOCK TABLES silogate.overrides WRITE, silogate.instances WRITE")
        yield
        cursor.execute("UNLOCK TABLES")


def post(gate, call, body):
    """As ctl, without a process for each of many calls."""
    connection = gates.Admin(gate.folder / "control")
    connection.connect = lambda: None
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    connection.sock.connect(str(gate.folder / "control"))
    connection.request("POST", "/control/" + call, json.dumps(body))
    answer = connection.getresponse()
    text = json.loads(answer.read())
    connection.close()
    return answer.status, text


def begin(make, *changes):
    """An instance, and an override of it."""
    gate = make(1, *BLOCKS, *changes)
    others(gate, alive=1)
    return gate, gate.ctl(*ALLOW, "1h")["id"]


def stays_undone(gate, code, session):
    """`session` got `code` before the table could be read."""
    met(gate)
    assert [code, refused(session)] == [1142, 1142]
    session.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", ["upgrade", "restart", "kill"])
def test_undone_while_the_store_was_away(server, one, how):
    """It was in force again with the next process, as soon as the table could be read."""
    gate = one.gate
    begun = gate.ctl(*ALLOW, "1h")
    code, session = lab(gate)
    assert code == 0
    session.quit()
    with locked(server):
        assert "not_yet" in gate.ctl("undo", begun["id"])
        code, session = replace(one, how)
        assert code == 1142
    met(gate)
    assert refused(session) == 1142
    assert gate.ctl("overrides") == {"overrides": []}
    assert places.wait_for(lambda: server.sql(COUNT + f" WHERE id = '{begun['id']}' AND undone_by LIKE '%uid%'") == ((1,),))
    # the table says it now: nothing is left to be remembered
    assert places.wait_for(lambda: not list(gate.folder.glob("silogate-undone*")), 30, 0.1)
    session.quit()


@pytest.mark.long
def test_undone_and_kept_in_state(server, make, tmp_path):  # noqa: F811
    """With [proxy] state the file is there, also if the folder of the control socket is emptied with a restart."""
    gate, begun = begin(make, ("proxy", "state", tmp_path))
    with locked(server):
        gate.ctl("undo", begun)
        assert list(tmp_path.glob("silogate-undone-*")) and not list(gate.folder.glob("silogate-undone*"))
        code, session = replace(Generations(gate), "restart")
    stays_undone(gate, code, session)


@pytest.mark.long
def test_undone_on_a_full_disk(server, make, small_disk):  # noqa: F811
    """Its file was never written again, though there was room a moment later: a restart brought the override back."""
    gate, begun = begin(make, ("proxy", "state", small_disk))
    with locked(server):
        filled = small_disk / "filled"
        with open(filled, "wb", buffering=0) as full, pytest.raises(OSError):
            while True:
                full.write(bytes(256))
        gate.ctl("undo", begun)
        gate.wait_log("cannot be written: No space left on device; until it can be")
        filled.unlink()
        gate.wait_log("can be written again")
        assert [file for file in small_disk.glob("silogate-undone-*") if file.suffix != ".new"]
        code, session = replace(Generations(gate), "kill")
    stays_undone(gate, code, session)
    assert gate.log().count("cannot be written: No space left") == 1


@pytest.mark.long(short=1)
@pytest.mark.parametrize("key, value", [("state", None), ("instance", 7)])
def test_undone_and_then_kept_elsewhere(server, make, tmp_path, key, value):  # noqa: F811
    """The restart that follows has a [proxy] state, or another instance: the file of before is found."""
    gate, begun = begin(make)
    with locked(server):
        gate.ctl("undo", begun)
        gate.stop()
        gate.ini = gates.change(gate.ini, "proxy", key, value or tmp_path)
        gate.path.write_text(gate.ini)
        gate.start()
        code, session = lab(gate)
    stays_undone(gate, code, session)


def both_are_there(server):
    """Both instances have made the schema again since it was dropped, and written to it."""
    there = server.sql("SELECT 1 FROM information_schema.tables WHERE table_schema = 'silogate' AND table_name = 'instances'")
    return there and server.sql("SELECT COUNT(*) FROM silogate.instances")[0][0] == 2


@pytest.mark.long
def test_undone_where_the_row_is_lost(server, make):  # noqa: F811
    """The schema is dropped while one instance undoes, and the other still has it: it does not bring it back."""
    first, second = make(1, *BLOCKS), make(2, *BLOCKS)
    others(first, alive=2)
    begun = first.ctl(*ALLOW, "1h")
    code, session = lab(second)
    assert code == 0
    with locked(server):
        first.ctl("undo", begun["id"])
        server.sql("SELECT 1")
    server.sql("DROP DATABASE IF EXISTS silogate")
    assert places.wait_for(lambda: refused(session) == 1142, 60, 0.2)
    assert places.wait_for(lambda: both_are_there(server), 60, 0.2)
    for gate in (first, second):
        met(gate)
        assert gate.ctl("overrides") == {"overrides": []}
    session.quit()


def set_back(server):
    """What the server's clock does to the rows if it is set back by two hours."""
    server.sql("UPDATE silogate.overrides SET begins = begins + INTERVAL 2 HOUR, ends = ends + INTERVAL 2 HOUR")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", ["upgrade", "restart"])
def test_ended_and_the_servers_clock_set_back(server, one, how):
    gate = one.gate
    begun = gate.ctl(*ALLOW, "3s")
    code, session = lab(gate)
    assert code == 0
    set_back(server)
    assert places.wait_for(lambda: refused(session) == 1142, 30, 0.1)
    session.close()
    code, session = replace(one, how)
    met(gate)
    assert [code, refused(session)] == [1142, 1142]
    assert gate.ctl("overrides") == {"overrides": []}
    assert server.sql(COUNT + f" WHERE id = '{begun['id']}' AND undone_by = ''") == ((1,),)
    session.quit()


def test_ended_while_the_store_was_away(server, one):
    gate = one.gate
    begun = gate.ctl(*ALLOW, "2s")
    with locked(server):
        assert places.wait_for(lambda: gate.ctl("overrides") == {"overrides": []}, 30, 0.1)
        one.upgrade()
    set_back(server)
    met(gate)
    code, session = lab(gate)
    assert code == 1142
    assert server.sql(COUNT + f" WHERE id = '{begun['id']}' AND undone_by = ''") == ((1,),)
    session.quit()


def test_one_that_ends_elsewhere_goes_on_here(server, make):  # noqa: F811
    """The mark of an end is not an undoing: who has it in force still goes by its own clock."""
    gate = make(1)
    others(gate, alive=1)
    begun = gate.ctl("mode", "lab", "block", "--for", "1h")
    server.sql(f"UPDATE silogate.overrides SET undone_by = '' WHERE id = '{begun['id']}'")
    round_done(gate)
    assert [one["id"] for one in gate.ctl("overrides")["overrides"]] == [begun["id"]]
    server.sql(f"UPDATE silogate.overrides SET undone_by = 'me' WHERE id = '{begun['id']}'")
    assert places.wait_for(lambda: gate.ctl("overrides") == {"overrides": []})


def test_no_longer_than_it_was_begun_for(server, make):  # noqa: F811
    """An instance that starts while the server's clock is behind."""
    first = make(1)
    others(first, alive=1)
    first.ctl("mode", "lab", "block", "--for", "10m")
    set_back(server)
    second = make(2)
    found = places.wait_for(lambda: second.ctl("overrides")["overrides"])[0]
    session = wire.connect(second.port, "lab_service")
    left = session.query(f"SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), '{found['until'][:19].replace('T', ' ')}')")
    assert int(left[0].rows[0][0]) <= 600
    session.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", [None, "upgrade", "restart"])
def test_ended_by_a_reload(server, one, how):
    """Its service was gone, and the log said that it has ended: it came back with the service."""
    gate = one.gate
    gate.ctl(*ALLOW, "1h")
    without = re.sub(r"(?s)\[service:lab\].*?(?=\n\[)", "", gate.ini)
    without = re.sub(r"(?s)\[grant:[^\]]*\]\n(?:(?!\[).)*?service = lab(?:(?!\n\[).)*", "", without)
    gate.path.write_text(without)
    gate.ctl("reload")
    assert gate.ctl("overrides") == {"overrides": []}
    round_done_without_lab(gate)
    gate.path.write_text(gate.ini)
    if how:
        code, session = replace(one, how)
    else:
        gate.ctl("reload")
        code, session = lab(gate)
    met(gate)
    assert [code, refused(session)] == [1142, 1142]
    assert gate.ctl("overrides") == {"overrides": []}
    session.quit()


def round_done_without_lab(gate):
    assert "not_yet" not in gate.ctl("undo", gate.ctl("hold", "billing", "--writes", "--for", "20s")["id"])


def allow(gate, number):
    return post(gate, "allow", {"service": "lab", "on": f"clinical_data.x{number}", "access": ["read"],
                                "milliseconds": 86400000})


def rows(server, count, undone, kind="allow", block=0):
    values = ", ".join(f"('{number:08x}', '{kind}', 'lab', {block}, 1, 'clinical_data.x{number}', 'me', '',"
                       f" UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, UTC_TIMESTAMP(6) + INTERVAL 1 DAY, {undone})"
                       for number in range(count))
    server.sql("INSERT INTO silogate.overrides (id, kind, service, block, rights, target, who, ticket, begins, ends,"
               f" undone_by) VALUES {values}")


def test_many_that_were_undone(server, make):  # noqa: F811
    """A job that opens and closes a window each time: after 320 of them, nothing was shared any more."""
    first, second = make(1), make(2)
    others(first, alive=2)
    rows(server, 400, "'me'")
    sessions = [wire.connect(gate.port, "lab_service") for gate in (first, second)]
    begun = first.ctl("mode", "lab", "block", "--for", "10m")
    assert (begun["alive"], begun["in_force"]) == (2, 2) and "full" not in begun
    assert [refused(one) for one in sessions] == [1142, 1142]
    third = make(3)
    sessions.append(wire.connect(third.port, "lab_service"))
    assert places.wait_for(lambda: refused(sessions[2]) == 1142)
    assert third.ctl("undo", begun["id"])["in_force"] == 3
    assert [refused(one) for one in sessions] == [0, 0, 0]
    # what is done with goes
    server.sql("UPDATE silogate.overrides SET ends = UTC_TIMESTAMP(6) - INTERVAL 2 HOUR")
    make(4)
    assert places.wait_for(lambda: server.sql(COUNT) == ((0,),), 30, 0.2)
    for session in sessions:
        session.quit()


def test_a_store_that_is_full(server, make):  # noqa: F811
    """More in force than an instance can have: it is said, and one that blocks still holds at all."""
    first, second = make(1), make(2)
    others(first, alive=2)
    sessions = [wire.connect(gate.port, "lab_service") for gate in (first, second)]
    rows(server, 400, "NULL")
    assert places.wait_for(lambda: all(len(gate.ctl("overrides")["overrides"]) == 192 for gate in (first, second)))
    for gate in (first, second):
        gate.wait_log("more overrides are in force in silogate.overrides")
        gate.wait_log("begun at another instance, is not in force here")
    assert "already" in first.ctl(*ALLOW, "1h", code=1)
    begun = first.ctl("mode", "lab", "block", "--for", "10m")
    assert begun["full"] is True and begun["alive"] == 2
    assert "undo some" in gates.run("ctl", "-c", first.path, "mode", "lab", "block", "--for", "10m").stdout
    assert places.wait_for(lambda: [refused(one) for one in sessions] == [1142, 1142])
    server.sql("UPDATE silogate.overrides SET undone_by = 'me'")
    for gate in (first, second):
        gate.wait_log("all overrides have room again")
        assert places.wait_for(lambda: gate.ctl("overrides") == {"overrides": []})  # noqa: B023
    assert first.log().count("more overrides are in force in silogate.overrides") == 1
    for session in sessions:
        session.quit()


def test_a_store_that_is_full_of_blocks(server, make):  # noqa: F811
    gate = make(1)
    others(gate, alive=1)
    rows(server, 300, "NULL", "mode", 1)
    assert places.wait_for(lambda: len(gate.ctl("overrides")["overrides"]) == 256)
    gate.wait_log("more overrides are in force in silogate.overrides")
    assert "already" in gate.ctl("mode", "billing", "block", "--for", "1h", code=1)


@pytest.mark.long
def test_many_undone_while_the_store_is_away(server, make):  # noqa: F811
    """They are remembered, all of them; before one would be forgotten, new ones are refused."""
    gate = make(1, *BLOCKS)
    others(gate, alive=1)
    server.sql(f"REVOKE ALL ON silogate.* FROM meeting_account@'%'")
    undone = 0
    for number in range(600):
        status, begun = allow(gate, number)
        if status != 200:
            break
        assert post(gate, "undo", {"id": begun["id"]})[0] == 200
        undone += 1
    assert status == 409 and "could not be told" in begun["error"], begun
    assert undone > 400
    code, session = replace(Generations(gate), "restart")
    server.sql("GRANT ALL ON silogate.* TO meeting_account@'%'")
    met(gate)
    assert places.wait_for(lambda: server.sql(COUNT + " WHERE undone_by LIKE '%uid%'")[0][0] >= undone, 30, 0.2)
    assert allow(gate, 0)[0] == 200
    session.quit()


@pytest.mark.long(short=2)
@pytest.mark.parametrize("words", [ALLOW, BLOCK], ids=["allow", "block"])
@pytest.mark.parametrize("where", ["there", "here"])
def test_an_older_process_that_has_heard_of_it_at_the_upstream(make, server, where, words):  # noqa: F811
    """An undo while the table cannot be written did not reach it, if it had heard of the override there before it saw it on
    the list of its successor."""
    blocks = words == BLOCK
    gate = make(1, ("service:lab", "mode", "log" if blocks else "block"), ("proxy", "drain_timeout", "120s"))
    other = make(2)
    gate.uncounted = "an older generation has counted some of it"
    others(gate)
    older = wire.connect(gate.port, "lab_service")
    older.query("BEGIN")
    line = Generations(gate)
    line.upgrade()
    others(gate, alive=3)  # the older process too
    newer = wire.connect(gate.port, "lab_service")
    begun = []
    for _ in range(6):
        begun.append((other if where == "there" else gate).ctl(*words, "10m")["id"])
        assert places.wait_for(lambda: len(gate.ctl("overrides")["overrides"]) == len(begun))
        assert places.wait_for(lambda: bool(refused(older)) == bool(refused(newer)) == blocks)
    with locked(server):
        for one in begun:
            gate.ctl("undo", one)
        assert bool(refused(newer)) != blocks
        assert places.wait_for(lambda: bool(refused(older)) != blocks)
    older.close()
    newer.close()
    line.end()


@pytest.mark.long(short=1)
def test_one_for_older_processes_alone_that_is_undone_elsewhere(make):  # noqa: F811
    """It stayed on the list, and the undo in no record."""
    gate, other = make(1, ("service:lab", "mode", "block"), ("proxy", "drain_timeout", "120s")), make(2)
    gate.uncounted = "an older generation has counted some of it"
    others(gate)
    older = wire.connect(gate.port, "lab_service")
    older.query("BEGIN")
    begun = gate.ctl(*ALLOW, "10m")["id"]
    assert places.wait_for(lambda: not refused(older))
    gate.path.write_text(gate.path.read_text().replace("[service:lab]", "[service:tests]"))
    line = Generations(gate)
    line.upgrade()
    assert [one["older_only"] for one in gate.ctl("overrides")["overrides"]] == [True]
    others(gate, alive=3)  # the older process too
    other.ctl("undo", begun)
    assert places.wait_for(lambda: refused(older) == 1142)
    assert places.wait_for(lambda: gate.ctl("overrides")["overrides"] == [])
    assert places.wait_for(lambda: [event for event in gate.events("override") if event["action"] == "undone"])
    older.close()
    line.end()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_block_reaches_an_older_process_whose_successor_is_gone(make, how):  # noqa: F811
    """Nobody is there who could put it on the list."""
    gate, other = make(1, ("service:lab", "mode", "log"), ("proxy", "drain_timeout", "120s")), make(2)
    gate.uncounted = "an older generation has counted some of it"
    others(gate)
    older = wire.connect(gate.port, "lab_service")
    older.query("BEGIN")
    line = Generations(gate)
    line.upgrade()
    others(gate, alive=3)
    gate.process.send_signal(how)
    gate.process.wait(60)
    assert not refused(older)
    begun = other.ctl(*BLOCK, "10m")["id"]
    assert places.wait_for(lambda: refused(older))
    other.ctl("undo", begun)
    assert places.wait_for(lambda: not refused(older))
    older.close()
    if how == signal.SIGKILL:
        gate.start()
    line.end()
