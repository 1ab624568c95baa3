"""silogate move: tables go into their owner's database and back while clients work, on both servers."""
import os
import re
import subprocess
import threading
import time

import pymysql
import pytest

from harness import places, wire

OLD, NEW = "mv_old", "mv_new"
INI = """
[policy]
mode = block
unowned = block
[upstream:main]
address = 127.0.0.1:1
account = mv_account
account_password_file = {password}
catalogue = 0
[service:billing]
user = mv_billing
database = mv_old
owns = mv_old.t*
owns = mv_new.*
[service:payment]
user = mv_payment
database = mv_old
owns = mv_old.payments
owns = mv_old.audit
reads = mv_old.t*
[move:tables]
service = billing
table = mv_old.t*
to = mv_new
hold = 10s
"""
TABLES = 4


class Scene:
    """Databases, accounts and a silogate with an open move; `move` is the subcommand."""

    def __init__(self, server, make_gate, folder, ini=INI, tables=TABLES, gates_count=1):
        self.server, self.folder, self.tables = server, folder, tables
        self.clear()
        server.sql(f"CREATE DATABASE {OLD} CHARACTER SET utf8mb4", f"CREATE DATABASE {NEW} CHARACTER SET utf8mb4",
                   *(f"CREATE TABLE {OLD}.t{i} (id INT AUTO_INCREMENT PRIMARY KEY, client INT NOT NULL,"
                     f" number INT NOT NULL, note VARCHAR(40) DEFAULT 'x', UNIQUE (client, number)) ENGINE=InnoDB"
                     for i in range(tables)),
                   f"CREATE TABLE {OLD}.payments (id INT PRIMARY KEY, t_id INT NULL) ENGINE=InnoDB",
                   f"CREATE TABLE {OLD}.audit (what VARCHAR(100)) ENGINE=InnoDB")
        for user in ("mv_billing", "mv_payment"):
            server.sql(f"CREATE USER {user}@'%' IDENTIFIED BY '{user}-secret'",
                       f"GRANT ALL ON {OLD}.* TO {user}@'%'")
        server.sql("CREATE USER mv_account@'%' IDENTIFIED BY 'mv_account-secret'",
                   "GRANT ALL ON *.* TO mv_account@'%' WITH GRANT OPTION")
        password = folder / "password"
        password.write_text("mv_account-secret\n")
        self.gates = [make_gate(server, ini=ini.format(password=password)) for _ in range(gates_count)]
        self.gate = self.gates[0]
        self.defaults = folder / "mover.cnf"
        self.defaults.write_text("[client]\nuser = mv_account\npassword = mv_account-secret\n")
        assert places.wait_for(self.is_followed), self.gate.log()

    def is_followed(self):
        return " seen " in self.move("--status").stdout

    def clear(self):
        self.server.end_sessions("mv_billing", "mv_payment")
        self.server.sql("SET SESSION lock_wait_timeout = 60", f"DROP DATABASE IF EXISTS {OLD}", f"DROP DATABASE IF EXISTS {NEW}",
                        "DROP DATABASE IF EXISTS silogate",
                        *(f"DROP USER IF EXISTS {user}@'%'" for user in ("mv_billing", "mv_payment", "mv_account")))

    def start_move(self, *options):
        return subprocess.Popen([str(places.SILOGATE), "move", "tables", "-c", str(self.gate.path),
                                 f"--defaults-file={self.defaults}", *options], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def move(self, *options, seconds=120):
        return subprocess.run([str(places.SILOGATE), "move", "tables", "-c", str(self.gate.path),
                               f"--defaults-file={self.defaults}", *options], capture_output=True, text=True,
                              timeout=seconds)

    def connect(self, user="mv_billing", gate=None, **options):
        return pymysql.connect(host="127.0.0.1", port=(gate or self.gate).port, user=user, password=f"{user}-secret",
                               database=OLD, autocommit=True, **options)

    def standing(self):
        """The database in which each table stands."""
        return dict(self.server.sql(f"SELECT table_name, table_schema FROM information_schema.tables WHERE"
                                    f" table_schema IN ('{OLD}', '{NEW}') AND table_type = 'BASE TABLE' AND"
                                    f" table_name LIKE 't%'"))

    def stand_in(self, database):
        return self.standing() == {f"t{i}": database for i in range(self.tables)}


@pytest.fixture
def make_scene(server, make_gate, tmp_path):
    made = []

    def make(**options):
        made.append(Scene(server, make_gate, tmp_path, **options))
        return made[-1]

    yield make
    for one in made:
        one.clear()


def test_there_and_back(make_scene):
    scene = make_scene()
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("INSERT INTO t0 (client, number) VALUES (1, 1)")
        there = scene.move()
        assert there.returncode == 0, there.stdout + there.stderr
        assert scene.stand_in(NEW)
        cursor.execute("SELECT mv_old.t0.number FROM t0")
        assert cursor.fetchall() == ((1,),)
        cursor.execute("INSERT INTO mv_old.t0 (client, number) VALUES (1, 2)")
        cursor.execute("ALTER TABLE t0 ADD more INT")  # the alias could not
        again = scene.move()
        assert again.returncode == 0 and "nothing to do" in again.stdout
        back = scene.move("--back")
        assert back.returncode == 0, back.stdout + back.stderr
        assert scene.stand_in(OLD)
        cursor.execute("SELECT COUNT(*), COUNT(more) FROM mv_new.t0")
        assert cursor.fetchall() == ((2, 0),)


class Load:
    """Clients that write rows and remember which were acknowledged; each in a way of its own."""

    def __init__(self, scene, clients=8, rate=500):
        self.scene, self.period = scene, clients / rate  # writes a second of all together
        self.stop, self.errors, self.acknowledged = threading.Event(), [], {}
        self.longest = 0
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _run(self, number):
        ways = [self._text, self._prepared, self._transaction, self._locked, self._xa]
        scene = self.scene
        rows = self.acknowledged[number] = []
        try:
            gate = scene.gates[number % len(scene.gates)]
            client = (wire.connect(gate.port, "mv_billing", OLD)
                      if number % len(ways) == 1 else scene.connect(gate=gate))
            way, count = ways[number % len(ways)](client, number), 0
            due = time.monotonic()
            while not self.stop.is_set():
                began = time.monotonic()
                way(f"t{count % scene.tables}", count)
                self.longest = max(self.longest, time.monotonic() - began)
                rows.append(count)
                count += 1
                due = max(due + self.period, time.monotonic() - 10 * self.period)
                time.sleep(max(0, due - time.monotonic()))
        except Exception as error:  # noqa: BLE001: whatever a client sees is a failure
            self.errors.append((number, repr(error)))

    def _text(self, client, number):
        def write(table, count):
            with client.cursor() as cursor:
                cursor.execute(f"INSERT INTO {table} (client, number) VALUES ({number}, {count})")
        return write

    def _prepared(self, client, number):
        statements = {}

        def write(table, count):
            if table not in statements:
                statements[table] = client.prepare(f"INSERT INTO {table} (client, number) VALUES ({number}, ?)")
            client.execute(statements[table][0], (str(count),))
        return write

    def _transaction(self, client, number):
        def write(table, count):
            with client.cursor() as cursor:
                cursor.execute("BEGIN")  # it writes first: who reads first meets LOCK TABLES in a deadlock
                cursor.execute(f"INSERT INTO {OLD}.{table} (client, number) VALUES ({number}, {count})")
                cursor.execute(f"UPDATE {table} SET {OLD}.{table}.note = 'y' WHERE client = {number} AND number = {count}")
                cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE client = {number}")
                cursor.execute("COMMIT")
        return write

    def _locked(self, client, number):
        def write(table, count):
            with client.cursor() as cursor:
                cursor.execute(f"LOCK TABLES {table} WRITE")
                cursor.execute(f"INSERT INTO {table} (client, number) VALUES ({number}, {count})")
                cursor.execute("UNLOCK TABLES")
        return write

    def _xa(self, client, number):
        def write(table, count):
            with client.cursor() as cursor:
                branch = f"'b{number}-{count}'"
                cursor.execute(f"XA START {branch}")
                cursor.execute(f"INSERT INTO {table} (client, number) VALUES ({number}, {count})")
                cursor.execute(f"XA END {branch}")
                cursor.execute(f"XA PREPARE {branch}")
                cursor.execute(f"XA COMMIT {branch}")
        return write

    def check(self):
        """Every acknowledged row is there once, and nothing else."""
        assert not self.errors
        server, tables = self.scene.server, self.scene.tables
        for i, schema in self.scene.standing().items():
            rows = sorted((int(c), int(n)) for c, n in server.sql(f"SELECT client, number FROM {schema}.{i}"))
            expected = sorted((client, count) for client, counts in self.acknowledged.items() for count in counts
                              if f"t{count % tables}" == i)
            assert rows == expected


def hold_of(moved):
    """The milliseconds that a move says it has held."""
    return int(re.search(r"the hold was (\d+) ms", moved.stdout).group(1))


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
def test_under_load(make_scene, times):
    """No client sees the tables go: no error, no write lost or doubled."""
    long = os.environ.get("SILOGATE_LONG")
    scene = make_scene(tables=20 if long else TABLES)
    holds = []
    with Load(scene) as load:
        time.sleep(1)
        for _ in range(20 if long else times):
            for options, place in (((), NEW), (("--back",), OLD)):
                moved = scene.move(*options)
                assert moved.returncode == 0, moved.stdout + moved.stderr + scene.gate.log()[-2000:]
                assert scene.stand_in(place)
                holds.append(hold_of(moved))
                time.sleep(0.3)
    load.check()
    print(f"holds (ms): {sorted(holds)}; longest statement {load.longest * 1000:.0f} ms; "
          f"{sum(map(len, load.acknowledged.values()))} writes")


def test_three_instances(make_scene):
    scene = make_scene(gates_count=3)
    assert places.wait_for(lambda: scene.move("--status").stdout.count(" seen ") == 3)
    with Load(scene, clients=6) as load:
        time.sleep(0.5)
        for options, place in (((), NEW), (("--back",), OLD)):
            moved = scene.move(*options)
            assert moved.returncode == 0, moved.stdout + moved.stderr
            assert scene.stand_in(place)
    load.check()


def test_a_blocker_is_named_and_nothing_changes(make_scene):
    """Sessions inside a transaction pass; one that stays makes the move give up, with its name."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 1s"))
    with scene.connect() as blocker, blocker.cursor() as cursor, scene.connect("mv_payment") as other:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 1)")
        mover = scene.start_move()
        time.sleep(0.3)
        cursor.execute("SELECT COUNT(*) FROM t2")  # not held: it is inside
        with other.cursor() as waiting:
            waiting.execute("SELECT COUNT(*) FROM t1")  # waits, and gets its answer all the same
        out, errors = mover.communicate(timeout=90)
        assert mover.returncode == 1, out + errors
        assert "Nothing has changed" in out and "of billing" in out and "in a transaction" in out
        assert re.search(r"in a transaction, for \d+ s, since the statement (?!0{16})[0-9a-f]{16}", out), out
        assert scene.stand_in(OLD)
        cursor.execute("COMMIT")
        assert scene.server.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE"
                                " 'silogate\\_moving%'") in ([("0",)], [(0,)], ((0,),))
    assert scene.move().returncode == 0


@pytest.mark.long(short=1)
@pytest.mark.parametrize("lock", ["LOCK TABLES t0 READ", "HANDLER t0 OPEN", "FLUSH TABLES t0 WITH READ LOCK"])
def test_what_locks_without_a_transaction_blocks_too(make_scene, lock):
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 600ms").replace("[policy]\nmode = block",
                                                                           "[policy]\nmode = log"))
    scene.server.sql("GRANT RELOAD ON *.* TO mv_billing@'%'")
    with scene.connect() as blocker, blocker.cursor() as cursor:
        cursor.execute(lock)
        given_up = scene.move()
        assert given_up.returncode == 1 and "Nothing has changed" in given_up.stdout, given_up.stdout
        assert scene.stand_in(OLD)
    assert places.wait_for(lambda: scene.move().returncode == 0)


def test_what_is_over_blocks_no_more(make_scene):
    """A HANDLER that was closed kept its session inside for ever, and so did a lock that was refused."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 3s"))
    with scene.connect() as client, client.cursor() as cursor:
        for statement in ("HANDLER t0 OPEN", "HANDLER t1 OPEN AS other", "HANDLER t0 READ FIRST", "HANDLER t0 CLOSE",
                          "HANDLER other CLOSE"):
            cursor.execute(statement)
        for wrong in ("HANDLER nowhere.at_all OPEN", "LOCK TABLES t0 READ, nowhere.at_all READ"):
            with pytest.raises(pymysql.Error):
                cursor.execute(wrong)
        cursor.execute("SELECT COUNT(*) FROM t0")
        assert places.wait_for(lambda: scene.move().returncode == 0)
        cursor.execute("HANDLER t1 OPEN")
        cursor.execute("HANDLER t2 OPEN")
        cursor.execute("HANDLER t2 CLOSE")
        assert scene.move("--back").returncode == 1  # one is open still
        cursor.execute("HANDLER t1 CLOSE")
        assert places.wait_for(lambda: scene.move("--back").returncode == 0)


TRIGGERS = ["CREATE TRIGGER mv_old.first BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.note = CONCAT(NEW.note, '1')",
            "CREATE TRIGGER mv_old.second BEFORE INSERT ON mv_old.t0 FOR EACH ROW FOLLOWS first"
            " SET NEW.note = CONCAT(NEW.note, '2')",
            "CREATE DEFINER = mv_billing@'%' TRIGGER mv_old.third AFTER INSERT ON mv_old.t0 FOR EACH ROW"
            " INSERT INTO mv_old.audit VALUES (NEW.note)"]


def test_triggers_keys_and_grants_go_along(make_scene):
    scene = make_scene(ini=INI.replace("reads = mv_old.t*", "reads = mv_old.t*\n[grant:a]\nservice = billing\n"
                                                              "on = mv_old.audit\naccess = write"))
    server = scene.server
    server.sql("GRANT TRIGGER ON mv_old.* TO mv_billing@'%'", *TRIGGERS,
               "ALTER TABLE mv_old.payments ADD CONSTRAINT fk_t FOREIGN KEY (t_id) REFERENCES mv_old.t0 (id)",
               "CREATE VIEW mv_old.v AS SELECT id, note FROM mv_old.t0",
               "CREATE USER mv_reader@'%' IDENTIFIED BY 'x'", "GRANT SELECT (id, note) ON mv_old.t0 TO mv_reader@'%'")
    try:
        with scene.connect() as client, client.cursor() as cursor, Load(scene, clients=4) as load:
            for options, place, number in (((), NEW, 1), (("--back",), OLD, 2), ((), NEW, 3)):
                moved = scene.move(*options)
                assert moved.returncode == 0, moved.stdout + moved.stderr
                assert scene.stand_in(place)
                cursor.execute(f"INSERT INTO t0 (client, number, note) VALUES (99, {number}, 'n')")
                cursor.execute(f"SELECT note FROM t0 WHERE client = 99 AND number = {number}")
                assert cursor.fetchall() == (("n12",),)
                assert len(server.sql(f"SELECT 1 FROM information_schema.triggers WHERE trigger_schema = '{place}'")) == 3
                with pytest.raises(pymysql.err.IntegrityError):
                    server.root().cursor().execute("INSERT INTO mv_old.payments VALUES (1, 999999)")
                assert len(server.sql(f"SELECT 1 FROM information_schema.column_privileges WHERE table_schema ="
                                      f" '{place}' AND grantee LIKE '%mv_reader%'")) == 2
                assert len(server.sql("SELECT 1 FROM mv_old.v LIMIT 1")) == 1
        rows = len(server.sql("SELECT 1 FROM mv_old.audit"))
        load.acknowledged[99] = []
        assert not load.errors
        assert rows == 3 + sum(1 for counts in load.acknowledged.values() for count in counts if count % TABLES == 0)
    finally:
        server.sql("DROP USER mv_reader@'%'")


def test_a_dry_run_changes_nothing(make_scene):
    scene = make_scene()
    mark = scene.server.mark()
    told = scene.move("--dry-run")
    assert told.returncode == 0 and "RENAME TABLE `mv_old`.`t0` TO `mv_new`.`t0`" in told.stdout
    assert "GRANT" in told.stdout and scene.stand_in(OLD)
    log = scene.server.log(mark)
    assert not re.search(r"RENAME TABLE|GRANT [A-Z, ]+ ON|CREATE TABLE `mv|CREATE OR REPLACE VIEW", str(log))


def test_a_move_is_no_way_past_the_policy(make_scene):
    """Whoever may not write a table may not write it by its other name: before, after, and back."""
    scene = make_scene()
    with scene.connect("mv_payment") as other, other.cursor() as cursor:
        for options in (None, (), ("--back",)):
            if options is not None:
                assert scene.move(*options).returncode == 0
            for name in ("t0", "mv_old.t0", "mv_new.t0", "`mv_new` . `t0`"):
                cursor.execute(f"SELECT COUNT(*) FROM {name}")
                for statement in (f"DELETE FROM {name}", f"INSERT INTO {name} (client, number) VALUES (1, 1)",
                                  f"RENAME TABLE {name} TO mv_old.payments2", f"DROP TABLE {name}"):
                    with pytest.raises(pymysql.err.MySQLError) as refused:
                        cursor.execute(statement)
                    assert "silogate" in str(refused.value) and "foreign" in str(refused.value), refused.value
            assert len(scene.standing()) == TABLES


@pytest.mark.long
def test_a_lock_of_somebody_who_comes_past_silogate(make_scene):
    """It is not seen at the door: the move gives up at the server, in time, and nothing has changed."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 1s"))
    past = scene.server.root()
    with past.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT COUNT(*) FROM mv_old.t1")
        began = time.monotonic()
        given_up = scene.move()
        assert given_up.returncode == 1 and "Nothing has changed" in given_up.stdout, given_up.stdout
        assert time.monotonic() - began < 45
        if scene.server.name == "mysql":
            assert re.search(r"t1 is locked by thread \d+ of the server, user root", given_up.stdout)
        else:  # its plugin metadata_lock_info is not loaded
            assert "cannot be seen (INSTALL SONAME" in given_up.stdout
            assert re.search(r"  thread \d+ of the server, user root from localhost", given_up.stdout), given_up.stdout
        cursor.execute("ROLLBACK")
    past.close()
    assert scene.stand_in(OLD) and scene.move().returncode == 0


def test_a_branch_that_loses_its_session_in_the_hold(make_scene):
    """XA PREPARE ends the transaction for MySQL's flags, and keeps its locks when the connection goes."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 4s"))
    client = scene.connect()
    with client.cursor() as cursor:
        cursor.execute("XA START 'lost'")
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 1)")
        cursor.execute("XA END 'lost'")
        mover = scene.start_move()
        assert places.wait_for(lambda: scene.server.sql(
            "SELECT 1 FROM silogate.instances_of_moves WHERE move = 'tables' AND state = 'held'"))
        cursor.execute("XA PREPARE 'lost'")
        client._force_close()
        out, errors = mover.communicate(timeout=90)
    assert mover.returncode == 1 and "Nothing has changed" in out, out + errors
    assert "the XA transaction lost is prepared; XA COMMIT or XA ROLLBACK it" in out, out
    assert scene.stand_in(OLD)
    with scene.server.root() as root, root.cursor() as cursor:
        cursor.execute("XA COMMIT 'lost'")
    assert scene.move().returncode == 0


def test_finish_drops_the_alias(make_scene):
    scene = make_scene()
    assert scene.move().returncode == 0
    views = "SELECT COUNT(*) FROM information_schema.views WHERE table_schema = 'mv_old'"
    assert int(scene.server.sql(views)[0][0]) == TABLES
    assert scene.move("--finish", "--unused-for", "0s", "--dry-run").returncode == 0 and int(scene.server.sql(views)[0][0]) == TABLES
    assert scene.move("--finish", "--unused-for", "0s").returncode == 0
    assert int(scene.server.sql(views)[0][0]) == 0
    with scene.connect() as client, client.cursor() as cursor:
        assert places.wait_for(lambda: cursor.execute("SELECT COUNT(*) FROM mv_old.t0") == 1)
    assert scene.move("--back").returncode == 0 and scene.stand_in(OLD)


def test_misuse(make_scene):
    scene = make_scene()
    program = [str(places.SILOGATE), "move"]
    for arguments in ([], ["tables"], ["nothing", "-c", str(scene.gate.path)],
                      ["tables", "-c", str(scene.gate.path), "--back", "--finish"], ["tables", "-c", "/nowhere"],
                      ["tables", "-c", str(scene.gate.path), "--unused-for", "0s"],
                      ["tables", "-c", str(scene.gate.path), "--back", "--unused-for", "0s"]):
        assert subprocess.run(program + arguments, capture_output=True, timeout=60).returncode == 2, arguments
    assert scene.stand_in(OLD)


def test_what_cannot_be_mapped_is_counted(make_scene):
    """It ended silogate once: the statement's digest was asked for without a place for its length."""
    scene = make_scene()
    with scene.connect() as client, client.cursor() as cursor:
        for text in ("SHOW TABLES", "SHOW TABLES FROM mv_old", "SELECT COUNT(*) FROM information_schema.TABLES",
                     "PREPARE p FROM 'SELECT * FROM mv_old.t0'", "EXECUTE p"):
            cursor.execute(text)
            cursor.fetchall()
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == ((1,),)
    assert places.wait_for(lambda: "a list of what stands in a database" in scene.move("--status").stdout), \
        scene.move("--status").stdout
