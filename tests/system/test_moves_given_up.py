"""silogate move that is given up, or killed, has changed nobody's rights: what it has granted is taken back, by itself or by the
next call, and what others have granted is not."""
import signal
import subprocess
import time

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_grants import Accounts, accounts, moved, stored  # noqa: F401: the fixture
from test_moves_killed import stop_at
from test_moves_rights import Rights

GIVEN = ("GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO mv_a WITH GRANT OPTION", f"GRANT INSERT, UPDATE (note) ON {OLD}.t0 TO mv_a",
         f"GRANT DELETE ON {OLD}.t0 TO mv_r")


@pytest.fixture
def given(accounts):  # noqa: F811
    """Accounts that a move grants something on databases, on a table and on a column."""
    accounts.user("mv_a")
    accounts.role("mv_r")
    accounts.server.sql(*GIVEN)
    return accounts


def rights(given):
    return [sorted(rows) for rows in stored(given.server) + [given.server.sql(
        "SELECT Host, Db, User, Table_name, Column_name, Column_priv FROM mysql.columns_priv")]]


def go_on(mover):
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1, out + errors
    return out + errors


def kill(mover):
    mover.kill()
    mover.communicate(timeout=60)


def test_blocker(given):
    before = rights(given)
    with given.scene.connect() as client, client.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t0 (client, number) VALUES (5, 5)")
        told = given.scene.move(seconds=60)
        assert told.returncode == 1 and "not all instances are drained. Nothing has changed." in told.stdout, told.stdout
        assert "not taken back" not in told.stdout and rights(given) == before
        cursor.execute("ROLLBACK")
    assert "granted by a call" not in given.scene.move("--status").stdout
    moved(given)
    assert {"select", "insert", "lock"} <= given.may("mv_a", NEW, "t0")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["announced", "switching"])
def test_revoke_meanwhile(given, monkeypatch, step):
    """It stays revoked: the next plan does not see what this mover has granted."""
    mover = stop_at(given.scene, monkeypatch, step)
    given.server.sql("REVOKE SELECT, LOCK TABLES, GRANT OPTION ON `mv\\_old`.* FROM mv_a",
                     f"REVOKE INSERT, UPDATE (note) ON {OLD}.t0 FROM mv_a")
    time.sleep(0.3)  # a change of a shorter moment is told after the switch
    said = go_on(mover)
    assert "a GRANT or REVOKE has changed" in said and "Nothing has changed." in said, said
    assert not [row for one in rights(given) for row in one if "mv_a" in row]
    assert "'mv_a'" not in moved(given) and given.may("mv_a", NEW, "t0") == set()
    assert given.scene.move("--back").returncode == 0 and given.may("mv_a", OLD, "t0") == set()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("options", [(), ("--back",), ("--finish", "--unused-for", "0s")])
def test_killed(given, monkeypatch, options):
    """kill -9: --status and --dry-run name what is left, any call takes it back."""
    before = rights(given)
    kill(stop_at(given.scene, monkeypatch, "announced"))
    assert rights(given) != before
    left = "the next call takes it back: REVOKE SELECT, INSERT, GRANT OPTION ON `mv_new`.`t0` FROM 'mv_a'@'%'"
    assert places.wait_for(lambda: left in given.scene.move("--status").stdout), given.scene.move("--status").stdout
    assert left in given.scene.move("--dry-run").stdout and rights(given) != before
    told = given.scene.move(*options)
    assert told.returncode == 0, told.stdout + told.stderr
    for what in ("LOCK TABLES ON `mv\\_new`.*", "UPDATE (`note`) ON `mv_new`.`t0`", "INSERT, GRANT OPTION ON `mv_new`.`t0`"):
        assert f"{what} FROM 'mv_a'" in told.stdout, told.stdout
    if options:
        assert rights(given) == before
        assert "granted by a call" not in given.scene.move("--status").stdout
    else:
        assert given.scene.stand_in(NEW) and "lock" in given.may("mv_a", NEW, "t0")


def test_killed_behind_the_switch(given, monkeypatch):
    """Then the rights are needed where they are."""
    table = given.may("mv_a", OLD, "t0")
    kill(stop_at(given.scene, monkeypatch, "renamed"))
    assert given.scene.stand_in(NEW)
    told = given.scene.move()
    assert told.returncode == 0 and "taken back" not in told.stdout, told.stdout + told.stderr
    assert given.may("mv_a", NEW, "t0") == table
    assert given.scene.move("--back").returncode == 0
    assert "taken back" not in given.scene.move("--status").stdout and given.may("mv_a", OLD, "t0") == table


def test_connection_lost(given, monkeypatch):
    before = rights(given)
    mover = stop_at(given.scene, monkeypatch, "closed")
    given.server.sql(f"KILL {given.server.sql('SELECT IS_USED_LOCK(%r)' % 'silogate.move')[0][0]}")
    said = go_on(mover)
    assert "connecting again" in said and "Nothing has changed." in said, said
    assert rights(given) == before


def test_what_others_grant_is_not_taken_back(given, monkeypatch):
    """On the databases, where the row has another right since; on a table, where another account has granted the same."""
    given.user("mv_dba")
    given.server.sql("GRANT ALL ON *.* TO mv_dba WITH GRANT OPTION")
    moved(given)
    given.server.sql(f"GRANT INDEX ON {NEW}.t0 TO mv_a", "GRANT DROP ON `mv\\_new`.* TO mv_r", f"REVOKE ALL ON {OLD}.t0 FROM mv_r")
    kill(stop_at(given.scene, monkeypatch, "announced", "--back"))
    before = rights(given)
    with pymysql.connect(host="127.0.0.1", port=given.server.port, user="mv_dba", password="x-secret") as client:
        client.cursor().execute(f"GRANT INDEX ON {OLD}.t0 TO mv_a")
    told = given.scene.move()
    assert "nothing to do" in told.stdout, told.stdout + told.stderr
    assert "not taken back, because somebody else has changed these rights since; if nobody needs it: REVOKE INDEX ON" in told.stdout
    assert "taken back, because an earlier call has not moved the tables: REVOKE" in told.stdout, told.stdout
    assert rights(given) != before
    assert "Index" in given.server.sql(f"SELECT Table_priv FROM mysql.tables_priv WHERE User = 'mv_a' AND Db = '{OLD}'")[0][0]


def test_rights_of_the_mover_are_gone(make_scene, monkeypatch):  # noqa: F811
    """It cannot take back what it has granted: it says so, and the next call does it."""
    scene = make_scene(tables=1, ini=INI.replace("hold = 10s", "hold = 2s"))
    mover = Rights(scene)
    scene.server.sql("DROP USER IF EXISTS mv_a@'%'", "CREATE USER mv_a@'%' IDENTIFIED BY 'x-secret'", f"GRANT SELECT ON {OLD}.t0 TO mv_a")
    table = "SELECT COUNT(*) FROM mysql.tables_priv WHERE User = 'mv_a' AND Db = 'mv_new'"
    try:
        mover.give()
        scene.defaults = mover.file
        stopped = stop_at(scene, monkeypatch, "switching")
        scene.server.sql(f"REVOKE GRANT OPTION ON {NEW}.* FROM mv_mover@'%'", f"REVOKE SELECT ON {OLD}.t0 FROM mv_a")
        time.sleep(0.3)
        said = go_on(stopped)
        assert "rights that this call has granted at their other place may be left" in said and "Nothing" not in said, said
        assert scene.server.sql(table)[0][0] == 1 and "REVOKE SELECT ON `mv_new`.`t0` FROM 'mv_a'@'%'" in scene.move("--status").stdout
        told = scene.move()
        assert told.returncode == 1 and "cannot be taken back" in told.stderr, told.stdout + told.stderr
        mover.give()
        told = scene.move()
        assert told.returncode == 0 and scene.stand_in(NEW), told.stdout + told.stderr
        assert scene.server.sql(table)[0][0] == 0
    finally:
        scene.server.sql("DROP USER IF EXISTS mv_mover@'%'", "DROP USER IF EXISTS mv_a@'%'")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("triggers", [False, True])
def test_account_dropped_meanwhile(given, monkeypatch, triggers):
    """No GRANT makes it again, whatever the session's sql_mode; the others keep what they had."""
    if triggers:
        given.server.sql(TRIGGERS[0])
    mover = stop_at(given.scene, monkeypatch, "placed")
    given.server.sql("DROP USER mv_a@'%'")
    given.made.remove("USER 'mv_a'@'%'")
    before = rights(given)
    said = go_on(mover)
    assert "given up: GRANT " in said and "TO 'mv_a'@'%': " in said and "Nothing has changed." in said, said
    assert given.server.sql("SELECT COUNT(*) FROM mysql.user WHERE User = 'mv_a'")[0][0] == 0
    assert rights(given) == before


@pytest.mark.long
def test_journal_is_not_believed(given):
    """A row that no mover has written, or that is about another database, changes nothing."""
    given.server.sql(f"GRANT SELECT ON {NEW}.other TO mv_a")
    before = rights(given)
    for detail in ("` `", " `mv_new` `t0` `x`\n `user` `mv_a` `%` `mv\\\\_old` `` `` `SELECT`"):
        given.server.sql(f"INSERT INTO silogate.journal (move, epoch, step, detail) VALUES ('tables', 0, 'grants', '{detail}')")
        told = given.scene.move()
        assert told.returncode == 1 and "was not written by a mover" in told.stderr, told.stdout + told.stderr
        given.server.sql("DELETE FROM silogate.journal WHERE step = 'grants'")
    assert rights(given) == before


TWO = INI.replace(f"table = {OLD}.t*", f"table = {OLD}.t0") + f"""
[move:others]
service = billing
table = {OLD}.t1
to = {NEW}
hold = 10s
"""


def call(scene, move, *options):
    return subprocess.run([str(places.SILOGATE), "move", move, "-c", str(scene.gate.path), f"--defaults-file={scene.defaults}",
                           *options], capture_output=True, text=True, timeout=120)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("options", [("--back",), ("--finish", "--unused-for", "0s"), ()])
def test_another_move_counts_on_nothing_that_is_taken_back(make_scene, monkeypatch, server, options):  # noqa: F811
    """What a killed mover has granted on the new database is taken back before a move of another section is planned."""
    with Accounts(make_scene(ini=TWO, tables=2)) as accounts_:
        scene = accounts_.scene
        accounts_.user("mv_a")
        server.sql("GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO mv_a")
        kill(stop_at(scene, monkeypatch, "announced"))
        assert "`mv\\_new`.* FROM 'mv_a'" in call(scene, "others", "--status").stdout
        told = call(scene, "others")
        assert told.returncode == 0 and "taken back" in told.stdout, told.stdout + told.stderr
        assert "GRANT LOCK TABLES ON `mv\\_new`.* TO 'mv_a'" not in call(scene, "tables", "--dry-run").stdout
        assert "lock" in accounts_.may("mv_a", NEW, "t1")
        told = scene.move(*options)
        assert told.returncode == 0 and "taken back" not in told.stdout, told.stdout + told.stderr
        assert "lock" in accounts_.may("mv_a", NEW, "t1")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("section", ["renamed", "other"])
def test_the_section_is_gone(make_scene, monkeypatch, server, section):  # noqa: F811
    """Under a new name its rights are taken back; where no section has the database any more, they are told and nobody is stopped."""
    with Accounts(make_scene(tables=1)) as accounts_:
        scene = accounts_.scene
        accounts_.user("mv_a")
        server.sql("GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO mv_a")
        before = rights(accounts_)
        kill(stop_at(scene, monkeypatch, "announced"))
        given_ = rights(accounts_)
        assert given_ != before
        ini = scene.gate.ini.replace("[move:tables]", f"[move:{section}]")
        if section == "other":
            server.sql("CREATE DATABASE mv_third CHARACTER SET utf8mb4", "CREATE DATABASE mv_fourth CHARACTER SET utf8mb4",
                       "CREATE TABLE mv_third.u (id INT PRIMARY KEY)")
            ini = ini.replace(f"table = {OLD}.t*", "table = mv_third.u").replace(f"to = {NEW}", "to = mv_fourth") \
                .replace(f"owns = {NEW}.*", f"owns = {NEW}.*\nowns = mv_third.*\nowns = mv_fourth.*")
        try:
            scene.gate.reload(ini=ini)
            assert places.wait_for(lambda: " seen " in call(scene, section, "--status").stdout)
            left = "REVOKE LOCK TABLES ON `mv\\_new`.* FROM 'mv_a'"
            for options in (("--status",), ("--dry-run",)):
                assert left in call(scene, section, *options).stdout
            told = call(scene, section, *(("--back",) if section == "renamed" else ()))
            assert told.returncode == 0 and left in told.stdout, told.stdout + told.stderr
            assert rights(accounts_) == (before if section == "renamed" else given_)
            assert (left in call(scene, section, "--status").stdout) == (section == "other")
        finally:
            server.sql("DROP DATABASE IF EXISTS mv_third", "DROP DATABASE IF EXISTS mv_fourth")
