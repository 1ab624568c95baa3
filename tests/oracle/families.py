"""Statements that define, and those that hold others."""

from fixture import EVENTS, FUNCTIONS, PARTED, PROCEDURES, SEQUENCES, TABLES, TRIGGERS
from families_rows import RowStatements, family
from render import GLUE, Name, Raw


class Statements(RowStatements):
    def column_list(self):
        return ["(", Name("id"), "INT", "PRIMARY KEY", ",", Name("a"), "INT", self.pick([], ["DEFAULT", "(", self.pick("1", "1 + 1"), ")"]), ",", Name("b"), "INT",
                self.pick([], ["COMMENT", Raw("'from ware.users'")]), ",", Name("s"), "VARCHAR", "(", "60", ")"]

    @family(25)
    def create_table(self):
        temporary = self.chance(0.12)
        start = ["CREATE", self.pick("OR REPLACE", "") if self.mariadb and self.chance(0.15) else "", "TEMPORARY" if temporary else "", "TABLE"]
        start += [] if "OR REPLACE" in start else [self.exists("IF NOT EXISTS")]
        start += [self.fresh()]
        form = self.rng.randrange(5)
        if form == 0:
            return [start, self.pick(["LIKE", self.base()], ["(", "LIKE", self.base(), ")"])]
        if form in (1, 2):
            query = self.query([], 2, "rowset")
            return [start, self.pick([], ["ENGINE", "=", "InnoDB"]), self.pick("", "", "IGNORE", "REPLACE"), self.pick("", "AS"), query]
        key = []
        if form == 3 and not temporary:
            key = [",", self.pick([], ["CONSTRAINT", Name("fk1")]), "FOREIGN KEY", "(", Name("b"), ")", "REFERENCES", self.base(), "(", Name("id"), ")",
                   self.pick("", "ON DELETE CASCADE", "ON UPDATE SET NULL")]
        if form == 4 and self.chance(0.5):
            return [start, "(", Name("id"), "INT", "NOT NULL", ",", Name("a"), "INT", ")", "ENGINE", "=", "MERGE", "UNION", self.pick("=", ""), "(", self.name("shop", "m1"), ",",
                    self.name("ware", "m1"), ")", "INSERT_METHOD", "=", "LAST"]
        return [start, self.column_list(), key, self.pick([], [",", "KEY", Name("k"), "(", Name("a"), ")"], [",", "CHECK", "(", Name("a"), "< 3", ")"]), ")",
                self.pick([], ["ENGINE", "=", "InnoDB"], ["COMMENT", "=", Raw("'x'")])]

    @family(24)
    def alter_table(self):
        table = self.base()
        parted = self.name(*self.rng.choice(PARTED))
        if table[-1] == "m1":
            table = self.name("shop", "orders")  # MyISAM knows no foreign keys
        fk = ["ADD", self.pick([], ["CONSTRAINT", Name("fk2")]), "FOREIGN KEY", "(", Name("b"), ")", "REFERENCES", self.base(), "(", Name("id"), ")"]
        one = self.pick(["ADD COLUMN", Name("z"), "INT"], ["ADD", Name("z"), "INT", "AFTER", Name("a")], ["DROP COLUMN", Name("b")], ["MODIFY", Name("a"), "BIGINT"],
                        ["CHANGE", Name("a"), Name("aa"), "INT"], ["ADD INDEX", Name("k2"), "(", Name("b"), ")"], ["RENAME", self.pick("TO", "AS", ""), self.fresh()],
                        ["RENAME TO", self.fresh()], fk, fk, ["COMMENT", "=", Raw("'x'")], ["ENGINE", "=", "InnoDB"], ["ORDER BY", Name("a")], ["DISABLE KEYS"],
                        ["ALTER", "COLUMN", Name("a"), "SET DEFAULT", "5"], ["CONVERT TO CHARACTER SET utf8mb4"], ["FORCE"], ["RENAME INDEX", Name("ia"), "TO", Name("ib")],
                        ["RENAME COLUMN", Name("a"), "TO", Name("c")], ["ADD", "(", Name("y"), "INT", ",", Name("w"), "INT", ")"], ["DROP INDEX", Name("ia")],
                        ["ADD CHECK", "(", Name("a"), "> 0", ")"])
        roll = self.rng.random()
        if roll < 0.12:
            return ["ALTER TABLE", parted, "EXCHANGE PARTITION", Name("p0"), "WITH TABLE", self.pick(self.name("ware", "plain"), self.base()), self.pick("", "WITHOUT VALIDATION")]
        if roll < 0.2:
            return ["ALTER TABLE", parted, self.pick(["TRUNCATE PARTITION", Name("p0")], ["DROP PARTITION", Name("p0")], ["REBUILD PARTITION", Name("p1")],
                                                     ["REMOVE PARTITIONING"], ["ANALYZE PARTITION", "ALL"], ["CHECK PARTITION", Name("p0")])]
        if roll < 0.25:
            return ["ALTER TABLE", self.name("shop", "m1"), "UNION", "=", "(", self.name("ware", "m1"), ")"]
        if roll < 0.4:
            return ["ALTER TABLE", table, one, ",", "ADD COLUMN", Name("zz"), "INT"]
        if roll < 0.45 and self.mariadb:
            return ["ALTER", self.pick("ONLINE", "IGNORE"), "TABLE", table, one]
        return ["ALTER TABLE", table, one]

    @family(8)
    def rename_table(self):
        out = [self.base(), "TO", self.fresh()]
        if self.chance(0.4):
            out += [",", self.base(), "TO", Name("new3")]
        return ["RENAME", self.pick("TABLE", "TABLES"), out]

    @family(5)
    def truncate(self):
        return ["TRUNCATE", self.pick("TABLE", ""), self.base()]

    @family(10)
    def drop_table(self):
        out = [self.base()]
        for _ in range(self.pick(0, 0, 1, 2)):
            out += [",", self.pick(self.base(), self.fresh())]
        return ["DROP", self.pick("TABLE", "TABLES"), self.exists(), out, self.pick("", "", "RESTRICT", "CASCADE")]

    @family(8)
    def drop_other(self):
        return self.pick(["DROP VIEW", self.exists(), self.view(), self.pick([], [",", self.view()])],
                         ["DROP PROCEDURE", self.exists(), self.name(*self.rng.choice(PROCEDURES)[:2])],
                         ["DROP FUNCTION", self.exists(), self.name(*self.rng.choice(FUNCTIONS))],
                         ["DROP TRIGGER", self.exists(), self.name(*self.rng.choice(TRIGGERS)[:2])],
                         ["DROP EVENT", self.exists(), self.name(*self.rng.choice(EVENTS))],
                         ["DROP INDEX", Name("ia"), "ON", self.base()],
                         ["DROP DATABASE", self.exists(), Name(self.pick("ware", "crm", "key"))],
                         ["DROP SEQUENCE", self.exists(), self.name(*self.rng.choice(SEQUENCES))] if self.mariadb else ["DROP SCHEMA", Name("ware")])

    @family(10)
    def create_index(self):
        return ["CREATE", self.pick("", "UNIQUE"), "INDEX", Name("k3"), self.pick([], ["USING BTREE"]), "ON", self.base(), "(", Name("b"), self.pick("", "DESC"), ")"]

    def view_head(self, verb):
        return [verb, self.pick([], ["ALGORITHM", "=", self.pick("MERGE", "TEMPTABLE", "UNDEFINED")]), self.pick([], [], ["DEFINER", "=", "CURRENT_USER"]),
                self.pick([], ["SQL SECURITY", self.pick("INVOKER", "DEFINER")]), "VIEW"]

    @family(22)
    def create_view(self):
        name = self.pick(self.fresh(), self.name("shop", "newview"))
        head = self.view_head(["CREATE", self.pick("", "OR REPLACE")])
        return [head, name, self.pick([], ["(", Name("id"), ",", Name("a"), ",", Name("b"), ",", Name("s"), ")"]), "AS", self.query([], 2, "rowset"),
                self.pick("", "", "WITH CHECK OPTION" if False else "")]

    @family(6)
    def alter_view(self):
        return [self.view_head("ALTER"), self.view(), "AS", self.query([], 2, "rowset")]

    def stored_body(self, trigger=False):
        statement = self.rng.choice((self.select_into, self.insert, self.update, self.delete, self.do))
        self.budget += 8
        one = statement()
        roll = self.rng.random()
        if trigger or roll < 0.35:
            return one if roll < 0.4 else ["BEGIN", one, ";", "END"]
        if roll < 0.6:
            return ["BEGIN", "DECLARE", Name("v"), "INT", self.pick([], ["DEFAULT", self.expression([], 2)]), ";", one, ";", "SET", Name("v"), "=",
                    self.expression([], 2), ";", "END"]
        if roll < 0.8:
            return [self.pick([], [Name("lab"), ":"]), "BEGIN", "IF", self.expression([], 2), "THEN", one, ";", "ELSE", self.do(), ";", "END IF", ";", "END"]
        return ["BEGIN", "DECLARE", Name("cur"), "CURSOR FOR", self.query([], 2, "any"), ";", "OPEN", Name("cur"), ";", "CLOSE", Name("cur"), ";",
                "WHILE", "0", "DO", one, ";", "END WHILE", ";", "END"]

    @family(14)
    def create_routine(self):
        schema = self.pick("shop", "shop", "ware", "crm")
        name = self.name(schema, self.pick("newp", "newf"))
        definer = self.pick([], [], ["DEFINER", "=", "CURRENT_USER"])
        traits = self.pick([], ["SQL SECURITY INVOKER"], ["COMMENT", Raw("'c'")], ["DETERMINISTIC"])
        if self.chance(0.4):
            body = self.pick(["RETURN", self.expression([], 3)], ["BEGIN", "DECLARE", Name("v"), "INT", ";", "SET", Name("v"), "=", "(", self.query([], 2, "one"), ")", ";",
                                                                 "RETURN", Name("v"), ";", "END"])
            return ["CREATE", definer, "FUNCTION", name, "(", self.pick([], [Name("x"), "INT"]), ")", "RETURNS", "INT", "DETERMINISTIC", traits if traits != ["DETERMINISTIC"] else [], body]
        return ["CREATE", definer, "PROCEDURE", name, "(", self.pick([], ["IN", Name("x"), "INT"]), ")", traits, self.stored_body()]

    @family(6)
    def create_trigger_elsewhere(self):
        schema = self.pick("ware", "crm")
        table = self.rng.choice(TABLES[schema])
        return ["CREATE TRIGGER", Name(schema), ".", Name("newtrigger"), "BEFORE INSERT ON",
                self.pick([Name(table)], [Name(schema), ".", Name(table)]) if not table[0].isdigit() else [Name(schema), ".", Name(table)],
                "FOR EACH ROW", self.pick([], ["FOLLOWS", Name("tr_ware")]) if table == "date" else [], self.stored_body(True)]

    @family(10)
    def create_filled(self):
        columns = ["(", Name("id"), "INT", ",", Name("a"), "INT", "DEFAULT", "(", self.pick("1 + 1", "abs(-1)"), ")", ",", Name("g"), "INT",
                   "GENERATED ALWAYS AS", "(", Name("a"), "+ 1", ")", "VIRTUAL", ")"]
        query = self.query([], 2, "rowset")
        return ["CREATE TABLE", self.fresh(), self.pick([], columns), self.pick("", "AS", "IGNORE", "REPLACE AS"), self.pick(["(", query, ")"], query)]

    @family(6, "mariadb")
    def sequence_default(self):
        sequence = self.name(*self.rng.choice(SEQUENCES))
        return ["CREATE TABLE", self.fresh(), "(", Name("id"), "INT", "DEFAULT", "(", self.pick(["NEXTVAL", GLUE, "(", sequence, ")"],
                ["NEXT VALUE FOR", sequence]), ")", ",", Name("a"), "INT", ")"]

    @family(8)
    def alter_partition(self):
        parted = self.name(*self.rng.choice(PARTED))
        return ["ALTER TABLE", self.pick(
            [parted, "REORGANIZE PARTITION", Name("p1"), "INTO", "(", "PARTITION", Name("p2"), "VALUES LESS THAN (200)", ",", "PARTITION", Name("p3"),
             "VALUES LESS THAN MAXVALUE", ")"],
            [self.base(), "PARTITION BY HASH", "(", Name("id"), ")", "PARTITIONS 2"],
            [parted, "COALESCE PARTITION 1"], [parted, "OPTIMIZE PARTITION", Name("p0")],
            [parted, "EXCHANGE PARTITION", Name("p0"), "WITH TABLE", self.base(), self.pick("", "WITH VALIDATION" if self.mysql else "")],
            [self.base(), "ADD COLUMN", Name("z"), "INT", "DEFAULT", "(", "1", ")", ",", "RENAME", self.fresh()],
            [self.base(), "ADD CONSTRAINT", Name("ck"), "CHECK", "(", Name("a"), "> 0", ")", ",", "ADD CONSTRAINT", "FOREIGN KEY", "(", Name("b"), ")",
             "REFERENCES", self.base(), "(", Name("id"), ")"])]

    @family(6, "mysql")
    def histogram(self):
        return ["ANALYZE", self.pick("", "LOCAL"), "TABLE", self.base(), self.pick("UPDATE HISTOGRAM ON", "DROP HISTOGRAM ON"), Name("a"),
                self.pick([], [",", Name("b")])]

    @family(8, "mariadb")
    def mariadb_only(self):
        one = Name("t1")
        return self.pick(["SELECT", "*", "FROM", Name("seq_1_to_3"), "JOIN", self.base(), one, "ON", self.expression([(one, [], True)], 2)],
                         ["SELECT", one, ".", Name("a"), "FROM", self.base(), one, "PROCEDURE ANALYSE", GLUE, "(", ")"],
                         ["SELECT", one, ".", Name("a"), "FROM", self.base(), one, "ORDER BY", one, ".", Name("id"), "OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY"],
                         ["SELECT", "*", "FROM", self.base(), "EXCEPT ALL", "SELECT", "*", "FROM", self.base()],
                         ["ANALYZE TABLE", self.base(), "PERSISTENT FOR ALL"], ["CHECK VIEW", self.view()], ["CHECK TABLE", self.base(), "FOR UPGRADE"],
                         ["INSERT INTO", self.base(), "(", Name("a"), ",", Name("b"), ")", "VALUES", "(", self.expression([], 2), ",", "2", ")", "RETURNING",
                          self.expression([], 3)],
                         ["REPLACE INTO", self.base(), "(", Name("a"), ")", "SELECT", "1", "RETURNING", "(", self.query([], 2, "one"), ")"],
                         ["DELETE FROM", self.base(), "WHERE", self.expression([], 2), "RETURNING", "*"],
                         ["WITH RECURSIVE", Name("c"), "AS", "(", "SELECT 1 AS", Name("id"), "UNION ALL", "SELECT", Name("id"), "+ 1 FROM", Name("c"), "WHERE",
                          Name("id"), "< 3", ")", "CYCLE", Name("id"), "RESTRICT", "SELECT", "*", "FROM", Name("c"), ",", self.base(), "AS", one])

    @family(6)
    def diagnostics(self):
        return self.pick(["GET DIAGNOSTICS", Raw("@n"), "= NUMBER"], ["SIGNAL SQLSTATE", Raw("'01000'")], ["RESIGNAL"],
                         ["KILL", "QUERY", "99999999"], ["XA RECOVER"] if self.mariadb else ["SHOW WARNINGS"], ["DO", "SLEEP", GLUE, "(", "0", ")"],
                         ["SET", "TRANSACTION READ ONLY"], ["SHOW CREATE USER"] if self.mysql else ["SHOW LOCALES"], ["SELECT", "1", "AS", Name("users")],
                         ["SELECT", "DISTINCT", "1", "WHERE", self.expression([], 2)], ["SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"])

    @family(8)
    def create_trigger(self):
        return ["CREATE", self.pick([], ["DEFINER", "=", "CURRENT_USER"]), "TRIGGER", self.name("shop", "newtrigger", 0.2), self.pick("BEFORE", "AFTER"),
                self.pick("INSERT", "UPDATE", "DELETE"), "ON", self.base(), "FOR EACH ROW", self.stored_body(True)]

    @family(6)
    def create_event(self):
        return ["CREATE EVENT", self.name(self.pick("shop", "ware"), "newevent"), "ON SCHEDULE EVERY", self.pick(["1", "DAY"], ["2", "HOUR", "STARTS", "NOW", GLUE, "(", ")"]),
                self.pick([], ["ON COMPLETION PRESERVE"]), self.pick("DISABLE", "ENABLE"), "DO", self.stored_body()]

    @family(4)
    def alter_other(self):
        return self.pick(["ALTER PROCEDURE", self.name(*self.rng.choice(PROCEDURES)[:2]), "COMMENT", Raw("'x'")],
                         ["ALTER FUNCTION", self.name(*self.rng.choice(FUNCTIONS)), "SQL SECURITY INVOKER"],
                         ["ALTER EVENT", self.name(*self.rng.choice(EVENTS)), self.pick(["DISABLE"], ["RENAME TO", Name("ev9")], []), "DO", "SET", Raw("@q"), "=", "1"],
                         ["ALTER DATABASE", Name(self.pick("shop", "ware")), "CHARACTER SET utf8mb4"])

    @family(6, "mariadb")
    def sequence(self):
        return self.pick(["CREATE", self.pick("", "OR REPLACE"), "SEQUENCE", self.fresh(), self.pick("", "START WITH 5", "INCREMENT BY 2 CACHE 10")],
                         ["ALTER SEQUENCE", self.name(*self.rng.choice(SEQUENCES)), "RESTART 5"], ["SELECT", "NEXTVAL", GLUE, "(", self.name(*self.rng.choice(SEQUENCES)), ")"])

    @family(5)
    def create_database(self):
        return ["CREATE", self.pick("DATABASE", "SCHEMA"), self.exists("IF NOT EXISTS"), Name("fresh"), self.pick([], ["CHARACTER SET utf8mb4"])]

    # ---- what changes the session: judged one by one

    @family(4, stateful=True)
    def use(self):
        return ["USE", Name(self.rng.choice(list(TABLES)))]

    @family(10, stateful=True)
    def several(self):
        out = []
        for at in range(self.pick(2, 2, 3)):
            self.budget = 12
            out += [";"] if at else []
            out.append(self.rng.choice((self.select, self.insert, self.update, self.delete, self.do, self.session_only, self.set_variables))())
        return out

    @family(8, stateful=True)
    def prepared(self):
        return ["PREPARE", Name("st"), "FROM", Raw(self.literal_of(self.rng.choice((self.select, self.insert, self.update, self.delete))()))]

    @family(6, stateful=True, dialect="mariadb")
    def immediate(self):
        return ["EXECUTE IMMEDIATE", Raw(self.literal_of(self.rng.choice((self.select, self.insert, self.delete))()))]

    @family(5, stateful=True, dialect="mariadb")
    def not_atomic(self):
        return ["BEGIN NOT ATOMIC", self.rng.choice((self.insert, self.update, self.delete, self.do))(), ";", "END"]

    def literal_of(self, tokens):
        from render import Style
        style = Style(self.rng, self.dialect, self.mode)
        text = style.render(tokens)
        if "NO_BACKSLASH" not in self.mode:
            text = text.replace("\\", "\\\\")
        return "'" + text.replace("'", "''") + "'"
