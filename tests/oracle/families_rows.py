"""Random statements that read and write rows, and what administers, for both dialects: what a Grammar
makes is put where each statement takes it. FAMILIES lists all families (families.py has the others)
with their weights and the dialects that have them."""

from fixture import EVENTS, FUNCTIONS, PARTED, PROCEDURES, SEQUENCES, TABLES, TRIGGERS, VIEWS
from grammar import Grammar
from render import GLUE, Name, Raw

FAMILIES = []


def family(weight, dialect="both", stateful=False):
    def add(function):
        FAMILIES.append((function, weight, dialect, stateful))
        return function
    return add


class RowStatements(Grammar):
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
