"""Random statements of every family, for both dialects: what a Grammar makes is put where each
statement takes it. FAMILIES lists them with their weights and the dialects that have them."""

from fixture import (COLUMNS as TABLE_COLUMNS, CURRENT, EVENTS, FUNCTIONS, PARTED, PROCEDURES, SEQUENCES,
                     TABLES, TRIGGERS, VIEWS)
from grammar import COLUMNS, Grammar
from render import GLUE, Name, Raw

FAMILIES = []


def family(weight, dialect="both", stateful=False):
    def add(function):
        FAMILIES.append((function, weight, dialect, stateful))
        return function
    return add


class Statements(Grammar):
    def value(self, scope=(), depth=1):
        return self.expression(list(scope), depth)

    def assignments(self, scope, columns, qualify=None):
        out = []
        for column in columns:
            out += [","] if out else []
            out += [qualify + ["."] if qualify else [], Name(column), "=", self.expression(scope, 2)]
        return out

    def some_columns(self):
        return self.rng.sample(("a", "b", "s"), self.rng.randint(1, 3))

    def where(self, scope, p=0.7, depth=3):
        return ["WHERE", self.expression(scope, depth)] if self.chance(p) else []

    def fresh(self, qualify=0.35):
        """The name of a table that does not exist."""
        return self.name(self.rng.choices(list(TABLES), (50, 22, 18, 5, 5))[0],
                         self.pick("new1", "new2", "Neu", "brand new", "table2"), qualify)

    def view(self):
        return self.name(*self.rng.choice(VIEWS)[:2])

    def exists(self, word="IF EXISTS", p=0.3):
        return word if self.chance(p) else ""

    # ---- queries and DML

    @family(300)
    def select(self):
        out = self.query([], 3, "any", top=True)
        roll = self.rng.random()
        if roll < 0.05:
            out += [self.pick("FOR UPDATE", "LOCK IN SHARE MODE")]
        elif roll < 0.07 and self.mysql:
            out += [self.pick("FOR SHARE", "FOR UPDATE NOWAIT", "FOR UPDATE SKIP LOCKED", "FOR SHARE SKIP LOCKED")]
        return out

    @family(10)
    def select_into(self):
        alias = Name("t1")
        scope = [(alias, [], True)]
        into = self.pick(["INTO", Raw("@v")], ["INTO", Raw("@`v`")])
        if self.chance(0.5):
            return ["SELECT", self.expression(scope, 2), into, "FROM", self.table(), alias, self.where(scope), "LIMIT 1"]
        return ["SELECT", self.expression(scope, 2), "FROM", self.table(), "AS", alias, self.where(scope), "LIMIT 1", into]

    @family(6, "mysql")
    def select_for_of(self):
        one, two = Name("t1"), Name("t2")
        return ["SELECT", one, ".", "*", "FROM", self.base(), one, ",", self.base(), "AS", two, "FOR UPDATE OF", self.pick(one, two),
                self.pick("", "NOWAIT"), self.pick([], ["FOR SHARE OF", Name("t2")] if False else [])]

    @family(6, "mysql")
    def table_statement(self):
        return ["TABLE", self.base(), self.pick("", "ORDER BY id", "LIMIT 2"), self.pick([], ["UNION ALL", "TABLE", self.base()])
                if False else []]

    @family(4)
    def values_statement(self):
        row = "ROW" if self.mysql else ""
        return ["VALUES", row, "(", "1", ",", self.expression([], 3), ")", ",", row, "(", "2", ",", self.expression([], 1), ")"]

    def values(self):
        rows = []
        for _ in range(self.pick(1, 1, 2, 3)):
            rows += [","] if rows else []
            rows += ["(", self.pick("DEFAULT", "NULL"), ",", self.value((), 2), ",", self.value((), 1), ",", self.value((), 3), ")"]
        return [self.pick("VALUES", "VALUE"), rows]

    def partition(self, table):
        return ["PARTITION", "(", Name("p0"), ")"] if table[-1] == "parted" and self.chance(0.4) else []

    def target(self):
        if self.chance(0.06):
            return self.view()
        if self.chance(0.04):
            return self.name(*self.rng.choice(PARTED))
        return self.base()

    def duplicate(self, table):
        if not self.chance(0.25):
            return []
        return ["ON DUPLICATE KEY UPDATE", Name("a"), "=",
                self.pick(["VALUES", GLUE, "(", Name("b"), ")"], self.expression([], 2), [Name("a"), "+ 1"])]

    def returning(self, p=0.2):
        return ["RETURNING", self.pick(["*"], [Name("id"), ",", self.expression([], 3)])] if self.mariadb and self.chance(p) else []

    @family(60)
    def insert(self):
        table = self.target()
        verb = self.pick(["INSERT", self.pick("", "", "IGNORE", "LOW_PRIORITY", "HIGH_PRIORITY")], ["REPLACE", self.pick("", "LOW_PRIORITY")],
                         "INSERT")
        replace = verb[0] == "REPLACE"
        into = self.pick("INTO", "INTO", "")
        names = ["(", Name("id"), ",", Name("a"), ",", Name("b"), ",", Name("s"), ")"]
        form = self.rng.randrange(5)
        if form == 0:
            body = ["SET", self.assignments([], self.some_columns())]
        elif form < 3:
            body = [self.pick([], names), self.values()]
            if self.mysql and not replace and self.chance(0.1):
                return [verb, into, table, body, "AS", Name("new"), self.pick(["ON DUPLICATE KEY UPDATE", Name("a"), "=", Name("new"), ".", Name("b")], [])]
        elif form == 3 and self.mysql and self.chance(0.2):
            body = [self.pick([], names), "TABLE", self.base()]
        else:
            query = self.query([], 2, "rowset")
            body = [self.pick([], names), ["(", query, ")"] if self.chance(0.2) else query]
            return [verb, into, table, self.partition(table), body, [] if replace or not self.chance(0.1) else
                    ["ON DUPLICATE KEY UPDATE", Name("b"), "=", "1"], self.returning(0.1)]
        return [verb, into, table, self.partition(table), body, [] if replace else self.duplicate(table), self.returning()]

    @family(30)
    def update(self):
        table = self.target()
        alias = Name(self.pick("t1", "users", "u")) if self.chance(0.4) else None
        scope = [(alias, [], True)] if alias else []
        with_ = self.with_clause(2, [])[0] if self.mysql and self.chance(0.08) else []
        return [with_, "UPDATE", self.pick("", "", "LOW_PRIORITY", "IGNORE"), table, self.partition(table), ["AS", alias] if alias else [],
                "SET", self.assignments(scope, self.some_columns()), self.where(scope),
                self.pick([], ["ORDER BY", Name("a")]), self.pick([], ["LIMIT", "2"])]

    @family(25)
    def update_many(self):
        self.budget += 8
        used, entries = set(), []
        tree = self.joined(1, [], [], used, entries, 2)
        if not entries:
            return self.update()
        out = []
        for column in self.some_columns():
            out += [","] if out else []
            alias, before, _ = self.rng.choice(entries)
            out += [before, alias, ".", Name(column), "=", self.expression(entries, 2)]
        with_ = self.with_clause(2, [])[0] if self.mysql and self.chance(0.1) else []
        return [with_, "UPDATE", self.pick("", "IGNORE"), tree, "SET", out, self.where(entries)]

    @family(25)
    def delete(self):
        table = self.target()
        with_ = self.with_clause(2, [])[0] if self.mysql and self.chance(0.08) else []
        alias = ["AS", Name("t1")] if self.mysql and self.chance(0.2) else []
        return [with_, "DELETE", self.pick("", "", "QUICK", "IGNORE", "LOW_PRIORITY"), "FROM", table, alias, [] if alias else self.partition(table),
                self.where([(Name("t1"), [], True)] if alias else []), self.pick([], ["ORDER BY", Name("a")]), self.pick([], ["LIMIT", "1"]), self.returning(0.3)]

    @family(25)
    def delete_many(self):
        self.budget += 8
        used, entries = set(), []
        tree = self.joined(1, [], [], used, entries, self.pick(1, 2, 2, 3))
        if not entries:
            return self.delete()
        targets = []
        for alias, before, _ in self.rng.sample(entries, self.rng.randint(1, min(2, len(entries)))):
            targets += [","] if targets else []
            targets += [before, alias, self.pick([], [GLUE, ".", GLUE, "*"])]
        with_ = self.with_clause(2, [])[0] if self.mysql and self.chance(0.08) else []
        if self.chance(0.5):
            return [with_, "DELETE", self.pick("", "IGNORE", "QUICK"), targets, "FROM", tree, self.where(entries)]
        return [with_, "DELETE", "FROM", targets, "USING", tree, self.where(entries)]

    @family(10)
    def call(self):
        schema, name, count = self.rng.choice(PROCEDURES)
        if count:
            return ["CALL", self.name(schema, name), "(", self.expression([], 3), ")"]
        return ["CALL", self.name(schema, name), self.pick([], ["(", ")"])]

    @family(10)
    def do(self):
        return ["DO", self.expression([], 3), self.pick([], [",", self.expression([], 2)])]

    @family(25)
    def set_variables(self):
        out = []
        for _ in range(self.pick(1, 1, 2)):
            out += [","] if out else []
            out += self.pick([Raw("@v"), self.pick("=", ":="), self.expression([], 3)],
                             [self.pick("", "SESSION", "LOCAL"), self.pick("sort_buffer_size", "max_join_size"), "=", "CAST", GLUE, "(", "(", self.query([], 2, "one"), ")", "AS UNSIGNED", ")"],
                             [Raw("@@session.sort_buffer_size"), "=", "CAST", GLUE, "(", self.expression([], 2), "AS SIGNED", ")"],
                             [Raw("@`a b`"), "=", "(", self.query([], 2, "one"), ")"])
        return ["SET", out]

    @family(4, "mariadb")
    def set_statement(self):
        return ["SET STATEMENT", "max_statement_time", "=", "10", "FOR", self.select()]

    @family(6)
    def session_only(self):
        return self.pick(["START TRANSACTION"], ["BEGIN"], ["COMMIT"], ["ROLLBACK"], ["SAVEPOINT", Name("users")], ["SET NAMES utf8mb4"],
                         ["SELECT", "1"], ["SELECT", Raw("@@version")], ["SHOW VARIABLES"], ["SHOW STATUS LIKE", Raw("'x'")], ["SHOW WARNINGS"],
                         ["SET autocommit = 0"], ["SET @x := 1, @y = 'users'"] and ["SET", Raw("@x"), "=", "1"], ["SHOW COLLATION"],
                         ["SHOW CHARACTER SET"], ["SHOW ENGINES"], ["SELECT", "DATABASE", GLUE, "(", ")"], ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"],
                         ["SHOW PROCESSLIST"], ["SHOW PLUGINS"] if self.mysql else ["SHOW ERRORS"], ["UNLOCK TABLES"], ["DO", "1"], ["SHOW GRANTS"],
                         ["SHOW COUNT(*) WARNINGS"], ["SHOW PRIVILEGES"], ["SET sql_mode =", Raw("''")] if False else ["HELP", Raw("'select'")])

    # ---- looking at things

    @family(40)
    def explain(self):
        inner = self.pick(self.select, self.select, self.insert, self.update, self.delete, self.update_many, self.delete_many)()
        verb = self.pick("EXPLAIN", "DESCRIBE", "DESC", "EXPLAIN EXTENDED" if self.mariadb else "EXPLAIN")
        form = self.pick([], [], ["FORMAT", "=", "JSON"], ["FORMAT", "=", self.pick("TREE", "TRADITIONAL")] if self.mysql else ["PARTITIONS"])
        if self.mariadb and self.chance(0.15):
            return ["ANALYZE", self.pick([], ["FORMAT", "=", "JSON"]), self.select()]
        if self.mysql and self.chance(0.1):
            return ["EXPLAIN ANALYZE", self.select()]
        if verb == "EXPLAIN EXTENDED":
            form = []
        return [verb, form, inner]

    @family(15)
    def describe(self):
        table = self.table() if self.chance(0.8) else self.view()
        return [self.pick("DESCRIBE", "DESC", "EXPLAIN"), table, self.pick([], [Name("a")], [Raw("'a%'")])]

    @family(25)
    def show_object(self):
        self.with_allowed = self.mysql  # MariaDB 10.11 falls over WITH in these, 11.8 forgets the database
        table = self.target()
        schema = self.rng.choice(list(TABLES))
        place = [self.pick("FROM", "IN"), table]
        if len(table) == 1 and self.chance(0.4):
            place += [self.pick("FROM", "IN"), Name(self.pick("shop", "ware", "crm"))]
        what = self.pick(["COLUMNS"], ["FIELDS"], ["FULL COLUMNS"], ["INDEX"], ["KEYS"], ["INDEXES"], ["CREATE TABLE"], ["CREATE VIEW"])
        if what[0] in ("CREATE TABLE",):
            return ["SHOW", what, table]
        if what[0] == "CREATE VIEW":
            return ["SHOW", what, self.view()]
        filter_ = self.pick([], [], ["LIKE", Raw("'a%'")], ["WHERE", self.expression([], 3)]) if "I" != what[0][0] and what[0] != "KEYS" else \
            self.pick([], ["WHERE", self.expression([], 3)])
        return ["SHOW", what, place, filter_]

    @family(20)
    def show_database(self):
        self.with_allowed = self.mysql
        schema = Name(self.rng.choice(list(TABLES)))
        what = self.pick(["TABLES"], ["FULL TABLES"], ["TABLE STATUS"], ["TRIGGERS"], ["EVENTS"], ["OPEN TABLES"])
        return ["SHOW", what, self.pick([], [self.pick("FROM", "IN"), schema]), self.pick([], ["LIKE", Raw("'x%'")], ["WHERE", self.expression([], 3)])]

    @family(12)
    def show_where(self):
        self.with_allowed = self.mysql
        what = self.pick("VARIABLES", "GLOBAL STATUS", "SESSION VARIABLES", "COLLATION", "CHARACTER SET", "PROCEDURE STATUS", "FUNCTION STATUS",
                         "DATABASES", "SCHEMAS")
        return ["SHOW", what, "WHERE", self.expression([], 3)]

    @family(10)
    def show_create(self):
        return self.pick(["SHOW CREATE PROCEDURE", self.name(*self.rng.choice(PROCEDURES)[:2])],
                         ["SHOW CREATE FUNCTION", self.name(*self.rng.choice(FUNCTIONS))],
                         ["SHOW CREATE TRIGGER", self.name(*self.rng.choice(TRIGGERS)[:2])],
                         ["SHOW CREATE EVENT", self.name(*self.rng.choice(EVENTS))],
                         ["SHOW CREATE DATABASE", self.exists("IF NOT EXISTS"), Name(self.rng.choice(list(TABLES)))],
                         ["SHOW CREATE SEQUENCE", self.name(*self.rng.choice(SEQUENCES))] if self.mariadb else ["SHOW CREATE TABLE", self.base()])

    @family(10)
    def handler(self):
        table = self.base()
        return ["HANDLER", table, "OPEN", self.pick([], ["AS", Name("h")])]

    @family(4, stateful=True)
    def handler_read(self):
        table = self.base()
        read = ["HANDLER", Name("h"), "READ", self.pick(["FIRST"], [Name("ia"), "FIRST"], [Name("ia"), "=", "(", "1", ")"]), self.pick([], ["WHERE", self.expression([], 1)])]
        return ["HANDLER", table, "OPEN", self.pick("AS", ""), Name("h"), ";", read, ";", "HANDLER", Name("h"), "CLOSE"]

    @family(12)
    def lock(self):
        out = []
        for at in range(self.pick(1, 2, 3)):
            out += [","] if at else []
            out += [self.target(), self.pick([], ["AS", Name(f"l{at}")], [Name(f"l{at}")]), self.pick("READ", "WRITE", "READ LOCAL")]
        return ["LOCK", self.pick("TABLES", "TABLE"), out]

    @family(16)
    def maintain(self):
        verb = self.pick("CHECK", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECKSUM")
        option = self.pick("", "", "LOCAL", "NO_WRITE_TO_BINLOG") if verb in ("ANALYZE", "OPTIMIZE", "REPAIR") else ""
        out = [self.base()]
        for _ in range(self.pick(0, 0, 1, 2)):
            out += [",", self.base()]
        tail = {"CHECK": ["", "QUICK", "EXTENDED", "FAST MEDIUM"], "REPAIR": ["", "QUICK"], "CHECKSUM": ["", "QUICK", "EXTENDED"]}.get(verb, [""])
        return [verb, option, self.pick("TABLE", "TABLES") if verb != "CHECK" or True else "TABLE", out, self.rng.choice(tail)]

    @family(3)
    def cache_index(self):
        return self.pick(["CACHE INDEX", self.name("shop", "m1"), ",", self.name("ware", "m1"), "IN", "DEFAULT"],
                         ["LOAD INDEX INTO CACHE", self.name("ware", "m1"), self.pick("", "IGNORE LEAVES")])

    @family(6)
    def load_data(self):
        local = self.pick("LOCAL", "LOCAL", "")
        return ["LOAD DATA", self.pick("", "LOW_PRIORITY"), local, "INFILE", Raw("'/dev/null'"), self.pick("", "REPLACE", "IGNORE"), "INTO TABLE", self.base(),
                self.pick([], ["CHARACTER SET utf8mb4"]), self.pick([], ["FIELDS TERMINATED BY", Raw("','")]), self.pick([], ["IGNORE 1 LINES"]),
                self.pick([], ["(", Name("a"), ",", Raw("@x"), ")", "SET", Name("b"), "=", self.expression([], 3)])]

    @family(3)
    def administration(self):
        return self.pick(["FLUSH TABLES", self.base()], ["FLUSH PRIVILEGES"], ["KILL", "1"], ["SHUTDOWN"] if False else ["FLUSH LOGS"], ["SET GLOBAL sort_buffer_size = 100000"],
                         ["CREATE USER", Raw("'z'@'localhost'")], ["DROP USER", Raw("z")], ["GRANT SELECT ON", self.base(), "TO", Raw("u@localhost")],
                         ["INSTALL PLUGIN x SONAME", Raw("'x.so'")], ["SHOW BINARY LOGS"], ["REVOKE INSERT ON", self.base(), "FROM", Raw("u@localhost")],
                         ["SELECT", "1", "INTO OUTFILE", Raw("'/nowhere/x'")], ["SELECT", "*", "FROM", self.base(), "INTO DUMPFILE", Raw("'/nowhere/x'")],
                         ["PURGE BINARY LOGS TO", Raw("'x'")], ["RESET MASTER"] if self.mariadb else ["RESET BINARY LOGS AND GTIDS"],
                         ["GRANT ALL ON", Name("ware"), ".", "*", "TO", Raw("u@localhost")], ["SET PASSWORD FOR", Raw("root@localhost"), "=", Raw("'x'")])

    # ---- definitions

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
