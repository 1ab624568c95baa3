"""A mover was killed, and before the next call the owner has renamed or dropped one of its tables: that table is named, and the
others go on, or back."""
import pytest

from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_given_up import TWO, call, kill
from test_moves_grants import Accounts
from test_moves_killed import stop_at

CHANGES = {"renamed": "RENAME TABLE t2 TO t2b", "dropped": "DROP TABLE t2"}


@pytest.fixture
def given(make_scene):  # noqa: F811
    with Accounts(make_scene(tables=3, ini=INI.replace("hold = 10s", "hold = 3s"))) as accounts:
        accounts.user("mv_a")
        accounts.server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing", f"GRANT SELECT ON {OLD}.t0 TO mv_a",
                            f"GRANT SELECT, INSERT ON {OLD}.t2 TO mv_a",
                            f"CREATE TRIGGER {OLD}.gone BEFORE INSERT ON {OLD}.t2 FOR EACH ROW SET NEW.note = 'g'")
        yield accounts


def changed(given, change):
    with given.scene.connect() as client, client.cursor() as cursor:
        cursor.execute(CHANGES[change])


def granted(server, table):
    return server.sql(f"SELECT Table_priv FROM mysql.tables_priv WHERE User = 'mv_a' AND Db = '{NEW}' AND Table_name = '{table}'")


def rows_left(given):
    return given.server.sql("SELECT COUNT(*) FROM silogate.journal WHERE step = 'grants' AND id > IFNULL((SELECT MAX(id) FROM"
                            " silogate.journal WHERE step IN ('settled', 'grants_over')), 0)")[0][0]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["view", "none"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [(), ("--back",)], ids=["there", "back"])
def test_killed_behind_the_switch(given, monkeypatch, options, change, alias):
    scene = given.scene
    if alias == "none":
        scene.gate.reload(ini=scene.gate.ini.replace("to = mv_new\n", "to = mv_new\nalias = none\n"))
    kill(stop_at(scene, monkeypatch, "switched"))
    changed(given, change)
    for each in (options, ("--back",), ()):
        told = scene.move(*each)
        assert told.returncode == 0 and "BASE TABLE" not in told.stdout + told.stderr, told.stdout + told.stderr
        assert alias == "none" or "mv_old.t2 is the alias of a table that no longer exists" in told.stdout, told.stdout
        place = OLD if each else NEW
        assert scene.standing() == {name: place for name in ("t0", "t1", *(["t2b"] if change == "renamed" else []))}
    assert not rows_left(given) and granted(given.server, "t0")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("change", CHANGES)
def test_killed_before_the_switch(given, monkeypatch, change):
    """The other tables tell that it was not done: what the call has granted on this one is taken back too."""
    scene = given.scene
    kill(stop_at(scene, monkeypatch, "announced"))
    assert granted(given.server, "t2")
    changed(given, change)
    told = scene.move("--back")
    assert told.returncode == 0 and "taken back, because" in told.stdout, told.stdout + told.stderr
    assert not granted(given.server, "t2") and not rows_left(given)
    told = scene.move()
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_only_table(make_scene, monkeypatch, server):  # noqa: F811
    """Nothing tells any more whether it had moved: the rights are named, and stop neither this section nor others."""
    with Accounts(make_scene(ini=TWO, tables=2)) as accounts:
        scene = accounts.scene
        accounts.user("mv_a")
        server.sql(f"GRANT SELECT ON {OLD}.t0 TO mv_a")
        kill(stop_at(scene, monkeypatch, "announced"))
        server.sql(f"DROP TABLE {OLD}.t0")
        told = call(scene, "others")
        assert told.returncode == 0 and "it is not known where the table stands" in told.stdout, told.stdout + told.stderr
        assert "matches no table" in scene.move("--back").stdout
        server.sql(f"CREATE TABLE {OLD}.t0 (id INT PRIMARY KEY)")
        told = scene.move("--back")
        assert told.returncode == 0 and "taken back, because" in told.stdout, told.stdout + told.stderr
        assert not granted(server, "t0")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("change", CHANGES)
def test_a_trigger_without_its_table(given, monkeypatch, change):
    """It was missing when the mover died, so nobody has it any more: it is named."""
    scene = given.scene
    kill(stop_at(scene, monkeypatch, "moved"))
    given.server.sql(CHANGES[change].replace("t2", f"{NEW}.t2", 1).replace("TO t2b", f"TO {NEW}.t2b"))
    told = scene.move()
    assert told.returncode == 0 and "note: trigger gone is missing" in told.stdout, told.stdout + told.stderr
    told = scene.move("--back")
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["switching", "looked"])
def test_a_trigger_that_its_owner_has_dropped(given, monkeypatch, step):
    """The mover was killed before it had dropped any: it was created again, and moved along."""
    kill(stop_at(given.scene, monkeypatch, step))
    given.server.sql(f"DROP TRIGGER {OLD}.gone")
    assert "is missing" not in given.scene.move("--status").stdout
    told = given.scene.move()
    assert told.returncode == 0 and "created again" not in told.stdout, told.stdout + told.stderr
    assert not given.server.sql("SELECT 1 FROM information_schema.TRIGGERS WHERE TRIGGER_NAME = 'gone'")
