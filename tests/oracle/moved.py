#!/usr/bin/python3
"""moved.py [--seconds N] [--seed S] [--dialect mysql|mariadb] [--family NAME] [--ahead]: does a mapped statement mean
what it meant before? Generated statements of every kind are run on two servers with the same tables: on one by the
client as they are, on the other, where some of the tables stand in another database, through a silogate with the move
open and no alias that could answer instead. Answers are compared byte by byte, then all that each statement has changed.
The other database's name is as long as the first's, so that nothing else differs.

--ahead: the text is ahead of the tables; what it names is where they will go to. `make oracle-moves SECONDS=600` runs
all. Listed is what differs, and what silogate says that it cannot map; the exit status is 1 where anything differs. The
servers may read rows in different orders: it shows where a generated statement numbers rows without an ORDER BY."""

import argparse
import collections
import os
import random
import re
import select
import struct
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

import grammar  # noqa: E402
from fixture import CURRENT, MYISAM, SEQUENCES, TABLES, TRIGGERS, VIEWS, Fixture, quoted  # noqa: E402
from generate import NARROW, Statement  # noqa: E402
from families import Statements  # noqa: E402
from families_rows import FAMILIES  # noqa: E402
from harness import gate, places, servers, wire  # noqa: E402
from moved_texts import EXTRA, ways  # noqa: E402
from render import Style  # noqa: E402
from wire import Connection  # noqa: E402

THERE = "dept"
USER, PASSWORD = "mapper", "mapper-secret"
INI = """[proxy]
max_failed_logins = 0
[policy]
mode = off
unowned = allow
undetermined = allow
administration = allow
[upstream:main]
account = root_of_silogate
account_password_file = {password}
catalogue = 0
[service:all]
user = mapper
database = shop
owns = shop.*
owns = dept.*
[move:some]
service = all
{tables}
to = {to}
alias = none
"""
ROWS = "(1, 1, 5, 'x'), (2, 2, 4, 'it''s'), (3, 3, 3, NULL), (4, 1, 2, 'a'), (5, NULL, 1, 'Z')"
# No two answers are the same; and what looks at all that is there.
WITHOUT = ("rand", "uuid", "connection_id", "sysdate")
NOT_MAPPED = ("show_database", "show_where", "create_database", "administration", "diagnostics", "create_event", "alter_other",
              "session_only")
ABOUT_THE_SERVER = re.compile(r"processlist|show\b.*\bvariables\b", re.I | re.S)
# Estimates and times: only whether it runs.
LENIENT = ("explain", "histogram", "show_create", "maintain")
READS = ("select", "values_statement", "explain", "describe", "show_object", "show_create", "select_for_of", "table_statement",
         "set_variables", "do", "call", "qualified", "long_list_of_qualifiers")
MODES = {"mysql": ("", "", "", "", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "IGNORE_SPACE", "PIPES_AS_CONCAT"),
         "mariadb": ("", "", "", "", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "MSSQL", "ORACLE")}
CHARSETS = {"utf8mb4": 45, "latin1": 8, "gbk": 28, "sjis": 13, "big5": 1, "binary": 63}


class Placed(Fixture):
    """The oracle's databases, with rows; the tables `moved` of `shop` stand in `there`, with what goes along."""

    def __init__(self, admin, dialect, moved, there):
        self.moved, self.there = moved, there
        super().__init__(admin, dialect)
        self.schemas = [*TABLES, THERE]

    def place(self, schema, name):
        return (self.there if schema == CURRENT and name in self.moved else schema), name

    def _describe(self):
        super()._describe()
        made, self.makers = self.makers, {}
        for (kind, schema, name), texts in made.items():
            if kind == "table":
                place = self.place(schema, name)
                texts = [text.replace(quoted(schema, name), quoted(*place), 1) for text in texts]
                if "(x INT)" not in texts[0]:
                    texts += [f"INSERT INTO {quoted(*place)} VALUES {ROWS}", f"ANALYZE TABLE {quoted(*place)}"]
                self.makers[kind, place[0], name] = texts
            elif kind == "view":
                table = next(one[2] for one in VIEWS if one[:2] == (schema, name))
                self.makers[kind, schema, name] = [f"CREATE VIEW {quoted(schema, name)} AS SELECT * FROM"
                                                   f" {quoted(*self.place(schema, table))}"]
            elif kind == "trigger":
                place = self.place(schema, next(one[2] for one in TRIGGERS if one[:2] == (schema, name)))
                self.makers[kind, place[0], name] = [
                    f"CREATE TRIGGER {quoted(place[0], name)} BEFORE INSERT ON {quoted(*place)} FOR EACH ROW SET @t = 1"]
            else:
                self.makers[kind, schema, name] = texts

    # What a statement can have changed, as texts: a table or another object, and all that is known of it.
    LOOKS = (
        ("TABLES", "TABLE_SCHEMA", "TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_COMMENT, TABLE_COLLATION"),
        ("COLUMNS", "TABLE_SCHEMA", "TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, IS_NULLABLE, EXTRA,"
         " COLLATION_NAME"),
        ("STATISTICS", "TABLE_SCHEMA", "TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, COLLATION"),
        ("KEY_COLUMN_USAGE", "TABLE_SCHEMA", "TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA,"
         " REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"),
        ("PARTITIONS", "TABLE_SCHEMA", "TABLE_NAME, PARTITION_NAME, PARTITION_METHOD, PARTITION_DESCRIPTION"),
        ("VIEWS", "TABLE_SCHEMA", "TABLE_NAME, VIEW_DEFINITION, SECURITY_TYPE, DEFINER"),
        ("ROUTINES", "ROUTINE_SCHEMA", "ROUTINE_NAME, ROUTINE_TYPE, ROUTINE_DEFINITION, SQL_MODE, SECURITY_TYPE, DEFINER"),
        ("TRIGGERS", "TRIGGER_SCHEMA", "EVENT_OBJECT_TABLE, TRIGGER_NAME, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER,"
         " ACTION_STATEMENT, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION"),
        ("EVENTS", "EVENT_SCHEMA", "EVENT_NAME, EVENT_DEFINITION, STATUS"),
        ("SCHEMATA", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME"))

    def state(self):
        """(schema, name) -> what is known of it, with the places taken out."""
        among = ",".join(f"'{schema}'" for schema in self.schemas + ["fresh"])
        found, sums = collections.defaultdict(list), []
        for table, schema, columns in self.LOOKS:
            for row in self.admin.values(f"SELECT {schema}, {columns} FROM information_schema.{table} WHERE {schema} IN"
                                         f" ({among})"):
                if table == "TABLES" and row[2] == "BASE TABLE":
                    sums.append((row[0], row[1]))
                found[row[0], row[1]].append(repr([table, *(placeless(cell or "") for cell in row[2:])]))
        for name, number in self.admin.values("CHECKSUM TABLE " + ",".join(quoted(*one) for one in sums)):
            schema, table = next(one for one in sums if ".".join(one) == name)
            found[schema, table].append(f"sum {number}")
        return {key: sorted(texts) for key, texts in found.items()}

    def merged(self, state):
        """By the name of the table where it stood first, so that both servers' can be compared."""
        found = collections.defaultdict(list)
        for (schema, name), texts in state.items():
            found[CURRENT if schema == THERE else schema, name] += texts
        return {key: sorted(text for text in texts if not text.startswith("['SCHEMATA'")) for key, texts in found.items()}

    def mend_since(self, before, now):
        changed = {key for key in set(before) | set(now) if before.get(key) != now.get(key)}
        if changed:
            self.mend(changed)
        return changed


PLACE = re.compile(rf"[`\"[]?\b(?:{THERE}|{CURRENT})\b[`\"\]]?\s*(?:/\*.*?\*/\s*)?\.\s*", re.S)


def placeless(text):
    """Without the databases' names, and the quotes that stand or do not stand around names."""
    return PLACE.sub("", text).replace("`", "").replace(THERE, CURRENT)


class Client(wire.Wire):
    """Keeps the packets that it hears."""

    def __init__(self, port, charset):
        super().__init__(port, wire.USUAL & ~wire.DEPRECATE_EOF & ~wire.SESSION_TRACK)  # a trigger's database shows in it
        self.packets = []
        self.login(USER, CURRENT, PASSWORD, collation=CHARSETS[charset])
        self.socket.settimeout(60)

    def receive(self):
        payload = super().receive()
        if hasattr(self, "packets"):
            self.packets.append(payload)
        return payload


class Side:
    """One of the two servers, and how its client reaches it."""

    def __init__(self, kind, moved, there):
        self.server, self.gate, self.client = servers.KINDS[kind](), None, None
        self.server.install()
        self.server.start()
        self.admin = Connection(self.server.socket, "root")
        self.admin.must("SET lock_wait_timeout = 20, foreign_key_checks = 1, group_concat_max_len = 1000000")
        # plans that follow from what was done alone, so that both servers choose the same rows
        self.admin.must("SET GLOBAL innodb_stats_auto_recalc = OFF")
        for user, password in ((USER, PASSWORD), ("root_of_silogate", "r")):
            self.admin.must(f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'")
        self.admin.must("GRANT ALL ON *.* TO root_of_silogate@'%' WITH GRANT OPTION")
        self.fixture = Placed(self.admin, kind, moved, there)
        self.fixture.build()
        for schema in (*TABLES, THERE, "fresh"):
            self.admin.must(f"GRANT ALL ON {quoted(schema)}.* TO {USER}@'%'")
        self.base = self.fixture.state()

    def start_gate(self, moved, table_schema, to):
        password = self.server.folder / "password"
        password.write_text("r\n")
        tables = "\n".join(f"table = {table_schema}.{name}" for name in sorted(moved))
        self.gate = gate.Gate(self.server, ini=INI.format(password=password, tables=tables, to=to)).start()

    def connect(self, mode, charset):
        if self.client:
            self.client.close()
        self.client = Client(self.gate.port if self.gate else self.server.port, charset)
        self.mode, self.charset = mode, charset
        self.fresh()

    def fresh(self):
        """The session as it was at first; what it has done stays done."""
        for text in ("COMMIT", "UNLOCK TABLES"):
            self.client.query(text)
        self.client.ok(b"\x1f")
        self.client.ok(b"\x02" + CURRENT.encode())
        self.client.query(f"SET NAMES {self.charset}")
        self.client.query(f"SET timestamp = 1700000000, sql_mode = '{self.mode}', lock_wait_timeout = 5")
        self.client.query("SELECT 1")  # FOUND_ROWS() is known

    def ask(self, steps):
        """All packets of the answers, and what went wrong: (packets, error or None)."""
        self.client.packets.clear()
        error = None
        try:
            for step in steps:
                try:
                    step(self.client)
                except wire.Error as said:
                    error = error or said
        except (wire.Closed, OSError) as reason:
            return list(self.client.packets), f"closed: {reason}"
        return list(self.client.packets), (error.code, str(error)) if error else None

    def goes_on_talking(self):
        """Has the server sent more than its answer? MySQL 9.7 does for CALL of a procedure with ALTER TABLE .. OPTIMIZE
        PARTITION: an OK behind the last result set, which did not say that more would come. No client library survives
        it, and silogate ends the session (upstream_bad_packet)."""
        return bool(select.select([self.client.socket], [], [], 0.2)[0])

    def restart_sequences(self):
        for one in SEQUENCES:
            self.admin.must(f"ALTER SEQUENCE IF EXISTS {quoted(*one)} RESTART 1")

    def unmapped(self):
        """What silogate says that it has not mapped."""
        return self.admin.values("SELECT unmapped, unmapped_by FROM silogate.instances_of_moves WHERE move = 'some'")

    def follows(self, names):
        """Does it know again where all tables are?"""
        try:
            for name in names:
                self.client.query(f"SELECT 1 FROM {quoted(CURRENT, name)} LIMIT 0")
            return True
        except wire.Error:
            return False

    def close(self):
        if self.client:
            self.client.close()
        if self.gate:
            self.gate.kill()
            self.gate.remove()
        self.server.remove()


INDEX_FLAGS = 0x30  # SERVER_STATUS_NO_GOOD_INDEX_USED, SERVER_STATUS_NO_INDEX_USED
CHANGED = 0x40  # SERVER_SESSION_STATE_CHANGED, in the second byte


def is_short_ok(packet):
    """An OK whose two numbers are of one byte each."""
    return packet[:1] == b"\0" and len(packet) >= 7 and packet[1] < 0xfb and packet[2] < 0xfb


def plain(packets):
    """Without places; and without two flags of the status: whether an index was used, and MariaDB's that the session has
    changed, which an EOF has where a trigger of another database than the current one has run."""
    found, has_rows = [], any(packet[:4] == b"\3def" for packet in packets)
    for packet in (bytearray(packet.replace(THERE.encode(), CURRENT.encode())) for packet in packets):
        if packet[:1] == b"\xfe" and len(packet) == 5:
            packet[3] &= ~INDEX_FLAGS
            packet[4] &= ~CHANGED
        elif not has_rows and is_short_ok(packet):
            packet[3] &= ~INDEX_FLAGS
        found.append(bytes(packet))
    return found


def strings(packet):
    """A packet of strings with their lengths, as rows and columns have them, without places: as much as is one."""
    found, reader = [], wire.Reader(packet)
    try:
        while reader.at < len(packet):
            at = reader.at
            if packet[at] == 0xfb:
                found.append(None)
                reader.at += 1
            elif packet[at] > 0xfc:
                break
            else:
                text = reader.text()
                if reader.at > len(packet):
                    reader.at = at
                    break
                found.append(placeless(text.decode("latin-1")))
    except (IndexError, ValueError, struct.error):
        reader.at = at
    if found[:1] == ["def"] and len(found) > 5 and (not found[5] or not found[3] and found[4] == found[5]):
        found[4:6] = ["an expression"] * 2  # is called as its text, or the start of it
    return repr((found, packet[reader.at:]))


def whatever_the_plan(packets):
    """Without a column's flags, which are those of its table or of a temporary one, and without the number of warnings."""
    found, has_rows = [], any(packet[:4] == b"\3def" for packet in packets)
    for packet in map(bytearray, packets):
        if packet[:4] == b"\3def":
            packet[-5:-3] = b"\0\0"  # before decimals and a filler
        elif packet[:1] == b"\xfe" and len(packet) == 5:
            packet[1:3] = b"\0\0"
        elif not has_rows and is_short_ok(packet):
            packet[5:7] = b"\0\0"
        found.append(bytes(packet))
    return found


def told(packets):
    """The same less exactly: what a column without a name is called follows its text; in any order."""
    return sorted(strings(packet) for packet in plain(packets))


class Worlds:
    """The two servers."""

    def __init__(self, kind, chooser, ahead=False):
        movable = sorted(set(TABLES[CURRENT]) | {"parted"})
        self.kind, self.chooser, self.ahead = kind, chooser, ahead
        self.moved = {name for name in movable if chooser.random() < 0.6} or {"users"}
        if "users" in self.moved:
            self.moved.discard("Users")  # two that differ by case alone are one to [move:]
        self.sides = []
        try:
            self.sides.append(Side(kind, set(), THERE))
            self.sides.append(Side(kind, self.moved, THERE))
            self.sides[1].start_gate(self.moved, THERE if ahead else CURRENT, CURRENT if ahead else THERE)
            self.connect("", "utf8mb4")
            assert places.wait_for(self.follows, 60), self.sides[1].gate.log()
        except BaseException:
            self.close()
            raise

    def follows(self):
        """And again nothing was asked that ROW_COUNT or FOUND_ROWS could tell of, on either side."""
        if not self.sides[1].follows(self.moved):
            return False
        for side in self.sides:
            side.fresh()
        return True

    def connect(self, mode, charset):
        for side in self.sides:
            side.connect(mode, charset)

    def close(self):
        for side in self.sides:
            side.close()

    def compare(self, statement, steps):
        """None, or what differs."""
        (one, error), (other, other_error) = (side.ask(steps) for side in self.sides)
        mute = "closed" in str(other_error) and not self.sides[0].goes_on_talking()
        if "closed" in str(error) or "closed" in str(other_error):
            self.connect(self.sides[0].mode, self.sides[0].charset)
        # 1064: MariaDB takes the table in INSERT INTO value for a word, and in INSERT INTO `dept`.value not; 1435: a trigger
        # without a database is looked for in the current one, and a mapped one is where its table is
        wrong, another = None, error and error[0] in (1064, 1435) and not other_error
        if "closed" in str(other_error) and not mute:
            another = True  # silogate could do nothing else, and the tables are as they came to be
        elif another:
            pass
        elif (error and error[0]) != (other_error and other_error[0]):
            wrong = f"error {error}, mapped {other_error}"
        elif not error and statement.family not in LENIENT and plain(one) != plain(other) and told(one) != told(other):
            wrong = f"answers {told(one)}, mapped {told(other)}"
            if told(whatever_the_plan(one)) == told(whatever_the_plan(other)) and self.plan_otherwise(statement.text):
                wrong = None
        for side in self.sides:
            side.fresh()
            if self.kind == "mariadb" and any(name.encode() in statement.text.lower() for _, name in SEQUENCES):
                side.restart_sequences()
        if statement.family in READS:
            return wrong
        changed = self.settle(statement.family)
        return None if another else changed or wrong

    def plan_otherwise(self, text):
        """Do the two servers say that they read the tables in another way, or another order?"""
        answers = [side.ask([lambda client: client.query(b"EXPLAIN " + text)]) for side in self.sides]
        plans = [[strings(packet) for packet in plain(packets)] for packets, error in answers if not error]
        return len(plans) == 2 and plans[0] != plans[1]

    def settle(self, family):
        """Are the tables the same on both? They are put right again."""
        states = [side.fixture.state() for side in self.sides]
        first, second = (side.fixture.merged(state) for side, state in zip(self.sides, states))
        wrong = None
        if first != second and family not in ("maintain", "histogram"):
            keys = [key for key in sorted(set(first) | set(second)) if first.get(key) != second.get(key)]
            wrong = "; ".join(f"{key}: {first.get(key)}, mapped {second.get(key)}" for key in keys[:3])
        changed = [side.fixture.mend_since(side.base, state) for side, state in zip(self.sides, states)]
        if any(changed):
            for side in self.sides:
                side.base = side.fixture.state()
            if changed[1] & {(THERE, name) for name in self.moved} or len(changed[1]) > 20:
                assert places.wait_for(self.follows, 60), "it does not find the tables again"
        return wrong

    def try_again(self, statement, steps):
        """Was it only that silogate had to look where a table is? And does it say that it cannot map this?"""
        places.wait_for(self.follows)
        before = self.sides[1].unmapped()
        why = self.compare(statement, steps)
        if why and "mapped closed" in why:
            return "differs", why
        if why and places.wait_for(lambda: self.sides[1].unmapped() != before, 4):
            return "unmapped", f"{self.sides[1].unmapped()[0][1].splitlines()[-1]} {why}"
        return ("differs" if why else None), why


def texts(dialect, chooser, mode, only):
    """Statements without an end."""
    narrow = NARROW.get(mode)
    chosen = [one for one in (*FAMILIES, *EXTRA) if one[2] in ("both", dialect) and one[0].__name__ not in NOT_MAPPED
              and (not narrow or one[0].__name__ in narrow) and (not only or one[0].__name__ in only)]
    weights = [50 if one[0].__name__ == "select" else one[1] for one in chosen]
    while True:
        function, _, _, stateful = chooser.choices(chosen, weights)[0]
        maker = Statements(chooser, dialect, mode)
        maker.budget = chooser.choice((6, 12, 12, 20, 40))
        text = Style(chooser, dialect, mode).render(function(maker))
        if "\0" not in text and not ABOUT_THE_SERVER.search(text):
            yield Statement(text.encode(), function.__name__, stateful)


def run(kind, seconds, seed, ahead=False, only=None, most=20, least=0):
    """(counts, [what differs], [what is not mapped]); `least` statements, also where they take longer."""
    for name in WITHOUT:
        grammar.PLAIN.pop(name, None)
    chooser = random.Random(f"{kind} {seed} {ahead}")
    counts, differs, unmapped = collections.Counter(), [], []
    worlds = Worlds(kind, chooser, ahead)
    end = time.monotonic() + seconds
    goes_on = lambda: time.monotonic() < end or counts["statements"] < least
    try:
        while goes_on() and len(differs) < most:
            mode, charset = chooser.choice(MODES[kind]), chooser.choice((*["utf8mb4"] * 4, *CHARSETS))
            worlds.connect(mode, charset)
            source = texts(kind, chooser, mode, only)
            for _ in range(60):
                statement = next(source)
                way, steps = ways(chooser, statement, kind, mode)
                if not goes_on():
                    break
                counts["statements"] += 1
                why = worlds.compare(statement, steps)
                what = None
                if why:
                    what, why = worlds.try_again(statement, steps)
                if what:
                    counts[what] += 1
                    (differs if what == "differs" else unmapped).append(
                        f"{what} {kind} seed {seed} {statement.family} {way} mode '{mode}' {charset}, moved"
                        f" {sorted(worlds.moved)}: {why and why[:1500]}\n    {statement.text[:1500]!r}")
    finally:
        worlds.close()
    return counts, differs, unmapped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for each server and direction")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--dialect", action="append", choices=list(servers.KINDS))
    parser.add_argument("--family", action="append")
    parser.add_argument("--ahead", action="store_true")
    parser.add_argument("--most", type=int, default=20)
    options = parser.parse_args()
    bad = False
    for kind in options.dialect or servers.KINDS:
        for ahead in (True,) if options.ahead else (False, True):
            counts, differs, unmapped = run(kind, options.seconds, options.seed, ahead, options.family, options.most)
            print(f"{kind}{', text ahead' if ahead else ''}: seed {options.seed}, {counts['statements']} statements,"
                  f" {len(differs)} differ, {len(unmapped)} not mapped")
            for one in differs + unmapped:
                print(one)
            sys.stdout.flush()
            bad |= bool(differs)
    sys.exit(bad)


if __name__ == "__main__":
    main()
