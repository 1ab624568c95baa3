#!/usr/bin/python3
"""suite.py [--dialect mariadb|mysql] [--count N] [--seed S] [--suites main,innodb,...] [TEST...]: does `mode = log` change
nothing? Runs files of the server's own test suite (Debian's packages mariadb-test, mysql-testsuite) with its own test
program, first on the server and then through a silogate that logs, and compares what the two have printed. What differs is
run again both ways: where the server alone does not print the same twice, or the difference is gone, the file tells
nothing. A TEST is `suite.name`.

A file that ends early with the same error both ways (most often because it needs an option of its own) is compared as
far as it came. Listed is what differs; the exit status is 1 where anything does."""

import argparse
import collections
import difflib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

import pymysql  # noqa: E402

from harness import gate, places, servers  # noqa: E402

SECONDS = 90  # for one file
SKIPPED = 62  # the program's exit status for a file that does not apply here
# They end the server, need a debug build, or wait for a server that only their own frame starts.
LEFT_OUT = re.compile(rb"shutdown|restart_mysqld|kill_mysqld|kill_and_restart|have_debug|expect_crash|start_mysqld"
                      rb"|wait_until_disconnected|master-slave\.inc|rpl_init|have_innodb_max|restart_abort|MYSQLD_CMD"
                      rb"|restart (server|with)|dbug|force_restart|MYSQLD\b")
# After them the server gets a new folder: they write to what accounts and settings are kept in.
SPOILS = re.compile(rb"mysql\.(global_priv|user|db|proc|tables_priv|event|plugin|servers|time_zone|innodb)|use mysql"
                    rb"|install (plugin|soname)|PASSWORD|failed|corrupt", re.IGNORECASE)
OPTIONS = ["--log-bin-trust-function-creators=1", "--event-scheduler=OFF", "--local-infile=1", "--secure-file-priv=",
           "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--max-connect-errors=100000",
           "--innodb-buffer-pool-size=32M"]
INI = """[proxy]
listen = 127.0.0.1:1
max_command = 64M
unknown_user = pass
default_upstream = main
max_failed_logins = 0
{tls}[policy]
mode = log
[upstream:main]
address = 127.0.0.1:1
[service:suite]
user = root
upstream = main
owns = *.*
"""
# What its frame has in the schema `mtr`; here nobody looks at the server's log.
FRAME = ["CREATE DATABASE mtr", "CREATE TABLE mtr.global_suppressions (pattern VARCHAR(255))",
         "CREATE TABLE mtr.test_suppressions (pattern VARCHAR(255))",
         "CREATE PROCEDURE mtr.add_suppression(p VARCHAR(255)) BEGIN END",
         "CREATE PROCEDURE mtr.check_testcase() BEGIN END",
         "CREATE PROCEDURE mtr.check_warnings(OUT result INT) SET result = 0",
         # everybody may use the database test
         "INSERT INTO mysql.db SET host = '%', db = 'test', user = '', " + ", ".join(f"{one}_priv = 'Y'" for one in (
             "select", "insert", "update", "delete", "create", "drop", "references", "index", "alter",
             "create_tmp_table", "lock_tables", "create_view", "show_view", "create_routine", "event", "trigger")),
         "FLUSH PRIVILEGES"]
SYSTEM = {"mysql", "information_schema", "performance_schema", "sys", "mtr"}
THREADS = ("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user NOT IN"
           " ('system user', 'event_scheduler', '')")


class Suite:
    """A server as the suite expects it: its defaults, but for what makes it quick."""

    more = []
    in_memory = False

    def common(self):
        kept = [one for one in super().common() if one.startswith((
            "--no-defaults", "--datadir", "--socket", "--port", "--bind", "--pid-file", "--tmpdir", "--user"))]
        return [one.replace("/data", "/server/data") for one in kept] + OPTIONS

    def install(self):
        """Files reach for `../../std_data` from there."""
        super().install()
        (self.folder / "server").mkdir()
        (self.folder / "data").rename(self.folder / "server/data")

    def command(self):
        return self._base() + self.options + self.more

    def renew(self):
        """A new folder with what the frame has."""
        self.stop()
        places.remove(self.folder / "server")
        self.install()
        if not (self.folder / "std_data").exists():
            (self.folder / "std_data").symlink_to(self.folder_of_suite / "std_data")
        self.start()
        self.sql(*FRAME, *self.frame)
        self.variables = dict(self.sql(self.all_variables))
        self.known = set(self.sql(self.all_accounts))
        subprocess.run(["chmod", "-R", "a+rX", self.folder], check=True)  # the program runs as nobody

    def clear(self):
        """As after `renew`, but quicker; raises where it cannot be had so."""
        for (thread,) in self.sql(THREADS):
            try:
                self.sql(f"KILL {thread}")
            except pymysql.Error:
                pass  # it has ended
        assert places.wait_for(lambda: not self.sql(THREADS), 10), "threads do not end"
        now = dict(self.sql(self.all_variables))
        for name, value in self.variables.items():
            if now.get(name) != value:
                self._set(name, value)
        for database in [name for (name,) in self.sql("SHOW DATABASES") if name not in SYSTEM]:
            self.sql("SET foreign_key_checks = 0", "DROP DATABASE `%s`" % database.replace("`", "``"))
        for user, host, role in set(self.sql(self.all_accounts)) - self.known:
            self.sql(f"DROP ROLE `{user}`" if role else f"DROP USER '{user}'@'{host}'")
        assert not self.known - set(self.sql(self.all_accounts)), "an account is gone"
        self.sql("CREATE DATABASE test", "FLUSH TABLES", "FLUSH STATUS", *self.last)

    def _set(self, name, value):
        for text in ([value] if re.fullmatch(r"-?[0-9.]+", value) else []) + [repr(value)]:
            try:
                return self.sql(f"SET GLOBAL {name} = {text}")
            except pymysql.Error:
                pass


class MariaDB(Suite, servers.MariaDB):
    folder_of_suite = pathlib.Path("/usr/share/mysql/mysql-test")
    main = "main"
    options = ["--innodb-file-per-table", "--character-set-server=latin1", "--collation-server=latin1_swedish_ci",
               "--max-allowed-packet=16M", "--key-buffer-size=1M", "--sort-buffer-size=256K",
               "--innodb-log-file-size=16M", "--plugin-load-add=auth_ed25519", "--sql-mode=NO_ENGINE_SUBSTITUTION",
               "--default-storage-engine=MyISAM", "--loose-innodb-stats-persistent=OFF"]
    frame = ["GRANT ALL ON *.* TO root@'127.0.0.1' IDENTIFIED BY '' WITH GRANT OPTION",
             "GRANT PROXY ON ''@'%' TO root@'127.0.0.1' WITH GRANT OPTION"]
    last = ["RESET QUERY CACHE"]
    all_variables = ("SELECT variable_name, global_value FROM information_schema.system_variables WHERE read_only = 'NO'"
                     " AND global_value IS NOT NULL AND variable_name NOT LIKE 'gtid%' AND variable_name <> 'TIMESTAMP'")
    all_accounts = "SELECT user, host, JSON_VALUE(priv, '$.is_role') FROM mysql.global_priv"
    tls = "[tls]\nclient = off\n"  # as the server has none

    @staticmethod
    def client(name):
        return f"/usr/bin/mariadb{name}"

    @staticmethod
    def test_program():
        found = shutil.which("mariadb-test") or shutil.which("mysqltest")
        return [found] if found else None


class MySQL(Suite, servers.MySQL):
    folder_of_suite = pathlib.Path(os.environ.get("SILOGATE_MYSQL_SUITE", places.MYSQL_ROOT / "usr/lib/mysql-test"))
    main = "."
    options = ["--innodb-redo-log-capacity=10M", "--skip-log-bin"]
    frame = ["CREATE USER root@'127.0.0.1' IDENTIFIED BY ''", "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION",
             "GRANT PROXY ON ''@'' TO root@'127.0.0.1' WITH GRANT OPTION"]
    last = ["RESET PERSIST"]
    all_variables = ("SELECT g.variable_name, g.variable_value FROM performance_schema.global_variables g WHERE"
                     " g.variable_name NOT LIKE 'gtid%' AND g.variable_name <> 'timestamp'")
    all_accounts = "SELECT user, host, 0 FROM mysql.user"
    tls = ""

    @staticmethod
    def client(name):
        return " ".join(places.mysql_program("mysql" + name.replace("-", "")))

    @classmethod
    def test_program(cls):
        program = cls.folder_of_suite / "bin/mysqltest"
        return places.mysql_program("mysql")[:-1] + [str(program)] if program.exists() else None


KINDS = {"mariadb": MariaDB, "mysql": MySQL}


class Run:
    """What one run of a file gave."""

    def __init__(self, status, text, complaint):
        self.status, self.text, self.complaint = status, text, complaint

    def __eq__(self, other):
        return (self.status, self.text) == (other.status, other.text)


class Pair:
    """The server and the silogate before it."""

    def __init__(self, server):
        self.server = server
        self.gate = None
        self.spoilt = True
        try:
            self.server.renew()
            # By sockets on both legs, so that the server sees the same host.
            self.gate = gate.Gate(self.server, ini=INI.format(tls=server.tls), changes=(
                ("upstream:main", "address", f"unix:{server.socket}"), ("log", "repeat", "60s")))
            self.gate.uncounted = "files of the suite break connections as they like"
            self.gate.path.write_text(self.gate.ini.replace("\n[", f"\nlisten = unix:{self.gate.folder}/s\n[", 1))
            self.gate.start()
            subprocess.run(["chmod", "a+rx", self.gate.folder], check=True)
        except BaseException:
            self.remove()
            raise

    def remove(self):
        if self.gate:
            self.gate.remove()
        self.server.remove()

    def prepare(self):
        if self.gate.process.poll() is not None:
            raise RuntimeError(f"silogate has ended:\n{self.gate.log()[-3000:]}")
        try:
            if self.spoilt:
                raise AssertionError
            self.server.clear()
        except (pymysql.Error, AssertionError, OSError):
            self.server.renew()
            self.server.clear()
            assert places.wait_for(self._through, 30), f"silogate does not come back:\n{self.gate.log()[-2000:]}"
        self.spoilt = False

    def _through(self):
        try:
            pymysql.connect(host="127.0.0.1", port=self.gate.port, user="root").close()
            return True
        except pymysql.Error:
            return False

    def run(self, test, through):
        """One run in a folder of its own; its text without what must differ."""
        self.prepare()
        self.spoilt = bool(SPOILS.search(test.read_bytes()))
        port, socket = (self.gate.port, f"{self.gate.folder}/s") if through else (self.server.port, self.server.socket)
        folder = places.scratch("suite")
        try:
            for one in (folder, folder / "tmp", folder / "log"):
                one.mkdir(exist_ok=True)
                if os.geteuid() == 0:
                    shutil.chown(one, "nobody", "nogroup")
            (folder / "std_data").symlink_to(self.server.folder_of_suite / "std_data")
            return self._run(test, port, socket, folder)
        except subprocess.TimeoutExpired:
            self.spoilt = True
            return Run("no end", "", "")
        finally:
            places.remove(folder)

    def _run(self, test, port, socket, folder):
        result, log = folder / "r.result", folder / "log/r.log"  # the log: where it ended early
        # Never as root: it deletes and renames what files name.
        done = subprocess.run(
            [*self.server.test_program(), "--no-defaults", "--silent", "--host=localhost", f"--port={port}", f"--socket={socket}",
             "--user=root", "--database=test", f"--basedir={self.server.folder_of_suite}/",
             f"--tmpdir={folder}/tmp", f"--logdir={folder}/log", "--record", "--max-connect-retries=20",
             f"--result-file={result}", f"--test-file={test}"],
            cwd=self.server.folder_of_suite, env=self._environment(port, socket, folder), capture_output=True, timeout=SECONDS,
            stdin=subprocess.DEVNULL, **({"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}))
        text = "".join(one.read_text(errors="replace") for one in (result, log) if one.exists())
        for own, common in ((self.gate.port, "PORT"), (self.server.port, "PORT"), (f"{self.gate.folder}/s", "SOCKET"),
                            (self.server.socket, "SOCKET"), (folder, "FOLDER")):
            text = text.replace(str(own), common)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "TIME", text)
        text = re.sub(r"(\bid\t?\s*)\d+", r"\1N", text, flags=re.IGNORECASE)
        return Run(done.returncode, text, (done.stderr + done.stdout).decode(errors="replace")[-1000:])

    def _environment(self, port, socket, folder):
        def client(name):
            return f"{self.server.client(name)} --no-defaults --socket={socket} --port={port} --user=root"
        return dict(
            os.environ, MYSQLTEST_VARDIR=str(folder), MYSQL_TMP_DIR=f"{folder}/tmp", MYSQL_TEST_DIR=str(self.server.folder_of_suite),
            MASTER_MYPORT=str(port), DEFAULT_MASTER_PORT=str(port), MASTER_MYSOCK=socket, MYSQL=client("") + " test",
            MYSQL_DUMP=client("-dump"), MYSQL_CHECK=client("-check"), MYSQL_SHOW=client("-show"),
            MYSQL_IMPORT=client("-import"), MYSQLADMIN=client("-admin"), MYSQL_SLAP=client("-slap"),
            MYSQLD_DATADIR=f"{self.server.folder}/server/data", USE_RUNNING_SERVER="1",
            MYSQL_TEST_ROOT=str(folder), MYSQL_SHAREDIR="/usr/share/mysql", MYSQL_CHARSETSDIR="/usr/share/mysql/charsets",
            MYSQL_BINDIR="/usr", MYSQL_LIBDIR="/usr/lib", CHARSETSDIR="/usr/share/mysql/charsets", PROTOCOL="",
            MYSQLD_ERROR_LOG=str(self.server.folder / "server.out"), MYSQL_TEST_LOGIN_FILE="", SYSTEM_PROCESSES="",
            LC_ALL="C", TZ="GMT-3")


def compare(pair, test):
    """(a word, what to print)."""
    direct = pair.run(test, False)
    if direct.status == SKIPPED:
        return "does not apply", ""
    if direct.status == "no end":
        return "takes too long directly", ""
    through = pair.run(test, True)
    if direct == through:
        return ("same", "") if direct.status == 0 else ("same as far as it comes", direct.complaint[-300:].strip())
    if pair.run(test, False) != direct:
        return "differs by itself", ""
    again = pair.run(test, True)
    if again == direct:
        return "differed once", ""
    lines = difflib.unified_diff(direct.text.splitlines(), again.text.splitlines(), "direct", "through", n=2, lineterm="")
    text = [line[:300] for line in lines][:40]
    if direct.status != again.status:
        text.append(f"exit status {direct.status} and {again.status}: {again.complaint}")
    return "differs", "\n".join(text)


def folder_of(server, suite):
    folder = server.folder_of_suite / (server.main if suite == "main" else f"suite/{suite}")
    return folder / "t" if (folder / "t").is_dir() else folder


def files(server, suites, seed):
    found = [test for suite in suites for test in sorted(folder_of(server, suite).glob("*.test"))]
    random.Random(seed).shuffle(found)
    return [test for test in found if not LEFT_OUT.search(test.read_bytes())]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", choices=KINDS, default="mariadb")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suites", default="main,innodb,sys_vars")
    parser.add_argument("--option", action="append", default=[], help="of the server")
    parser.add_argument("test", nargs="*")
    arguments = parser.parse_args()
    kind = KINDS[arguments.dialect]
    if not kind.test_program() or not kind.folder_of_suite.is_dir():
        return print(f"suite: {arguments.dialect}'s test suite is not installed (docs/operations.md): nothing was compared")
    tests = files(kind, arguments.suites.split(","), arguments.seed)[arguments.start:arguments.start + arguments.count]
    if arguments.test:
        tests = [folder_of(kind, suite) / f"{name}.test"
                 for suite, _, name in (one.partition(".") for one in arguments.test)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being stopped leaves nothing running
    kind.more = arguments.option
    counts, pair = collections.Counter(), Pair(kind())
    try:
        for test in tests:
            word, text = compare(pair, test)
            counts[word] += 1
            if word not in ("same", "does not apply"):
                print(f"{word}: {test.relative_to(kind.folder_of_suite)}\n{text}".rstrip(), flush=True)
    finally:
        pair.remove()
    print("suite: " + ", ".join(f"{count} {word}" for word, count in counts.most_common()))
    return 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
