"""silogate move: tables go into their owner's database and back while clients work, on both servers."""
import os
import subprocess
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places

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
