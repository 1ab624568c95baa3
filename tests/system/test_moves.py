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
hold = 4s
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
        assert places.wait_for(self.is_followed, 15), self.gate.log()

    def is_followed(self):
        return " seen " in self.move("--status").stdout

    def clear(self):
        self.server.sql(f"DROP DATABASE IF EXISTS {OLD}", f"DROP DATABASE IF EXISTS {NEW}",
                        "DROP DATABASE IF EXISTS silogate",
                        *(f"DROP USER IF EXISTS {user}@'%'" for user in ("mv_billing", "mv_payment", "mv_account")))

    def start_move(self, *options):
        return subprocess.Popen([str(places.SILOGATE), "move", "tables", "-c", str(self.gate.path),
                                 f"--defaults-file={self.defaults}", *options], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def move(self, *options, seconds=60):
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

    def __init__(self, scene, clients=8, pause=0.008):
        self.scene, self.pause = scene, pause
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
        ways = [self._text, self._prepared, self._transaction, self._locked]
        scene = self.scene
        rows = self.acknowledged[number] = []
        try:
            gate = scene.gates[number % len(scene.gates)]
            client = (wire.connect(gate.port, "mv_billing", OLD)
                      if number % 4 == 1 else scene.connect(gate=gate))
            way, count = ways[number % 4](client, number), 0
            while not self.stop.is_set():
                began = time.monotonic()
                way(f"t{count % scene.tables}", count)
                self.longest = max(self.longest, time.monotonic() - began)
                rows.append(count)
                count += 1
                time.sleep(self.pause)
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


def test_under_load(make_scene):
    """No client sees the tables go: no error, no write lost or doubled."""
    long = os.environ.get("SILOGATE_LONG")
    scene = make_scene(tables=20 if long else TABLES)
    holds = []
    with Load(scene) as load:
        time.sleep(1)
        for _ in range(20 if long else 2):
            for options, place in (((), NEW), (("--back",), OLD)):
                moved = scene.move(*options)
                assert moved.returncode == 0, moved.stdout + moved.stderr + scene.gate.log()[-2000:]
                assert scene.stand_in(place)
                holds.append(hold_of(moved))
                time.sleep(0.3)
    load.check()
    print(f"holds (ms): {sorted(holds)}; longest statement {load.longest * 1000:.0f} ms; "
          f"{sum(map(len, load.acknowledged.values()))} writes")
