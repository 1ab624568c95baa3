"""The places of tests/oracle/words.py. {w}: a word of the lexer's; {s}, {f}: another's table, and a call of another's
function; {c}: a call; {q}: a statement."""


def _lines(text):
    return [one.strip() for one in text.replace(" | ", "\n").splitlines() if one.strip()]


# Queries, and statements that begin like one.
QUERIES = _lines("""
    SELECT (SELECT {w} name FROM {s} LIMIT 1)
    SELECT (SELECT {w} DISTINCT STRAIGHT_JOIN name FROM {s} LIMIT 1)
    SELECT (SELECT name {w} FROM {s} LIMIT 1)
    SELECT (SELECT name AS {w} FROM {s} LIMIT 1)
    SELECT (SELECT {w}.name FROM {s} {w} LIMIT 1)
    SELECT (SELECT p.name FROM own.a {w}, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a AS {w} JOIN {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a x {w} JOIN {s} p ON 1 LIMIT 1)
    SELECT (SELECT p.name FROM own.a {w} LEFT JOIN {s} p ON 1 LIMIT 1)
    SELECT (SELECT p.name FROM own.a x LEFT {w} JOIN {s} p ON 1 LIMIT 1)
    SELECT (SELECT MAX(name) FROM {s} GROUP BY 1 {w} LIMIT 1)
    SELECT (SELECT 1 {w} FROM own.a UNION SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT 'x' FROM own.a {w} SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT 'x' FROM own.a WHERE 0 {w} ALL SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT n {w} name FROM {s} LIMIT 1)
    SELECT (SELECT CONCAT(name) {w} n FROM {s} LIMIT 1)
    SELECT (SELECT {w}(name) FROM {s} LIMIT 1)
    SELECT (SELECT MAX(name) {w} (ORDER BY n) FROM {s} LIMIT 1)
    SELECT (SELECT MAX(name) OVER {w} FROM {s} WINDOW {w} AS (ORDER BY n) LIMIT 1)
    SELECT (SELECT MAX(name) OVER w FROM {s} {w} w AS (ORDER BY n) LIMIT 1)
    SELECT (SELECT name FROM own.a NATURAL {w} JOIN {s} LIMIT 1)
    SELECT (SELECT x.name FROM own.a USE INDEX {w} (), {s} x LIMIT 1)
    SELECT (SELECT x.name FROM own.a {w} INDEX (`PRIMARY`), {s} x LIMIT 1)
    SELECT (SELECT p.name FROM own.a x JOIN {s} p ON x.id = p.id {w} 1 LIMIT 1)
    SELECT (SELECT p.name FROM own.a x JOIN {s} p {w} (id) LIMIT 1)
    SELECT (SELECT p.name FROM {{w} own.a x LEFT JOIN {s} p ON 1} LIMIT 1)
    SELECT (SELECT p.name FROM {`{w}` {s} p} LIMIT 1)
    SELECT (WITH {w} AS (SELECT name FROM {s}) SELECT name FROM {w} LIMIT 1)
    SELECT ({w} (SELECT name FROM {s} LIMIT 1))
    SELECT {w} (SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT 'a' UNION {w} (SELECT name FROM {s}) LIMIT 1 OFFSET 1)
    SELECT (SELECT name FROM {s} ORDER BY 1 {w} LIMIT 1)
    SELECT (SELECT name FROM {s} FOR {w} LIMIT 1)
    SELECT (SELECT name FROM {s} LIMIT 1 FOR {w})
    SELECT (SELECT name FROM {s} LIMIT 1 {w})
    SELECT (SELECT a.{w} FROM (SELECT name AS {w} FROM {s}) a LIMIT 1)
    SELECT (SELECT 1 + {w} FROM (SELECT name {w} FROM {s}) a LIMIT 1)
    SELECT (SELECT name x FROM own.a AS {w} (c), {s} x LIMIT 1)
    SELECT (SELECT p.name FROM own.a PARTITION {w} (p0), {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a x {w} (1), {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a x {w} 1, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a x {w} y, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a {w} x, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a FOR {w} ALL, {s} p LIMIT 1)
    DO (SELECT {w} FROM {s})
    SELECT ({w} SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT name FROM {s} {w} UNION SELECT 'x' LIMIT 1)
    TABLE own.a {w} TABLE {s}
    SELECT (TABLE {w} {s} LIMIT 1)
    SELECT * FROM (TABLE own.dup {w} TABLE {s}) x
    SELECT ((SELECT 'x') {w} (SELECT name FROM {s} LIMIT 1) LIMIT 1)
    SELECT (SELECT CASE name WHEN 1 THEN 2 ELSE name {w} FROM {s} LIMIT 1)
    SELECT IF(1, (SELECT name {w} FROM {s} LIMIT 1), 2)
    SET @x = (SELECT name {w} FROM {s} LIMIT 1)
    SET @x = {w}, @y = (SELECT name FROM {s} LIMIT 1)
    SELECT (SELECT name INTO {w} FROM {s} LIMIT 1)
    SHOW {w} WHERE (SELECT name FROM {s} LIMIT 1) = 1
    SHOW {w} LIKE (SELECT name FROM {s} LIMIT 1)
    SHOW {w} FROM {s}
    SHOW {w} FROM patients FROM secret
    SHOW CREATE {w} {s}
    SHOW FULL {w} FROM {s}
    SHOW {w} IN secret
    SHOW {w} STATUS IN secret
    SHOW {w} (SELECT name FROM {s} LIMIT 1)
    SHOW {w} {f}
    DO {w} {f}
    {w} (SELECT name FROM {s} LIMIT 1)
    {w} TABLE {s}
    {w} {s}
    {w} FROM {s}
    {w} INTO {s} VALUES (9999)
    {w} {f}
    SELECT (SELECT {w} ROW((SELECT name FROM {s} LIMIT 1)) LIMIT 1)
    EXPLAIN {w} SELECT * FROM {s}
    EXPLAIN {w} {s}
    SELECT {w} {f}
    SELECT ({w} {f})
    SELECT 1 {w} {f}
    SELECT own.f(1) {w} FROM own.a JOIN {s} p LIMIT 1
    SELECT (SELECT p.name FROM own.a x {w} {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.a x {w} {s} p ON 1 LIMIT 1)
    SELECT (SELECT p.name FROM {w}, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM {w} JOIN {s} p LIMIT 1)
    SELECT (SELECT p.name FROM own.{w}, {s} p LIMIT 1)
    SELECT (SELECT {w} ALL STRAIGHT_JOIN name FROM {s} LIMIT 1)
    SELECT (SELECT SQL_NO_CACHE {w} STRAIGHT_JOIN name FROM {s} LIMIT 1)
    SELECT name FROM {`{w}` {s}}
    SELECT name FROM {{w} {s}}
    SELECT (SELECT name FROM own.a FOR SYSTEM_TIME {w} q, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM (SELECT * FROM own.old) FOR {w} ALL q, {s} p LIMIT 1)
    SELECT (SELECT p.name FROM (SELECT * FROM own.a) {w} q, {s} p LIMIT 1)
""")
# Statements that are no queries. own.zz and own.zp are there, own.zy, own.zq and own.vv may be made.
OTHERS = _lines("""
    ALTER TABLE own.zz {w} secret.log
    ALTER TABLE own.zz {w} (secret.log)
    ALTER TABLE own.zz ADD c INT {w} secret.log
    ALTER TABLE own.zz ADD c INT {w} secret.log (id)
    ALTER TABLE own.zz ADD {w} secret.log
    ALTER TABLE own.zp {w} PARTITION p0 WITH TABLE secret.exch
    ALTER TABLE own.zp {w} TABLE secret.exch TO PARTITION p9 VALUES LESS THAN (900)
    CREATE TABLE own.zy (a INT) {w} secret.log
    CREATE TABLE own.zy {w} secret.log
    CREATE TABLE own.zy (a INT {w} secret.log (id))
    CREATE TABLE own.zy (a INT) {w} = secret.log
    CREATE TABLE own.zy (id INT, v VARCHAR(60)) ENGINE=MERGE {w} (secret.logm)
    CREATE TABLE own.zy (id INT, v VARCHAR(60)) ENGINE=MERGE {w} = (own.logm, secret.logm)
    CREATE {w} own.zy LIKE secret.log
    CREATE {w} own.zy FROM secret.log
    DROP {w} secret.log
    DROP TABLE {w} secret.log
    DROP TABLE own.zq {w} secret.log
    DROP {w} own.zq, secret.log
    RENAME {w} secret.log TO own.q
    RENAME TABLE own.zz TO own.z1 {w} secret.log TO own.z2
    TRUNCATE {w} secret.log
    {w} TABLE secret.log
    {w} TABLE own.zz, secret.log
    LOCK TABLES own.zz {w} secret.log READ
    LOCK TABLES own.zz READ {w} secret.log READ
    LOCK {w} own.zz READ, secret.log READ
    ANALYZE TABLE own.zz {w} secret.log
    CHECK TABLE own.zz {w} secret.log
    OPTIMIZE TABLE own.zz {w} secret.log
    REPAIR TABLE own.zz {w} secret.log
    CHECKSUM TABLE own.zz {w} secret.log
    ANALYZE {w} TABLE secret.log
    CHECK {w} secret.log
    HANDLER secret.log {w}
    HANDLER {w} secret.log OPEN
    SHOW {w} secret.log
    SHOW CREATE {w} secret.log
    SHOW {w} FROM secret
    SHOW {w} FROM log FROM secret
    SHOW {w} IN log IN secret
    SHOW {w} STATUS FROM secret
    DESCRIBE {w} secret.log
    EXPLAIN {w} secret.log
    DESC secret.log {w}
    USE {w} secret
    CALL {w} secret.p
    CREATE VIEW own.vv AS {w} secret.log
    CREATE {w} VIEW own.vv AS TABLE secret.log
    CREATE TRIGGER own.tt {w} INSERT ON secret.log FOR EACH ROW SET @x = 1
    CREATE TRIGGER own.tt BEFORE {w} ON secret.log FOR EACH ROW SET @x = 1
    CREATE INDEX ix ON {w} secret.log (id)
    CREATE {w} INDEX ix ON secret.log (id)
    DROP INDEX ix {w} ON secret.log
    INSERT {w} secret.log VALUES (77, 'x')
    INSERT INTO own.sink {w} secret.log
    REPLACE {w} secret.log VALUES (77, 'x')
    UPDATE {w} secret.log SET v = 1 WHERE 0
    UPDATE own.zz {w} secret.log SET v = 1 WHERE 0
    DELETE {w} FROM secret.log WHERE 0
    DELETE {w} secret.log WHERE 0
    DELETE FROM {w} secret.log WHERE 0
    DELETE own.zz {w} secret.log FROM own.zz JOIN secret.log WHERE 0
    ALTER {w} secret.log
    ALTER {w} TABLE secret.log COMMENT 'x'
    ALTER {w} secret.p COMMENT 'x'
    ALTER {w} secret.log COMMENT 'x'
    ALTER {w} secret
    ALTER {w} secret DEFAULT CHARACTER SET latin1
    DROP {w} secret.p
    DROP {w} secret.f
    DROP {w} secret.ev
    DROP {w} secret.trg
    DROP {w} IF EXISTS secret.v
    SHOW CREATE {w} secret.p
    SHOW CREATE {w} secret.v
    SHOW {w} CODE secret.p
    CREATE {w} secret.q1
    CREATE {w} secret.q1 () SELECT 1
    CREATE EVENT own.e1 ON SCHEDULE {w} secret.f(1) DAY DO SELECT 1
    CREATE EVENT own.e1 ON SCHEDULE AT NOW() + INTERVAL 1 DAY {w} secret.f(1) DO SELECT 1
    BACKUP {w} secret.log
    CACHE INDEX secret.logm {w} default
    LOAD INDEX INTO CACHE own.m1 {w} secret.logm
    SET {w} secret.f(1)
    SET {w} = secret.f(1)
    SET @a = 1 {w} secret.f(1)
    SET NAMES {w} secret.f(1)
    SET @a {w} secret.f(1)
    SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT {w} secret.f(1)
    GET DIAGNOSTICS {w} secret.f(1)
    EXECUTE IMMEDIATE 'DO 1' USING {w} secret.f(1)
    DO 1 {w} secret.f(1)
    DO {w} secret.f(1)
    KILL {w} secret.f(1)
    HELP {w}
    XA {w} secret.f(1)
    LOAD DATA LOCAL INFILE 'x' {w} INTO TABLE secret.log
    LOAD DATA LOCAL INFILE 'x' INTO TABLE own.sink {w} secret.log
    CREATE TABLE own.zy (a INT DEFAULT ({w} secret.f(1)))
    CREATE TABLE own.zy (a INT) PARTITION BY {w} (secret.f(a))
    ALTER TABLE own.zz ADD c INT {w} (secret.f(a))
    SELECT 1 FROM own.a {w} secret.f(1)
    SELECT 1 FROM own.a LIMIT 1 {w} secret.f(1)
    SELECT 1 FROM own.a ORDER BY id {w} secret.f(1)
    INSERT INTO own.sink VALUES (1, 'a') {w} secret.f(1)
    UPDATE own.sink SET v = 'a' {w} secret.f(1)
    DELETE FROM own.sink {w} secret.f(1)
    SELECT 1 {w} secret.log.id FROM own.a
""")
OTHERS_MARIADB = _lines("""
    CREATE SEQUENCE own.sq {w} secret.seq
    ALTER SEQUENCE own.seq {w} secret.seq
    SELECT {w} VALUE FOR secret.seq
    SELECT {w} (secret.seq)
    CREATE TABLE own.zy (a INT DEFAULT {w} (secret.seq))
    DO {w} VALUE FOR secret.seq
    ALTER TABLE own.zz ADD c INT DEFAULT {w} VALUE FOR secret.seq
    SELECT * FROM own.oh FOR {w} AS OF secret.f(1)
    DELETE FROM own.sink BEFORE {w} secret.f(1)
    UPDATE own.zz FOR {w} OF p FROM secret.f(1) TO 1 SET a = 1
    SHOW {w} FOR secret.f(1)
""")
# Where an expression may stand in a query.
EXPRESSIONS = _lines("""
    SELECT DISTINCT {c}
    SELECT 1, {c}
    SELECT 1 FROM own.a WHERE {c} > 0
    SELECT 1 FROM own.a ORDER BY {c}
    SELECT 1 FROM own.a GROUP BY {c}
    SELECT 1 FROM own.a HAVING {c}
    SELECT 1 IN (2, {c})
    SELECT CASE WHEN {c} THEN 1 END
    SELECT CASE {c} WHEN 2 THEN 1 END
    SET @x = {c}
    SELECT NOT {c}
    SELECT CONCAT({c}, 1)
    SELECT CONCAT(1, {c})
    SELECT NOW() + INTERVAL {c} DAY
    SELECT 1 AND {c}
    SELECT 1 BETWEEN 0 AND {c}
    SELECT -{c}
    SELECT IF({c}, 1, 2)
    SELECT 1 FROM own.a x JOIN own.dup y ON {c}
    SELECT (SELECT {c})
    SELECT ALL {c}
    SELECT 1 UNION SELECT {c}
    CALL own.echo({c})
    SELECT {c} q
    SELECT {c} AS q FROM own.a
    SELECT {c} + 1
    SELECT {c} IN (1)
    UPDATE own.a SET n = n WHERE {c} = 7
    SELECT * FROM (SELECT {c} v) z
    SELECT 1 LIKE {c}
    SELECT BINARY {c}
    SELECT {c} OVER ()
    SELECT ROW({c}, 1) = ROW(1, 1)
    SELECT MAX({c})
    SELECT COUNT(DISTINCT {c})
    SELECT @y := {c}
    SET @x = 1, @y = {c}
    SELECT {c} REGEXP 1
    SELECT {c}, 2
    VALUES ROW({c})
    VALUES ({c})
    SELECT SUBSTRING({c} FROM 1)
    SELECT EXTRACT(YEAR FROM {c})
    SELECT CAST({c} AS CHAR)
    SELECT TRIM({c} FROM 1)
    SELECT 1 ORDER BY {c}
    SELECT 1 LIMIT {c}
    EXPLAIN SELECT {c}
    DO 1, {c}
    SHOW VARIABLES WHERE {c}
    SHOW WARNINGS LIMIT {c}
    SELECT JSON_ARRAY({c})
    SELECT {fn {c}}
    SELECT {c} DIV 2
    SELECT {c} COLLATE utf8mb4_bin
    SELECT STRAIGHT_JOIN {c}
    SELECT HIGH_PRIORITY {c}
    SELECT SQL_NO_CACHE {c}
    SELECT 1 FROM own.a LEFT JOIN own.dup ON {c} WHERE {c}
    SELECT {c} FROM (SELECT 1 x) t
    SELECT {c} FROM own.a FOR UPDATE
""")
# Where else one may stand.
ASSIGNED = _lines("""
    SET sql_mode = {c}
    SET character_set_client = {c}
    SET character_set_results = {c}
    SET @@sql_mode = {c}
    SET default_storage_engine = {c}
    SET @a = 'x', @b = {c}
    SET @a := {c}
    SET time_zone = {c}, @a = 1
    SET @a = IF({c}, 'a', 'b')
    SET @a = (SELECT IF({c}, 'a', 'b'))
    SET sql_mode = CONCAT(@@sql_mode, {c})
    SET sql_mode = REPLACE(@@sql_mode, 'x', {c})
    SET sql_mode = (SELECT REPLACE(@@sql_mode, {c}, ''))
    SET NAMES utf8mb4, @a = {c}
    SET max_join_size = {c}
    HANDLER own.a READ FIRST WHERE {c}
    INSERT INTO own.sink (v) VALUES ({c})
    INSERT INTO own.sink SET v = {c}
    INSERT INTO own.sink VALUES (1, 'a'), (2, {c})
    INSERT INTO own.sink VALUES (1, 'a'), ({c}, 2), (3, 4)
    INSERT INTO own.dup VALUES (1, 'a') ON DUPLICATE KEY UPDATE v = {c}
    REPLACE own.dup SELECT 5, {c}
    UPDATE own.sink SET v = {c}
    UPDATE own.sink SET v = 'a' ORDER BY {c}
    DELETE FROM own.sink WHERE {c}
    DELETE FROM own.sink ORDER BY {c} LIMIT 1
    SELECT JSON_TABLE.v FROM JSON_TABLE({c}, '$' COLUMNS (v INT PATH '$')) JSON_TABLE
    SELECT 1 FROM own.a WINDOW q AS (ORDER BY {c})
    SELECT SUM(id) OVER (PARTITION BY {c}) FROM own.a
    SELECT GROUP_CONCAT(id ORDER BY {c}) FROM own.a
    SELECT MATCH (body) AGAINST ({c}) FROM own.ft
    SELECT INTERVAL(1, {c})
    SELECT CHAR({c} USING utf8mb4)
    SELECT CONVERT({c} USING utf8mb4)
    SELECT POSITION({c} IN 'a')
    SELECT GET_LOCK({c}, 0)
    DO RELEASE_LOCK({c})
    SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = {c}
    EXECUTE IMMEDIATE 'DO ?' USING {c}
    PREPARE z FROM 'SELECT {c}'
    CREATE TABLE own.zy AS SELECT {c} v
    CREATE VIEW own.vv AS SELECT {c} v
    SHOW TABLES WHERE {c}
    SHOW INDEX FROM own.a WHERE {c}
    SHOW PROCEDURE STATUS WHERE {c}
    EXPLAIN FORMAT=JSON SELECT {c}
    LOAD DATA LOCAL INFILE 'x' INTO TABLE own.sink SET v = {c}
    XA START {c}
    KILL {c}
    SELECT DEFAULT(v) + {c} FROM own.sink
    SELECT WEIGHT_STRING({c} AS CHAR(3))
    SELECT CASE WHEN 1 THEN 2 ELSE {c} END
    SELECT 1 MEMBER OF ({c})
    SELECT JSON_VALUE({c}, '$')
    SELECT 1 SOUNDS LIKE {c}
    SELECT 1 LIKE 2 ESCAPE {c}
""")
ASSIGNED_MARIADB = _lines("""
    SET STATEMENT max_statement_time = {c} FOR DO 1
    SELECT 1 FROM own.oh FOR SYSTEM_TIME AS OF {c}
    SELECT 1 FROM own.oh FOR SYSTEM_TIME BETWEEN {c} AND NOW()
    DELETE HISTORY FROM own.oh BEFORE SYSTEM_TIME {c}
    INSERT INTO own.sink VALUES (1, 'a') RETURNING {c}
    SELECT PERCENTILE_CONT({c}) WITHIN GROUP (ORDER BY id) OVER () FROM own.a
    ANALYZE FORMAT=JSON SELECT {c}
    SELECT COLUMN_GET({c}, 'a' AS CHAR)
""")
# In bodies alone.
FLOW = _lines("""
    IF {c} THEN SELECT 1; END IF
    CASE {c} WHEN 1 THEN SELECT 1; END CASE
    CASE WHEN {c} THEN SELECT 1; END CASE
    WHILE {c} DO SELECT 1; END WHILE
    REPEAT SELECT 1; UNTIL {c} END REPEAT
    BEGIN DECLARE x VARCHAR(60) DEFAULT {c}; SELECT x; END
    BEGIN DECLARE c CURSOR FOR SELECT {c}; OPEN c; END
    BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION SELECT {c}; SELECT no; END
""")
FLOW_MARIADB = _lines("""
    FOR i IN {c}..3 DO SELECT i; END FOR
    FOR i IN 1..{c} DO SELECT i; END FOR
    FOR r IN (SELECT {c}) DO SELECT 1; END FOR
""")
# What the statements are put into.
BODIES = ["CREATE PROCEDURE own.zz() {q}"]
BODIES_MARIADB = ["BEGIN NOT ATOMIC {q}; END"]
MORE_BODIES = _lines("""
    CREATE PROCEDURE own.zz() BEGIN IF 1 THEN {q}; END IF; END
    CREATE TRIGGER own.zt BEFORE INSERT ON own.sink FOR EACH ROW {q}
    CREATE EVENT own.ze ON SCHEDULE EVERY 1 YEAR DO {q}
""")
MORE_BODIES_MARIADB = ["SET STATEMENT max_statement_time = 9 FOR {q}"]
# A word as a function's name.
CALLS = _lines("""
    SELECT {w}() | SELECT {w}(1) | SELECT {w} (1) | SELECT `{w}`(1) | SELECT `{w}` (1, 2) | SELECT {w}(1,2)
    SELECT {w}(1,2,3) | SELECT {w}/**/(1) | SELECT ({w}(1)) | SELECT {w}(DISTINCT 1) | SELECT {w}(1 x)
    SELECT {w}('a' FROM 'b') | SELECT {w}((1)) | SELECT {w}(NULL)
""")
# How another's table, function or sequence may be spelt in an expression.
SPELLINGS = _lines("""
    secret.canary()
    secret.canary ()
    `secret`.`canary`()
    secret . canary()
    {fn secret.canary()}
    (SELECT MAX(name) FROM secret.patients)
    (((SELECT MAX(name) FROM secret.patients)))
    ((SELECT MAX(name) FROM secret.patients) LIMIT 1)
    (SELECT MAX(name) FROM secret.patients UNION SELECT 'x' LIMIT 1)
    ((SELECT 'a') UNION (SELECT MAX(name) FROM secret.patients) LIMIT 1 OFFSET 1)
    (SELECT * FROM (SELECT MAX(name) FROM secret.patients) z)
    (SELECT name FROM {OJ own.a x LEFT JOIN secret.patients p USING (id)} LIMIT 1)
    (SELECT p.name FROM own.a, LATERAL (SELECT name FROM secret.patients) p LIMIT 1)
    (SELECT v FROM JSON_TABLE((SELECT JSON_ARRAYAGG(name) FROM secret.patients), '$[*]' COLUMNS (v VARCHAR(60) PATH '$')) j LIMIT 1)
    (WITH q AS (SELECT name FROM secret.patients) SELECT MAX(name) FROM q)
    (TABLE secret.exch)
    (VALUES ROW((SELECT MAX(name) FROM secret.patients)))
    (VALUES ((SELECT MAX(name) FROM secret.patients)))
    EXISTS (SELECT 1 FROM secret.patients)
    {x (SELECT MAX(name) FROM secret.patients)}
""")
SPELLINGS_MARIADB = _lines("""
    NEXTVAL(secret.seq) | NEXT VALUE FOR secret.seq | (NEXT VALUE FOR secret.seq) | PREVIOUS VALUE FOR secret.seq
    LASTVAL(secret.seq) | SETVAL(secret.seq, 9999)
""")
# {v}: a variable.
VARIABLES = _lines("""
    SET {v} = {f}
    SET SESSION {v} = {f}
    SET @@{v} := {f}
    SET {v} = ({f})
    SET {v} = 1 + {f}
    SET @a = 1, {v} = {f}
""")
VARIABLES_MARIADB = _lines("""
    SET {v} = NEXTVAL(secret.seq)
    SET STATEMENT {v} = {f} FOR DO 1
""")
OPTIONS = _lines("""
    ALL | DISTINCT | DISTINCTROW | HIGH_PRIORITY | STRAIGHT_JOIN | SQL_BIG_RESULT | SQL_SMALL_RESULT
    SQL_BUFFER_RESULT | SQL_CALC_FOUND_ROWS | SQL_CACHE | SQL_NO_CACHE | /*! SQL_NO_CACHE */
""")
# What may stand in FROM, what behind that, and what before the next table.
TABLES = _lines("""
    own.a | own.part | own.old | `a` | (own.a) | (own.a x1, own.dup x2) | (own.a x1 JOIN own.dup x2)
    (SELECT 1 id) | (SELECT * FROM own.old) | (TABLE own.a) | (VALUES (1)) | (VALUES ROW(1))
    LATERAL (SELECT 1 id) | JSON_TABLE('[1]', '$[*]' COLUMNS (q INT PATH '$')) | seq_1_to_3
    {OJ own.a x1 LEFT JOIN own.dup x2 ON 1} | {`x` own.a} | {x own.a}
""")
BEHIND = _lines("""
    FOR SYSTEM_TIME ALL | FOR SYSTEM_TIME AS OF NOW() | FOR SYSTEM_TIME AS OF TIMESTAMP'2037-01-01'
    FOR SYSTEM_TIME AS OF TRANSACTION 1 | FOR SYSTEM_TIME BETWEEN '2000-01-01' AND NOW()
    FOR SYSTEM_TIME FROM '2000-01-01' TO NOW() | PARTITION (p0) | USE INDEX () | FORCE INDEX FOR JOIN (`PRIMARY`)
    TABLESAMPLE SYSTEM (100) | AS OF TIMESTAMP NOW() | = z | WITH (x) | (a, b) | z (a, b) | AS z (a, b) | AS 'z'
    'z' | NOT SECONDARY
""")
JOINS = [", {s} p", " JOIN {s} p", " LEFT JOIN {s} p ON 1"]
# What may end a query, and what may join it to the next one.
TAILS = _lines("""
    PROCEDURE ANALYSE() | INTO @x | LIMIT 1 ROWS EXAMINED 10000 | LIMIT ROWS EXAMINED 10000 | FETCH FIRST ROW ONLY
    OFFSET 0 ROWS | FOR UPDATE | FOR UPDATE OF a | FOR SHARE SKIP LOCKED | LOCK IN SHARE MODE | WINDOW w AS ()
    GROUP BY 1 WITH ROLLUP | GROUP BY ROLLUP (id) | GROUP BY GROUPING SETS ((id)) | GROUP BY id WITH CUBE
    HAVING 1 | QUALIFY 1 | ORDER BY 1 ASC | ORDER BY 1 FETCH FIRST 1 ROWS WITH TIES | WHERE 1 LIMIT 1
    LIMIT 1 WITH TIES | LIMIT 1, 1 | LIMIT 1 FOR UPDATE NOWAIT
""")
UNIONS = ["UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "MINUS"]
UNITED = _lines("""
    SELECT 'x' FROM own.a {t} {u} SELECT name FROM {s}
    (SELECT 'x' FROM own.a {t}) {u} SELECT name FROM {s}
    (SELECT 'x' FROM own.a {t}) {u} (SELECT name FROM {s} {t})
    (SELECT 'x' FROM own.a {t}) {u} (TABLE secret.exch)
    (SELECT 'x') {u} (SELECT name FROM {s}) {t}
    SELECT 'x' {u} (VALUES ROW((SELECT name FROM {s} LIMIT 1))) {t}
    SELECT name FROM {s} {t}
""")
INTO = ["SELECT ({q})", "SELECT * FROM ({q}) zz", "SELECT 'c' IN ({q})", "DO ({q})"]
