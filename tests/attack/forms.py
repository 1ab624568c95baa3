"""Statements of the newer and rarer kinds that reach another's table, literals and names in character sets where half of
a character is a quote or a backslash, what is sent of a statement's parameters around refusals, and EXECUTEs that change
the session. programs.Maker has these as well."""

FORMS = ("TABLE {t}", "(TABLE {t})", "SELECT 1 UNION (TABLE {t} LIMIT 1)", "INSERT INTO own.sink SELECT id, name FROM (SELECT * FROM {t}) q",
         "VALUES ROW(1, (SELECT MAX(name) FROM {t}))", "SELECT name FROM {t} INTERSECT SELECT name FROM {t}",
         "SELECT name FROM {t} EXCEPT SELECT name FROM own.a", "(SELECT name FROM own.a) EXCEPT ALL (SELECT 'z' FROM {t})",
         "SELECT j.v FROM {t} AS s, JSON_TABLE(CONCAT('[\"', s.name, '\"]'), '$[*]' COLUMNS (v VARCHAR(60) PATH '$')) AS j",
         "SELECT * FROM JSON_TABLE((SELECT JSON_ARRAYAGG(name) FROM {t}), '$[*]' COLUMNS (v VARCHAR(60) PATH '$')) AS j",
         "WITH RECURSIVE c AS (SELECT 1 AS n, CAST('' AS CHAR(60)) AS v UNION ALL SELECT n + 1, (SELECT MAX(name) FROM {t}) FROM c WHERE n < 2)"
         " SELECT v FROM c", "SELECT name, ROW_NUMBER() OVER (ORDER BY (SELECT MAX(name) FROM {t})) FROM {t}",
         "CREATE TEMPORARY TABLE own.lk{n} AS TABLE {t}", "CREATE TEMPORARY TABLE own.lk{n} LIKE {t}", "SHOW COLUMNS FROM {t}",
         "SHOW INDEX FROM {t}", "GET DIAGNOSTICS CONDITION (SELECT COUNT(*) FROM {t}) @d = MESSAGE_TEXT", "SELECT MAX(name) FROM {t} INTO @d",
         "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = (SELECT MAX(name) FROM {t})", "KILL QUERY (SELECT MAX(id) FROM {t})",
         "LOAD XML LOCAL INFILE 'x' INTO TABLE {t}", "DO EXTRACTVALUE(1, (SELECT CONCAT('~', name) FROM {t} LIMIT 1))",
         "SET @d = (TABLE {t} LIMIT 1)", "UPDATE own.sink SET v = (SELECT name FROM {t} LIMIT 1) LIMIT 1")
MYSQL_FORMS = ("SELECT v.name FROM own.a, LATERAL (SELECT name FROM {t} AS s WHERE s.id >= own.a.id) AS v", "INSERT INTO own.sink (id) TABLE {t}",
               "EXPLAIN FORMAT=JSON INTO @d SELECT * FROM {t}", "EXPLAIN ANALYZE SELECT * FROM {t}", "EXPLAIN FOR SCHEMA secret SELECT * FROM patients",
               "CREATE LIBRARY own.lib{n} LANGUAGE JAVASCRIPT AS 'export function f() { return 1 }'", "IMPORT TABLE FROM '/tmp/*.sdi'",
               "CREATE JSON DUALITY VIEW own.dv{n} AS SELECT JSON_DUALITY_OBJECT('_id': id, 'name': name) FROM {t}",
               "CREATE JSON RELATIONAL DUALITY VIEW own.dv{n} AS SELECT JSON_DUALITY_OBJECT(WITH(INSERT) '_id': id) FROM {t} AS q",
               "SELECT * FROM own.a WHERE (TABLE {t} LIMIT 1) IS NULL", "SELECT name FROM {t} TABLESAMPLE SYSTEM (100)", "ANALYZE TABLE {t} UPDATE HISTOGRAM ON n",
               "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ name FROM {t}", "SELECT name FROM {t} QUALIFY ROW_NUMBER() OVER () = 1",
               "DELETE FROM own.sink WHERE id IN (TABLE {t})", "CLONE LOCAL DATA DIRECTORY = '/tmp/x{n}'")
MARIADB_FORMS = ("SET STATEMENT max_statement_time = 5 FOR SELECT name FROM {t}", "SET STATEMENT sql_mode = '' FOR UPDATE {t} SET n = n + 1",
                 "SET STATEMENT sql_select_limit = 1, sql_mode = 'ANSI_QUOTES' FOR SELECT name FROM {t}", "SELECT NEXT VALUE FOR secret.seq",
                 "SELECT NEXTVAL(secret.seq)", "SELECT SETVAL(secret.seq, 99)", "DO LASTVAL(secret.seq)", "ALTER SEQUENCE secret.seq RESTART 7",
                 "CREATE TABLE own.sq{n} (id INT DEFAULT NEXTVAL(secret.seq))", "SELECT name FROM secret.hist FOR SYSTEM_TIME ALL", "DELETE HISTORY FROM secret.hist",
                 "SELECT name FROM secret.hist FOR SYSTEM_TIME AS OF NOW()", "SELECT name FROM secret.hist FOR SYSTEM_TIME BETWEEN '2000-01-01' AND NOW()",
                 "VALUES (1, (SELECT MAX(name) FROM {t}))", "DELETE FROM {t} WHERE id = 2 RETURNING name", "INSERT INTO {t} (id, name) VALUES ({n}, 'x') RETURNING id",
                 "REPLACE INTO own.dup SELECT id, name FROM {t} RETURNING v", "SELECT name FROM {t} FETCH FIRST 1 ROWS WITH TIES", "SHOW CREATE SEQUENCE secret.seq",
                 "SELECT name FROM {t} PROCEDURE ANALYSE()", "ANALYZE FORMAT=JSON SELECT * FROM {t}", "CREATE OR REPLACE TABLE {t} (id INT)", "SELECT * FROM {t} PARTITION (p0)")
# Multi-byte sets of a client: a lead byte behind which a quote or a backslash is no character of its own, or is.
HALVES = {"gbk": (b"\xbf", b"\x81", b"\xfe"), "sjis": (b"\x95", b"\x81", b"\xfc"), "cp932": (b"\x95", b"\x81", b"\xfc"), "big5": (b"\xa4", b"\xa1", b"\xf9"),
          "gb18030": (b"\xbf", b"\x81\x30\x81", b"\x81\x30", b"\xfe"), "euckr": (b"\xb0",), "ujis": (b"\x8f", b"\x8f\xb0", b"\x8e"), "gb2312": (b"\xb0",),
          "eucjpms": (b"\x8f", b"\xb0"), "utf8mb4": (b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0"), "utf8mb3": (b"\xe2\x82", b"\xf0\x9f")}
SINGLE = ("armscii8", "swe7", "hp8", "dec8", "latin1", "ascii", "binary", "geostd8", "koi8r")
# Where it is inert, where it is not, the text.
PAIRS = (("SET sql_mode = ''", "SET sql_mode = 'ANSI_QUOTES'", b'SELECT name "\\" FROM {t} -- " FROM own.patients'),
         ("SET sql_mode = ''", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", b"SELECT name '\\' FROM {t} -- ' FROM own.patients"),
         ("SET NAMES latin1", "SET NAMES gbk", b"SELECT name '\xbf\\' FROM {t} -- ' FROM own.patients"),
         ("SET NAMES latin1", "SET NAMES sjis", b"SELECT name '\x95\\' FROM {t} -- ' FROM own.patients"),
         ("SET NAMES latin1", "SET NAMES big5", b"SELECT name '\xa4\\' FROM {t} -- ' FROM own.patients"))
REFUSED = ("ucs2", "utf16", "utf32", "utf16le")
VERSIONS = ("", "0", "1", "4", "40", "00000", "32302", "50000", "50700", "050000", "80000", "90000", "90700", "99999", "100000", "100100", "101100",
            "101119", "101120", "110000", "999999", "9999999", "50000a", "M", "M!", "M!50000", "M!100100", "M!101100", "M!999999", "M!10000")


class Forms:
    def form(self):
        forms = FORMS + (MARIADB_FORMS if self.mariadb else MYSQL_FORMS)
        return self.fill(self.pick(forms), t=self.table())

    def rare(self):
        return [one for _ in range(self.random.randrange(2)) for one in self.state()] + self.ending(self.form())

    def comment(self):
        """Executable comments of all versions, and within each other."""
        payload = self.payload().encode("latin-1", "ignore")
        version, other = (self.pick(VERSIONS).encode() for _ in range(2))
        t = self.table().encode("latin-1", "ignore")
        text = self.pick(b"/*!" + version + b" " + payload + b" */", b"SELECT 1 /*!" + version + b" , name FROM " + t + b" */",
                         b"/*!" + version + b" SELECT 1 /*!" + other + b" + 1 */ , name FROM " + t + b" */",
                         b"SELECT 1 /*!" + version + b" -- */\n, name FROM " + t, b"SELECT '/*!" + version + b"', name /* ' */ FROM " + t + b" -- '",
                         b"SELECT 1 /*!" + version + b"'*/, name FROM " + t + b" -- '", b"SELECT 1 /*!" + version + b" /* */ , name FROM " + t + b" -- */",
                         b"SELECT /*" + version + b"! 1 */ name FROM " + t)
        return self.ending(text)

    # Character sets

    def half(self):
        """(a statement that makes the set the client's, a text of two readings)"""
        charset = self.pick(*HALVES, *SINGLE)
        lead = self.pick(HALVES.get(charset, (b"\xff", b"\\", b"\xdc", b"[")))
        t = self.table().encode("latin-1", "ignore")
        sign = self.pick(b"'", b"\\", b'"', b"`")
        text = self.pick(b"SELECT '" + lead + sign + b"', name FROM " + t + b" -- ' FROM own.patients",
                         b"SELECT '" + lead + b"\\', name FROM " + t + b" -- ' FROM own.patients",
                         b"SELECT '" + lead + b"\\'', name FROM " + t + b" -- ' FROM own.patients",
                         b"SELECT _" + charset.encode() + b"'" + lead + b"\\', name FROM " + t + b" -- ' FROM own.patients",
                         b"SELECT _" + charset.encode() + b"'" + lead + b"', name FROM " + t + b" -- '",
                         b'SELECT name AS "' + lead + b'\\" FROM ' + t + b' -- " FROM own.patients',
                         b"SELECT name AS `" + lead + b"` FROM " + t + b" -- ` FROM own.patients",
                         b"SELECT N'" + lead + b"\\', name FROM " + t + b" -- ' FROM own.patients",
                         b"SELECT name AS " + lead + b"\\ FROM " + t, b"SELECT 1 AS " + lead + b", name FROM " + t + b" -- " + lead)
        name = self.pick(charset, charset, charset, *REFUSED)
        setting = self.pick(f"SET NAMES {name}", f"SET character_set_client = {name}", f"SET CHARACTER SET {name}", f"SET NAMES '{name}'",
                            f"SET NAMES {charset}, character_set_client = {name}", f"SET character_set_client = IF(1, '{charset}', '{name}')",
                            f"SET NAMES {charset} COLLATE {name}_bin", f"SELECT _{charset}'x'")
        return setting, text

    def charset(self):
        steps = []
        for _ in range(1 + self.random.randrange(2)):
            setting, text = self.half()
            way = self.random.randrange(6)
            if way == 0:
                steps += [{"com": "CHANGE_USER", "text": "own", "charset": self.pick(*HALVES, *SINGLE)}]
            elif way == 1:
                steps += [b"PREPARE c FROM " + b"'" + setting.replace("'", "''").encode() + b"'", "EXECUTE c"]
            else:
                steps += [setting]
            if self.multi and self.chance(0.3):
                steps[-1:] = [(steps[-1] if isinstance(steps[-1], bytes) else setting.encode()) + b"; " + text]
            steps += self.ending(text)
            if self.chance(0.3):
                steps += [{"com": "PREPARE", "text": text}, self.half()[0], "ALTER TABLE own.patients COMMENT 'c'", {"com": "EXECUTE"}]
        return steps

    def stored(self):
        """What the server prints into a definition and reads again in the character set of its client."""
        charset, lead = self.pick(("big5", b"\xb3"), ("gbk", b"\x81"), ("sjis", b"\x89"), ("cp932", b"\x83"), ("gb18030", b"\x81"), ("latin1", b"\xe4"))
        table, naming = self.pick(b"secret.patients", b"secret.visits", b"shared.patients"), f"SET NAMES {charset}"
        character = lead + b"\\" if charset != "latin1" else lead
        bits = format(int.from_bytes(character, "big"), "b").encode()
        spelt = self.pick(b"'" + character + b"'", b"_" + charset.encode() + b"'" + character + b"'", b"N'" + character + b"'",
                          b"_" + charset.encode() + b" 0x" + character.hex().encode(), b"_binary b'" + bits + b"'", b"_latin1 x'" + character.hex().encode() + b"'")
        leak = b"SET @leak = (SELECT MAX(name) FROM " + table + b"); "
        if self.chance(0.6):
            view = b"VIEW own.pv AS SELECT " + spelt + b" AS a, ', name FROM " + table + b" -- ' AS b"
            create = b"CREATE OR REPLACE " + view
            ways = [[naming, create], [naming, b"CREATE OR REPLACE VIEW own.pv AS SELECT 1 AS a", b"ALTER " + view], [naming, *self.prepared(create)],
                    [naming, b"PREPARE p FROM '" + create.replace(b"'", b"''") + b"'", b"EXECUTE p"],
                    [b"PREPARE p FROM '" + create.replace(b"'", b"''") + b"'", naming, b"EXECUTE p"],
                    [{"com": "PREPARE", "text": create}, naming, {"com": "EXECUTE"}], [f"SET character_set_client = {charset}", create],
                    [naming, b"CREATE PROCEDURE own.mk{n}() " + create, b"CALL own.mk{n}()"]]
            number = self.fill("{n}")
            steps = [one.replace(b"{n}", number.encode()) if isinstance(one, bytes) else one for one in self.pick(ways)]
            return [*steps, "SELECT * FROM own.pv"]
        if self.chance(0.6):
            behind = b") CHARSET utf8mb4 READS SQL DATA BEGIN " + leak + b"RETURN 1; /* "
            create = (b"CREATE FUNCTION own.fe() RETURNS ENUM('" + character + self.pick(b"", b"\\\\") + b"','" + behind
                      + b"') CHARSET utf8mb4 READS SQL DATA BEGIN RETURN 1; /* */ END")
            return [naming, "DROP FUNCTION IF EXISTS own.fe", *self.pick([create], self.prepared(create)), "SELECT own.fe()", "SELECT @leak"]
        name = self.pick("\u201b", "\u203a", "\xdf", "\u22bf")
        body = b"BEGIN /*x` FOR EACH ROW BEGIN " + leak + b"/* */ SET @y = 1; END"
        return [naming, "CREATE TABLE own.trt (a INT)", b"CREATE TRIGGER own.trx BEFORE INSERT ON own.trt FOR EACH ROW " + body, "SET NAMES utf8mb4",
                f"RENAME TABLE own.trt TO own.`{name}`".encode(), f"INSERT INTO own.`{name}` VALUES (1)".encode(), "SELECT @leak"]

    def unquoted(self):
        """What MariaDB prints without quotes or escapes: names of definitions in views, literals with introducers in tables."""
        table = self.pick("secret.patients", "secret.visits", "shared.patients")
        if self.chance(0.5):
            name = self.pick("c as (select name from {t}) select * from c#", "z(a) as (select name from {t}), q", "c as (select max(name) a from {t}) select a from c -- ").replace("{t}", table)
            query = self.pick(f"WITH `{name}` AS (SELECT 1 a) SELECT * FROM `{name}`", f"WITH `{name}` AS (SELECT 1 a) SELECT z.a FROM `{name}` z",
                              f"SELECT * FROM (WITH `{name}` (a) AS (SELECT 1) SELECT a FROM `{name}`) x", f"WITH x AS (SELECT 2 b), `{name}` AS (SELECT 1 a) SELECT a, b FROM x, `{name}`")
            create = f"CREATE OR REPLACE VIEW own.pv AS {query}"
            return [*self.pick([create], self.prepared(create.encode()), ["CREATE OR REPLACE VIEW own.pv AS SELECT 1", f"ALTER VIEW own.pv AS {query}"]), "SELECT * FROM own.pv"]
        inside = self.pick("a'',setval(secret.seq,777777))#", "a\\',setval(secret.seq,777777))#", "a\\\\',setval(secret.seq,777777))#")
        raw = "a',setval(secret.seq,777777))#".encode().hex()
        literal = self.pick("_latin1", "_utf8mb4 ", "_binary/**/", "N", "") + self.pick(f"'{inside}'", f"'x' '{inside}'", f"x'{raw}'", f"0x{raw}")
        column = self.pick("DEFAULT (concat({l}))", "CHECK (concat({l}) <> 'q')", "AS (concat({l}))").replace("{l}", literal)
        made = self.pick([f"CREATE TABLE own.dd (id INT, a VARCHAR(200) {column})"], ["CREATE TABLE own.dd (id INT)", f"ALTER TABLE own.dd ADD a VARCHAR(200) {column}"])
        return ["DROP TABLE IF EXISTS own.dd", *made, "INSERT INTO own.dd (id) VALUES (1)"]

    def glued(self):
        """Executable comments that are left out of a text that the server keeps: their neighbours become one."""
        skipped, table = self.pick("/*!999999 x*/", "/*!99999 x*/", "/*M!999999 x*/", "/*!*/", "/*!50000*/"), self.table()
        between = self.pick(f"-{skipped}-", "-/*!50000-", "/*!50000 -*/-", f"- {skipped}-", f"-{skipped} -", f"-/* */{skipped}-")
        end = " */" if between == "-/*!50000-" else ""
        hidden = f"{between} '2\n, (SELECT MAX(name) FROM {table}) b -- '{end}"
        glued = f"{between} '2\n, name FROM {table}) -- '{end}"
        way = self.pick([f"CREATE PROCEDURE own.gl{{n}}() SELECT 1 {hidden}", "CALL own.gl{n}()"],
                        [f"CREATE FUNCTION own.gl{{n}}() RETURNS VARCHAR(60) READS SQL DATA RETURN (SELECT MAX(x) FROM (SELECT 1 {between} '2\n, name x FROM {table}) y) -- '{end} x) y)",
                         "SELECT own.gl{n}()"],
                        [f"CREATE PROCEDURE own.gl{{n}}() BEGIN SELECT 1 {between} 'a\n; DELETE FROM {table}; SELECT 2 -- '{end}\n; END", "CALL own.gl{n}()"],
                        [f"WITH c AS (SELECT id {glued} FROM own.a) SELECT y.* FROM c x, c y"],
                        [f"INSERT INTO own.sink WITH c AS (SELECT id {glued} FROM own.a) SELECT y.* FROM c x, c y", "SELECT * FROM own.sink"],
                        [{"com": "STMT", "text": f"WITH c AS (SELECT id {glued} FROM own.a) SELECT y.* FROM c x, c y"}])
        number = self.fill("{n}")
        return [one.replace("{n}", number) if isinstance(one, str) else one for one in way]

    # Parameters

    def parameters(self):
        """Chunks of a parameter around an EXECUTE that is refused, or judged anew."""
        table = self.table().encode("latin-1", "ignore")
        long = {"com": "LONG", "text": self.pick(self.payload(), "own", "x" * 70000)}
        mode = self.set_mode()
        text = self.pick(b"INSERT INTO own.sink (v) VALUES (?)", b"INSERT INTO " + table + b" (id, name) VALUES (77, ?)", b"SELECT ?, name FROM " + table,
                         b"SET @s = ?", b'SELECT ? AS "a\\" FROM ' + table + b' -- " FROM own.patients', b"UPDATE own.a SET name = ?",
                         b"SELECT '\\', name, ? FROM " + table + b" -- ', ? FROM own.patients", b"UPDATE " + table + b" SET name = ?")
        steps = [mode] if self.chance(0.4) else []
        steps += [{"com": "PREPARE", "text": text}]
        for _ in range(2 + self.random.randrange(5)):
            steps += [self.pick(long, long, {"com": "EXECUTE"}, {"com": "EXECUTE"}, {"com": "EXECUTE", "cursor": 1}, {"com": "RESET"}, {"com": "BULK", "text": "8"},
                                self.set_mode(), "ALTER TABLE own.patients COMMENT 'c'", {"com": "PREPARE", "text": b"SELECT ?"}, self.harmless())]
        return steps + [{"com": "EXECUTE", "at": 0}, "PREPARE l FROM @s", "EXECUTE l"]

    def echoed(self):
        """What was sent around refusals must not be in the next execution."""
        inert, live, text = self.pick(PAIRS[:2])
        text = text.replace(b"SELECT ", b"SELECT ? AS sent, ", 1).replace(b"{t}", self.table().encode("latin-1", "ignore")) + b" LIMIT 1"
        steps = [inert, {"com": "PREPARE", "text": text}]
        for _ in range(3 + self.random.randrange(6)):
            steps += [self.pick([{"com": "LONG", "text": self.fill("<L{n}>") + "x" * self.pick(0, 0, 9, 70000)}] * 3
                                + [{"com": "EXECUTE"}] * 2 + [live, live, inert, inert, {"com": "RESET"}])]
        return steps + [inert, {"com": "LONG", "text": self.fill("<L{n}>")}, {"com": "EXECUTE"}]

    # Readings

    def twice(self):
        """A text is prepared where it is inert, and read again where it is not."""
        inert, live, text = self.pick(PAIRS)
        text = text.replace(b"{t}", self.table().encode("latin-1", "ignore"))
        again = [self.fill(self.pick("ALTER TABLE own.patients COMMENT 'c{n}'", "ALTER TABLE own.patients ADD x{n} INT", "FLUSH TABLES"))]
        live = self.pick([live], [live], [live, self.harmless()], ["PREPARE m FROM '" + live.replace("'", "''") + "'", "EXECUTE m"])
        literal = b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
        prepare, run = self.pick(([{"com": "PREPARE", "text": text}], {"com": "EXECUTE"}), ([b"PREPARE p FROM " + literal], "EXECUTE p"),
                                 ([self.one_of(literal), b"PREPARE p FROM @o"], "EXECUTE p"))
        return [inert, *prepare, *self.pick(live + again, again + live), run]

    # What an EXECUTE does to the session

    def one_of(self, literal):
        """@o is this text or another, and only one of them runs."""
        texts = self.pick([literal, b"'DO 1'"], [b"'DO 1'", literal])
        return b"SET @o = IF(" + self.pick(b"0", b"1", b"(SELECT 1 FROM own.a LIMIT 1)") + b", " + b", ".join(texts) + b")"

    def executed(self):
        table = self.pick("secret.patients", "secret.visits", "shared.patients")
        create = f"CREATE TEMPORARY TABLE {table} (id INT, name VARCHAR(60), n INT)"
        drop = self.pick(f"DROP TEMPORARY TABLE {table}", f"DROP TEMPORARY TABLE IF EXISTS own.no, {table}", f"ALTER TABLE {table} RENAME own.tt",
                         f"DROP TABLE {table}", f"CREATE OR REPLACE TEMPORARY TABLE {table} (id INT) ENGINE=NONE")
        read = f"SELECT name FROM {table}"
        between = self.pick([], [], [self.harmless()], [{"com": "RESET_CONNECTION"}], ["DEALLOCATE PREPARE d"])
        database = self.pick("secret", "shared", "own", "own2", "old")
        run = self.pick([b"EXECUTE d"], [b"EXECUTE d", b"EXECUTE d"], [b"EXECUTE e; EXECUTE d"], [b"DO 1; EXECUTE d"])
        way = self.random.randrange(4 if self.mariadb else 3)

        def prepare(text, name=b"d"):
            literal = b"'" + (text if isinstance(text, bytes) else text.encode("latin-1", "ignore")).replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
            if way < 2:
                return [b"PREPARE " + name + b" FROM " + literal]
            return [self.one_of(literal), b"PREPARE " + name + b" FROM @o" if way == 2 else b"EXECUTE IMMEDIATE @o"]
        if self.chance(0.3):  # in one command with the text that is read by what it changes
            self.flags["multi"] = self.multi = True
            inert, live, text = self.pick(PAIRS)
            return [inert, *prepare(live), b"EXECUTE d; " + text.replace(b"{t}", table.encode("latin-1", "ignore"))]
        ways = [[*prepare(drop), create, *run, *between, *self.ending(read)], [create, *prepare(drop), *run, *between, *self.ending(read)],
                [*prepare(create), *run, *between, *self.ending(read)], [create, *prepare(drop), b"EXECUTE d; " + read.encode()],
                [*prepare(self.set_mode()), *run, *self.ending(self.ambiguous())], [*prepare(self.set_charset()), *run, *self.ending(self.half()[1])],
                [*prepare(f"USE {database}"), *run, *self.unqualified()], ["USE own2", *prepare(f"USE {database}"), "USE own", *run, *self.unqualified()],
                ["SET @q = 'SELECT 1'", *prepare(f"SET @q = '{read}'"), *run, "PREPARE l FROM @q", "EXECUTE l"],
                [*prepare("DROP DATABASE IF EXISTS own3"), "CREATE DATABASE own3", "USE own3", *run, *self.unqualified()],
                [{"com": "PREPARE", "text": drop.encode()}, create, {"com": "EXECUTE"}, *between, *self.ending(read)],
                [create, *prepare(read), drop, *between, b"EXECUTE d"], [create, {"com": "PREPARE", "text": read.encode()}, drop, *between, {"com": "EXECUTE"}]]
        return self.pick(ways)

    def assigned(self):
        """A variable, a mode or a character set that is set in another way than the text says at first sight."""
        inert, live, text = self.pick(PAIRS)
        old, new = (mode.encode() for mode in self.pick((inert, live), (inert, live), (live, inert)))
        read = text.replace(b"{t}", self.pick(b"secret.patients", b"secret.visits", b"shared.patients"))
        name = b"sql_mode" if b"sql_mode" in new else b"character_set_client"
        was, value = (b"'" + one.rpartition(b" ")[2].strip(b"'") + b"'" for one in (old, new))
        taken, saved, query = b"SET " + name + b" = @v", b"SET @v = @@" + name, b"'SELECT name FROM secret.patients'"
        if self.chance(0.6):
            ways = [[b"SET @v = " + was, *self.prepared(taken, b"SET @v = " + value)], [*self.prepared(saved, new), old, taken],
                    [*self.prepared(b"SET " + name + b" = CONCAT(@@" + name + b", '')", new)], [*self.prepared(b"SET " + name + b" = @@" + name, new)],
                    [b"SET @v = " + was, b"SET @x = (@v := " + value + b"), " + name + b" = @v"],
                    [b"SET " + name + b" = " + value + b", " + self.pick(b"gtid_next = 'x', ", b"no_such = 1, ", b"@y = no_such(), ") + name + b" = " + was]]
            if self.mariadb:
                statement = b"SET STATEMENT " + name + b" = " + value + b" FOR " + saved
                ways += [[statement, taken], [*self.prepared(statement), taken], [b"EXECUTE IMMEDIATE '" + statement.replace(b"'", b"''") + b"'", taken]]
            elif name == b"sql_mode":
                hint = self.pick(b"@x", b"sort_buffer_size") + b" = (SELECT /*+ " + self.pick(b"SET_VAR", b"NO_BKA() set_var ") + b"(sql_mode = " + value + b") */ 300000)"
                back = b"SET " + name + b" = " + was + b", " + hint
                ways = self.pick(ways, [[saved + b", " + hint, taken], [*self.prepared(saved + b", " + hint), taken], [new, back], [new, *self.prepared(back)],
                                        [b"SET " + hint + b", " + name + b" = CONCAT(@@" + name + b", ',NO_ZERO_DATE')"],
                                        [new, b"PREPARE h FROM '" + back.replace(b"'", b"''") + b"'", b"EXECUTE h"]])
            return [old, *self.pick(ways), read]
        if self.chance(0.3):  # the text of PREPARE in a set that has no such backslash
            charset = self.pick(b"sjis", b"sjis", b"cp932", b"gbk", b"big5", b"swe7")
            loses = self.pick([b"SET character_set_client = " + charset], [b"SET NAMES " + charset, b"SET character_set_connection = utf8mb4"])
            hidden = b"SELECT 'a\\', name FROM " + self.pick(b"secret.patients", b"shared.patients") + b" -- '"
            literal = b"'" + hidden.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
            run = [b"EXECUTE IMMEDIATE @v"] if self.mariadb and self.chance(0.3) else [b"PREPARE q FROM @v", b"EXECUTE q"]
            return [b"SET sql_mode = ''", b"SET NAMES utf8mb4", b"SET @v = " + self.pick(literal, b"IF(1, " + literal + b", 'DO 1')"), *loses, *run]
        assign = b"(@v := " + query + b")"
        early = self.pick(b"SELECT 1 FROM own.a WHERE " + assign + b" <> ''", b"DELETE FROM own.a WHERE id = 99 OR " + assign + b" = '' RETURNING id",
                          b"SHOW VARIABLES WHERE " + assign + b" = ''", b"SELECT GROUP_CONCAT(" + assign + b") FROM own.a", b"SELECT 1 FROM own.a HAVING "
                          + assign + b" <> ''", b"ALTER TABLE own.dup ALTER COLUMN v SET DEFAULT (" + assign + b")", b"SET @v = " + query,
                          b"CREATE TEMPORARY TABLE own.assigned (a VARCHAR(99) DEFAULT (" + assign + b"))")
        steps = self.pick([early], [{"com": "PREPARE", "text": early}], self.prepared(early), [b"PREPARE p FROM '" + early.replace(b"'", b"''") + b"'"])
        return [b"SET @v = 'SELECT 1'", *steps, b"PREPARE q FROM @v", b"EXECUTE q"]

    def prepared(self, text, *between):
        return [{"com": "PREPARE", "text": text}, *between, {"com": "EXECUTE"}]

    def likeness(self):
        """Of a MERGE table that may be read for a time."""
        allow = {"com": "CTL", "words": ["allow", "spy", "on", "secret.mg", "access", "read", "--for", "2m"], "grants": True}
        over = {"com": "CTL", "words": None, "grants": False}
        make = "CREATE TEMPORARY TABLE own.lk LIKE secret.mg"
        ways = [[make], ["CREATE TEMPORARY TABLE own.lk (LIKE secret.mg)"], [{"com": "STMT", "text": make.encode()}], [make + "; DO 1"], [make + "; GARBAGE"],
                [make, "ALTER TABLE own.lk RENAME own.lk2", "ALTER TABLE own.lk2 RENAME own.lk"], ["PREPARE d FROM '" + make + "'", "EXECUTE d"],
                ["CREATE TEMPORARY TABLE own.lk1 LIKE secret.mg", "CREATE TEMPORARY TABLE own.lk LIKE own.lk1", "DROP TEMPORARY TABLE own.lk1"],
                ["CREATE TEMPORARY TABLE own.lk1 LIKE secret.mg", "ALTER TABLE own.lk1 RENAME own.lk"]]
        if self.mariadb:
            ways += [["BEGIN NOT ATOMIC " + make + "; END"], ["EXECUTE IMMEDIATE '" + make + "'"], ["CREATE OR REPLACE TEMPORARY TABLE own.lk LIKE secret.mg"],
                     ["BEGIN NOT ATOMIC CREATE TEMPORARY TABLE own.lk1 LIKE secret.mg; CREATE TEMPORARY TABLE own.lk LIKE own.lk1; CALL own.echo('a'); END"]]
        return [allow, *self.pick(ways), over, *self.ending("SELECT name FROM own.lk")]
