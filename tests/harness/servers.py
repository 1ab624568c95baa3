"""Private servers for the tests: a MariaDB of Debian's and a MySQL 9.7 out of its root, each in a
folder of its own on a free port, with a general log that tells what reached it."""
import fcntl
import hashlib
import os
import re
import signal
import subprocess
import time

import pymysql

from . import places

EXAMPLE = places.TOP / "examples/nilecare"
EXAMPLE_FILES = [EXAMPLE / "schema.sql", EXAMPLE / "users.sql"]
# An account for each way to log in; the password is the user's name with "-secret" behind it.
PASSWORD_SUFFIX = "-secret"


def _copy(source, target, sparse=True):
    """A data folder. Blocks of zeros, most of its logs, take no room; a server on the disk would be given it late."""
    subprocess.run(["cp", "-a", f"--sparse={'always' if sparse else 'never'}", source, target], check=True, timeout=120)


def _example_now():
    """Stands for the example and its accounts as they are now."""
    files = [path.read_bytes() for path in (*EXAMPLE_FILES, places.TOP / "tests/harness/servers.py")]
    return hashlib.sha256(b"".join(files)).hexdigest()[:12]


class Server:
    """One server. `sql` runs statements as its root; `log` tells what reached it."""

    name = dialect = None
    in_memory = True        # its data, where there is room
    copies_example = True   # rather than loading the example, which a binary log has to see

    def __init__(self):
        self.folder = places.scratch(self.name)
        self.memory = places.memory_scratch() if self.in_memory else None
        self.data = (self.memory or self.folder) / "data"
        self.port = places.free_port()
        self.socket = str(self.folder / "s")
        self.log_file = self.folder / "general.log"
        self.process = None

    def install(self, example=False):
        """Its data folder: a copy of one that is made once for each kind and version, and started once,
        so that its keys and logs are there; one with the example in it is made of that."""
        _copy(self._template(example), self.data, sparse=self.memory)

    def _template(self, example):
        plain = self._template(False) if example else None
        program = os.stat(self.program()[-1])
        where = places.BUILD / "servers"
        where.mkdir(parents=True, exist_ok=True)
        made = where / f"{self.name}-{program.st_mtime_ns:x}-{program.st_size:x}-{os.geteuid()}"
        if example:
            made = made.with_name(f"{made.name}-{_example_now()}")
        with open(where / f"{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                one = type(self).__mro__[-3]()  # MariaDB or MySQL, as it is without a test's own options
                try:
                    if example:
                        _copy(plain, one.data)
                    else:
                        one.initialize()
                    one.start()
                    if example:
                        one.load_example()
                    one.stop()
                    (one.data / "auto.cnf").unlink(missing_ok=True)  # each copy is a server of its own
                    part = made.with_name(made.name + ".part")
                    for old in [part, *(where.glob(f"{plain.name}-*") if example else ())]:
                        places.remove(old)  # of a run that was killed, and of an example that was
                    _copy(one.data, part)
                    part.rename(made)
                finally:
                    one.remove()
        return made

    # Half of what a start takes is memory that is touched once.
    memory_options = [
        "--innodb-buffer-pool-size=24M", "--innodb-log-buffer-size=1M", "--table-open-cache=400",
        "--table-definition-cache=400", "--performance-schema-max-table-instances=500",
        "--performance-schema-max-table-handles=500", "--performance-schema-digests-size=200",
        *(f"--performance-schema-events-{one}-history-long-size=10"
          for one in ("waits", "statements", "stages", "transactions"))]

    def initialize(self):
        """A new data folder, made by the server's own program."""
        raise NotImplementedError

    def program(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def common(self):
        (self.folder / "tmp").mkdir(exist_ok=True)
        options = [
            "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
            "--general-log=1", f"--general-log-file={self.log_file}", "--log-output=FILE",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync", "--innodb-doublewrite=0",  # a test outlives no power cut
            *self.memory_options,
            "--skip-log-bin", "--local-infile=1", "--max-allowed-packet=128M",
            "--max-connections=400", "--secure-file-priv=", "--performance-schema=1",
            "--max-connect-errors=100", "--skip-name-resolve",
            # A MariaDB that starts deletes what looks like its own temporary files: each has a folder.
            f"--tmpdir={self.folder}/tmp",
        ]
        if os.geteuid() == 0:
            options.append("--user=root")
        return options

    def start(self):
        with open(self.folder / "server.out", "ab") as out:
            self.process = subprocess.Popen([*places.WITH_US, *self.command()], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        ready = places.wait_for(self._ready, 60)
        if not ready:
            text = (self.folder / "server.out").read_text(errors="replace")[-3000:]
            self.stop()
            raise RuntimeError(f"{self.name} does not start:\n{text}")

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "server.out").read_text(errors="replace")[-3000:])
        try:
            self.root().close()
            return True
        except pymysql.Error:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self):
        self.stop(signal.SIGKILL)  # nobody reads what it would write at its end
        places.remove(self.folder)
        if self.memory:
            places.remove(self.memory)

    def root(self, **options):
        """A connection as root, past silogate."""
        return pymysql.connect(unix_socket=self.socket, user="root", autocommit=True, connect_timeout=60,
                               **options)

    def sql(self, *statements):
        """Runs each as root; the rows of the last."""
        connection = self.root()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def end_sessions(self, *users):
        """Where a test has failed they are still there, with their locks."""
        for number, in self.sql(f"SELECT id FROM information_schema.processlist WHERE user IN {(*users, '')}"):
            try:
                self.sql(f"KILL {number}")
            except pymysql.Error:
                pass  # it has ended by itself

    def load(self, *paths):
        """Runs SQL files as root."""
        for path in paths:
            with open(path, "rb") as file:
                subprocess.run(["mariadb", "--no-defaults", "-uroot", f"-S{self.socket}"],
                               stdin=file, check=True, timeout=120)

    def load_example(self):
        """NileCare's example and the accounts of `accounts`."""
        self.load(*EXAMPLE_FILES)
        for user, identified in self.accounts().items():
            self.sql(f"CREATE USER {user}@'%' {identified}", f"GRANT ALL ON *.* TO {user}@'%'")
        self.example_is_loaded()

    def example_is_loaded(self):
        """What `restore` compares with."""
        self.extra_users = list(self.accounts())
        self.loaded = self.contents()

    def contents(self):
        """All that tests can leave behind: objects by name, tables and accounts by checksum."""
        foreign = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
        tables = self.sql("SELECT table_schema, table_name, table_type FROM information_schema.tables"
                          f" WHERE table_schema {foreign} ORDER BY 1, 2")
        routines = self.sql("SELECT routine_schema, routine_name FROM information_schema.routines"
                            f" WHERE routine_schema {foreign} ORDER BY 1, 2")
        triggers = self.sql("SELECT trigger_schema, trigger_name FROM information_schema.triggers"
                            f" WHERE trigger_schema {foreign} ORDER BY 1, 2")
        events = self.sql("SELECT event_schema, event_name FROM information_schema.events ORDER BY 1, 2")
        databases = self.sql(f"SELECT schema_name FROM information_schema.schemata"
                             f" WHERE schema_name {foreign} ORDER BY 1")
        names = [f"`{one[0]}`.`{one[1]}`" for one in tables if one[2] == "BASE TABLE"]
        names += [f"mysql.{one}" for one in self.account_tables]
        sums = self.sql(f"CHECKSUM TABLE {', '.join(names)}")
        return tables, routines, triggers, events, databases, sums

    def restore(self):
        """Loads the example again, if a test has left anything behind."""
        found = self.contents()
        if found == self.loaded:
            return
        users = self.sql("SELECT user, host FROM mysql.user WHERE user NOT LIKE 'mysql%'"
                         " AND user NOT LIKE 'mariadb.%' AND user NOT IN ('root', '', 'PUBLIC')")
        self.sql("SET foreign_key_checks = 0", *(f"DROP DATABASE `{one[0]}`" for one in found[4]),
                 *(f"DROP USER '{user}'@'{host}'" for user, host in users), "FLUSH PRIVILEGES")
        self.load_example()

    def threads(self):
        """Connections that are open besides the one that asks."""
        return self.sql("SELECT COUNT(*) FROM information_schema.processlist"
                        " WHERE user <> 'event_scheduler' AND id <> CONNECTION_ID()")[0][0]

    def mark(self):
        """Where the general log ends now: to be given to `log`."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0

    def log(self, mark=0):
        """What has reached the server since `mark`, as one text. A mark of its own is sent first and
        waited for, so that what was sent before it is in."""
        word = f"mark {time.monotonic_ns()}"
        self.sql(f"DO '{word}'")
        text = places.wait_for(lambda: self._log_up_to(mark, word))
        assert text, "the general log does not come"
        return text

    def _log_up_to(self, mark, word):
        with open(self.log_file, "rb") as file:
            file.seek(mark)
            text = file.read().decode("utf-8", "replace")
        return text[:text.index(word)] if word in text else None

    def saw(self, text, mark=0):
        return text in self.log(mark)


class MariaDB(Server):
    name = dialect = "mariadb"
    account_tables = ["global_priv", "db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv",
                      "roles_mapping"]

    def program(self):
        return places.mariadb_program("mariadbd")

    def _base(self):
        return self.program() + self.common() + places.mariadb_folders()

    def initialize(self):
        if places.MARIADB_FOLDER:
            return places.mariadb_install(self._base(), self.data)
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}",
                   "--auth-root-authentication-method=normal", "--skip-test-db", "--force",
                   "--innodb-buffer-pool-size=32M", f"--tmpdir={self.folder}/tmp"]
        (self.folder / "tmp").mkdir(exist_ok=True)
        if os.geteuid() == 0:
            command.append("--user=root")
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def command(self):
        parsec = ["--plugin-load-add=auth_parsec"] if places.MARIADB_FOLDER else []
        return self._base() + ["--plugin-load-add=auth_ed25519", *parsec, "--host-cache-size=0",
                               "--innodb-log-file-size=64M"]

    def accounts(self):
        users = {"native_user": "IDENTIFIED BY 'native_user-secret'",
                 "ed25519_user": "IDENTIFIED VIA ed25519 USING PASSWORD('ed25519_user-secret')",
                 "empty_user": "IDENTIFIED BY ''"}
        if self.sql("SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'parsec'"):
            users["parsec_user"] = "IDENTIFIED VIA parsec USING PASSWORD('parsec_user-secret')"
        return users


class SecureMariaDB(MariaDB):
    """With a certificate out of the folder that tests/certificates fills."""

    def __init__(self, certificates):
        super().__init__()
        self.certificates = certificates

    def command(self):
        return super().command() + [f"--ssl-cert={self.certificates}/rsa.pem",
                                    f"--ssl-key={self.certificates}/rsa.key",
                                    f"--ssl-ca={self.certificates}/ca.pem"]


class MySQL(Server):
    name = dialect = "mysql"
    account_tables = ["user", "global_grants", "db", "tables_priv", "columns_priv", "procs_priv",
                      "proxies_priv", "role_edges", "default_roles"]

    def program(self):
        return places.mysql_program("mysqld")

    def _base(self):
        root = places.MYSQL_ROOT
        return self.program() + self.common() + [
            f"--basedir={root}/usr", f"--lc-messages-dir={root}/usr/share/mysql",
            f"--character-sets-dir={root}/usr/share/mysql/charsets",
            f"--plugin-dir={root}/usr/lib/mysql/plugin", "--mysqlx=OFF", "--skip-name-resolve"]

    def initialize(self):
        subprocess.run(self._base() + ["--initialize-insecure"], check=True, capture_output=True,
                       timeout=120)

    def command(self):
        return self._base()

    def accounts(self):
        return {"sha2_user": "IDENTIFIED WITH caching_sha2_password BY 'sha2_user-secret'",
                "empty_user": "IDENTIFIED BY ''"}

    def one_price(self):
        """A page costs the same on disk and in memory; or costs would tell what was read just before."""
        self.sql("UPDATE mysql.engine_cost SET cost_value = 0.25 WHERE cost_name = 'io_block_read_cost'", "FLUSH OPTIMIZER_COSTS")

    def forget_passwords(self):
        """Empties caching_sha2_password's cache: the next login is a full one."""
        self.sql("FLUSH PRIVILEGES")


KINDS = {"mariadb": MariaDB, "mysql": MySQL}


class FoldingMariaDB(MariaDB):
    """Names are compared without case."""

    def command(self):
        return super().command() + ["--lower-case-table-names=1"]


class FoldingMySQL(MySQL):
    """Its dictionary is made for that, so it is not a copy of the others'."""

    def install(self, example=False):
        self.initialize()

    def _base(self):
        return super()._base() + ["--lower-case-table-names=1"]


FOLDING = {"mariadb": FoldingMariaDB, "mysql": FoldingMySQL}


def start_with_example(server):
    """Installs and starts it, with NileCare's example and the accounts of `accounts`."""
    try:
        server.install(server.copies_example)
        server.start()
        if server.copies_example:
            server.example_is_loaded()
        else:
            server.load_example()
    except BaseException:
        server.remove()
        raise
    return server


def new(kind):
    """A running server with NileCare's example and the accounts of `accounts`."""
    return start_with_example(KINDS[kind]())


def password(user):
    """The password of an account of the example or of `accounts`."""
    if user == "empty_user":
        return ""
    return user + PASSWORD_SUFFIX


def version_of(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
