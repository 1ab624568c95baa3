"""The same statement through clients of every kind, with the same answer's shape: rows as lists of
strings (NULL is None), or the error's number and message."""
import json
import os
import select
import subprocess
import threading
import xml.etree.ElementTree as xml

import pymysql

from . import built, places, servers


class Answer:
    """What a client saw of one statement: rows, or error and message."""

    def __init__(self, rows=None, error=None, message=""):
        self.rows, self.error, self.message = rows, error, message

    def __repr__(self):
        return f"Answer(rows={self.rows!r}, error={self.error!r}, message={self.message!r})"

    @property
    def value(self):
        return self.rows[0][0]


def _text(value):
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Client:
    """`parameters`: whether the statement's `?` take values, by a prepared statement on the server.
    `tls`: a CA's certificate to verify the server with, False to go without, None for the client's
    own default."""

    name = None
    parameters = False
    servers = ("mariadb", "mysql")

    def __call__(self, port, user, statement, values=(), database="nilecare", password=None,
                 tls=None):
        password = servers.password(user) if password is None else password
        return self.run(port, user, password, database, statement, list(values), tls)

    def run(self, port, user, password, database, statement, values, tls):
        raise NotImplementedError


class CommandLine(Client):
    """The mariadb and mysql command lines, whose XML output keeps NULL apart. `secure` and `plain` are
    the options that ask for TLS or go without."""

    def __init__(self, name, program, options=(), only=None, secure=(), plain=()):
        self.name, self.program, self.options = name, program, list(options)
        self.servers = only or self.servers
        self.secure, self.plain = list(secure), list(plain)

    def run(self, port, user, password, database, statement, values, tls):
        command = [*self.program(), "--no-defaults", "-h127.0.0.1", f"-P{port}", f"-u{user}",
                   "--xml", "--connect-timeout=20", *self.options]
        if tls is not None:
            command += [*self.secure, f"--ssl-ca={tls}"] if tls else self.plain
        if database:
            command.append(database)
        done = subprocess.run(command + ["-e", statement], capture_output=True, timeout=60,
                              env=dict(os.environ, MYSQL_PWD=password, **places.mariadb_environment()))
        error = done.stderr.decode("utf-8", "replace")
        if done.returncode != 0:
            words = error[error.find("ERROR "):].split()
            number = int(words[1]) if len(words) > 1 and words[1].isdigit() else -1
            return Answer(error=number, message=error)
        if not done.stdout.strip():
            return Answer(rows=[])
        try:
            whole = xml.fromstring(done.stdout)
        except xml.ParseError:  # bytes that XML cannot hold
            return Answer(rows=[[_text(done.stdout)]])
        rows = []
        for row in whole.iter("row"):
            rows.append([None if any(key.endswith("nil") for key in field.keys())
                         else field.text or "" for field in row])
        return Answer(rows=rows)


class Python(Client):
    name = "pymysql"

    def run(self, port, user, password, database, statement, values, tls):
        secure = dict(ssl_ca=str(tls), ssl_verify_cert=True) if tls else {}
        try:
            connection = pymysql.connect(host="127.0.0.1", port=port, user=user, password=password,
                                         database=database, autocommit=True, **secure)
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return Answer(rows=[[_text(value) for value in row] for row in cursor.fetchall()])
        except pymysql.Error as error:
            return Answer(error=error.args[0], message=str(error.args[-1]))
        except RuntimeError as error:  # a plugin whose Python package is not here
            return Answer(error=-1, message=str(error))


class Program(Client):
    """A program that prints one JSON object: the rows, or the error."""

    def __init__(self, name, command, way, parameters=False, only=None):
        self.name, self.command, self.way, self.parameters = name, command, way, parameters
        self.servers = only or self.servers

    def run(self, port, user, password, database, statement, values, tls):
        asked = dict(way=self.way, port=port, user=user, password=password,
                     database=database or "", statement=statement, values=values)
        if tls is not None:
            asked["tls"] = str(tls) if tls else ""
        done = subprocess.run([*self.command(), json.dumps(asked)], capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, **places.mariadb_environment()))
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
        return Answer(**json.loads(done.stdout))


class Node(Client):
    """One of Node's clients. One node runs them all: to start one takes as long as ten logins."""

    process, number, lock = None, 0, threading.Lock()

    def __init__(self, way, parameters=False, only=None):
        self.name, self.way, self.parameters = f"node-{way}", way, parameters
        self.servers = only or self.servers

    def run(self, port, user, password, database, statement, values, tls):
        asked = dict(way=self.way, port=port, user=user, password=password,
                     database=database or "", statement=statement, values=values)
        if tls:
            asked["tls"] = str(tls)
        with self.lock:
            Node.number += 1
            answer = json.loads(self._ask(json.dumps(dict(asked, number=Node.number)) + "\n"))
            if answer.pop("number") != Node.number:
                raise RuntimeError(f"{self.name}: an answer to an earlier statement: {answer}")
            if answer.pop("ends", False):  # it has met what nobody catches
                Node.process.communicate(timeout=60)
                Node.process = None
        return Answer(**answer)

    def _ask(self, line):
        if not Node.process:
            Node.process = subprocess.Popen(
                ["node", str(places.TOP / "tests/harness/client.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=dict(os.environ, NODE_PATH=str(places.NODE_MODULES)), preexec_fn=places.end_with_us)
        Node.process.stdin.write(line.encode())
        Node.process.stdin.flush()
        answer = b""
        while not answer.endswith(b"\n"):
            ready = select.select([Node.process.stdout], [], [], 60)[0]
            some = os.read(Node.process.stdout.fileno(), 65536) if ready else b""
            if not some:
                Node.process.kill()
                code, Node.process = Node.process.wait(), None
                raise RuntimeError(f"{self.name}: {f'exit {code}' if ready else 'no answer'}: {answer!r}")
            answer += some
        return answer


def c_client(library):
    """The C client against MariaDB's or MySQL's library."""
    source = places.TOP / "tests/harness/client.c"
    libraries = places.MYSQL_ROOT / "usr/lib/x86_64-linux-gnu"
    flags = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1"]

    def for_mysql(program):
        headers = program.with_name("mysql-include") # MySQL's headers alone, without their root's libc
        headers.mkdir(exist_ok=True)
        if not (headers / "mysql").is_symlink():
            (headers / "mysql").symlink_to(places.MYSQL_ROOT / "usr/include/mysql")
        subprocess.run([*flags, "-isystem", headers, "-isystem", headers / "mysql", source, "-o", program,
                        libraries / "libmysqlclient.so", "-Wl,--allow-shlib-undefined", "-ljansson"],
                       check=True, timeout=120)

    def for_mariadb(program):
        subprocess.run([*flags, "-isystem", "/usr/include/mariadb", source, "-o", program, "-lmariadb",
                        "-ljansson"], check=True, timeout=120)

    if library == "mariadb":
        return [str(built.once("client-mariadb", [source], for_mariadb))]
    program = built.once("client-mysql", [source, libraries / "libmysqlclient.so"], for_mysql)
    return [str(places.MYSQL_ROOT / "lib64/ld-linux-x86-64.so.2"), "--library-path",
            f"{libraries}:{places.MYSQL_ROOT}/usr/lib/mysql/private:/usr/lib/x86_64-linux-gnu", str(program)]


MARIADB_CLI = CommandLine("mariadb-cli", lambda: places.mariadb_program("mariadb"),
                          secure=["--ssl", "--ssl-verify-server-cert"], plain=["--skip-ssl"])
# MySQL's own clients have lost mysql_native_password in 9.0: no MariaDB 10.11 lets them in.
MYSQL_CLI = CommandLine("mysql-cli", lambda: places.mysql_program("mysql"),
                        ["--get-server-public-key"], only=("mysql",),
                        secure=["--ssl-mode=VERIFY_CA"], plain=["--ssl-mode=DISABLED"])
PYMYSQL = Python()
MYSQL2 = Node("mysql2")
MYSQL2_EXECUTE = Node("mysql2-execute", parameters=True)
NODE_MARIADB = Node("mariadb")
NODE_MARIADB_EXECUTE = Node("mariadb-execute", parameters=True)
# Knows neither CLIENT_PLUGIN_AUTH nor caching_sha2_password.
NODE_MYSQL = Node("mysql", only=("mariadb",))
C_MARIADB = Program("c-mariadb", lambda: c_client("mariadb"), "text")
C_MARIADB_PREPARED = Program("c-mariadb-prepared", lambda: c_client("mariadb"), "prepared", True)
C_MYSQL = Program("c-mysql", lambda: c_client("mysql"), "text", only=("mysql",))
C_MYSQL_PREPARED = Program("c-mysql-prepared", lambda: c_client("mysql"), "prepared", True,
                           only=("mysql",))

ALL = [MARIADB_CLI, MYSQL_CLI, PYMYSQL, MYSQL2, MYSQL2_EXECUTE, NODE_MARIADB, NODE_MARIADB_EXECUTE,
       C_MARIADB, C_MARIADB_PREPARED, C_MYSQL, C_MYSQL_PREPARED]
