"""What one command leaves behind for another: prepared and dynamic SQL, variables, temporary tables, the
current database, and the commands besides COM_QUERY."""
from .steps import READ, ChangeUser, Command, Execute, Login, Prepare, Query, Together, maybe, ok

HIDDEN = "CONCAT('SELECT word FROM vault', '.secrets')"
KNOWN = ok("SET @q = 'SELECT 1'")
FROM_Q = [maybe("PREPARE s FROM @q"), maybe("EXECUTE s")]
PUT = ok(f"CREATE FUNCTION thief.put () RETURNS INT DETERMINISTIC BEGIN SET @q = {HIDDEN}; RETURN 1; END")
TRIGGER = ok(f"CREATE TRIGGER thief.puts BEFORE INSERT ON thief.own FOR EACH ROW SET @q = {HIDDEN}")
PROCEDURE = ok(f"CREATE PROCEDURE thief.puts () SET @q = {HIDDEN}")
SHADOW = ok("CREATE TEMPORARY TABLE vault.secrets (word INT)")
SEQUENCE = ("CREATE TEMPORARY TABLE vault.secrets (next_not_cached_value BIGINT(21) NOT NULL, minimum_value BIGINT(21) NOT NULL, maximum_value BIGINT(21) NOT NULL,"
            " start_value BIGINT(21) NOT NULL, increment BIGINT(21) NOT NULL, cache_size BIGINT(21) UNSIGNED NOT NULL, cycle_option TINYINT(1) UNSIGNED NOT NULL,"
            " cycle_count BIGINT(21) NOT NULL) SEQUENCE=1")
AWAY = maybe("CREATE FUNCTION thief.away () RETURNS INT DETERMINISTIC BEGIN DROP TEMPORARY TABLE IF EXISTS vault.secrets; RETURN 1; END")
# Texts that read the secret once their \ or ` has become a question mark.
_BACKSLASH = r"'SELECT ''a\\'' UNION SELECT word FROM vault.secrets -- '''"
_BACKTICK = "'SELECT word FROM own WHERE 1 = ` UNION SELECT word FROM vault.secrets WHERE 1 = `'"
SWALLOWED = [maybe(f"SET @q = {_BACKSLASH}"), *FROM_Q, maybe(f"EXECUTE IMMEDIATE {_BACKSLASH}"), maybe(f"PREPARE s FROM {_BACKSLASH}"), maybe("EXECUTE s"),
             ok("SET @one = 1"), maybe(f"SET @q = {_BACKTICK}"), maybe("PREPARE s FROM @q"), maybe("EXECUTE s USING @one, @one"),
             maybe(f"EXECUTE IMMEDIATE {_BACKTICK} USING 1, 1")]

TRICKS = {
    "prepared in SQL": [Query(f"PREPARE s FROM '{READ}'"), Query("EXECUTE s", None)],
    "prepared from a variable": [ok(f"SET @q = '{READ}'"), Query("PREPARE s FROM @q"), Query("EXECUTE s", None)],
    "prepared from an expression": [Query("PREPARE s FROM CONCAT('SELECT word FROM vault', '.secrets')"), Query("EXECUTE s", None)],
    "prepared from pieces of variables": [ok("SET @a = 'SELECT word FROM vault'"), Query("SET @q = CONCAT(@a, '.secrets')", None),
                                          Query("PREPARE s FROM @q"), Query("EXECUTE s", None)],
    "execute immediate": [Query(f"EXECUTE IMMEDIATE '{READ}'"), Query("EXECUTE IMMEDIATE CONCAT('SELECT word FROM vault', '.secrets')")],
    "prepared in the protocol": [Prepare(READ), Prepare("SELECT word FROM /*! vault */ . secrets"), Prepare("TABLE vault.secrets")],
    "a temporary table over it": [Query(f"CREATE TEMPORARY TABLE t1 {READ}"), Query("CREATE TEMPORARY TABLE t2 LIKE vault.secrets"),
                                  Query("CREATE TEMPORARY TABLE t3 (w VARCHAR(60)) AS SELECT word w FROM vault.secrets")],
    "a temporary table of its name elsewhere": [ok("CREATE TEMPORARY TABLE thief.secrets (id INT, word VARCHAR(60))"), Query(READ)],
    "USE": [Query("USE vault"), Query("USE vault; SELECT word FROM secrets"), Query("/* c */ USE vault"), Query("/*! USE vault */"), ok("SELECT word FROM secrets")],
    "COM_INIT_DB": [Command(b"\x02vault", "vault.secrets"), ok("SELECT word FROM secrets")],
    "COM_FIELD_LIST": [Command(b"\x04secrets\0", "nothing of vault's", True), Command(b"\x04vault.secrets\0", "a name with a dot in it", True)],
    "USE and the query at once": [Together("USE vault", "SELECT word FROM secrets", allowed=True),  # thief's own of the name
                                 Together("USE vault", "SELECT word FROM merged", allowed=True)],
    "a mode and the query at once": [Together("SET sql_mode = 'ANSI_QUOTES'", 'SELECT word FROM "vault"."secrets"')],
    "several in one": [Query(f"SELECT 1; {READ}"), Query(f"SELECT 1;;{READ}"), Query(f"SELECT ';'; {READ}")],
    "user variables": [Query(f"SET @x = ({READ})"), ok("SELECT @x"), Query("SELECT word INTO @y FROM vault.secrets"), ok("SELECT @y"),
                       Query(f"DO @z := ({READ})"), ok("SELECT @z")],
    "a system variable": [Query("SET SESSION init_connect = (SELECT word FROM vault.secrets)"),
                          Query("SET NAMES utf8mb4, @a = (SELECT word FROM vault.secrets)"), ok("SELECT @a")],
    "XA and transactions": [Query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT word FROM vault.secrets"),
                            Query("XA START 'a'; SELECT word FROM vault.secrets")],
    "set statement": [Query(f"SET STATEMENT max_statement_time = 5 FOR {READ}"),
                      Query("SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT word FROM \"vault\".\"secrets\"'")],
    "compound": [Query(f"BEGIN NOT ATOMIC {READ}; END"), Query(f"BEGIN NOT ATOMIC IF 1 THEN {READ}; END IF; END"),
                 Query(f"BEGIN NOT ATOMIC FOR r IN ({READ}) DO SELECT r.word; END FOR; END")],
    # What silogate believes to know of @q, changed where it might not look.
    "a variable set in a view's function": [PUT, ok("CREATE VIEW thief.puts AS SELECT thief.put() x"), KNOWN, maybe("SELECT * FROM thief.puts"), *FROM_Q],
    "a variable set in a function": [PUT, KNOWN, maybe("DO thief.put()"), *FROM_Q],
    "a variable set in a trigger": [TRIGGER, KNOWN, maybe("INSERT INTO own VALUES (70, 'x')"), *FROM_Q],
    "a variable set in a trigger, prepared in the protocol": [
        TRIGGER, Prepare("INSERT INTO own VALUES (71, 'x')", True, later=True), KNOWN, Execute(), *FROM_Q],
    "a variable set in a procedure": [PROCEDURE, KNOWN, maybe("CALL thief.puts()"), *FROM_Q],
    "a variable set in a procedure, prepared in the protocol": [
        PROCEDURE, Prepare("CALL thief.puts()", True, later=True), KNOWN, Execute(), *FROM_Q],
    "a variable as a procedure's answer": [
        ok(f"CREATE PROCEDURE thief.answer (OUT x TEXT) SET x = {HIDDEN}"), KNOWN,
        maybe("PREPARE c FROM 'CALL thief.answer(?)'"), maybe("EXECUTE c USING @q"), *FROM_Q],
    "a variable set by what was prepared in the protocol": [
        step for text in (f"SELECT {HIDDEN} INTO @q", f"SELECT @q := {HIDDEN}", f"SET @q = {HIDDEN}", f"DO @q := {HIDDEN}")
        for step in (Login(), Prepare(text, True, later=True), KNOWN, Execute(), *FROM_Q)],
    "a variable set in a command that fails": [
        step for text in (f"SET @q = {HIDDEN}, @x = (SELECT 1 UNION SELECT 2)", f"SET @q = {HIDDEN}; SELECT nonsense",
                          f"SELECT {HIDDEN} INTO @q; SELECT nonsense")
        for step in (KNOWN, maybe(text), *FROM_Q)] + [maybe(f"SET @q = {HIDDEN}"), maybe("SELECT nonsense; SET @q = 'SELECT 1'"), *FROM_Q],
    "a variable set in passing": [
        step for text in (f"SELECT 1 FROM own WHERE (@q := {HIDDEN}) IS NOT NULL", f"UPDATE own SET word = (@q := {HIDDEN})",
                          f"SELECT {HIDDEN} INTO @q", f"EXPLAIN FORMAT=JSON INTO @q SELECT 1", f"BEGIN NOT ATOMIC SET @q = {HIDDEN}; END",
                          f"SET @`Q` = {HIDDEN}", f'SET @"q" = {HIDDEN}', f"SET @'q ' = {HIDDEN}", f"SET @x = 1, @q := {HIDDEN}",
                          f"SHOW VARIABLES WHERE (@q := {HIDDEN}) IS NULL", f"SELECT GET_LOCK(@q := {HIDDEN}, 0)", "SELECT word FROM own LIMIT 1 INTO @q")
        for step in (KNOWN, maybe(text), *FROM_Q)],
    "a variable set by the diagnostics": [
        KNOWN, maybe(f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{READ}'"), maybe("GET DIAGNOSTICS CONDITION 1 @q = MESSAGE_TEXT"), *FROM_Q],
    "a variable with an accent": [ok("SET @é = 'SELECT 1'"), maybe(f"SET @e = {HIDDEN}"), maybe("PREPARE s FROM @é"), maybe("EXECUTE s")],
    # On its way into a variable a text may pass through a character set that has no \ and no `.
    "a text through a character set without backslashes": [
        step for way in ("SET character_set_connection = swe7", "SET collation_connection = swe7_swedish_ci", "SET NAMES utf8mb4, character_set_connection = swe7",
                         "SET @@collation_connection = CONCAT('swe7', '_swedish_ci')")
        for step in (Login(), maybe(way), *SWALLOWED)],
    "the same, by the database's character set": [
        ok("CREATE DATABASE IF NOT EXISTS thief CHARACTER SET swe7"), ok("ALTER DATABASE thief CHARACTER SET swe7"), maybe("USE thief"),
        maybe("SET CHARACTER SET utf8mb4"), *SWALLOWED, ok("ALTER DATABASE thief CHARACTER SET utf8mb4")],
    "the same, from the login on": [Login(collation=10), maybe("SET character_set_client = utf8mb4"), *SWALLOWED],
    "the same, by changing the user": [ChangeUser(collation=10), maybe("SET character_set_client = utf8mb4"), *SWALLOWED],
    "the same, in a procedure": [maybe("CREATE PROCEDURE thief.swe7 () SET character_set_connection = swe7"), maybe("CALL thief.swe7()"), *SWALLOWED],
    "the same, prepared": [Prepare("SET character_set_connection = swe7", None), *SWALLOWED],
    # A temporary table of the other's name, believed to be there when it is gone.
    "a temporary table dropped": [
        SHADOW, ok("DROP TEMPORARY TABLE vault.secrets"), Query(READ), SHADOW, maybe("DROP TEMPORARY TABLE vault.secrets, vault.nothing"), Query(READ + " "),
        SHADOW, maybe(f"DROP TEMPORARY TABLE vault.secrets; {READ}  ")],
    "a temporary table dropped in a function": [AWAY, SHADOW, maybe("SELECT thief.away()"), maybe(READ)],
    "a temporary table dropped in a view's function": [
        AWAY, maybe("CREATE VIEW thief.aways AS SELECT thief.away()"), SHADOW, maybe("SELECT * FROM thief.aways"), maybe(READ)],
    "a temporary table dropped in a trigger": [
        maybe("CREATE TRIGGER thief.away BEFORE INSERT ON thief.own FOR EACH ROW DROP TEMPORARY TABLE IF EXISTS vault.secrets"), SHADOW,
        maybe("INSERT INTO own VALUES (80, 'x')"), maybe(READ)],
    "a temporary table dropped in a procedure": [
        maybe("CREATE PROCEDURE thief.away () DROP TEMPORARY TABLE vault.secrets"), SHADOW, maybe("CALL thief.away()"), maybe(READ),
        maybe(f"CREATE PROCEDURE thief.away2 () BEGIN DROP TEMPORARY TABLE IF EXISTS vault.secrets; {READ}; END"), SHADOW, maybe("CALL thief.away2()")],
    "a temporary table dropped in a block": [
        SHADOW, maybe(f"BEGIN NOT ATOMIC DROP TEMPORARY TABLE vault.secrets; {READ}; END"),
        maybe("BEGIN NOT ATOMIC DROP TEMPORARY TABLE IF EXISTS vault.secrets; END"), maybe(READ), SHADOW,
        maybe("BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'DROP TEMPORARY TABLE vault.secrets'; END"), maybe(READ)],
    "a temporary table dropped by dynamic SQL": [
        SHADOW, maybe("PREPARE s FROM 'DROP TEMPORARY TABLE vault.secrets'"), maybe("EXECUTE s"), maybe(READ),
        SHADOW, maybe("EXECUTE IMMEDIATE 'DROP TEMPORARY TABLE vault.secrets'"), maybe(READ)],
    "a temporary table dropped in the protocol": [
        Prepare("DROP TEMPORARY TABLE vault.secrets", True, later=True), SHADOW, Execute(), maybe(READ)],
    "a temporary table dropped behind a prepared query": [
        SHADOW, Prepare(READ, True, later=True), ok("DROP TEMPORARY TABLE vault.secrets"), Execute()],
    "a temporary table gone by its other names": [
        step for text in ("ALTER TABLE vault.secrets RENAME TO vault.gone", "DROP TABLE IF EXISTS vault.secrets",
                          "CREATE OR REPLACE TEMPORARY TABLE vault.secrets SELECT nonsense",
                          "CREATE OR REPLACE TEMPORARY TABLE vault.secrets SELECT * FROM vault.secrets",
                          "CREATE OR REPLACE TEMPORARY TABLE vault.secrets LIKE vault.secrets")
        for step in (Login(), SHADOW, maybe(text), maybe(READ))],
    "a temporary table with the session": [
        SHADOW, Command(b"\x1f", "reset", True), Query(READ), SHADOW, ChangeUser(), Query(READ + " ")],
    "a temporary table that is not made": [
        maybe("CREATE TEMPORARY TABLE vault.secrets (word nonsense)"), maybe(READ), maybe("CREATE TEMPORARY TABLE vault.secrets SELECT nonsense"), maybe(READ),
        maybe("SELECT nonsense; CREATE TEMPORARY TABLE vault.secrets (word INT)"), maybe(READ),
        maybe(f"CREATE TEMPORARY TABLE IF NOT EXISTS vault.secrets (word INT) ENGINE=CSV; {READ}"),
        maybe(f"CREATE TEMPORARY TABLE vault.secrets (word INT) AS {READ}")],
    "a temporary table out of sight": [
        step for text in ("SET pseudo_thread_id = 99999", "SET @@session.pseudo_thread_id = 99999", "SET @x = 1, SESSION pseudo_thread_id = 1 + 99998",
                          "SET server_id = 99", "SET SESSION server_id = 99", f"SET STATEMENT pseudo_thread_id = 99999 FOR {READ}",
                          f"SET STATEMENT server_id = 99 FOR {READ}", f"SET pseudo_thread_id = 99999; {READ}", "EXECUTE IMMEDIATE 'SET pseudo_thread_id = 99999'",
                          "CREATE PROCEDURE thief.hide () SET pseudo_thread_id = 99999; CALL thief.hide()",
                          "SELECT /*+ SET_VAR(pseudo_thread_id = 99999) */ word FROM vault.secrets")
        for step in (Login(), SHADOW, maybe(text), maybe(READ))] + [
        Login(), SHADOW, Prepare("SET pseudo_thread_id = 99999", None), maybe(READ), Login(), Prepare("SET pseudo_thread_id = 99999", None, later=True), SHADOW,
        Execute(), maybe(READ)],
    "a temporary table that is a sequence": [
        step for text in ("DROP SEQUENCE vault.secrets", "DROP SEQUENCE IF EXISTS vault.secrets", "DROP TEMPORARY SEQUENCE vault.secrets",
                          "CREATE OR REPLACE TEMPORARY SEQUENCE vault.secrets", "ALTER TABLE vault.secrets SEQUENCE=0",
                          "EXECUTE IMMEDIATE 'DROP SEQUENCE vault.secrets'", "SET STATEMENT max_statement_time = 9 FOR DROP SEQUENCE vault.secrets",
                          "BEGIN NOT ATOMIC DROP TEMPORARY SEQUENCE vault.secrets; END")
        for step in (Login(), maybe(SEQUENCE), maybe(text), maybe(READ), maybe("DROP SEQUENCE vault.secrets"), maybe(READ))],
    "a sequence in a temporary table's place": [
        step for text in ("CREATE OR REPLACE TEMPORARY SEQUENCE vault.secrets", "CREATE OR REPLACE TEMPORARY SEQUENCE vault.secrets MINVALUE 5 MAXVALUE 1",
                          "CREATE OR REPLACE SEQUENCE vault.secrets")
        for step in (Login(), SHADOW, maybe(text), maybe(READ), maybe("DROP SEQUENCE vault.secrets"), maybe(READ))] + [
        Login(), SHADOW, Prepare("DROP SEQUENCE vault.secrets", None), maybe(READ)],
    "a temporary table whose replacement fails late": [
        SHADOW, maybe("CREATE OR REPLACE TEMPORARY TABLE vault.secrets (a INT PRIMARY KEY) SELECT 1 a UNION ALL SELECT 1"), maybe(READ),
        Login(), SHADOW, Prepare("CREATE OR REPLACE TEMPORARY TABLE vault.secrets (a INT PRIMARY KEY) SELECT 1 a UNION ALL SELECT 1", None), maybe(READ)],
    "a temporary table in the way of what is kept": [
        ok("CREATE TEMPORARY TABLE vault.merged (id INT, word VARCHAR(60)) ENGINE=MyISAM"),
        ok("CREATE TEMPORARY TABLE vault.secrets (id INT PRIMARY KEY, word VARCHAR(60))"),
        maybe("CREATE TABLE thief.m (id INT, word VARCHAR(60)) ENGINE=MERGE UNION=(vault.merged)"),
        maybe("CREATE TEMPORARY TABLE thief.tm (id INT, word VARCHAR(60)) ENGINE=MERGE UNION=(vault.merged)"),
        maybe("CREATE VIEW thief.kept AS SELECT word FROM vault.secrets"), maybe("CREATE PROCEDURE thief.kept () SELECT word FROM vault.secrets"),
        maybe("CREATE TRIGGER thief.kept BEFORE INSERT ON own FOR EACH ROW SET NEW.word = (SELECT MAX(word) FROM vault.secrets)"),
        maybe("CREATE TRIGGER vault.kept BEFORE INSERT ON vault.secrets FOR EACH ROW SET @x = NEW.word"),
        maybe("RENAME TABLE vault.secrets TO thief.taken"), maybe("ALTER TABLE thief.parts EXCHANGE PARTITION p0 WITH TABLE vault.secrets"),
        maybe("FLUSH TABLES vault.secrets FOR EXPORT"), maybe("CREATE TABLE thief.fk (id INT, FOREIGN KEY (id) REFERENCES vault.secrets (id))"),
        maybe("HANDLER vault.secrets OPEN AS h"), ok("DROP TEMPORARY TABLE vault.merged, vault.secrets"), maybe("SELECT * FROM thief.m"),
        maybe("SELECT * FROM thief.tm"), maybe("SELECT * FROM thief.kept"), maybe("CALL thief.kept()"), maybe("HANDLER h READ FIRST"),
        maybe("INSERT INTO own VALUES (90, 'x')"), maybe("SELECT word FROM own")],
    "a handler's name": [
        ok("CREATE TEMPORARY TABLE thief.h (id INT)"), maybe("HANDLER thief.h OPEN AS secrets"), maybe("HANDLER secrets READ FIRST"),
        maybe("HANDLER vault.secrets READ FIRST"), Prepare("HANDLER vault.secrets OPEN"), Query("HANDLER `vault`.`secrets` OPEN `own`")],
    "dynamic SQL in every place": [
        maybe(f"EXECUTE IMMEDIATE {HIDDEN}"), maybe("EXECUTE IMMEDIATE (SELECT word FROM own)"), maybe(f"PREPARE s FROM {HIDDEN}"), maybe("EXECUTE s"),
        ok(f"INSERT INTO own VALUES (95, {HIDDEN})"), maybe("SELECT word INTO @q FROM own WHERE id = 95"), *FROM_Q,
        ok("SET @t = 'SELECT word FROM own WHERE id = ?'"), maybe("PREPARE t FROM @t"), ok("SET @id = 95"), maybe("EXECUTE t USING @id"),
        maybe("EXECUTE IMMEDIATE 'SELECT ? FROM own' USING (SELECT word FROM vault.secrets)"),
        maybe(f"SET STATEMENT max_statement_time = 9 FOR EXECUTE IMMEDIATE {HIDDEN}"), maybe(f"BEGIN NOT ATOMIC EXECUTE IMMEDIATE {HIDDEN}; END"),
        maybe(f"PREPARE s FROM 'EXPLAIN FORMAT=TREE {READ}'"), maybe("EXECUTE s"), maybe(f"EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE ''{READ}'''"),
        maybe(f"PREPARE s FROM 'PREPARE u FROM ''{READ}'''")],
    "statements prepared under one name": [
        maybe("PREPARE s FROM 'SELECT 1'"), maybe(f"PREPARE S FROM {HIDDEN}"), maybe("EXECUTE s"), maybe("PREPARE `s ` FROM 'SELECT 1'"),
        maybe("DEALLOCATE PREPARE s"), maybe("EXECUTE s"), maybe(f"PREPARE s FROM 'SELECT 1'; PREPARE s FROM '{READ}'"), maybe("EXECUTE s")],
    "an initial database that is another's": [
        step for name in ("vault", "VAULT", "`vault`", "vault ", "#mysql50#vault")
        for step in (Login(database=name), maybe("SELECT word FROM merged"), Login(), ChangeUser(database=name), maybe("SELECT word FROM merged"))],
    "COM_FIELD_LIST by a path": [Command(b"\x04" + name + b"\0%", "nothing", True) for name in
                                 (b"../vault/secrets", b"`vault`.`secrets`", b"#mysql50#../vault/secrets", b"secrets\0x")],
    "COM_INIT_DB by other spellings": [
        step for name in (b"vault", b"`vault`", b"vault\0", b"VAULT", b"#mysql50#vault", b"../vault", b"vault ", b"vault/")
        for step in (Command(b"\x02" + name, "nothing", True), maybe("SELECT word FROM merged"))],
    "commands of other times": [
        Command(bytes([number]) + b"vault", "nothing", True)
        for number in (0, 5, 6, 7, 9, 10, 11, 13, 15, 16, 18, 19, 20, 21, 29, 30, 32, 33, 40, 250, 251, 253, 254, 255)],
    "query attributes": [Login(attributes=True), Query(READ), Query("SELECT 1; SELECT word FROM vault.secrets"), Prepare(READ),
                         Command(b"\x03\x01\x01\x00\x01\xfe\0\x01a\x01b" + READ.encode(), READ),
                         Command(b"\x03\x01\x01\x00\x01\xfe\0\x01a\x1e" + READ.encode(), READ, None)],
    "without several statements in one": [Login(without_several=True), Query(f"SELECT 1; {READ}"), Query(READ)],
    "current databases": [
        Query("EXPLAIN FORMAT=JSON FOR SCHEMA vault SELECT word FROM secrets"), Query("EXPLAIN FORMAT=JSON INTO @q FOR SCHEMA vault SELECT word FROM merged"),
        *[step for text in ("EXECUTE IMMEDIATE 'USE vault'", "SELECT nonsense; USE vault", "USE vault; USE thief", "BEGIN NOT ATOMIC USE vault; END",
                            "PREPARE s FROM 'USE vault'", "EXECUTE s", "USE `vault`", "USE vault;") for step in (maybe(text), maybe("SELECT word FROM merged"))]],
}
