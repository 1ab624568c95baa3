"""A whole move between a command's ruling and its entry through the door: the command goes where the tables are then."""
import pymysql
import pytest
from pymysql.constants import CLIENT

from harness import places, wire
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401

PAUSED = places.BUILD / "tests/harness/silogate-paused"  # tests/harness/paused_entry.c


@pytest.fixture
def paused(make_scene, tmp_path, monkeypatch):  # noqa: F811
    if not PAUSED.exists():
        pytest.skip("make unit builds silogate-paused")
    pause = tmp_path / "pause"
    silogate = places.SILOGATE
    monkeypatch.setattr(places, "SILOGATE", PAUSED)
    monkeypatch.setenv("SILOGATE_PAUSE", str(pause))
    # To MariaDB 11.4 and later mv_old.one() may be the function `one` of a package mv_old.mv_old (docs/sql.md).
    owned = "owns = mv_old.t*\nowns = mv_old.one\nowns = mv_old.mv_old\n"
    scene = make_scene(ini=INI.replace("owns = mv_old.t*\n", owned, 1)
                       .replace("to = mv_new\n", "to = mv_new\nalias = none\n"))
    monkeypatch.setattr(places, "SILOGATE", silogate)
    yield scene, pause
    pause.unlink(missing_ok=True)


# Over 64 KB, and with a routine: such a command is not sent again after the server's error 1146.
LONG = "INSERT INTO t0 (client, number, note) VALUES " + ", ".join(f"(1, {n}, 'a row of this insert')" for n in range(3000))
CALLING = "INSERT INTO t0 (client, number) VALUES (1, mv_old.one())"


def execution(statement):
    return b"\x17" + statement.to_bytes(4, "little") + b"\0\1\0\0\0" + b"\0\1"


@pytest.mark.long(short=2)
@pytest.mark.parametrize("way", ("text", "prepared", "in two packets", "long data"))
@pytest.mark.parametrize("insert", (LONG, CALLING), ids=("long", "calling"))
def test_a_move_before_the_entry(paused, way, insert):
    scene, pause = paused
    server = scene.server
    server.sql("CREATE FUNCTION mv_old.one () RETURNS INT DETERMINISTIC RETURN 1")
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    rows = 3000 if insert == LONG else 1
    if way == "in two packets" and insert == LONG:
        pytest.skip("one is enough")
    if way in ("prepared", "long data"):
        insert += " ON DUPLICATE KEY UPDATE note = ?"
        statement = client.prepare(insert)[0]
    pause.touch()
    if way == "text":
        client.command(client.query_bytes(insert))
    elif way == "in two packets":
        client.command(client.query_bytes("DO 1; " + insert))
    elif way == "prepared":
        client.command(execution(statement) + b"\xfd\0" + wire.lenenc("x"))
    else:
        client.command(b"\x18" + statement.to_bytes(4, "little") + b"\0\0" + b"chunk")
    assert places.wait_for(lambda: places.is_read(client.socket))
    moved = scene.move("--accept-unmapped")
    assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr
    pause.unlink()
    if way == "long data":
        client.command(execution(statement) + b"\xfc\0")
    client.answers(binary=way in ("prepared", "long data"))
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.t0")[0][0] == rows
    client.quit()


def test_an_error_behind_which_nothing_is_open(make_scene):  # noqa: F811
    """An error does not tell whether a transaction is open. A pool's session that rests behind one is asked, and lets the
    tables go; one that has a transaction open keeps them."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 4s"))
    with scene.connect(client_flag=CLIENT.MULTI_STATEMENTS) as client, client.cursor() as cursor:
        with pytest.raises(pymysql.Error):
            cursor.execute("SELECT 1 FROM t0; SELECT nonsense")
            cursor.nextset()
        assert scene.move().returncode == 0
        with pytest.raises(pymysql.Error):
            cursor.execute("BEGIN; INSERT INTO t0 (client, number) VALUES (1, 1); SELECT nonsense")
            while cursor.nextset():
                pass
        told = scene.move("--back")
        assert told.returncode == 1 and "in a transaction" in told.stdout, told.stdout
        cursor.execute("ROLLBACK")
        assert scene.move("--back").returncode == 0
