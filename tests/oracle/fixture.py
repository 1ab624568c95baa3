"""The databases that statements run against: four of them with names that invite confusion, all
tables with the same four columns (id, a, b, s), all empty. `shop` is the current database."""

CURRENT = "shop"
USER = "u@localhost"
ENTRY = "entry"  # a table that the user may read in `shop`, which lets it enter there

COLUMNS = "(id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, a INT, b INT, s VARCHAR(60), KEY ia (a))"
TABLES = {
    "shop": ["users", "orders", "items", "Users", "select", "two words", "log", "value", "m1", "fk"],
    "ware": ["users", "stock", "items", "order", "123", "date", "m1", "plain"],
    "crm": ["users", "contacts", "notes", "group", "1st", "1e1"],
    "key": ["table", "t", "key"],
    "my.db": ["t", "a.b", "ware"],
}
MYISAM = ("m1",)
PARTED = [("ware", "parted"), ("shop", "parted")]
VIEWS = [("shop", "v_users", "users"), ("ware", "v_stock", "stock"), ("crm", "v_contacts", "contacts"),
         ("crm", "orders", "notes")]
FUNCTIONS = [("shop", "f1"), ("ware", "f1"), ("ware", "abs"), ("crm", "f2"), ("crm", "left"),
             ("shop", "count"), ("my.db", "f"), ("ware", "now")]
PROCEDURES = [("shop", "p0", 0), ("shop", "p1", 1), ("ware", "p0", 0), ("crm", "p1", 1), ("key", "call", 0)]
SEQUENCES = [("shop", "seq1"), ("ware", "seq1"), ("crm", "counter")]
TRIGGERS = [("shop", "tr_shop", "log"), ("ware", "tr_ware", "date")]
EVENTS = [("shop", "ev_shop"), ("crm", "ev_crm")]


def quoted(*names):
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def tables():
    found = [(schema, name) for schema, names in TABLES.items() for name in names]
    return found + PARTED


class Fixture:
    """Makes the databases, and mends what a statement has changed in them."""

    def __init__(self, admin, dialect):
        self.admin, self.dialect = admin, dialect
        self.schemas = list(TABLES)
        self.makers = {}  # (class, schema, name) -> statements
        self._describe()

    def _describe(self):
        make = self.makers
        for schema, name in tables():
            engine = " ENGINE=MyISAM" if name in MYISAM else ""
            if (schema, name) in PARTED:
                engine = (" PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (100),"
                          " PARTITION p1 VALUES LESS THAN MAXVALUE)")
            make["table", schema, name] = [f"CREATE TABLE {quoted(schema, name)} {COLUMNS}{engine}"]
        make["table", CURRENT, ENTRY] = [f"CREATE TABLE {quoted(CURRENT, ENTRY)} (x INT)"]
        if self.dialect == "mariadb":
            for schema, name in SEQUENCES:
                make["sequence", schema, name] = [f"CREATE SEQUENCE {quoted(schema, name)}"]
        for schema, name, table in VIEWS:
            make["view", schema, name] = [
                f"CREATE VIEW {quoted(schema, name)} AS SELECT * FROM {quoted(schema, table)}"]
        for schema, name in FUNCTIONS:
            make["function", schema, name] = [
                f"CREATE FUNCTION {quoted(schema, name)} (x INT) RETURNS INT DETERMINISTIC RETURN x"]
        for schema, name, arguments in PROCEDURES:
            x = "x INT" if arguments else ""
            make["procedure", schema, name] = [
                f"CREATE PROCEDURE {quoted(schema, name)} ({x}) BEGIN END"]
        for schema, name, table in TRIGGERS:
            make["trigger", schema, name] = [
                f"CREATE TRIGGER {quoted(schema, name)} BEFORE INSERT ON {quoted(schema, table)}"
                " FOR EACH ROW SET @t = 1"]
        for schema, name in EVENTS:
            make["event", schema, name] = [
                f"CREATE EVENT {quoted(schema, name)} ON SCHEDULE EVERY 1 DAY DISABLE DO SET @e = 1"]

    def build(self):
        for schema in self.schemas + ["fresh"]:
            self.admin.must(f"DROP DATABASE IF EXISTS {quoted(schema)}")
        for schema in self.schemas:
            self.admin.must(f"CREATE DATABASE {quoted(schema)}")
        for statements in self.makers.values():
            for statement in statements:
                self.admin.must(statement)
        self.whole = self._look()

    def _look(self):
        """What there is now: (class, schema, name) -> what would show a change."""
        schemas = ",".join(f"'{schema}'" for schema in self.schemas + ["fresh"])
        found = {}
        for kind, query in (
                ("table", "SELECT table_schema, table_name, table_type, create_time, table_comment"
                 " FROM information_schema.tables WHERE table_schema"),
                ("routine", "SELECT routine_schema, routine_name, routine_type, created, last_altered, definer"
                 " FROM information_schema.routines WHERE routine_schema"),
                ("trigger", "SELECT trigger_schema, trigger_name, created, definer"
                 " FROM information_schema.triggers WHERE trigger_schema"),
                ("event", "SELECT event_schema, event_name, created, last_altered, status, definer"
                 " FROM information_schema.events WHERE event_schema")):
            for row in self.admin.values(f"{query} IN ({schemas})"):
                # A function and a procedure may have one name.
                found[row[2].lower() if kind == "routine" else kind, row[0], row[1]] = tuple(row[2:])
        return found

    KINDS = {"BASE TABLE": "table", "VIEW": "view", "SEQUENCE": "sequence", "FUNCTION": "function",
             "PROCEDURE": "procedure", "PACKAGE": "package", "PACKAGE BODY": "package body",
             "SYSTEM VERSIONED": "table"}

    def mend(self, touched=()):
        """Takes away what is new and makes again what is gone or changed. `touched`: tables whose
        change might not show."""
        now = self._look()
        spoilt = {key for key in set(now) | set(self.whole) if now.get(key) != self.whole.get(key)}
        spoilt |= {("table", schema, name) for schema, name in touched if ("table", schema, name) in now}
        if not spoilt:
            return
        present = {row[0] for row in self.admin.values("SHOW DATABASES")}
        # MariaDB has no name for a trigger whose text it does not understand any more.
        nameless = any(not name for _, _, name in now)
        if any(schema not in present for schema in self.schemas) or len(spoilt) > 30 or nameless:
            self.build()
            return
        if "fresh" in present:
            self.admin.must("DROP DATABASE fresh")
        self.admin.must("SET foreign_key_checks = 0")
        for kind, schema, name in sorted(spoilt):
            if (kind, schema, name) in now and schema != "fresh":
                what = now[kind, schema, name][0] if kind == "table" else kind
                self.admin.must(f"DROP {self.KINDS.get(what, what)} IF EXISTS {quoted(schema, name)}")
        missing = self._look()
        for (kind, schema, name), statements in self.makers.items():
            place = "table" if kind in ("view", "sequence") else kind
            if (place, schema, name) not in missing:
                for statement in statements:
                    self.admin.must(statement)
        self.admin.must("SET foreign_key_checks = 1")
        self.whole = self._look()
