#!/usr/bin/python3
"""Records what real servers answer: record.py > recorded.def

Starts a private MySQL and MariaDB, speaks the protocol in raw bytes, and takes for an answer whatever
has come until the server says nothing more: where it ends is so known without the tracker.
"""
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))
from tests.harness import servers  # noqa: E402

# As in protocol/capabilities.h.
FLAGS = {
    "LONG_PASSWORD": 0, "LOCAL_FILES": 7, "PROTOCOL_41": 9, "TRANSACTIONS": 13,
    "SECURE_CONNECTION": 15, "MULTI_STATEMENTS": 16, "MULTI_RESULTS": 17, "PS_MULTI_RESULTS": 18,
    "PLUGIN_AUTH": 19, "SESSION_TRACK": 23, "DEPRECATE_EOF": 24, "OPTIONAL_RESULTSET_METADATA": 25,
    "MARIADB_PROGRESS": 32, "MARIADB_STMT_BULK_OPERATIONS": 34, "MARIADB_EXTENDED_METADATA": 35,
    "MARIADB_CACHE_METADATA": 36,
}
ALWAYS = ["LOCAL_FILES", "PROTOCOL_41", "TRANSACTIONS", "SECURE_CONNECTION", "MULTI_STATEMENTS",
          "MULTI_RESULTS", "PS_MULTI_RESULTS", "PLUGIN_AUTH"]
SETS = {
    "mysql": [[], ["DEPRECATE_EOF", "SESSION_TRACK"], ["OPTIONAL_RESULTSET_METADATA"],
              ["OPTIONAL_RESULTSET_METADATA", "DEPRECATE_EOF"]],
    "mariadb": [[], ["DEPRECATE_EOF", "SESSION_TRACK"],
                ["MARIADB_PROGRESS", "MARIADB_STMT_BULK_OPERATIONS", "MARIADB_EXTENDED_METADATA",
                 "MARIADB_CACHE_METADATA"],
                ["DEPRECATE_EOF", "MARIADB_PROGRESS", "MARIADB_STMT_BULK_OPERATIONS",
                 "MARIADB_CACHE_METADATA"]],
}
BEFORE = """
    CREATE DATABASE IF NOT EXISTS shop; USE shop;
    CREATE OR REPLACE VIEW nothing AS SELECT 1;
    DROP TABLE IF EXISTS item; CREATE TABLE item (id INT PRIMARY KEY, name TEXT);
    INSERT INTO item VALUES (1, 'a'), (7, 'b');
    DROP PROCEDURE IF EXISTS walk; DROP PROCEDURE IF EXISTS add_one; DROP FUNCTION IF EXISTS seven;
"""
ROUTINES = [
    "CREATE PROCEDURE walk() BEGIN DECLARE x INT; DECLARE c CURSOR FOR SELECT 7; OPEN c;"
    " FETCH c INTO x; SELECT x; CLOSE c; SELECT x+1; END",
    "CREATE PROCEDURE add_one(IN i INT, OUT o INT) BEGIN SET o=i+1; SELECT 5; END",
    "CREATE FUNCTION seven() RETURNS INT DETERMINISTIC READS SQL DATA BEGIN DECLARE x INT;"
    " DECLARE c CURSOR FOR SELECT 7; OPEN c; FETCH c INTO x; CLOSE c; RETURN x; END",
]


class Raw:
    """One session in raw bytes."""

    def __init__(self, server, flags):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(server.socket)
        is_mariadb = server.name == "mariadb"
        names = ALWAYS + flags + ([] if is_mariadb else ["LONG_PASSWORD"])
        self.flags = sum(1 << FLAGS[name] for name in names)
        self.greeting = self._packet()
        plugin = b"mysql_native_password" if is_mariadb else b"caching_sha2_password"
        self._send(struct.pack("<IIB", self.flags & 0xffffffff, 1 << 24, 45) + bytes(19) +
                   struct.pack("<I", self.flags >> 32) + b"root\0\0" + plugin + b"\0", 1)
        answer = self._packet()
        while answer[4] != 0:
            if answer[4] == 0xff:
                raise RuntimeError(answer)
            self._send(b"", answer[3] + 1)
            answer = self._packet()

    def _exactly(self, size):
        found = b""
        while len(found) < size:
            found += self.socket.recv(size - len(found))
        return found

    def _packet(self):
        header = self._exactly(4)
        return header + self._exactly(int.from_bytes(header[:3], "little"))

    def _send(self, payload, sequence=0):
        self.socket.sendall(len(payload).to_bytes(3, "little") + bytes([sequence]) + payload)

    def _until_silence(self, seconds):
        found = b""
        self.socket.settimeout(seconds)
        try:
            while True:
                part = self.socket.recv(1 << 16)
                if not part:
                    break
                found += part
        except TimeoutError:
            pass
        self.socket.settimeout(None)
        return found

    def ask(self, code, payload=b"", seconds=0.2):
        self._send(bytes([code]) + payload)
        return self._until_silence(seconds)

    def query(self, text, seconds=0.2):
        return self.ask(3, text.encode(), seconds)

    def prepare(self, text):
        answer = self.ask(0x16, text.encode())
        return answer, answer[5:9]

    def execute(self, statement, cursor=0, parameters=b""):
        return self.ask(0x17, statement + bytes([cursor, 1, 0, 0, 0]) + parameters)

    def file(self, text):
        first = self.query(text)
        self._send(b"20\tfile\n", first[3] + 1)
        self._send(b"", first[3] + 2)
        return first + self._until_silence(0.2)


def answers(raw, is_mariadb):
    """Each: name, what the tracker is told to expect, results, error, bytes."""
    two = b"\0\1\3\0\3\0" + struct.pack("<ii", 1, 7)
    yield "rows", "RESULTS", 1, 0, raw.query("SELECT id, name, NULL FROM item")
    yield "no rows", "RESULTS", 1, 0, raw.query("SELECT id FROM item WHERE id = 99")
    yield "ok", "RESULTS", 1, 0, raw.query("UPDATE item SET name = 'c' WHERE id = 1")
    yield "error", "RESULTS", 0, 1146, raw.query("SELECT * FROM missing")
    yield "error behind columns", "RESULTS", 0, 1242, raw.query(
        "SELECT (SELECT id FROM item) FROM item")
    yield "several", "RESULTS", 3, 1064, raw.query(
        "SET NAMES utf8mb4; USE shop; SELECT 1; nonsense")
    yield "use", "RESULTS", 1, 0, raw.query("USE mysql")
    yield "init_db", "OK", 1, 0, raw.ask(2, b"shop")
    yield "call with a cursor inside", "RESULTS", 3, 0, raw.query("CALL walk()")
    yield "file", "RESULTS", 1, 0, raw.file("LOAD DATA LOCAL INFILE 'x' INTO TABLE item")
    yield "field list", "FIELDS", 1, 0, raw.ask(4, b"item\0")
    yield "statistics", "STRING", 1, 0, raw.ask(9)
    yield "ping", "OK", 1, 0, raw.ask(0x0e)
    yield "set option", "OK", 1, 0, raw.ask(0x1b, b"\0\0")
    raw.ask(0x1b, b"\0\0")
    answer, statement = raw.prepare("SELECT ? a, name FROM item WHERE id >= ?")
    yield "prepare", "PREPARE", 1, 0, answer
    yield "execute", "RESULTS", 1, 0, raw.execute(statement, 0, two)
    yield "execute again", "RESULTS", 1, 0, raw.execute(statement, 0, two)
    yield "cursor", "CURSOR", 1, 0, raw.execute(statement, 1, two)
    yield "fetch", "FETCH", 1, 0, raw.ask(0x1c, statement + b"\1\0\0\0")
    yield "fetch the rest", "FETCH", 1, 0, raw.ask(0x1c, statement + b"\x10\0\0\0")
    yield "fetch nothing", "FETCH", 0, 1421, raw.ask(0x1c, statement + b"\x10\0\0\0")
    yield "reset", "OK", 1, 0, raw.ask(0x1a, statement)
    answer, statement = raw.prepare("DO ?")
    yield "prepare without columns", "PREPARE", 1, 0, answer
    answer, statement = raw.prepare("SELECT name FROM item WHERE id = seven()")
    yield "prepare without parameters", "PREPARE", 1, 0, answer
    yield "a function's cursor", "RESULTS", 1, 0, raw.execute(statement)
    answer, statement = raw.prepare("CALL walk()")
    yield "prepare a call", "PREPARE", 1, 0, answer
    yield "execute a call with a cursor inside", "RESULTS", 3, 0, raw.execute(statement)
    yield "the same, a cursor asked for", "CURSOR", 3, 0, raw.execute(statement, 1)
    answer, statement = raw.prepare("CALL add_one(?, ?)")
    yield "out parameters", "RESULTS", 3, 0, raw.execute(statement, 0, two)
    yield "prepare fails", "PREPARE", 0, 1146, raw.prepare("SELECT * FROM missing")[0]
    if not is_mariadb and raw.flags >> FLAGS["OPTIONAL_RESULTSET_METADATA"] & 1:
        raw.query("SET resultset_metadata = NONE")
        yield "no metadata", "RESULTS", 1, 0, raw.query("SELECT id, name FROM item")
        yield "no metadata, no rows", "RESULTS", 1, 0, raw.query("SELECT 1 FROM item WHERE id = 99")
        answer, statement = raw.prepare("SELECT ? a, name FROM item WHERE id >= ?")
        yield "prepare without metadata", "PREPARE", 1, 0, answer
        yield "execute without metadata", "RESULTS", 1, 0, raw.execute(statement, 0, two)
        yield "cursor without metadata", "CURSOR", 1, 0, raw.execute(statement, 1, two)
        yield "fields without metadata", "FIELDS", 1, 0, raw.ask(4, b"item\0")
    if raw.flags >> FLAGS["MARIADB_STMT_BULK_OPERATIONS"] & 1:
        _, statement = raw.prepare("INSERT INTO item VALUES (?, ?)")
        yield "bulk", "RESULTS", 1, 0, raw.ask(
            0xfa, statement + b"\x80\0\3\0\xfe\0\0\x65\0\0\0\0\1x\0\x66\0\0\0\0\1y")
        _, statement = raw.prepare("INSERT INTO item VALUES (?, ?) RETURNING id")
        yield "bulk with rows", "RESULTS", 1, 0, raw.ask(
            0xfa, statement + b"\x80\0\3\0\xfe\0\0\x67\0\0\0\0\1x\0\x68\0\0\0\0\1y")
        raw.query("SET progress_report_time = 1")
        raw.query("CREATE OR REPLACE TABLE big AS SELECT seq, REPEAT('x', 200) p"
                  " FROM seq_1_to_400000", 8)
        yield "progress", "RESULTS", 1, 0, raw.query(
            "ALTER TABLE big ADD INDEX (p), ALGORITHM=COPY", 8)
        raw.query("DROP TABLE big", 2)


def c_string(data):
    text = data.hex()
    return "\n".join(f'     "{text[i:i + 92]}"' for i in range(0, len(text), 92))


def main():
    print("/* Made by record.py: what real servers have answered; rows of struct recorded. */")
    for kind in ("mysql", "mariadb"):
        server = servers.KINDS[kind]()
        try:
            server.install()
            server.start()
            for flags in SETS[kind]:
                first = Raw(server, [])
                first.query(BEFORE, 1)
                for routine in ROUTINES:
                    first.query(routine)
                raw = Raw(server, flags)
                raw.query("USE shop")
                for name, expected, results, error, data in answers(raw, kind == "mariadb"):
                    print(f'    {{"{kind}: {name}", ANSWER_{expected}, {hex(raw.flags)}, {results},'
                          f" {error},\n{c_string(data)}}},")
        finally:
            server.remove()


if __name__ == "__main__":
    main()
