"""What accounts may do with a table after silogate move: the same as before, by what the server itself allows them."""
import os
import random
import signal
import time

import pymysql
import pytest

from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

PROBES = {
    "select": "SELECT 1 FROM {table} LIMIT 0", "column": "SELECT id FROM {table} LIMIT 0",
    "note": "SELECT note FROM {table} LIMIT 0", "insert": "INSERT INTO {table} (note) SELECT 'x' WHERE FALSE",
    "update": "UPDATE {table} SET note = 'x' WHERE FALSE", "delete": "DELETE FROM {table} WHERE FALSE",
    "index": "CREATE INDEX same ON {table} (nothing)", "grant": "GRANT {right} ON {table} TO mv_nobody",
    "lock": "LOCK TABLES {table} READ"}
DENIED = (1044, 1142, 1143)
ALLOWED = (1072, 1133, 1364, 1410, 1423)  # there is no such column, no default, no mv_nobody


class Accounts:
    """Accounts that are dropped at the end; each logs in over TCP (127.0.0.1) or the socket (localhost)."""

    def __init__(self, scene):
        self.scene, self.server, self.made = scene, scene.server, []
        self.mysql = scene.server.name == "mysql"
        self.server.sql("DROP DATABASE IF EXISTS MV_OLD", "DROP DATABASE IF EXISTS mvxnew",
                        f"CREATE TABLE {NEW}.other LIKE {OLD}.t0", "CREATE DATABASE mvxnew",
                        f"CREATE TABLE mvxnew.other LIKE {OLD}.t0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()
        self.server.sql("DROP DATABASE IF EXISTS MV_OLD", "DROP DATABASE IF EXISTS mvxnew")

    def user(self, name, host="%"):
        self.server.sql(f"DROP USER IF EXISTS '{name}'@'{host}'", f"CREATE USER '{name}'@'{host}' IDENTIFIED BY 'x-secret'")
        self.made.append(f"USER '{name}'@'{host}'")
        return f"'{name}'@'{host}'"

    def role(self, name):
        self.server.sql(f"DROP ROLE IF EXISTS {name}", f"CREATE ROLE {name}")
        self.made.append(f"ROLE {name}")
        return name

    def drop(self):
        while self.made:
            self.server.sql(f"DROP {(one := self.made.pop())}")
            if one == "USER ''@'%'":  # what it may do, all may: each account was granted that
                self.server.sql("DELETE FROM mysql.tables_priv WHERE Db LIKE 'mv%'", "FLUSH PRIVILEGES")

    def may(self, user, database, table, by_socket=False, role=None):
        """The probes that the server does not deny."""
        where = {"unix_socket": str(self.server.socket)} if by_socket else {"host": "127.0.0.1", "port": self.server.port}
        allowed = set()
        try:
            client = pymysql.connect(user=user, password="x-secret", autocommit=True, **where)
        except pymysql.Error as error:
            assert error.args[0] == 1045, error
            return allowed
        with client, client.cursor() as cursor:
            cursor.execute(f"SET ROLE {role or 'NONE'}")
            for name, text in PROBES.items():
                for right in ("SELECT", "INSERT") if name == "grant" else ("",):
                    try:
                        cursor.execute(text.format(table=f"{database}.{table}", right=right))
                        allowed.add(name + right)
                        cursor.execute("UNLOCK TABLES")
                    except pymysql.Error as error:
                        assert error.args[0] in DENIED + ALLOWED, (error, text)
                        # LOCK TABLES needs SELECT too; 1044 is for its own right
                        if error.args[0] in ALLOWED or (name == "lock" and error.args[0] == 1142):
                            allowed.add(name + right)
        return allowed


@pytest.fixture
def accounts(make_scene):  # noqa: F811
    with Accounts(make_scene(tables=1)) as made:
        yield made


def moved(accounts):
    told = accounts.scene.move()
    assert told.returncode == 0 and accounts.scene.stand_in(NEW), told.stdout + told.stderr
    return told.stdout


def refused(accounts):
    told = accounts.scene.move()
    assert told.returncode == 1 and accounts.scene.stand_in(OLD), told.stdout
    return told.stdout


def test_pattern_with_lock_tables(accounts):
    """A grant on the new database is more specific than a pattern, and hides it."""
    for user in ("mv_a", "mv_b"):
        accounts.user(user)
    accounts.server.sql("GRANT SELECT, INSERT ON `mv%`.* TO mv_a", "GRANT SELECT, INSERT, LOCK TABLES ON `mv\\_old`.* TO mv_a",
                        "GRANT SELECT ON `m%`.* TO mv_b", "GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO mv_b")
    before = [(accounts.may(user, OLD, "t0"), accounts.may(user, NEW, "other")) for user in ("mv_a", "mv_b")]
    moved(accounts)
    for user, (table, other) in zip(("mv_a", "mv_b"), before):
        assert accounts.may(user, NEW, "t0") == table and "lock" in table
        assert accounts.may(user, NEW, "other") == other | {"lock"}
        assert "lock" not in accounts.may(user, "mvxnew", "other")


def test_row_that_hides_a_pattern(accounts):
    accounts.user("mv_a")
    accounts.server.sql("GRANT SELECT, INSERT ON `mv%`.* TO mv_a", "GRANT SELECT ON `mv\\_new`.* TO mv_a")
    before = accounts.may("mv_a", OLD, "t0")
    moved(accounts)
    assert accounts.may("mv_a", NEW, "t0") == before and "insert" in before


def test_grant_option(accounts):
    accounts.user("mv_a")
    accounts.server.sql(f"GRANT SELECT ON {OLD}.* TO mv_a WITH GRANT OPTION", f"GRANT SELECT ON {NEW}.* TO mv_a")
    before = accounts.may("mv_a", OLD, "t0")
    moved(accounts)
    assert accounts.may("mv_a", NEW, "t0") == before and "grantSELECT" in before


def test_database_that_differs_by_case(accounts):
    accounts.server.sql("CREATE DATABASE MV_OLD", "CREATE TABLE MV_OLD.t0 (id INT)")
    for user, what in (("mv_a", "SELECT ON MV_OLD.*"), ("mv_b", "SELECT ON MV_OLD.t0"), ("mv_c", "SELECT (id) ON MV_OLD.t0")):
        accounts.user(user)
        accounts.server.sql(f"GRANT {what} TO {user}")
    moved(accounts)
    for user in ("mv_a", "mv_b", "mv_c"):
        assert accounts.may(user, NEW, "t0") == set()


def test_names_of_accounts(accounts):
    """They are quoted in GRANT: no error for an odd name, and no right for another account."""
    accounts.user("mv_spy")
    for name in ("mv_x''@''%'',''mv_spy", "mv_o''b", "mv_o\\\\b", 'mv_"', "mv_`"):
        accounts.user(name)
        accounts.server.sql(f"GRANT SELECT (id), INSERT (note) ON {OLD}.t0 TO '{name}'@'%'",
                            f"GRANT DELETE ON {OLD}.* TO '{name}'@'%'")
    moved(accounts)
    assert accounts.may("mv_spy", NEW, "t0") == set()
    for name in ("mv_o'b", "mv_o\\b", 'mv_"', "mv_`", "mv_x'@'%','mv_spy"):
        assert {"column", "delete", "insert"} <= accounts.may(name, NEW, "t0")


def test_partial_revokes(accounts):
    if not accounts.mysql:
        pytest.skip("MySQL only")
    for user in ("mv_a", "mv_b"):
        accounts.user(user)
    accounts.server.sql("SET GLOBAL partial_revokes = ON")
    try:
        accounts.server.sql("GRANT SELECT, INSERT ON *.* TO mv_a", f"REVOKE INSERT ON {NEW}.* FROM mv_a",
                            "GRANT SELECT ON *.* TO mv_b", f"REVOKE SELECT ON {OLD}.* FROM mv_b",
                            f"GRANT LOCK TABLES ON {OLD}.* TO mv_a")
        before = accounts.may("mv_a", OLD, "t0"), accounts.may("mv_a", NEW, "other")
        assert "partial revoke keeps 'mv_b'@'%' from SELECT" in refused(accounts)
        accounts.server.sql(f"REVOKE SELECT ON {NEW}.* FROM mv_b")
        moved(accounts)
        assert (accounts.may("mv_a", NEW, "t0"), accounts.may("mv_a", NEW, "other")) == (before[0], before[1] | {"lock"})
        assert "insert" in before[0] and "insert" not in before[1] and accounts.may("mv_b", NEW, "t0") == set()
    finally:
        accounts.drop()
        accounts.server.sql("SET GLOBAL partial_revokes = OFF")


def test_server_with_sql_if_exists(accounts):
    if accounts.mysql:
        pytest.skip("MariaDB only")
    accounts.server.sql("SET GLOBAL sql_if_exists = 1")
    try:
        moved(accounts)
    finally:
        accounts.server.sql("SET GLOBAL sql_if_exists = 0")


def test_rights_that_cannot_be_read(accounts):
    """Without SELECT on mysql the mover would see only its own rights, and others would lose theirs."""
    accounts.user("mv_mover")
    accounts.server.sql("GRANT ALL ON silogate.* TO mv_mover", "GRANT PROCESS ON *.* TO mv_mover",
                        *(f"GRANT ALL ON {one}.* TO mv_mover WITH GRANT OPTION" for one in (OLD, NEW)))
    accounts.scene.defaults.write_text("[client]\nuser = mv_mover\npassword = x-secret\n")
    assert "give the account SELECT ON mysql.*" in refused(accounts)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("grants", [
    ("GRANT SELECT, INSERT ON `mv\\_old`.* TO 'mv_r'@'%'", "GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO mv_r"),
    ("GRANT INSERT ON mv_old.t0 TO 'mv_r'@'%'", "GRANT SELECT, DELETE ON `mv\\_old`.* TO mv_r"),
    ("GRANT SELECT, DELETE ON mv_old.t0 TO mv_r", "GRANT INSERT ON `mv\\_old`.* TO ''@'%'")])
def test_user_named_like_a_role(accounts, grants):
    """MariaDB: what the role has is not the user's. (An account of that name with another host would get the GRANT to the role.)"""
    if accounts.mysql:
        pytest.skip("MariaDB only: a role of MySQL is an account")
    accounts.user("mv_r")
    accounts.role("mv_r")
    if "''@" in grants[1]:
        accounts.user("")
    accounts.server.sql(*grants)
    before = accounts.may("mv_r", OLD, "t0")
    moved(accounts)
    assert accounts.may("mv_r", NEW, "t0") == before and "insert" in before


def test_role_beside_the_nameless_account(accounts):
    """MariaDB gives a role that has no row on the database that of a user of its name, or the nameless one's, with the host %."""
    if accounts.mysql:
        pytest.skip("MariaDB only")
    for user in ("mv_a", "", "mv_s"):
        accounts.user(user)
    for role in ("mv_r", "mv_s"):
        accounts.role(role)
        accounts.server.sql(f"GRANT {role} TO mv_a")
    accounts.server.sql("GRANT SELECT ON `mv\\_old`.* TO mv_a", "GRANT DELETE ON `mv\\_old`.* TO ''@'%'",
                        "GRANT INSERT ON `mv\\_old`.* TO mv_s@'%'")
    before = [accounts.may("mv_a", OLD, "t0", role=role) for role in (None, "mv_r", "mv_s")]
    moved(accounts)
    assert [accounts.may("mv_a", NEW, "t0", role=role) for role in (None, "mv_r", "mv_s")] == before
    assert "delete" in before[1] and "insert" in before[2] and not {"delete", "insert"} & before[0]


def test_plugin_that_is_not_loaded(accounts):
    """MySQL grants nothing to such an account (error 1524): --dry-run says so."""
    if not accounts.mysql:
        pytest.skip("MySQL only")
    accounts.user("mv_a")
    accounts.user("mv_b")
    accounts.server.sql(f"GRANT SELECT ON {OLD}.t0 TO mv_a", "UPDATE mysql.user SET plugin = 'mysql_native_password' WHERE User IN"
                        " ('mv_a', 'mv_b')", "FLUSH PRIVILEGES")
    told = accounts.scene.move("--dry-run")
    assert told.returncode == 1 and "no GRANT for 'mv_a'@'%', because its plugin mysql_native_password is not loaded" in told.stdout
    assert "'mv_b'" not in told.stdout
    accounts.server.sql("DROP USER mv_a")
    accounts.made.remove("USER 'mv_a'@'%'")
    moved(accounts)


def test_part_of_the_roles(accounts):
    """MySQL: alone a session has the rights of mv_a@'%', with mv_r those of the role, with mv_s alone neither."""
    if not accounts.mysql:
        pytest.skip("MySQL only: a session of MariaDB has its account's rights and those of one role")
    accounts.user("mv_a")
    name = accounts.user("mv_a", "127.0.0.1")
    roles = [accounts.role("mv_r"), accounts.role("mv_s")]
    accounts.server.sql(*(f"GRANT {role} TO {name}" for role in roles), f"GRANT SELECT, INSERT ON `mv\\_old`.* TO {name}",
                        "GRANT SELECT, INSERT, DELETE ON `mv\\_new`.* TO mv_a", "GRANT SELECT, INSERT ON `mv\\_new`.* TO mv_r")
    parts = [None, "mv_r", "mv_s", "ALL"]
    before = [accounts.may("mv_a", OLD, "t0", role=role) for role in parts]
    beyond = [accounts.may("mv_a", NEW, "other", role=role) for role in parts]
    moved(accounts)
    assert [accounts.may("mv_a", NEW, "t0", role=role) for role in parts] == [a | b for a, b in zip(before, beyond)]
    assert all({"select", "insert"} <= may for may in before) and beyond[2] == set()
    assert accounts.scene.move("--back").returncode == 0
    accounts.server.sql(f"GRANT LOCK TABLES ON `mv\\_old`.* TO {name}", "GRANT LOCK TABLES ON `mv\\_new`.* TO mv_a",
                        "GRANT LOCK TABLES ON `mv\\_new`.* TO mv_r")
    assert "'mv_a'@'127.0.0.1' may LOCK TABLES in mv_old; granted on mv_new, that would hide" in refused(accounts)


class Generated:
    """Grants made by chance for accounts of two hosts, the nameless one and roles, whose sessions are then asked."""

    USERS = (("mv_a", False), ("mv_a", True), ("mv_b", False), ("mv_c", False), ("mv_d", False))

    def __init__(self, accounts, seed):
        self.accounts, self.random = accounts, random.Random(seed)
        self.statements, choose = [], self.random.choice
        who = [accounts.user("mv_a"), accounts.user("mv_a", "127.0.0.1"), accounts.user("mv_b"), accounts.user("mv_c")]
        who += [accounts.user("mv_d", host) for host in choose((("%",), ("127.0.0.0/255.0.0.0", "127.0.0.1"), ("127.%", "%.1")))]
        roles = [accounts.role("mv_r"), accounts.role("mv_s")]
        if not accounts.mysql or self.random.random() < .3:  # MySQL: roles and several patterns are refused
            self.run("GRANT mv_r TO mv_b")
        self.has_role = bool(self.statements)
        if self.random.random() < .5:
            self.run("GRANT mv_s TO mv_r")
        for one in who + roles:
            for _ in range(choose((0, 1, 1, 2, 3))):
                place = choose((OLD, OLD, NEW)).replace("_", choose(("_",) + ("\\_",) * (9 if accounts.mysql else 2)))
                place = choose((place, place, place, "mv%", "m%", "mv\\_%", "mv\\_o%", "mv_n%"))
                rights = ["SELECT", "INSERT", "UPDATE", "DELETE", "INDEX", "ALTER", "LOCK TABLES"]
                rights = self.random.sample(rights, choose((1, 2, 4)))
                self.run(f"GRANT {', '.join(rights)} ON `{place}`.* TO {one}" + choose(("", "", " WITH GRANT OPTION")))
            if self.random.random() < .4:
                self.run(f"GRANT {choose(('SELECT (id)', 'SELECT', 'INSERT', 'UPDATE (note), SELECT (note)'))} ON {OLD}.t0"
                         f" TO {one}" + choose(("", " WITH GRANT OPTION")))

    def run(self, statement):
        self.statements.append(statement)
        self.accounts.server.sql(statement)

    def look(self, database, table):
        return {(user, socket, role): self.accounts.may(user, database, table, socket, role)
                for user, socket in self.USERS for role in ((None, "mv_r") if user == "mv_b" and self.has_role else (None,))}


def stored(server):
    return [server.sql(f"SELECT {what}") for what in (
        "* FROM mysql.db", "Host, User, Db, Table_name, Table_priv, Column_priv FROM mysql.tables_priv")]


def test_generated_grants(accounts):
    """Nothing less than before, nothing more than what the account's rights on the new database gave already."""
    moves, seeds = 0, 16 if os.environ.get("SILOGATE_LONG") else 5
    for seed in range(seeds):
        generated = Generated(accounts, seed)
        table, other = generated.look(OLD, "t0"), generated.look(NEW, "other")
        beside = generated.look("mvxnew", "other")
        grants = stored(accounts.server)
        told = accounts.scene.move()
        moves += told.returncode == 0
        assert told.returncode == 0 or "refused: " in told.stdout, told.stdout + told.stderr
        where = (seed, generated.statements, told.stdout)
        if told.returncode == 0:
            after, beyond = generated.look(NEW, "t0"), generated.look(NEW, "other")
            for one, may in after.items():
                assert table[one] <= may, (one, table[one] - may, where)
                # with GRANT OPTION from the old place, it may also grant what it has at the new one
                more = may - table[one] - other[one] - {"grantSELECT", "grantINSERT"}
                assert more <= {"lock"} and more <= beyond[one], (one, more, where)
                assert other[one] <= beyond[one] <= other[one] | {"lock"}, (one, beyond[one] ^ other[one], where)
            assert generated.look("mvxnew", "other") == beside, where
        else:
            assert stored(accounts.server) == grants, where
        accounts.drop()
        assert accounts.scene.move("--back").returncode == 0
    assert moves >= max(1, seeds // 8)


CROSSING = [("127.0.0.1", "127.0.0.0/255.0.0.0"), ("127.%", "%.0.0.1"), ("localhost", "127.0.0.0/255.0.0.0")]
APART = [("127.0.0.1", "10.0.0.0/255.0.0.0"), ("localhost", "10.%"), ("127.0.0.1", "10.0.0._"), ("127.0.0.1", "::1")]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("one, other", CROSSING)
def test_hosts_that_cross(accounts, one, other):
    """Rows of both count for one session, and which of them is not told by the text of the host."""
    names = [accounts.user("mv_d", host) for host in (one, other)]
    accounts.server.sql(f"GRANT INSERT ON {OLD}.* TO {names[0]}", f"GRANT INSERT ON {NEW}.* TO {names[0]}",
                        f"GRANT SELECT ON {OLD}.* TO {names[1]}")
    assert "patterns or hosts" in refused(accounts)
    accounts.server.sql(f"REVOKE ALL ON {NEW}.* FROM {names[0]}", f"REVOKE ALL ON {OLD}.* FROM {names[0]}",
                        f"REVOKE ALL ON {OLD}.* FROM {names[1]}",
                        f"GRANT SELECT ON {OLD}.t0 TO {names[0]}", f"GRANT INSERT ON {OLD}.t0 TO {names[1]}")
    assert "cannot be granted exactly" in refused(accounts)
    accounts.server.sql(f"GRANT SELECT, INSERT ON {OLD}.t0 TO {names[0]}", f"GRANT SELECT, INSERT ON {OLD}.t0 TO {names[1]}")
    before = accounts.may("mv_d", OLD, "t0")
    moved(accounts)  # the same for both
    assert accounts.may("mv_d", NEW, "t0") == before and {"select", "insert"} <= before


@pytest.mark.long(short=1)
@pytest.mark.parametrize("one, other", APART)
def test_hosts_that_do_not_cross(accounts, one, other):
    names = [accounts.user("mv_d", host) for host in (one, other)]
    accounts.server.sql(f"GRANT INSERT ON {OLD}.* TO {names[0]}", f"GRANT INSERT ON {NEW}.* TO {names[0]}",
                        f"GRANT SELECT ON {OLD}.* TO {names[1]}")
    before = accounts.may("mv_d", OLD, "t0", one == "localhost")
    moved(accounts)
    assert accounts.may("mv_d", NEW, "t0", one == "localhost") == before and "insert" in before


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["announced", "switching", "closed"])
def test_rights_that_change_meanwhile(accounts, monkeypatch, step):
    scene = accounts.scene
    for user in ("mv_a", "mv_b"):
        accounts.user(user)
    accounts.server.sql(f"GRANT SELECT ON {OLD}.t0 TO mv_a")
    changes = [("REVOKE SELECT ON mv_old.t0 FROM mv_a", "mv_a"), ("GRANT SELECT ON `mv\\_old`.* TO mv_b", "mv_b")]
    for change, user in changes:
        mover = stop_at(scene, monkeypatch, step)
        accounts.server.sql(change)
        time.sleep(0.3)  # a change of a shorter moment is told after the switch
        mover.send_signal(signal.SIGCONT)
        out, errors = mover.communicate(timeout=60)
        assert mover.returncode == 1 and "a GRANT or REVOKE has changed" in out + errors, (user, out + errors)
        assert scene.stand_in(OLD)
    before = {user: accounts.may(user, OLD, "t0") for user in ("mv_a", "mv_b")}
    moved(accounts)
    assert "select" in before["mv_b"] and accounts.may("mv_b", NEW, "t0") == before["mv_b"]


def test_rights_that_change_at_the_switch(accounts, monkeypatch):
    accounts.user("mv_a")
    accounts.server.sql(f"GRANT SELECT ON {OLD}.t0 TO mv_a")
    mover = stop_at(accounts.scene, monkeypatch, "renamed")
    accounts.server.sql("REVOKE SELECT ON mv_old.t0 FROM mv_a")
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and "make the same GRANT or REVOKE for their new place" in errors, out + errors
    assert accounts.scene.stand_in(NEW)


def test_the_way_back_names_what_it_grants(accounts):
    accounts.user("mv_a")
    accounts.server.sql(f"GRANT SELECT, DELETE ON {NEW}.* TO mv_a")
    assert "will be able to do more" in moved(accounts)
    told = accounts.scene.move("--back", "--dry-run")
    assert "REVOKE first what they shall not have:\n  GRANT SELECT, DELETE ON `mv_old`.`t0` TO 'mv_a'@'%'" in told.stdout


# What the account is given, and what takes something away from it at the new place meanwhile.
TAKEN = [([f"GRANT SELECT, INSERT ON {OLD}.* TO mv_a", f"GRANT SELECT, INSERT ON {NEW}.* TO mv_a"], f"REVOKE INSERT ON {NEW}.* FROM mv_a"),
         ([f"GRANT SELECT, INSERT ON {OLD}.t0 TO mv_a"], f"REVOKE INSERT ON {NEW}.t0 FROM mv_a"),
         (["GRANT SELECT, INSERT ON `mv%`.* TO mv_a"], "GRANT SELECT ON `mv\\_new`.* TO mv_a")]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["switching", "announced", "closed", "renamed"])
@pytest.mark.parametrize("given, change", TAKEN, ids=["database", "table", "pattern"])
def test_rights_that_are_taken_away_at_the_new_place(accounts, monkeypatch, given, change, step):
    """Before the RENAME the move is given up; behind it, it is told."""
    accounts.user("mv_a")
    accounts.server.sql(*given)
    mover = stop_at(accounts.scene, monkeypatch, step)
    accounts.server.sql(change)
    time.sleep(0.3)  # a change of a shorter moment is told after the switch
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1, out + errors
    if step == "renamed":
        assert "see that nobody lacks anything there" in errors and accounts.scene.stand_in(NEW), out + errors
        return
    assert "a GRANT or REVOKE has changed" in out and accounts.scene.stand_in(OLD), out + errors
    moved(accounts)
    assert "insert" in accounts.may("mv_a", NEW, "t0")
