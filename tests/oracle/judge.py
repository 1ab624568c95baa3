"""The server's own list of what a statement touches. A user without any privilege but entry to the
current database runs it; each privilege that the server misses is written down, granted, and the
statement run again, until the server no longer objects. Then all is taken back and mended."""

import re

from fixture import CURRENT, ENTRY, TABLES, USER, Fixture, quoted, tables as fixture_tables
from wire import Connection, Lost

TABLE_DENIED = re.compile(r"^(.+?) command denied to user .*? for table (.+)$", re.S)
COLUMN_DENIED = re.compile(r"^(.+?) command denied to user .*? for column '.*?' in table '(.+)'$", re.S)
ROUTINE_DENIED = re.compile(r"^(.+?) command denied to user .*? for routine '(.+)'$", re.S)
DATABASE_DENIED = re.compile(r"^Access denied for user .*? to database '(.*)'$", re.S)
BACKTICKED = re.compile(r"^`((?:[^`]|``)*)`\.`((?:[^`]|``)*)`$", re.S)
DATABASE_STATEMENT = re.compile(rb"database|schema", re.I)

DENIALS = (1142, 1143, 1044, 1370)
# What opens a whole database for a statement without opening any table in it.
HARMLESS = "LOCK TABLES, CREATE ROUTINE, EVENT, CREATE TEMPORARY TABLES"
WRONG_CALL = (1318, 1305, 1370)  # another number of arguments; no function, but a procedure
SYSTEM = ("mysql", "sys", "performance_schema", "information_schema")


class Need:
    """One objection of the server: it misses `privilege` on an object."""

    __slots__ = ("type", "schema", "name", "privilege")

    def __init__(self, type_, schema, name, privilege):
        self.type, self.schema, self.name, self.privilege = type_, schema, name, privilege

    def key(self):
        return self.type, self.schema, self.name, self.privilege

    def __repr__(self):
        name = ".".join(part for part in (self.schema, self.name) if part is not None)
        return f"{self.privilege.lower()} on {self.type} {name}"


class Outcome:
    """needs: in the server's order. final: the server's last answer (code, message); code 0 is
    success. whole: the server has nothing more to object to."""

    __slots__ = ("needs", "final", "whole", "administration", "body")

    def __init__(self):
        self.needs, self.final, self.whole, self.administration = [], (0, ""), False, False
        self.body = []  # what the routine that was created needs when it runs


class Judge:
    def __init__(self, server, mode="", charset=45):
        self.server, self.charset = server, charset
        self.mysql = server.dialect == "mysql"
        self.mode = mode
        self._begin()
        self.homes = {}  # table name -> schemas that have one of the name
        for schema, name in fixture_tables():
            self.homes.setdefault(name, []).append(schema)
        self._connect()

    def _begin(self):
        """On a server that has only now been installed."""
        self._administer()
        self.admin.must(f"SET GLOBAL sql_mode = '{self.mode}'")
        self.fixture = Fixture(self.admin, self.server.dialect)
        self.fixture.build()
        self.user = None
        self._account()

    def set_mode(self, mode):
        self.mode = mode
        self.admin.must(f"SET GLOBAL sql_mode = '{mode}'")
        self._connect()

    def _revive(self):
        """After a lost connection: the server may be gone with it, if the statement met a fault of
        the server's own."""
        if self.server.fell():
            self.server.start()
            self._administer()
            self.fixture.admin = self.admin
            self.fixture.build()
            self._account()
            self.admin.must(f"SET GLOBAL sql_mode = '{self.mode}'")
        else:
            self._release()
        self._connect()

    def sweep(self):
        """Between batches: no privilege must have stayed behind."""
        grants = [row[0] for row in self.admin.values(f"SHOW GRANTS FOR {USER}")]
        stray = [grant for grant in grants if " ON *.* " not in grant and quoted(ENTRY) not in grant]
        if stray:
            self._account()
            self._connect()
        return stray

    def _administer(self):
        self.admin = Connection(self.server.socket, "root")
        self.admin.must("SET autocommit = 1, lock_wait_timeout = 20, innodb_lock_wait_timeout = 20")
        if not self.mysql:
            self.admin.must("SET max_statement_time = 0")

    def _account(self):
        if self.user:
            self.user.close()  # what it holds open must not be waited for
            self.user = None
        self.admin.must(f"DROP USER IF EXISTS {USER}")
        self.admin.must(f"CREATE USER {USER}")
        self.admin.must(f"GRANT SELECT ON {quoted(CURRENT, ENTRY)} TO {USER}")
        # The objects' definer is not this user: to replace them is no matter of ownership here.
        definer = "SYSTEM_USER, SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER" if self.mysql else "SET USER"
        self.admin.must(f"GRANT {definer} ON *.* TO {USER}")

    def _connect(self):
        if self.user:
            self.user.close()
        try:
            self.user = Connection(self.server.socket, USER.split("@")[0], self.charset)
        except Lost:  # the statement has changed its own account
            self._account()
            self.user = Connection(self.server.socket, USER.split("@")[0], self.charset)
        self._enter()

    def _enter(self):
        code, message = self.user.use(CURRENT.encode())
        if code:
            raise RuntimeError(f"{CURRENT}: {message}")

    def judge(self, text, hints=(), finish=True, defines=True, calls=()):
        """hints: (schema, name) that the text is thought to name; where an answer names a table
        without its database, they are tried first. defines: the statement may change what there
        is. finish=False: then stop before it could succeed, once every hint is confirmed. calls:
        ways to run what it has defined, tried until one is taken; what they need is its body's."""
        outcome, granted = Outcome(), []
        try:
            self._rounds(text, list(hints), outcome, granted, finish or not defines)
        except (Lost, OSError) as reason:
            outcome.final, outcome.whole = (2013, f"connection lost: {reason}"), False
            self._revive()
        self._clean(outcome, granted)
        if outcome.whole:
            for call in calls:
                inner = self.judge(call, hints, True, False)
                outcome.body = inner.needs
                if inner.final[0] not in WRONG_CALL:
                    break
        if defines and outcome.final[0] not in (1064, -1) and not outcome.administration:
            self._mend([(need.schema, need.name) for need in outcome.needs] + list(hints))
        return outcome

    def _mend(self, touched):
        try:
            self.fixture.mend(touched)
            return
        except RuntimeError:  # something still holds a lock
            self._release()
        try:
            self.fixture.build()
            self._account()
        except (RuntimeError, Lost, OSError):  # or a database cannot be dropped any more
            self.server.renew()
            self._begin()
        self._connect()

    def _release(self):
        """Ends what outlives its statement: sessions that run on, transactions that XA PREPARE left."""
        for row in self.admin.values(f"SELECT id FROM information_schema.processlist WHERE user = '{USER.split('@')[0]}'"):
            self.admin.query(f"KILL {row[0]}".encode())
        for row in self.admin.values("XA RECOVER CONVERT XID" if self.mysql else "XA RECOVER FORMAT='SQL'"):
            name, cut = row[3], 2 + 2 * int(row[1])
            if self.mysql:
                name = f"X'{name[2:cut]}', X'{name[cut:]}', {row[0]}"
            self.admin.query(f"XA ROLLBACK {name}".encode())

    def _rounds(self, text, hints, outcome, granted, finish):
        seen = set()
        answer = self.user.query(text)
        for _ in range(80):
            outcome.final = code, message = answer
            if code in (1227, 1045):
                outcome.administration = True
                return
            if code not in DENIALS:
                outcome.whole = code == 0
                return
            need, options = self._read(code, message, hints, text)
            if need is None:
                return
            if options:
                answer = self._disambiguate(text, answer, need, options, outcome, granted)
                if answer is None:
                    return
                continue
            outcome.needs.append(need)
            if need.key() in seen or not self._grant(need, granted, text):
                return
            seen.add(need.key())
            if not finish and hints and self._covered(hints, outcome):
                outcome.final = (-1, "not run to its end")
                return
            answer = self.user.query(text)

    @staticmethod
    def _covered(hints, outcome):
        found = {(need.schema, need.name) for need in outcome.needs}
        schemas = {need.schema for need in outcome.needs if need.type == "database"}
        return all(hint in found or hint[0] in schemas for hint in hints)

    def _read(self, code, message, hints, text):
        """The message -> (Need, other schemas where it may be meant)."""
        if code == 1044:
            found = DATABASE_DENIED.match(message)
            return (Need("database", found.group(1), None, "ENTRY"), None) if found else (None, None)
        if code == 1370:
            found = ROUTINE_DENIED.match(message)
            if not found:
                return None, None
            privilege = "EXECUTE" if found.group(1).lower() == "execute" else "ALTER ROUTINE"
            return Need("routine", *self._split(found.group(2)), privilege), None
        found = (TABLE_DENIED if code == 1142 else COLUMN_DENIED).match(message)
        if not found:
            return None, None
        privilege, name = found.group(1).upper(), found.group(2)
        dotted = BACKTICKED.match(name)
        if dotted:
            schema, name = (part.replace("``", "`") for part in dotted.groups())
            return Need("table", schema, name, privilege), None
        name = name.strip("'")
        schemas = [schema for schema, other in hints if other == name]
        schemas += [schema for schema in self.homes.get(name, []) if schema not in schemas]
        if not schemas and "." in name:
            for schema, other in [*hints, *[(schema, name[len(schema) + 1:]) for schema in TABLES]]:
                if name == f"{schema}.{other}":
                    return Need("table", schema, other, privilege), None
        schemas += [schema for schema in [CURRENT, *TABLES] if schema not in schemas]
        return Need("table", None, name, privilege), schemas

    @staticmethod
    def _split(dotted):
        for schema in TABLES:
            if dotted.startswith(schema + "."):
                return schema, dotted[len(schema) + 1:]
        schema, _, name = dotted.partition(".")
        return (schema, name) if name else (CURRENT, dotted)

    def _disambiguate(self, text, answer, need, schemas, outcome, granted):
        """MySQL names the table, not its database: which of several is it? The one (or the few)
        whose grant makes the server answer something else: that answer."""
        already = {one.key() for one in outcome.needs}
        singles = [Need("table", schema, need.name, need.privilege) for schema in schemas]
        singles = [one for one in singles if one.key() not in already]
        sets = [[one] for one in singles]
        sets += [[one, two] for at, one in enumerate(singles) for two in singles[at + 1:]]
        sets += [singles[:3], singles[:4], singles]
        for chosen in sets:
            mark = len(granted)
            if all(self._grant(one, granted, text) for one in chosen):
                after = self.user.query(text)
                if after != answer:
                    outcome.needs += chosen
                    return after
            self._revoke(granted[mark:])
            del granted[mark:]
        outcome.needs.append(Need("table", schemas[0], need.name, need.privilege))
        return None

    def _grant(self, need, granted, text):
        privilege, on = need.privilege, None
        if need.schema in SYSTEM and privilege not in ("SELECT", "ANY", "SHOW"):
            return False
        if need.type == "database":
            if DATABASE_STATEMENT.search(text) or need.schema not in TABLES:
                return False  # nothing but the database itself is at stake
            privilege, on = HARMLESS, quoted(need.schema) + ".*"
        elif need.type == "routine":
            if need.schema not in TABLES:
                return False
            for kind in ("FUNCTION", "PROCEDURE"):
                on = f"{kind} {quoted(need.schema, need.name)}"
                if self.admin.query(f"GRANT {privilege} ON {on} TO {USER}".encode())[0] == 0:
                    granted.append((privilege, on))
            return bool(granted)
        else:
            privilege = {"ANY": "SELECT", "SHOW": "SELECT", "CHECK TABLE": "SELECT", "SELECT WITH LOCKING CLAUSE": "UPDATE", "LOCK TABLES": None,
                         "SELECT, LOCK TABLES": "SELECT"}.get(privilege, privilege)
            if privilege is None:
                privilege, on = "LOCK TABLES", quoted(need.schema) + ".*"
            else:
                on = quoted(need.schema, need.name)
        code, _ = self.admin.query(f"GRANT {privilege} ON {on} TO {USER}".encode())
        if code == 1146:  # on a table that does not exist only together with CREATE
            privilege += ", CREATE"
            code, _ = self.admin.query(f"GRANT {privilege} ON {on} TO {USER}".encode())
        if code:
            return False
        granted.append((privilege, on))
        if on.endswith(".*"):
            self._reset()
        return True

    def _revoke(self, granted):
        for privilege, on in reversed(granted):
            code, _ = self.admin.query(f"REVOKE {privilege} ON {on} FROM {USER}".encode())
            if code and code not in (1141, 1147, 1403):  # nothing to take back
                self._account()
                self._connect()
            if on.endswith(".*"):
                self._reset()

    def _reset(self):
        if not self.user:
            return
        try:
            if self.user.reset()[0] == 0:
                self._enter()
                return
        except (Lost, OSError):
            pass
        self._connect()

    def _clean(self, outcome, granted):
        self._revoke([("ALL PRIVILEGES", on) for on in {on for _, on in granted}])
        self._reset()
