"""One script on both sides, packet by packet. A side is a session in raw bytes: straight to the server,
or through silogate. What a side saw is a list of (what was asked, the packets that came)."""
import contextlib
import re
import struct

from harness import gate as gates, servers, wire

from . import cases

# MySQL 9.7 and MariaDB 10.11 both die of a cursor over some other statement (MySQL of EXPLAIN), and
# silogate asks for one with these alone.
CURSORS = ("SELECT", "WITH", "VALUES", "TABLE")
AGAIN = 3  # how often the server is asked again, where something differs
EXTENDED = wire.MARIADB_BULK | wire.MARIADB_CACHE_METADATA | 1 << 35 | 1 << 32
_PLAIN = wire.USUAL & ~wire.SESSION_TRACK & ~wire.DEPRECATE_EOF
_NEW = wire.LONG_PASSWORD  # off: MariaDB's extended capabilities are told
# As tests/unit/protocol/record.py has them: (capabilities, extended).
SETS = {
    "mysql": [(_PLAIN, 0), (wire.USUAL, 0), (_PLAIN | wire.OPTIONAL_METADATA, 0),
              (wire.USUAL | wire.OPTIONAL_METADATA | wire.QUERY_ATTRIBUTES, 0),
              (wire.USUAL | wire.FOUND_ROWS, 0)],
    "mariadb": [(_PLAIN & ~_NEW, 0), (wire.USUAL, 0), (_PLAIN & ~_NEW, EXTENDED),
                (wire.USUAL & ~_NEW, EXTENDED), (wire.USUAL | wire.FOUND_ROWS, 0)],
}


def statement_ids(asked, packets):
    """The answer of COM_STMT_PREPARE, and errors about a statement, without the statement's id."""
    out = []
    for sequence, payload in packets:
        if asked.startswith("prepare ") and sequence == 2 and payload[:1] == b"\0":
            payload = payload[:1] + bytes(4) + payload[5:]
        elif payload[:1] == b"\xff":
            payload = re.sub(rb"tatement \(\d+\)", b"tatement", payload)
        elif asked.startswith(("SHOW ", "execute")):  # a row, with its length before it
            payload = re.sub(rb"(?s).The statement \(\d+\)", b"The statement", payload)
        out.append((sequence, payload))
    return out


def dialogue(asked, packets):
    """The end of an authentication without what led to it."""
    return [packets[-1][1]] if asked == "change user" else packets


def statement_numbers(_, packets):
    """OK packets that tell of all variables, field by field, without statement_id."""
    out = []
    for sequence, payload in packets:
        if b"\x0cstatement_id" in payload and payload[0] in (0, 0xfe):
            ok = wire.Ok(payload, wire.SESSION_TRACK)
            payload = (ok.header, ok.affected, ok.insert_id, ok.status, ok.warnings, ok.info,
                       [(kind, change) for kind, change in ok.changes()
                        if not change.startswith(b"\x0cstatement_id")])
        out.append((sequence, payload))
    return out


# What differs, and why; nothing else may. Each: name, the server, the reason, and what takes it out of
# the packets. silogate's own thread id is in the greeting alone, which is compared elsewhere;
# CONNECTION_ID() is the server's on both sides, and so not asked here.
# Errors that silogate gives itself (blocked, or a statement it never saw prepared) are not in the
# server's diagnostics: SHOW WARNINGS behind one is not asked here.
EXPLAINED = [
    ("statement ids", "mariadb", "MariaDB goes on counting where the session before has stopped that its"
     " thread served, MySQL counts each session's own", statement_ids),
    ("statement_id", "mysql", "a variable that counts the statements of all sessions, and is told with"
     " session_track_system_variables = '*'", statement_numbers),
    ("dialogue of COM_CHANGE_USER", "both", "nonces are random, and silogate has the server name the"
     " account's plugin: one AuthSwitchRequest more than where the client guesses it", dialogue),
]


def without_explained(server, seen):
    asked, packets = seen
    for _, kind, _, take_out in EXPLAINED:
        if kind in (server.name, "both"):
            packets = take_out(asked, packets)
    return asked, packets
USER = {"mysql": "sha2_user", "mariadb": "native_user"}


def ini(server):
    """A service that owns all that the scripts touch, and is judged in `block`."""
    return f"""[proxy]
listen = 127.0.0.1:1
admin = off
[policy]
mode = block
unowned = allow
administration = allow
undetermined = allow
[upstream:main]
address = 127.0.0.1:1
[log]
violations = stdout
[service:side]
user = {USER[server.name]}
user = {server.extra_users[-1]}
upstream = main
owns = side.*
owns = side_two.*
owns = side_gone.*
owns = no_such_schema.*
owns = none.*
"""


class Side(wire.Wire):
    """A session that keeps every packet it is sent."""

    def __init__(self, port, capabilities, extended):
        super().__init__(port, capabilities, extended)
        self.seen, self.packets = [], None

    def receive(self):
        payload = super().receive()
        while payload[:3] == b"\xff\xff\xff":  # MariaDB's progress report: as often as it likes
            payload = super().receive()
        if self.packets is not None:
            self.packets.append((self.sequence, payload))
        return payload

    @contextlib.contextmanager
    def noted(self, asked):
        self.packets = []
        try:
            yield
        except wire.Error:
            pass
        except wire.Closed:
            self.packets.append("closed")
            raise
        except TimeoutError as late:
            raise AssertionError(f"no end of the answer to {asked[:200]!r}: {self.packets}") from late
        finally:
            self.seen.append((asked, self.packets))
            self.packets = None

    def text(self, statement):
        self.cursors = False
        with self.noted(statement):
            self.query(statement)

    def raw_command(self, name, payload):
        with self.noted(name):
            if payload is None:  # COM_STMT_CLOSE has no answer
                self.command(b"\x19\x63\0\0\0")
                payload = b"\x0e"
            if payload[:1] == b"\x03":
                payload = self.query_bytes(payload[1:])
            self.command(payload)
            self.answers()

    def prepared(self):
        payload = self.receive()
        if payload[0] == 0xff:
            raise wire.Error(payload)
        statement, columns, parameters = struct.unpack_from("<IHH", payload, 1)
        follows = not (self.capabilities & wire.OPTIONAL_METADATA and payload[12:13] == b"\0")
        for count in (parameters, columns):
            for _ in range(count * follows):
                self.receive()
            if count and not self.capabilities & wire.DEPRECATE_EOF:
                self.receive()
        return statement

    def execute(self, statement, cursor=0, parameters=b""):
        self.cursors = bool(cursor)
        self.command(b"\x17" + struct.pack("<IBI", statement, cursor, 1) + parameters)
        return self.answers(binary=True)

    def binary(self, text, cursor=0, kind=b"", value=b""):
        """Prepares, executes twice, resets, fetches where there is a cursor, and closes."""
        parameters = (b"\1" if value is None else b"\0") + b"\1" + kind + (value or b"") if kind else b""
        statement = None
        with self.noted(f"prepare {text}"):
            self.command(b"\x16" + text.encode())
            statement = self.prepared()
        if statement is None:
            return
        # MySQL reads the flags of query attributes only where they are set; 0 parameters, no byte.
        for turn in ("execute", "execute again"):
            with self.noted(f"{turn} {text}"):
                self.execute(statement, cursor, parameters)
            if cursor:
                with self.noted(f"fetch {text}"):
                    self.command(b"\x1c" + struct.pack("<II", statement, 2))
                    self.rows()
        with self.noted(f"reset {text}"):
            self.ok(b"\x1a" + struct.pack("<I", statement))
        self.command(b"\x19" + struct.pack("<I", statement))

    def rows(self):
        """The answer of COM_STMT_FETCH."""
        while True:
            payload = self.receive()
            if payload[0] == 0xff:
                raise wire.Error(payload)
            if payload[0] == 0xfe and len(payload) < 100:
                return


def state(side):
    """What a client can ask about itself."""
    side.text("SHOW COUNT(*) WARNINGS")
    side.text("SELECT DATABASE(), @@sql_mode, @@character_set_client, @@autocommit")


def run(side, rounds=1):
    for statement in cases.BEFORE:
        side.query(statement)
    for turn in range(rounds):
        for statement in cases.BOTH:
            side.text(statement)
            side.binary(statement)
            if turn > 0 and statement.startswith(CURSORS):
                side.binary(statement, cursor=1)
        for statement in cases.TEXTS:
            side.text(statement)
            state(side)
        for text, kind, value in cases.PARAMETERS:
            for cursor in (0, 1) if text.startswith(CURSORS) else (0,):
                side.binary(text, cursor, kind, value)
        for name, payload in cases.COMMANDS:
            side.raw_command(name, payload)
            if payload is None or payload[:1] not in (b"\x17", b"\x1c"):
                state(side)
        side.text("USE side")
        if side.capabilities & wire.OPTIONAL_METADATA:
            side.text("SET resultset_metadata = NONE")
            for text in cases.BOTH[:30]:
                side.text(text)
                side.binary(text)
            side.text("SET resultset_metadata = FULL")
        if side.extended & wire.MARIADB_BULK:
            bulk(side)
        with side.noted("local infile"):
            side.command(side.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE item (id, name)"))
            side.answer(infile=b"200\tfrom a file\n201\tthe second\nnonsense\n")
        state(side)
        with side.noted("change user"):
            side.change_user(side.user, "side")
        state(side)


def bulk(side):
    with side.noted("prepare bulk"):
        side.command(b"\x16INSERT INTO item (id, name) VALUES (?, ?)")
        statement = struct.pack("<I", side.prepared())
    with side.noted("bulk"):
        side.command(b"\xfa" + statement + b"\x80\0\3\0\xfe\0\0\x65\0\0\0\0\1x\0\x66\0\0\0\0\1y")
        side.answers()


def connect(port, server, capabilities, extended):
    side = Side(port, capabilities, extended)
    side.user = USER[server.name]
    side.login(side.user, "")
    return side


def seen_by(port, server, capabilities, extended, rounds):
    side = connect(port, server, capabilities, extended)
    run(side, rounds)
    side.quit()
    return side.seen


def varying(server, gate, found, direct, through, see):
    """The places of `found` where the server itself varies."""
    varies = set()
    for _ in range(AGAIN if found else 0):
        direct.append(see(server.port))
        server.sql(*cases.AFTER)
        if any("SHOW TRIGGERS" in direct[0][place][0] for place in found):
            through.append(see(gate.port))
            server.sql(*cases.AFTER)
        for place in found:
            seen = through if "SHOW TRIGGERS" in direct[0][place][0] else through[:1]
            answers = [without_explained(server, one[place]) for one in direct]
            if any(without_explained(server, one[place]) in answers for one in seen):
                varies.add(place)
    return varies


def differences(server, capabilities, extended, rounds=1):
    """(number of comparisons, [(asked, direct, through)], [what the server itself varies in]).

    MySQL's metadata of what it reads out of its data dictionary (SHOW TRIGGERS) follows the plan of
    the join behind it: with a temporary table the columns are named by the dictionary's tables,
    without one by the view. Plans follow statistics, and those are samples. So where a difference is
    found, the whole script is run straight to the server again, and what was seen through silogate
    counts as the server's own only where the server gives these very bytes at this very place. The
    plan of SHOW TRIGGERS can be another with each time, so there silogate is run again as well: what
    silogate itself makes of it is there each time."""
    gate = gates.Gate(server, ini=ini(server))
    try:
        gate.start()
        direct = seen_by(server.port, server, capabilities, extended, rounds)
        through = seen_by(gate.port, server, capabilities, extended, rounds)
        server.sql(*cases.AFTER)
        assert len(direct) == len(through)
        found = [place for place, (one, other) in enumerate(zip(direct, through))
                 if without_explained(server, one) != without_explained(server, other)]
        varies = varying(server, gate, found, [direct], [through], lambda port: seen_by(
            port, server, capabilities, extended, rounds))
    finally:
        gate.stop()
        gate.remove()
    return (len(direct), [(direct[place][0], direct[place][1], through[place][1])
                          for place in found if place not in varies],
            [direct[place][0] for place in sorted(varies)])
