"""The other service's silo, with canaries in it, and what may be told of it: its fingerprint, whether a canary has come
to rest where the spy can read, and what the spy's session holds locked there.

The spy's account may do everything in all four databases: between it and `secret` stands silogate alone. `own` and
`own2` are the spy's, of `shared` only what begins with `mine`; all else is another's."""
import pymysql

from harness import places, servers

CANARY = "c4n4ry"
DATABASES = ("own", "own2", "shared", "secret")
PASSWORD = "spy-Pw1"
ACCOUNTS = ("spy", "weak", "victim")
ODD_NAMES = ("1st", "1e1", "123", "$t", "a$b", "患者", "a b", "a.b", "select", "key", "order", "from", "own", "dual",
             "0x41", "_x")
INI = """[proxy]
workers = 2
max_failed_logins = 0
[policy]
mode = block
unowned = {unowned}
administration = block
[log]
repeat = 0
[upstream:main]
[service:spy]
user = spy
user = weak
database = own
alias = old
owns = own.*
owns = own2.*
owns = shared.mine*
[service:victim]
user = victim
owns = secret.*
owns = shared.*
"""
GRANT = "[grant:for-a-while]\nservice = spy\non = secret.visits\naccess = read\n"


def people(table, who):
    return [f"CREATE TABLE {table} (id INT PRIMARY KEY, name VARCHAR(60), ward VARCHAR(60), secret INT DEFAULT 0,"
            " n INT DEFAULT 0) ENGINE=InnoDB",
            f"INSERT INTO {table} VALUES (1, '{who}-ada', 'north', 5, 1), (2, '{who}-bob', 'south', 6, 2)"]


def statements(mariadb):
    """database -> what fills it."""
    own = [*people("patients", "own"), *people("visits", "own"), *people("a", "own"),
           *people("`secret.patients`", "own"),
           "CREATE TABLE secret (id INT PRIMARY KEY, patients VARCHAR(60), name VARCHAR(60), canary VARCHAR(60), f INT,"
           " KEY patients (patients))",
           "INSERT INTO secret VALUES (1, 'own-x', 'own-y', 'own-z', 1), (2, 'own-x2', 'own-y2', 'own-z2', 2)",
           "CREATE TABLE sink (id INT, v VARCHAR(200))", "INSERT INTO sink VALUES (1, 'own')",
           "CREATE TABLE dup (id INT PRIMARY KEY, v VARCHAR(200))", "INSERT INTO dup VALUES (1, 'own')",
           "CREATE TABLE docs (id INT PRIMARY KEY, doc JSON, q VARCHAR(200))",
           """INSERT INTO docs VALUES (1, '{"secret":{"patients":[1,2]}}', 'SELECT name FROM secret.patients')""",
           "CREATE TABLE part (id INT) ENGINE=InnoDB PARTITION BY RANGE(id) (PARTITION p0 VALUES LESS THAN (10),"
           " PARTITION secret VALUES LESS THAN (100))",
           "INSERT INTO part VALUES (1), (50)", "CREATE TABLE plain (id INT) ENGINE=InnoDB",
           "INSERT INTO plain VALUES (3)", "CREATE TABLE m1 (id INT, v VARCHAR(60)) ENGINE=MyISAM",
           "INSERT INTO m1 VALUES (1, 'own')", "CREATE TABLE logm (id INT, v VARCHAR(60)) ENGINE=MyISAM",
           "CREATE TABLE ft (id INT PRIMARY KEY, body TEXT, FULLTEXT KEY patients (body)) ENGINE=InnoDB",
           "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x+1",
           "CREATE FUNCTION patients() RETURNS INT DETERMINISTIC RETURN 7",
           "CREATE PROCEDURE echo(x TEXT) SELECT x", "CREATE PROCEDURE secret() SELECT 1",
           "CREATE PROCEDURE patients(x INT) SELECT x", "CREATE VIEW v AS SELECT id, name FROM patients"]
    secret = [*people("patients", CANARY), *people("visits", CANARY),
              "CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200))", f"INSERT INTO log VALUES (1, '{CANARY}')",
              "CREATE TABLE logm (id INT, v VARCHAR(60)) ENGINE=MyISAM", f"INSERT INTO logm VALUES (1, '{CANARY}')",
              "CREATE TABLE exch (id INT) ENGINE=InnoDB", "INSERT INTO exch VALUES (4)",
              "CREATE TABLE exch2 (id INT) ENGINE=InnoDB", "INSERT INTO exch2 VALUES (400)",
              "CREATE TABLE part (id INT) ENGINE=InnoDB PARTITION BY RANGE(id) (PARTITION p0 VALUES LESS THAN (10),"
              " PARTITION p1 VALUES LESS THAN (100))", "INSERT INTO part VALUES (5)",
              "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x+1",
              "CREATE FUNCTION `abs`(x INT) RETURNS VARCHAR(60) READS SQL DATA RETURN (SELECT MAX(name) FROM secret.patients)",
              "CREATE FUNCTION canary() RETURNS VARCHAR(60) READS SQL DATA RETURN (SELECT MAX(name) FROM secret.patients)",
              "CREATE PROCEDURE p() SELECT name FROM secret.patients",
              "CREATE PROCEDURE patients() SELECT name FROM secret.patients",
              "CREATE VIEW v AS SELECT id, name FROM patients",
              "CREATE TRIGGER trg BEFORE INSERT ON visits FOR EACH ROW SET NEW.n = 9",
              "CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DISABLE DO DELETE FROM secret.log"]
    secret += ["CREATE TABLE under (id INT, name VARCHAR(60)) ENGINE=MyISAM", f"INSERT INTO under VALUES (1, '{CANARY}')",
               "CREATE TABLE mg (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(under)"]
    for name in ODD_NAMES:
        secret += [f"CREATE TABLE `{name}` (id INT, name VARCHAR(60))", f"INSERT INTO `{name}` VALUES (1, '{CANARY}')"]
    if mariadb:
        own += ["CREATE SEQUENCE seq"]
        secret += ["CREATE SEQUENCE seq", "CREATE TABLE hist (id INT, name VARCHAR(60)) WITH SYSTEM VERSIONING",
                   f"INSERT INTO hist VALUES (1, '{CANARY}')"]
    shared = [*people("mine", "own"), *people("mine2", "own"), *people("patients", CANARY), *people("visits", CANARY),
              "CREATE TABLE logm (id INT, v VARCHAR(60)) ENGINE=MyISAM", f"INSERT INTO logm VALUES (1, '{CANARY}')"]
    own2 = [*people("patients", "own"), *people("t", "own"),
            "CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x+2"]
    return {"own": own, "own2": own2, "shared": shared, "secret": secret}


# What else is looked at: columns, the first the schema; table; the schema's column.
SHAPES = (
    ("TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT", "COLUMNS", "TABLE_SCHEMA"),
    ("TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME", "STATISTICS", "TABLE_SCHEMA"),
    ("ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, ROUTINE_DEFINITION", "ROUTINES", "ROUTINE_SCHEMA"),
    ("TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_STATEMENT", "TRIGGERS", "TRIGGER_SCHEMA"),
    ("EVENT_SCHEMA, EVENT_NAME, EVENT_DEFINITION, STATUS", "EVENTS", "EVENT_SCHEMA"),
    ("TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION", "VIEWS", "TABLE_SCHEMA"),
    ("TABLE_SCHEMA, TABLE_NAME, PARTITION_NAME", "PARTITIONS", "TABLE_SCHEMA"),
    ("CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_NAME, REFERENCED_TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA",
     "REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA"),
    ("SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME", "SCHEMATA", "SCHEMA_NAME"),
)


class Silo:
    """All four databases on a server of the test's own."""

    THEIRS = ("secret",)  # databases of another service

    def __init__(self, server):
        self.server, self.mariadb = server, server.name == "mariadb"
        self.files = str(server.folder / "tmp")
        self.begin()
        release, series, patch = servers.version_of(self.ask("SELECT VERSION()")[0][0])
        self.release = release * 10000 + series * 100 + patch  # 101119, 90704
        self.with_locks = self._see_locks()
        self.accounts()
        self.texts = statements(self.mariadb)
        for database in DATABASES:
            self.fill(database)
        self.prints = self.look()
        self.grants = self._grants()

    def begin(self):
        self.root = self.server.root(charset="utf8mb4")
        self.ask("SET SESSION lock_wait_timeout=10, innodb_lock_wait_timeout=5, sql_mode='', group_concat_max_len=1000000000")

    def ask(self, text):
        try:
            with self.root.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall()
        except UnicodeDecodeError:  # of a session's bytes, which are none of any character set
            self.begin()  # the rest of that answer
            raw = self.server.root(charset="utf8mb4", use_unicode=False)
            with raw, raw.cursor() as cursor:
                cursor.execute(text)
                return tuple(tuple(one.decode("utf-8", "surrogateescape") if isinstance(one, bytes) else one for one in row)
                             for row in cursor.fetchall())

    def accounts(self):
        for user in ACCOUNTS:
            self.ask(f"DROP USER IF EXISTS {user}@'%'")
            self.ask(f"CREATE USER {user}@'%' IDENTIFIED BY '{user}-Pw1'")
        for database in DATABASES:
            self.ask(f"GRANT ALL ON {database}.* TO spy@'%' WITH GRANT OPTION")
            self.ask(f"GRANT ALL ON {database}.* TO victim@'%'")
        self.ask("GRANT FILE, RELOAD ON *.* TO spy@'%'")

    def _grants(self):
        return sorted(self.ask("SHOW GRANTS FOR spy@'%'"))

    def fill(self, database):
        self.ask("SET foreign_key_checks=0")
        self.ask(f"DROP DATABASE IF EXISTS `{database}`")
        self.ask(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        # as the spy, so that the spy may alter its own routines and views
        spy = pymysql.connect(unix_socket=self.server.socket, user="spy", password=PASSWORD, database=database,
                              autocommit=True, charset="utf8mb4")
        try:
            with spy.cursor() as cursor:
                for text in self.texts[database]:
                    cursor.execute(text)
        finally:
            spy.close()

    def look(self):
        """All that can be different about each database, as one text."""
        shape = {database: [] for database in DATABASES}
        among = "IN (" + ", ".join(f"'{database}'" for database in DATABASES) + ")"
        tables = self.ask("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, CREATE_OPTIONS, TABLE_COMMENT, CREATE_TIME FROM"
                          f" information_schema.TABLES WHERE TABLE_SCHEMA {among} ORDER BY 1, 2")
        for rows in (tables, *(self.ask(f"SELECT {columns} FROM information_schema.{table} WHERE {schema} {among}"
                                        " ORDER BY 1, 2, 3") for columns, table, schema in SHAPES)):
            for row in rows:
                shape[row[0]].append(row[1:])
        return {database: repr(shape[database]) + self.sums(database, [row[1:3] for row in tables if row[0] == database])
                for database in DATABASES}

    def sums(self, database, tables=None):
        """The rows alone: what is quick to look at."""
        if tables is None:
            tables = self.ask("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE"
                              f" TABLE_SCHEMA='{database}' ORDER BY 1")
        names = [row[0].replace("`", "``") for row in tables if row[1] in ("BASE TABLE", "SYSTEM VERSIONED")]
        found = [self.ask("CHECKSUM TABLE " + ",".join(f"`{database}`.`{name}`" for name in names))] if names else []
        found += [self.ask(f"SELECT next_not_cached_value FROM `{database}`.`{row[0]}`") for row in tables
                  if row[1] == "SEQUENCE"]
        return repr(found)

    def quick(self):
        return self.sums("secret") + self.sums("shared")

    def stolen(self):
        """Tables of the spy's that hold a canary."""
        found = []
        for schema, name in self.ask("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE ="
                                     " 'BASE TABLE' AND TABLE_SCHEMA IN ('own', 'own2', 'shared')"):
            if self.is_theirs(schema, name):
                continue
            try:
                quoted = name.replace("`", "``")
                rows = self.ask(f"SELECT * FROM `{schema}`.`{quoted}` LIMIT 100")
            except pymysql.Error as error:  # a MERGE table whose parts are gone
                rows = str(error)
            if CANARY in repr(rows):
                found.append(f"{schema}.{name}")
        return found

    def changed(self, before=None):
        """The databases that are not as they were, or as they are meant to be."""
        now, before = self.look(), before or self.prints
        return {database for database in DATABASES if now[database] != before[database]}

    def restore(self, databases):
        for database in databases:
            self.fill(database)
        if databases:
            self.prints = self.look()
        if self._grants() != self.grants:
            self.accounts()

    def _see_locks(self):
        if not self.mariadb:
            return True
        try:
            self.ask("INSTALL SONAME 'metadata_lock_info'")
        except pymysql.Error as error:
            return "already" in str(error).lower()
        return True

    def locked(self, thread):
        """What of another's this thread of the server holds or waits for: tables by name."""
        if not self.with_locks:
            return []
        text = ("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.METADATA_LOCK_INFO WHERE"
                f" THREAD_ID = {thread} AND LOCK_TYPE LIKE 'Table%'") if self.mariadb else (
            "SELECT OBJECT_SCHEMA, OBJECT_NAME FROM performance_schema.metadata_locks l JOIN"
            f" performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID WHERE t.PROCESSLIST_ID = {thread}"
            " AND OBJECT_TYPE IN ('TABLE', 'FUNCTION', 'PROCEDURE')")
        return [f"{schema}.{name}" for schema, name in self.ask(text)
                if self.is_theirs(schema, name or "")]

    def holders(self):
        """Who holds what: threads, and locks of tables."""
        locks = "information_schema.METADATA_LOCK_INFO" if self.mariadb else "performance_schema.metadata_locks"
        return self.ask("SELECT * FROM information_schema.processlist"), self.ask(f"SELECT * FROM {locks}"), self.ask("XA RECOVER")

    def is_theirs(self, schema, name):
        return schema in self.THEIRS or schema == "shared" and not name.startswith("mine")

    def prepare_theirs(self):
        """Another's XA transaction, which is prepared and whose session has gone."""
        one = self.server.root()
        with one.cursor() as cursor:
            for text in ("XA START 'theirs'", "INSERT INTO secret.log VALUES (999, 'prepared')", "XA END 'theirs'",
                         "XA PREPARE 'theirs'"):
                cursor.execute(text)
        one.close()

    def end_theirs(self):
        """Is it still there? It is ended."""
        def try_to_end():
            try:
                self.ask("XA ROLLBACK 'theirs'")
            except pymysql.Error as error:
                return error.args[0]
            return 0

        there = any("theirs" in str(row[3]) for row in self.ask("XA RECOVER"))
        if there:  # the server may still be at the end of the session that has prepared it
            places.wait_for(lambda: try_to_end() == 0)
        return there

    def thread_of(self, marker):
        """The server's thread of the session that holds the user lock `marker`."""
        return self.ask(f"SELECT IS_USED_LOCK('{marker}')")[0][0]

    def close(self):
        for database in DATABASES:
            self.ask(f"DROP DATABASE IF EXISTS `{database}`")
        for user in ACCOUNTS:
            self.ask(f"DROP USER IF EXISTS {user}@'%'")
        self.root.close()
