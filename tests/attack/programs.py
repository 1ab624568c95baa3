"""Sessions that nobody has thought of: changes of SQL state, stored texts, prepares, re-reads, temporary tables, failing and
several statements, alias databases, reloads in between, and names spelt in every odd way. `program(random, mariadb,
folding)` is a list of steps for play.Spy. Each is built around one aim, to reach another's table, and most of what it says is
harmless in one reading and reaches it in another."""

from behind import Behind
from forms import Forms

READS = ("SELECT name FROM {t}", "SELECT * FROM {t} LIMIT 1", "(SELECT name FROM {t})", "SELECT (SELECT MAX(name) FROM {t})",
         "SELECT 1 UNION SELECT name FROM {t}", "WITH c AS (SELECT * FROM {t}) SELECT * FROM c", "DO (SELECT MAX(id) FROM {t})",
         "SELECT COUNT(*) FROM own.a WHERE EXISTS (SELECT 1 FROM {t})", "SET @stolen = (SELECT MAX(name) FROM {t})",
         "SELECT name INTO @stolen FROM {t} LIMIT 1", "INSERT INTO own.sink SELECT id, name FROM {t}",
         "REPLACE INTO own.dup SELECT id, name FROM {t}", "UPDATE own.sink SET v = (SELECT MAX(name) FROM {t})",
         "CREATE TABLE own.copy{n} AS SELECT * FROM {t}", "EXPLAIN SELECT * FROM {t}", "SELECT * FROM own.a JOIN {t} USING (id)",
         "SELECT {t}.name FROM {t}", "SELECT name FROM {t} FOR UPDATE", "HANDLER {t} OPEN AS h{n}", "CHECKSUM TABLE {t}",
         "SHOW CREATE TABLE {t}", "DESCRIBE {t}", "LOCK TABLES own.a READ, {t} READ", "CHECK TABLE {t}")
WRITES = ("UPDATE {t} SET n = n + 1", "DELETE FROM {t} WHERE id = 2", "INSERT INTO {t} (id, name) VALUES ({n}, 'x')",
          "TRUNCATE TABLE {t}", "DROP TABLE {t}", "ALTER TABLE {t} COMMENT 'x{n}'", "RENAME TABLE {t} TO own.r{n}",
          "REPLACE INTO {t} (id, name) VALUES (1, 'x')", "CREATE INDEX i{n} ON {t} (n)", "OPTIMIZE TABLE {t}",
          "DELETE q FROM {t} AS q", "UPDATE own.a, {t} SET n = 3 WHERE 1 = 0")
CALLS = ("SELECT secret.canary()", "SELECT secret . `abs`(1)", "CALL secret.p()", "CALL secret.patients()", "DO secret.f(1)",
         "SELECT own.f(secret.f(1))", "SET @x = secret.canary()")
MODES = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI", "", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE")
MARIADB_MODES = ("ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL")
# bits of sql_mode by number: ANSI_QUOTES 4, NO_BACKSLASH_ESCAPES 1 << 20, ANSI 1 << 18
NUMBERS = ("4", "1<<2", "0x4", "b'100'", "1048576", "1<<20", "262144", "1048580", "@@sql_mode|4", "@@sql_mode | 1<<20", "4+0", "-(-4)")
CHARSETS = ("latin1", "gbk", "sjis", "cp932", "big5", "gb18030", "utf8mb4", "utf8mb3", "euckr", "binary")
REREADS = ("ALTER TABLE own.patients COMMENT 'c{n}'", "FLUSH TABLES", "ALTER TABLE own.patients ADD x{n} INT",
           "ANALYZE TABLE own.patients", "CREATE INDEX k{n} ON own.patients (n)", "FLUSH TABLES own.patients",
           "ALTER TABLE own.patients ALTER n SET DEFAULT {n}", "OPTIMIZE TABLE own.patients", "DO 1")


# Letters whose lower case is one of ASCII, or might count as one; a character of these texts is a byte.
FOLDS = {letter: other.encode().decode("latin-1") for letter, other in
         {"i": "\u0130", "k": "\u212a", "s": "\u017f", "e": "\u00c9", "c": "\u00c7", "p": "P", "t": "T"}.items()}


class Maker(Behind, Forms):
    def __init__(self, random, mariadb, folding=False):
        self.random, self.mariadb, self.folding, self.number = random, mariadb, folding, 0
        self.multi = random.random() < 0.4
        self.flags = {}

    def pick(self, *of):
        return self.random.choice(of[0] if len(of) == 1 else of)

    def chance(self, share):
        return self.random.random() < share

    def fill(self, text, **names):
        self.number += 1
        for key, value in {"n": str(self.number * 100 + self.random.randrange(100)), **names}.items():
            text = text.replace("{" + key + "}", value)
        return text

    # Names

    def spelt(self, name, ansi=False):
        """One part of a name, in one of the ways that mean it (or that a server may take for it)."""
        quote = '"' if ansi and self.chance(0.6) else "`"
        tail = self.pick([""] * 30 + ["\xc3", "\xe2\x82", "\xf0", "\xff", "\x00", " ", "\xc2", "\xe2"])
        upper = name.upper() if self.chance(0.5 if self.folding else 0.04) else name
        if self.folding and self.chance(0.25):  # letters that fold to those of the name
            upper = name = "".join(self.pick(letter, FOLDS.get(letter, letter)) for letter in name)
        way = self.random.randrange(5)
        if tail:
            return quote + name + tail + quote
        if way == 0 or not name.isidentifier():
            return quote + name + quote
        return upper if way == 1 else name

    def dot(self):
        return self.pick([".", ".", ".", " .", " . ", ". ", "/**/.", "./* */", "\n.", ".\n", "/*!.*/", ".-- x\n", "\t.\t"])

    def table(self, ansi=False):
        """Another's table."""
        schema, name = self.pick(("secret", "patients"), ("secret", "visits"), ("shared", "patients"), ("secret", "log"),
                                 ("secret", "v"), ("shared", "visits"), ("secret", "1st"), ("secret", "part"), ("secret", "exch"))
        text = self.spelt(schema, ansi) + self.dot() + self.spelt(name, ansi)
        if self.chance(0.05):
            text = f"/*!{self.pick('', '50000', '50700', '99999')} {text} */"
        if self.mariadb and self.chance(0.04):
            text = f"/*M!100000 {text} */"
        if self.chance(0.03):
            text = f"({text})"
        return text

    def payload(self, ansi=False):
        """A statement that reaches another's."""
        if self.chance(0.08):
            return self.pick(CALLS)
        if self.chance(0.1):
            return self.form()
        text = self.pick(WRITES) if self.chance(0.35) else self.pick(READS)
        return self.fill(text, t=self.table(ansi))

    def harmless(self):
        return self.fill(self.pick("SELECT 1", "SELECT name FROM own.patients LIMIT 1", "DO 0", "SELECT 'x'",
                                   "UPDATE own.a SET n = {n} WHERE id = 1", "INSERT INTO own.sink VALUES ({n}, 'x')",
                                   "SET @a{n} = 'b'", "SHOW WARNINGS", "SELECT @@sql_mode", "CREATE TEMPORARY TABLE own.t{n} (a INT)",
                                   "SELECT no_such_column FROM own.a", "SELECT * FROM own.no_such_table", "GARBAGE {n}",
                                   "INSERT INTO own.dup VALUES (1, 'twice')"))

    # State of SQL

    def variable(self, name):
        prefix = self.pick(["", "", "SESSION ", "LOCAL ", "@@", "@@session.", "@@local.", "@@SESSION . "])
        spelling = self.pick([name] * 14 + [f"`{name}`", f"`{name} `", name.upper(), name.replace("o", "ó"),
                                            name.replace("s", "ſ"), name.replace("i", "í"), f"`{name}\xc3`", f" {name} ",
                                            name.replace("_", "＿"), f"/*!{name}*/", f"`{name}\x00`"])
        return prefix + spelling

    def mode_value(self, mode):
        low = mode.lower()
        ways = [f"'{mode}'", f"'{low}'", f"LOWER('{mode}')", f"CONCAT('{mode}', '')", f"(SELECT '{mode}')", f'"{mode}"',
                f"'{mode},STRICT_TRANS_TABLES'", f"_latin1'{mode}'", f"IF(1, '{mode}', '')", f"CONCAT(@@sql_mode, ',{mode}')",
                f"x'{mode.encode().hex()}'", f"REPLACE('{mode}', 'x', '')", f"'{mode[:3]}' '{mode[3:]}'", f"@m := '{mode}'"]
        if self.chance(0.3):
            return self.pick(NUMBERS)
        return self.pick(ways)

    def set_mode(self):
        mode = self.pick(MODES + (MARIADB_MODES if self.mariadb else ()))
        value, name = self.mode_value(mode), self.variable("sql_mode")
        way = self.random.randrange(12)
        plain = f"SET {name}{self.pick('=', ':=', ' = ')}{value}"
        if way == 0:
            return f"SET @x = 1, {name} = {value}"
        if way == 1:
            return f"SET NAMES {self.pick(CHARSETS[-4:])}, {name} = {value}"
        if way == 2:
            return f"SET {name} = {value}, no_such_variable = 1"
        if way == 3:
            return "PREPARE m FROM " + quoted(plain)
        if way == 4 and self.mariadb:
            return "EXECUTE IMMEDIATE " + quoted(plain)
        if way == 5 and self.mariadb:
            return f"SET STATEMENT sql_mode = '{mode}' FOR {self.payload(ansi='ANSI' in mode)}"
        return plain

    def set_charset(self):
        charset = self.pick(CHARSETS)
        return self.pick(f"SET NAMES {charset}", f"SET CHARACTER SET {charset}", f"SET NAMES '{charset}'",
                         f"SET {self.variable('character_set_client')} = {charset}", "SET NAMES DEFAULT",
                         f"SET character_set_client = {self.pick('28', '13', '8', '1')}",
                         f"SET character_set_client = LOWER('{charset}')", f"SET character_set_connection = {charset}",
                         f"SET collation_connection = {charset}_bin")

    # Texts of two readings

    def ambiguous(self):
        """(texts as bytes): inert in one state of SQL, live in another."""
        t = self.table()
        charset = self.pick("gbk", "sjis", "big5", "gb18030")
        lead = {"gbk": b"\xbf", "sjis": b"\x95", "big5": b"\xa4", "gb18030": b"\xbf"}[charset]
        texts = [
            f'SELECT name "\\" FROM {t} -- " FROM own.patients',
            f"SELECT '\\', name FROM {t} -- ' FROM own.patients",
            f"SELECT '\\'', name FROM {t} -- ' FROM own.patients",
            f"SELECT '\\'; {self.payload()}; -- '",
            f"SELECT name AS \"a'\" FROM {t} -- '\" FROM own.patients",
            f'SELECT "\'", name FROM own.patients WHERE name = "\' FROM {t} -- "',
            f"SELECT 1 /*!99999 FROM own.patients */ /*!50000 , name FROM {t} */",
            f"SELECT `a`, '`' FROM own.a WHERE '\\' OR 1 -- ` FROM {t}",
            b"SELECT '" + lead + b"\\', name FROM " + t.encode("latin-1", "ignore") + b" -- ' FROM own.patients",
            b"SELECT name AS `" + lead + b"` FROM " + t.encode("latin-1", "ignore") + b" -- ` FROM own.patients",
            f"SELECT [a] FROM {t} -- ] FROM own.a", f"SELECT 1--(SELECT MAX(id) FROM {t})",
            f"SELECT name FROM own.patients WHERE name = 'x' || (SELECT 'y' FROM {t} LIMIT 1)",
        ]
        text = self.pick(texts)
        return text if isinstance(text, bytes) else text.encode("latin-1", "ignore")

    # Fragments: lists of steps

    def ending(self, text):
        """Runs a text in one of the ways there are."""
        if isinstance(text, str):
            text = text.encode("latin-1", "ignore") if any(0x80 <= ord(c) < 0x100 for c in text) else text.encode()
        way = self.random.randrange(11)
        if way == 0:
            return [{"com": "STMT", "text": text}]
        if way == 1:
            return [{"com": "STMT", "text": text, "cursor": 1}]
        if way == 2:
            return [b"PREPARE p FROM " + quoted_bytes(text), b"EXECUTE p"]
        if way == 3:
            return [b"SET @q = " + quoted_bytes(text), b"PREPARE p FROM @q", b"EXECUTE p"]
        if way == 4 and self.mariadb:
            return [b"EXECUTE IMMEDIATE " + quoted_bytes(text)]
        if way == 5:
            name = self.fill("own.pr{n}").encode()
            return [b"CREATE PROCEDURE " + name + b"() " + text, b"CALL " + name + b"()"]
        if way == 6 and self.mariadb:
            return [b"BEGIN NOT ATOMIC " + text + b"; END"]
        if way == 7:
            return [{"com": "STMT_PIPE", "text": text}] if self.mariadb else [{"com": "PIPE", "texts": [text, b"SELECT 1"]}]
        if way == 8 and self.multi:
            return [self.harmless().encode() + b"; " + text]
        if way == 9 and self.multi:
            return [text + b"; " + self.harmless().encode()]
        return [text]

    def state(self):
        how = self.random.randrange(12)
        if how < 6:
            return [self.set_mode()] + (["EXECUTE m"] if self.chance(0.5) else [])
        if how < 9:
            return [self.set_charset()]
        if how == 9:
            return [{"com": "RESET_CONNECTION"}]
        if how == 10:
            return [{"com": "CHANGE_USER", "text": self.pick("own", "own2", ""), "charset": self.pick("utf8mb4", "gbk", "sjis", "latin1")}]
        return [self.harmless()]

    def ambush(self):
        """A text of two readings behind changes of state."""
        steps = [one for _ in range(self.random.randrange(4)) for one in self.state()]
        return steps + self.ending(self.ambiguous())

    def reread(self):
        """Prepared or stored in one state, read again in another."""
        text, number = self.ambiguous(), self.fill("{n}").encode()
        before = [one for _ in range(self.random.randrange(2)) for one in self.state()]
        after = [one for _ in range(1 + self.random.randrange(2)) for one in self.state()]
        again = self.fill(self.pick(REREADS))
        way = self.random.randrange(8)
        if way == 7:  # what is stored is read as the EXECUTE has it, and run in that
            create, use = self.pick((b"CREATE PROCEDURE own.st{n}() ", b"CALL own.st{n}()"),
                                    (b"CREATE OR REPLACE VIEW own.st{n} AS ", b"SELECT * FROM own.st{n}"),
                                    (b"CREATE EVENT own.st{n} ON SCHEDULE EVERY 1 YEAR DO INSERT INTO own.sink ",
                                     b"ALTER EVENT own.st{n} ON SCHEDULE AT NOW() + INTERVAL 1 YEAR"),
                                    (b"CREATE TRIGGER own.st{n} BEFORE INSERT ON own.dup FOR EACH ROW INSERT INTO own.sink ",
                                     b"INSERT INTO own.dup VALUES ({n}, 'x')"))
            create, use = create.replace(b"{n}", number), use.replace(b"{n}", number)
            return before + [{"com": "PREPARE", "text": create + text}] + after + [{"com": "EXECUTE"}, use] + self.state() + [use]
        if way < 2:
            return before + [{"com": "PREPARE", "text": text}] + after + [again, {"com": "EXECUTE"}]
        if way == 2:
            return before + [b"PREPARE p FROM " + quoted_bytes(text)] + after + [again, "EXECUTE p"]
        if way == 3:
            return before + [b"CREATE PROCEDURE own.pr" + number + b"() " + text] + after + [again, b"CALL own.pr" + number + b"()"]
        if way == 4:
            loop = (b"CREATE PROCEDURE own.pr" + number + b"() BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO " + text + b"; "
                    + self.set_mode().encode("latin-1", "ignore") + b"; " + again.encode() + b"; SET i = i + 1; END WHILE; END")
            return before + [loop, b"CALL own.pr" + number + b"()"]
        if way == 5:
            return before + [b"CREATE VIEW own.vi" + number + b" AS " + text] + after + [again, b"SELECT * FROM own.vi" + number]
        if self.mariadb:
            mode = self.pick(MODES + MARIADB_MODES).encode()
            return [b"SET STATEMENT sql_mode='" + mode + b"' FOR CREATE PROCEDURE own.pr" + number + b"() " + text,
                    b"CALL own.pr" + number + b"()"]
        return before + [{"com": "PREPARE", "text": text}, again] + after + [{"com": "EXECUTE"}]

    def cover(self):
        """A temporary table of another's name that is not there, or not any more, when it is asked."""
        table = self.pick("secret.patients", "secret.visits", "shared.patients", "secret.log")
        name = table.split(".")
        create = f"CREATE TEMPORARY TABLE {self.spelt(name[0])}.{self.spelt(name[1])} (id INT, name VARCHAR(60), v INT, n INT)"
        gone = self.pick(f"DROP TEMPORARY TABLE {name[0]}.`{name[1]}`", f"DROP TABLE {table}", f"DROP TABLE IF EXISTS {table}",
                         f"DROP TEMPORARY TABLE {name[0]}.`{name[1]}\xc3`", f"ALTER TABLE {table} RENAME {name[0]}.tt",
                         f"DROP TEMPORARY TABLE IF EXISTS own.no, {table}", "SET pseudo_thread_id = 1", "SET `pseudo_thread_id ` = 1",
                         "DO 0", f"ALTER TABLE {table} RENAME own.tt")
        ways = [
            [create, gone],
            ["SET sql_mode = LOWER('')", f"SELECT '\\'; {create}; -- '"],
            [f"SELECT * FROM own.no_such; {create}"], [f"{create}; SELECT * FROM own.no_such"],
            [f"USE old; {create} /*{'{PAD:17000000}' if self.chance(0.03) else '{PAD:70000}'}*/"],
            [{"com": "PREPARE", "text": create.encode("latin-1", "ignore")}], [f"PREPARE c FROM '{create}'"],
            [f"/*!99999 {create} */"], [create.replace("TABLE", "TABLE IF NOT EXISTS"), {"com": "RESET_CONNECTION"}],
            [create, {"com": "CHANGE_USER", "text": "own"}], [f"{create}, no_such syntax"], [f"EXPLAIN {create}"],
            ["START TRANSACTION", create, "ROLLBACK", gone], [f"CREATE PROCEDURE own.ct() {create}", "CALL own.ct()", gone],
            [create + f"; {gone}"],
        ]
        read = f"SELECT * FROM {table}"
        return self.pick(ways) + self.ending(self.pick(read, f"DELETE FROM {table}", f"INSERT INTO own.sink SELECT 1, name FROM {table}"))

    def moved_in(self):
        """Into another's database under some name, then unqualified."""
        database = self.pick("secret", "secret", "shared")
        odd = self.pick([database] * 4 + [database + tail for tail in ("\0", "\xff", " ", "\xc3", "\0own", "/", ".")]
                        + [database.upper(), f"`{database}`", f"'{database}'"])
        way = self.random.randrange(6)
        raw = odd.encode("latin-1")
        steps = [[{"com": "INIT_DB", "text": raw}], [f"USE `{odd}`".encode("latin-1")], [f"USE {database}"],
                 [{"com": "CHANGE_USER", "text": raw}], [b"PREPARE u FROM 'USE " + raw.replace(b"'", b"''") + b"'", "EXECUTE u"],
                 ["CREATE DATABASE own3", "USE own3", "DROP DATABASE own3", {"com": "INIT_DB", "text": raw}]][way]
        return steps + self.ending(self.pick("SELECT name FROM patients", "DELETE FROM visits", "SELECT canary()",
                                             "INSERT INTO own.sink SELECT 1, name FROM visits", "UPDATE patients SET n = 7"))

    def late(self):
        """What binds its names when it is used."""
        ways = [
            ["CREATE TABLE own.mm (id INT, v VARCHAR(60)) ENGINE=MERGE UNION=(own.logm)", "RENAME TABLE own.mm TO shared.mine_mm",
             "SELECT * FROM shared.mine_mm"],
            ["CREATE TABLE own.mm (id INT, v VARCHAR(60)) ENGINE=MERGE UNION=(logm)", "ALTER TABLE own.mm RENAME shared.mine_mm",
             "INSERT INTO own.sink SELECT * FROM shared.mine_mm"],
            ["CREATE EVENT own.e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM log", "ALTER EVENT own.e RENAME TO shared.mine_e"],
            ["CREATE TRIGGER own.tr BEFORE INSERT ON own.a FOR EACH ROW DELETE FROM secret.log", "INSERT INTO own.a (id) VALUES (77)"],
            ["CREATE VIEW own.vw AS SELECT * FROM patients", "RENAME TABLE own.vw TO shared.mine_vw"],
            ["CREATE FUNCTION own.fn() RETURNS VARCHAR(60) READS SQL DATA RETURN (SELECT MAX(name) FROM secret.patients)",
             "SELECT own.fn()"],
            ["ALTER TABLE own.part EXCHANGE PARTITION secret WITH TABLE secret.exch2"],
            ["CREATE TABLE own.fk (id INT, FOREIGN KEY (id) REFERENCES secret.patients (id) ON DELETE CASCADE)"],
        ]
        if self.mariadb:
            ways += [["BEGIN NOT ATOMIC FOR i IN secret.f(1) .. 2 DO SELECT i; END FOR; END"],
                     ["ANALYZE TABLE own.a PERSISTENT FOR ALL, secret.patients"],
                     ["BEGIN NOT ATOMIC DECLARE r ROW TYPE OF x.secret.patients; SELECT 1; END"],
                     ["BEGIN NOT ATOMIC DECLARE r ROW TYPE OF secret.patients; SELECT 1; END"],
                     ["CREATE TABLE own.cn ENGINE=CONNECT TABLE_TYPE=MYSQL TABNAME=patients DBNAME=secret"]]
        return self.pick(ways)

    def granted(self):
        """What was opened under a grant that is taken away."""
        return [{"com": "RELOAD", "grant": True}] + self.pick(
            ["HANDLER secret.visits OPEN AS h", {"com": "RELOAD", "grant": False}, "HANDLER h READ FIRST"],
            [{"com": "PREPARE", "text": b"SELECT name FROM secret.visits"}, {"com": "RELOAD", "grant": False}, {"com": "EXECUTE"}],
            ["PREPARE g FROM 'SELECT name FROM secret.visits'", {"com": "RELOAD", "grant": False}, "EXECUTE g"],
            ["CREATE TEMPORARY TABLE own.um (id INT, v VARCHAR(60)) ENGINE=MERGE UNION=(secret.visits)",
             {"com": "RELOAD", "grant": False}, "SELECT * FROM own.um"],
            ["HANDLER secret.visits OPEN", "FLUSH TABLES", {"com": "RELOAD", "grant": False}, "HANDLER visits READ NEXT"],
            ["LOCK TABLES secret.visits READ", {"com": "RELOAD", "grant": False}, "SELECT name FROM secret.visits"],
            ["CREATE VIEW own.gv AS SELECT name FROM secret.visits", {"com": "RELOAD", "grant": False},
             "SELECT name FROM own.a, secret.visits"],
            [{"com": "RELOAD", "grant": False}, "SELECT name FROM secret.visits"])

    def overridden(self):
        """What `silogate ctl` has allowed for a time, and not any more; or nothing of the kind."""
        table = self.pick("secret.visits", "secret.patients", "shared.patients")
        begin = self.pick([{"com": "CTL", "words": ["mode", "spy", "log", "--for", "2m"], "grants": True}] * 2
                          + [{"com": "CTL", "words": ["allow", "spy", "on", table, "access", "read", "--for", "2m"],
                              "grants": True}] * 2
                          + [{"com": "CTL", "words": ["allow", "spy", "on", "secret.exch", "access", "read", "--for", "2m"],
                              "grants": False},
                             {"com": "CTL", "words": ["mode", "spy", "block", "--for", "2m"], "grants": False},
                             {"com": "CTL", "words": ["mode", "victim", "log", "--for", "2m"], "grants": False}])
        over = {"com": "CTL", "words": None, "grants": False}
        during, after = self.pick(
            ([f"HANDLER {table} OPEN AS h", "HANDLER h READ FIRST"], ["HANDLER h READ NEXT"]),
            ([{"com": "PREPARE", "text": f"SELECT name FROM {table}".encode()}], [{"com": "EXECUTE"}]),
            ([{"com": "PREPARE", "text": f"UPDATE {table} SET n = 9".encode()}], [{"com": "EXECUTE"}]),
            ([{"com": "PREPARE", "text": f"SELECT name FROM {table}".encode()}, {"com": "EXECUTE", "cursor": 1}],
             [{"com": "EXECUTE"}]),
            ([f"PREPARE g FROM 'SELECT name FROM {table}'"], ["EXECUTE g"]),
            ([f"SET @q = 'SELECT name FROM {table}'", "PREPARE g FROM @q", "EXECUTE g"], ["EXECUTE g"]),
            ([f"LOCK TABLES {table} READ"], [f"SELECT name FROM {table}"]),
            (["USE secret"], ["SELECT name FROM patients"]),
            ([{"com": "INIT_DB", "text": "secret"}], ["SELECT name FROM visits"]),
            (["USE secret", "USE own"], ["SELECT name FROM patients", f"SELECT name FROM {table}"]),
            (["CREATE TEMPORARY TABLE own.um (id INT, v VARCHAR(60)) ENGINE=MERGE UNION=(shared.logm)"], ["SELECT * FROM own.um"]),
            ([f"CREATE TEMPORARY TABLE {table} (id INT, name VARCHAR(60))", f"DROP TEMPORARY TABLE {table}"],
             [f"SELECT * FROM {table}"]),
            (["START TRANSACTION", f"SELECT name FROM {table} FOR UPDATE"], [f"SELECT name FROM {table} FOR UPDATE"]),
            ([f"SELECT name FROM {table}"], self.ending(f"SELECT name FROM {table}")),
            ([self.set_charset()], self.ambush()))
        # what else is said meanwhile is only about how texts are read
        between = [self.set_charset()] if self.chance(0.3) else []
        return [begin, *during, *between, over, *(self.state() if self.chance(0.3) else []), *after]

    def xa(self):
        """Another's prepared transaction, `theirs`, by any of its names; and transactions of the spy's own."""
        xid = self.pick("'theirs'", "'theirs',''", "'theirs','',1", "0x746865697273", "x'746865697273'", "'the\\irs'", '"theirs"',
                        "X'746865697273',x'',1", "_latin1'theirs'", "b'011101000110100001100101011010010111001001110011'")
        way = self.random.randrange(9)
        start = [f"XA START {xid}", "DELETE FROM own.a WHERE id = 99", f"XA END {xid}"]
        end = f"XA {self.pick('COMMIT', 'ROLLBACK')} {xid}"
        ways = [[end], start + [end], start + [{"com": "RESET_CONNECTION"}, end], start + ["XA ROLLBACK 'mine'", end],
                ["XA RECOVER", "XA RECOVER CONVERT XID", end], [f"XA START {xid} JOIN", f"XA START {xid} RESUME", end],
                ["PREPARE c FROM " + quoted(f"XA PREPARE {xid}"), end], [*self.ending(f"XA PREPARE {xid}"), end],
                ["XA START 'mine'", "XA END 'mine'", "XA PREPARE 'mine'", *self.ending(f"XA PREPARE {xid}"),
                 "XA ROLLBACK 'mine'", end]]
        between = self.state() if self.chance(0.4) else []
        steps = ways[way]
        return steps[:-1] + between + (self.ending(end) if self.chance(0.6) else [end])

    def others(self):
        """The session becomes another service's, which may do so, and then the spy's again; or another user's of the
        spy's own service."""
        table = self.pick("secret.visits", "secret.patients", "shared.patients", "shared.logm")
        user = self.pick("victim", "victim", "victim", "weak")
        there = [one for _ in range(1 + self.random.randrange(2)) for one in self.pick(
            [f"HANDLER {table} OPEN AS h"], [{"com": "PREPARE", "text": f"SELECT name FROM {table}".encode()}],
            [f"PREPARE o FROM 'SELECT name FROM {table}'"], [f"SET @q = 'SELECT name FROM {table}'"], [f"LOCK TABLES {table} READ"],
            [f"CREATE TEMPORARY TABLE {table} (id INT, name VARCHAR(60))"], ["USE secret"], ["START TRANSACTION"], self.state(),
            [f"CREATE TEMPORARY TABLE shared.mine_u (id INT, v VARCHAR(60)) ENGINE=MERGE UNION=(shared.logm)"])]
        back = {"com": "CHANGE_USER", "text": self.pick("own", "own", "own2", "old", "", "secret", "SECRET", "secret\0")}
        after = self.pick(["HANDLER h READ FIRST"], [{"com": "EXECUTE"}], ["EXECUTE o"], ["PREPARE o FROM @q", "EXECUTE o"],
                          [f"SELECT * FROM {table}"], ["SELECT * FROM visits"], ["SELECT * FROM shared.mine_u"], self.ending(self.payload()))
        return [{"com": "CHANGE_USER", "text": "", "user": user}, *there, back, *after]

    def long_list(self):
        """Another's table in a list of more names than are looked at at once."""
        names = [f"own.no{i}" for i in range(self.pick(990, 1000, 1001, 2047, 2500))]
        names.insert(self.pick(0, len(names), len(names) - 1, 1000), self.table().replace("(", "").replace(")", ""))
        head, behind = self.pick(("DROP TABLE IF EXISTS ", ""), ("CHECK TABLE ", ""), ("LOCK TABLES ", " READ"),
                                 ("CHECKSUM TABLE ", ""), ("DROP TEMPORARY TABLE IF EXISTS ", ""), ("FLUSH TABLES ", ""),
                                 ("DROP VIEW IF EXISTS ", ""), ("LOCK TABLES ", " WRITE"))
        return self.ending(head + (behind + ", ").join(names) + behind)

    def among(self):
        """Binary commands between PREPARE and EXECUTE, and texts that come as a parameter's data. MySQL 9.7 answers an
        EXECUTE without a cursor, after one with, without an end: CLOSE stands between."""
        payload, table = self.payload().encode("latin-1", "ignore"), self.table()
        mode = self.pick(MODES)
        between = [one for _ in range(self.random.randrange(4)) for one in self.pick(
            [{"com": "RESET"}], [{"com": "FETCH"}], [{"com": "CLOSE"}], [{"com": "EXECUTE", "cursor": 1}, {"com": "CLOSE"}],
            [{"com": "LONG", "text": "x" * self.pick(0, 3, 70000)}], [{"com": "PREPARE", "text": payload}],
            [{"com": "PREPARE", "text": b"SELECT 1"}, {"com": "CLOSE"}], [{"com": "BULK", "text": "1"}], self.state())]
        ways = [
            [{"com": "PREPARE", "text": b"SET @s = ?"}, {"com": "LONG", "text": payload}, *between, {"com": "EXECUTE", "at": 0},
             "PREPARE l FROM @s", "EXECUTE l"],
            [{"com": "PREPARE", "text": b"SET @s = ?"}, *between, {"com": "BULK", "text": payload}, "PREPARE l FROM @s", "EXECUTE l"],
            [{"com": "PREPARE", "text": b"SET sql_mode = ?"}, {"com": "LONG", "text": mode}, *between, {"com": "EXECUTE", "at": 0},
             self.ambiguous()],
            [{"com": "PREPARE", "text": b"SET character_set_client = ?"}, {"com": "LONG", "text": self.pick(CHARSETS)}, *between,
             {"com": "EXECUTE", "at": 0}, self.ambiguous()],
            [{"com": "PREPARE", "text": b"SELECT name FROM own.patients"}, *between, {"com": "PREPARE", "text": payload},
             {"com": "EXECUTE"}],
            [{"com": "PREPARE", "text": b"SELECT 1"}, {"com": "PREPARE", "text": payload}, *between, {"com": "EXECUTE"}],
            [{"com": "PREPARE", "text": f"INSERT INTO {table} (id, name) VALUES (?, ?)".encode("latin-1", "ignore")}, *between,
             {"com": "BULK", "text": "7"}],
            [{"com": "PREPARE", "text": b"SELECT name FROM patients"}, *between, {"com": "INIT_DB", "text": "secret"},
             {"com": "EXECUTE"}],
            [{"com": "PREPARE", "text": b"SHOW FULL PROCESSLIST"}, *between, {"com": "EXECUTE"}],
        ]
        return self.pick(ways)

    def plain(self):
        steps = [one for _ in range(self.random.randrange(3)) for one in self.state()]
        return steps + self.ending(self.payload(ansi=self.chance(0.3)))

    def noise(self):
        return [self.harmless()] if self.chance(0.5) else self.state()


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def quoted_bytes(text):
    return b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"


def program(random, mariadb, folding=False, past=(), share=0.35):
    """(flags, steps); `past`: what may happen past silogate, in this share."""
    maker = Maker(random, mariadb, folding)
    flags = maker.flags
    flags |= {"multi": maker.multi, "charset": maker.pick(["utf8mb4"] * 6 + ["latin1", "gbk", "sjis", "big5", "gb18030", "cp932"])}
    flags["ends"], flags["metadata"], flags["untracked"] = maker.chance(0.4), maker.chance(0.15), maker.chance(0.4)
    compress = maker.pick([None] * 5 + ["zlib"] + ([] if mariadb else ["zstd"]))
    kinds = ([maker.ambush] * 5 + [maker.reread] * 6 + [maker.cover] * 4 + [maker.moved_in] * 3 + [maker.plain] * 4
             + [maker.among] * 3 + [maker.rare] * 3 + [maker.comment] + [maker.charset] * 4
             + [maker.parameters] * 2 + [maker.executed] * 4 + [maker.assigned] * 3 + [maker.twice] * 4 + [maker.echoed] + [maker.stored] * 2
             + [maker.unquoted, maker.glued]
             + [maker.likeness] * 2 + [maker.late] + [maker.xa] + [maker.others] * 2)
    if past and random.random() < share:
        kinds = [getattr(maker, maker.pick(past))]
    elif random.random() < 0.03:
        kinds = [maker.granted]
    elif random.random() < 0.01:
        kinds = [maker.long_list]
    elif random.random() < 0.06:
        kinds = [maker.overridden]
    if maker.chance(0.15):
        flags["database"] = maker.pick("", "own2", "old", "OLD", "secret", "secret\0", "`secret`", "secret ", "Secret", "shared")
    steps = ["BEGIN"] if maker.chance(0.4) else []
    for _ in range(1 + random.randrange(2)):
        if maker.chance(0.4):
            steps += maker.noise()
        steps += maker.pick(kinds)()
    # the number of a frame has no rule where commands are sent before the answer
    if not any(isinstance(step, dict) and "PIPE" in step["com"] for step in steps):
        flags["compress"] = compress
    return flags, steps
