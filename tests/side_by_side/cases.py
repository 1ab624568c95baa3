"""What is run on both sides: texts that are sent as COM_QUERY and, where the server prepares them, as
prepared statements too; and commands that only raw bytes can say. Each script starts with BEFORE on a
database of its own; the order matters: what one leaves behind, the next one meets."""

BEFORE = [
    "DROP DATABASE IF EXISTS side", "DROP DATABASE IF EXISTS side_two", "CREATE DATABASE side",
    "CREATE DATABASE side_two", "USE side",
    "CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), price DECIMAL(9,2),"
    " at DATETIME(3), raw BLOB, UNIQUE (name))",
    "INSERT INTO item VALUES (1,'a',1.5,'2026-01-02 03:04:05.678',x'00ff'),"
    "(7,'b',NULL,NULL,''),(9,'cé',-3,'1999-12-31',REPEAT('x',300))",
    "CREATE TABLE kinds (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d INT UNSIGNED ZEROFILL,"
    " e BIGINT, f FLOAT, g DOUBLE, h DECIMAL(20,5), i BIT(9), j DATE, k TIME(6), l DATETIME,"
    " m TIMESTAMP NULL, n YEAR, o CHAR(4), p VARBINARY(9), q TEXT, r ENUM('x','y'),"
    " s SET('p','q'), t JSON)",
    "INSERT INTO kinds VALUES (-1,65535,-8388608,7,-9223372036854775808,1.5,-2.25,12345.67891,b'101',"
    "'2026-02-03','-12:34:56.789','2026-02-03 04:05:06','2026-02-03 04:05:06',2026,'ab',x'0102',"
    "'text','y','p,q','{\"k\": [1, null]}'), (NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,"
    "NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)",
    "CREATE VIEW nothing AS SELECT 1 AS one",
    "CREATE PROCEDURE walk() BEGIN DECLARE x INT; DECLARE c CURSOR FOR SELECT 7; OPEN c;"
    " FETCH c INTO x; SELECT x; CLOSE c; SELECT x+1, 'two'; END",
    "CREATE PROCEDURE add_one(IN i INT, OUT o INT) BEGIN SET o=i+1; SELECT 5; END",
    "CREATE PROCEDURE fails() BEGIN SELECT 1; SELECT * FROM missing; SELECT 2; END",
    "CREATE PROCEDURE silent() BEGIN END",
    "CREATE FUNCTION seven() RETURNS INT DETERMINISTIC RETURN 7",
    "CREATE TRIGGER loud BEFORE INSERT ON item FOR EACH ROW SET NEW.price = COALESCE(NEW.price, 0)",
]

AFTER = ["DROP DATABASE side", "DROP DATABASE side_two"]

# Each is run as a text and then prepared.
BOTH = """
SELECT 1
SELECT 1, 'a', NULL, 1.5, 1e3, x'41', _latin1'x', TRUE, DATE'2026-01-01', TIME'01:02:03', CAST(1 AS UNSIGNED)
SELECT * FROM item
SELECT * FROM kinds
SELECT i.id AS "an alias", j.name FROM item i LEFT JOIN item j ON j.id = i.id + 2 ORDER BY 1
SELECT id FROM item WHERE id = 99
SELECT COUNT(*), SUM(price), MAX(name) FROM item GROUP BY id > 5 WITH ROLLUP
SELECT (SELECT id FROM item) FROM item
SELECT * FROM missing
SELECT missing FROM item
SELECT * FROM no_such_schema.t
SELECT nonsense nonsense nonsense
SELEC 1
SELECT REPEAT('x', 251), REPEAT('y', 70000)
SELECT SQL_CALC_FOUND_ROWS id FROM item LIMIT 1
SELECT FOUND_ROWS()
SELECT ROW_COUNT()
SELECT LAST_INSERT_ID()
INSERT INTO item (name) VALUES ('new')
INSERT INTO item (name) VALUES ('one'), ('two'), ('three')
SELECT LAST_INSERT_ID(), ROW_COUNT()
INSERT INTO item (name) VALUES ('a')
INSERT IGNORE INTO item (name) VALUES ('a'), ('much too long for a name of twenty')
SHOW WARNINGS
INSERT INTO item (name) VALUES ('a') ON DUPLICATE KEY UPDATE price = price + 1
REPLACE INTO item (id, name) VALUES (7, 'b2')
UPDATE item SET price = 3 WHERE id > 1
UPDATE item SET price = 3 WHERE id > 1
UPDATE item SET name = 'a' WHERE id = 9
DELETE FROM item WHERE id > 100
DELETE FROM item WHERE name IN ('new', 'one', 'two', 'three')
INSERT INTO item (name) SELECT CONCAT(name, '!') FROM item
DELETE FROM item WHERE name LIKE '%!'
SELECT 1/0
SHOW WARNINGS
SHOW COUNT(*) WARNINGS
SHOW ERRORS
SELECT CAST('12x' AS SIGNED)
SHOW WARNINGS
SELECT STR_TO_DATE('no date', '%Y')
SELECT SLEEP(0)
DO 1
DO SLEEP(0)
DO 1/0
BEGIN
INSERT INTO item (name) VALUES ('within')
SAVEPOINT s
UPDATE item SET price = 9 WHERE id = 1
ROLLBACK TO SAVEPOINT s
SELECT COUNT(*) FROM item
ROLLBACK
SELECT COUNT(*) FROM item
START TRANSACTION READ ONLY
DELETE FROM item
COMMIT
START TRANSACTION WITH CONSISTENT SNAPSHOT
SELECT id FROM item FOR UPDATE
COMMIT AND CHAIN
ROLLBACK RELEASE_NOT
ROLLBACK
SET autocommit = 0
SELECT id FROM item WHERE id = 1
UPDATE item SET price = 1.5 WHERE id = 1
COMMIT
SET autocommit = 1
SET @a = 1, @b := 'x'
SELECT @a, @b, @missing
SET @a = (SELECT MAX(id) FROM item)
SELECT @a
SET SESSION sql_mode = ''
SELECT @@sql_mode
INSERT INTO item (name) VALUES ('much too long for a name of twenty')
SHOW WARNINGS
DELETE FROM item WHERE name LIKE 'much%'
SET sql_mode = 'ANSI_QUOTES'
SELECT "id" FROM "item" WHERE "name" = 'a'
SET sql_mode = (SELECT 'NO_BACKSLASH_ESCAPES')
SELECT 'a\\', 1
SHOW WARNINGS
SET sql_mode = CONCAT('STRICT_TRANS', '_TABLES')
SELECT FOUND_ROWS(), ROW_COUNT()
SELECT 'it''s', "dq", 'b\\n'
SET sql_mode = DEFAULT
SET NAMES latin1
SELECT 'x', name FROM item WHERE id = 9
SET NAMES utf8mb4
SET character_set_results = NULL
SELECT name FROM item WHERE id = 9
SET NAMES utf8mb4 COLLATE utf8mb4_bin
SET character_set_client = gbk
SELECT 'x'
SET NAMES DEFAULT
SET NAMES nonsense
SET CHARACTER SET utf8mb4
SET time_zone = '+03:00'
SELECT m FROM kinds
SET time_zone = 'nowhere'
SET no_such_variable = 1
SET @@session.sql_select_limit = 2
SELECT id FROM item
SET @@session.sql_select_limit = DEFAULT
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SET TRANSACTION READ ONLY
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
USE side_two
SELECT DATABASE()
SELECT id FROM item
SELECT id FROM side.item
USE no_such_schema
SELECT DATABASE()
USE side
SHOW TABLES
SHOW FULL TABLES LIKE 'i%'
SHOW COLUMNS FROM item
SHOW FULL COLUMNS FROM kinds
SHOW INDEX FROM item WHERE Key_name = 'none'
SHOW CREATE VIEW nothing
SHOW DATABASES LIKE 'side%'
SHOW VARIABLES LIKE 'auto%'
SHOW COLLATION LIKE 'latin1%'
SHOW CHARACTER SET LIKE 'gbk'
SHOW STATUS LIKE 'no_such%'
SHOW PROCEDURE STATUS WHERE db = 'none'
SHOW TRIGGERS LIKE 'none'
SHOW GRANTS
SHOW TABLE STATUS LIKE 'none'
SHOW PRIVILEGES
SHOW BINARY LOGS
DESCRIBE item
DESC item name
EXPLAIN SELECT * FROM item WHERE id = 1
EXPLAIN FORMAT=JSON SELECT 1
HELP 'no such thing'
CALL walk()
CALL add_one(1, @o)
SELECT @o
CALL fails()
CALL silent()
CALL no_such()
SELECT seven(), seven() + 1
SELECT no_such_function()
CREATE TEMPORARY TABLE temp (id INT) SELECT 1 AS id
SELECT * FROM temp
INSERT INTO temp SELECT id FROM item
CREATE TEMPORARY TABLE temp (id INT)
CREATE TEMPORARY TABLE IF NOT EXISTS temp (id INT)
SHOW WARNINGS
DROP TEMPORARY TABLE temp
DROP TABLE IF EXISTS temp
SHOW WARNINGS
CREATE TABLE more (id INT PRIMARY KEY, x TEXT) COMMENT 'with a comment'
ALTER TABLE more ADD COLUMN y INT DEFAULT 5
CREATE INDEX yx ON more (y)
RENAME TABLE more TO more_still
TRUNCATE more_still
CHECK TABLE more_still
ANALYZE TABLE more_still
OPTIMIZE TABLE no_such
CHECKSUM TABLE more_still
LOCK TABLES more_still WRITE
SELECT * FROM item
INSERT INTO more_still (id) VALUES (1)
UNLOCK TABLES
DROP TABLE more_still
DROP VIEW IF EXISTS no_such_view
HANDLER item OPEN
HANDLER item READ FIRST
HANDLER item READ NEXT LIMIT 2
HANDLER item CLOSE
FLUSH TABLES item
TABLE item
VALUES ROW(1, 2), ROW(3, 4)
WITH c AS (SELECT 1 AS n UNION ALL SELECT 2) SELECT * FROM c
WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT SUM(n) FROM c
SELECT * FROM (SELECT id, name FROM item) d ORDER BY id DESC
SELECT id FROM item UNION SELECT 1000 ORDER BY 1
SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) FROM item
SELECT id INTO @i FROM item WHERE id = 1
SELECT id INTO @i FROM item WHERE id = 99
SHOW WARNINGS
SELECT GET_LOCK('side', 0), RELEASE_LOCK('side'), IS_FREE_LOCK('side')
SELECT /* c */ 1 -- end
SELECT 1 # end
/* only a comment */
SELECT /*!50000 5, */ 6
/*!40101 SET @saved = @@sql_mode */
SELECT 'an unclosed string
SELECT `an unclosed name
SELECT 1 /* an unclosed comment
PREPARE p FROM 'SELECT ? + 1'
EXECUTE p USING @a
DEALLOCATE PREPARE p
EXECUTE p
PREPARE p FROM 'SELECT nonsense FROM'
XA START 'x'
XA END 'x'
XA ROLLBACK 'x'
XA RECOVER
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'said so'
KILL QUERY 999999999
GET DIAGNOSTICS @n = NUMBER
SELECT @n
SELECT JSON_EXTRACT('{"a": 1}', '$.a')
SELECT BENCHMARK(1, 1), VERSION(), @@version_comment
SELECT USER(), CURRENT_USER(), SESSION_USER(), CURRENT_ROLE()
SELECT @@max_allowed_packet, @@net_buffer_length, @@lower_case_table_names, @@autocommit
SELECT @@character_set_client, @@collation_connection, @@character_set_results
SELECT id FROM item LIMIT 0
SELECT id FROM item PROCEDURE ANALYSE()
SELECT NULL
SELECT ''
SET session_track_schema = ON, session_track_state_change = ON
SET session_track_system_variables = '*'
SET session_track_transaction_info = 'CHARACTERISTICS'
USE side_two
USE side
SET @a = 5
SET NAMES latin1
SET NAMES utf8mb4
SET time_zone = '+01:00'
SET time_zone = DEFAULT
SET sql_mode = ''
SET sql_mode = DEFAULT
START TRANSACTION READ WRITE, WITH CONSISTENT SNAPSHOT
SELECT id FROM item WHERE id = 1
INSERT INTO item (name) VALUES ('tracked')
UPDATE item SET price = 2 WHERE name = 'tracked'
ROLLBACK
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
BEGIN
COMMIT AND CHAIN
COMMIT
SET autocommit = 0
SELECT id FROM item WHERE id = 9
ROLLBACK
SET autocommit = 1
CREATE TEMPORARY TABLE tracked (id INT)
DROP TEMPORARY TABLE tracked
CALL walk()
CALL add_one(2, @o)
LOCK TABLES item READ
UNLOCK TABLES
SET session_track_system_variables = 'autocommit, sql_mode'
SET sql_mode = 'ANSI_QUOTES', autocommit = 1
SELECT 1 AS "quoted"
SET session_track_system_variables = ''
SET sql_mode = ''
SELECT "a"
SET session_track_schema = OFF
USE side_two
SELECT DATABASE()
USE side
SET sql_mode = DEFAULT, session_track_schema = DEFAULT, session_track_state_change = DEFAULT
SET session_track_transaction_info = DEFAULT, session_track_system_variables = DEFAULT
CREATE TABLE parent (id INT PRIMARY KEY, n TINYINT NOT NULL, CHECK (n < 100)) ENGINE=InnoDB
CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id)) ENGINE=InnoDB
INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3)
INSERT INTO parent VALUES (4, NULL)
INSERT INTO parent VALUES (4, 300)
INSERT INTO parent VALUES (4, 'x')
INSERT INTO parent VALUES (4, 101)
INSERT INTO parent VALUES (4)
INSERT INTO parent (id) VALUES (4)
INSERT INTO parent (id, id, n) VALUES (4, 4, 4)
INSERT IGNORE INTO parent VALUES (4, 300), (5, 'x'), (1, 1)
SHOW WARNINGS
SHOW WARNINGS LIMIT 1
SELECT @@warning_count, @@error_count
INSERT INTO child VALUES (1, 1), (2, 77)
INSERT INTO child VALUES (1, 1)
DELETE FROM parent WHERE id = 1
INSERT INTO child SET id = 2, p = 2
INSERT INTO child VALUES (3, 3) RETURNING id
DELETE FROM child WHERE id = 3 RETURNING *
REPLACE INTO child VALUES (2, 2), (3, 2)
UPDATE child, parent SET child.p = 3, parent.n = 4 WHERE child.id = 2 AND parent.id = 3
UPDATE child SET p = 3 ORDER BY id LIMIT 1
DELETE child FROM child JOIN parent ON parent.id = child.p WHERE parent.id = 3
DELETE FROM child LIMIT 1
ALTER TABLE child ADD COLUMN extra VARCHAR(3) DEFAULT 'abc', ADD INDEX (extra)
ALTER TABLE child ENGINE=InnoDB
ALTER TABLE child DROP COLUMN no_such
SHOW CREATE TABLE child
SHOW KEYS FROM no_such
CREATE TABLE copied AS SELECT * FROM parent
CREATE TABLE IF NOT EXISTS copied (id INT)
INSERT INTO copied SELECT * FROM parent ON DUPLICATE KEY UPDATE n = 0
INSERT INTO copied (id, n) SELECT id, n FROM parent LIMIT 0
DROP TABLE child, parent, copied
DROP TABLE no_such
DROP TABLE IF EXISTS no_such, no_such_either
SHOW WARNINGS
SELECT 9223372036854775807 + 1
SELECT -CAST(1 AS UNSIGNED)
SELECT EXP(1000)
SELECT CAST('x' AS DECIMAL(3,1)), CAST(999.99 AS DECIMAL(3,1))
SHOW WARNINGS
SELECT 1 FROM item HAVING nothing
SELECT id, COUNT(*) FROM item
SELECT id FROM item, item i
SELECT * FROM item, item
SELECT (1, 2) = (1, 2), (1, 2) = 1
SELECT id FROM item ORDER BY 7
SELECT id FROM item UNION SELECT 1, 2
SELECT COUNT(*) FROM (SELECT 1)
SELECT a.* FROM item i
SELECT NO_SUCH(1)
SELECT CONCAT()
SELECT seven(1)
CALL walk(1)
CALL add_one(1, 2)
CREATE PROCEDURE walk() BEGIN END
CREATE FUNCTION seven() RETURNS INT RETURN 7
CREATE TABLE item (id INT)
CREATE DATABASE side
CREATE DATABASE IF NOT EXISTS side
CREATE VIEW nothing AS SELECT 2
CREATE OR REPLACE VIEW nothing AS SELECT 1 AS one, 2 AS two
SELECT * FROM nothing
INSERT INTO nothing VALUES (1, 2)
ALTER VIEW nothing AS SELECT 1 AS one
SHOW CREATE PROCEDURE walk
SHOW FUNCTION STATUS WHERE db = 'none'
SHOW EVENTS
SHOW ENGINES
SHOW OPEN TABLES LIKE 'none'
SHOW VARIABLES LIKE 'character_set%'
SELECT SCHEMA_NAME FROM information_schema.schemata WHERE SCHEMA_NAME LIKE 'side%' ORDER BY 1
SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = 'side' AND TABLE_NAME = 'kinds' ORDER BY ORDINAL_POSITION
SELECT * FROM item WHERE id = 1 FOR SHARE
SELECT * FROM item WHERE id = 1 LOCK IN SHARE MODE
SELECT * FROM item FOR UPDATE SKIP LOCKED
SELECT id, name FROM item ORDER BY id LIMIT 1 OFFSET 1
SELECT DISTINCT price FROM item ORDER BY price
SELECT id, price, SUM(price) OVER w FROM item WINDOW w AS (ORDER BY id)
SELECT GROUP_CONCAT(name ORDER BY id SEPARATOR '|') FROM item
SELECT name FROM item WHERE name REGEXP '^[a-c]' ORDER BY id
SELECT a FROM kinds WHERE j BETWEEN '2026-01-01' AND '2026-12-31'
SELECT x.n FROM JSON_TABLE('[1,2]', '$[*]' COLUMNS (n INT PATH '$')) x
SELECT 1 UNION ALL SELECT 2 INTERSECT SELECT 2
SELECT REPEAT('z', 16383), REPEAT('z', 16384), REPEAT('z', 65535), REPEAT('z', 65536)
SELECT REPEAT('w', 200000) FROM item
SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'a warning', MYSQL_ERRNO = 1000
SHOW WARNINGS
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'with a number', MYSQL_ERRNO = 30001
SELECT /*+ NO_SUCH_HINT(1) */ 1
SHOW WARNINGS
SELECT 1 AS a, 2 AS `a b`, 3 AS `select`, 4 AS ``
SET @@session.max_error_count = 1
SELECT 1/0, 2/0
SHOW WARNINGS
SET @@session.max_error_count = DEFAULT
SET SESSION group_concat_max_len = 4
SELECT GROUP_CONCAT(name) FROM item
SET SESSION group_concat_max_len = DEFAULT
SET GLOBAL no_such_variable = 1
SET STATEMENT sql_mode = '' FOR SELECT "a"
SELECT @@no_such_variable
SELECT -9223372036854775808, 18446744073709551615, 0.1e-300
SELECT ST_AsText(POINT(1, 2)), POINT(1, 2)
""".strip("\n").split("\n")

# Several statements in one text.
TEXTS = [
    "", " ", ";", ";;", "-- only a comment", "SELECT 1;", "SELECT 1; SELECT 2; SELECT 3",
    "SELECT 1; SELECT * FROM missing; SELECT 3", "SET NAMES utf8mb4; USE side; SELECT 1; nonsense",
    "INSERT INTO item (name) VALUES ('m1'); SELECT LAST_INSERT_ID(); DELETE FROM item WHERE name = 'm1'",
    "USE side_two; SELECT DATABASE(); USE side; SELECT DATABASE()",
    "USE side_two; SELECT * FROM missing; USE side", "SELECT DATABASE()", "SHOW WARNINGS", "USE side",
    "SET sql_mode = 'ANSI_QUOTES'; SELECT * FROM missing", "SHOW ERRORS", "SELECT ROW_COUNT()",
    "SELECT \"a\"", "SET sql_mode = ''; SELECT \"a\"", "CALL walk(); SELECT 1; CALL silent()",
    "BEGIN; INSERT INTO item (name) VALUES ('m2'); ROLLBACK; SELECT COUNT(*) FROM item",
    "CREATE DATABASE side_gone; USE side_gone; SELECT DATABASE(); DROP DATABASE side_gone;"
    " SELECT DATABASE(); USE side", "SELECT 1; ; SELECT 2", "SELECT 'a;b'; SELECT `id` FROM item LIMIT 1",
    "SELECT 1 AS ü", "SELECT REPEAT('y', 100000); SELECT 2", "SET NAMES sjis; SELECT 1", "SET NAMES utf8mb4",
]

# (statement, types, values, cursor): types as COM_STMT_EXECUTE has them.
PARAMETERS = [
    ("SELECT ?", b"\x03\0", b"\x07\0\0\0"), ("SELECT ?", b"\x08\x80", b"\xff" * 8),
    ("SELECT ?", b"\x01\0", b"\xfe"), ("SELECT ?", b"\x02\0", b"\x01\x02"),
    ("SELECT ?", b"\x05\0", b"\0\0\0\0\0\0\xf8\x3f"), ("SELECT ?", b"\x04\0", b"\0\0\xc0\x3f"),
    ("SELECT ?", b"\xfd\0", b"\x03abc"), ("SELECT ?", b"\xfc\0", b"\xfc\0\x01" + b"b" * 256),
    ("SELECT ?", b"\x0a\0", b"\x04\xea\x07\x02\x03"), ("SELECT ?", b"\x0c\0", b"\x07\xea\x07\x02\x03\x04\x05\x06"),
    ("SELECT ?", b"\x0b\0", b"\x08\0\0\0\0\0\x01\x02\x03"), ("SELECT ?", b"\x06\0", None),
    ("SELECT ?", b"\x03\0", None), ("SELECT name FROM item WHERE id = ?", b"\x03\0", b"\x07\0\0\0"),
    ("SELECT * FROM kinds WHERE a = ?", b"\x01\0", b"\xff"),
    ("INSERT INTO item (name) VALUES (?)", b"\xfd\0", b"\x02zz"),
    ("INSERT INTO item (name) VALUES (?)", b"\xfd\0", b"\x01a"),
    ("DELETE FROM item WHERE name = ?", b"\xfd\0", b"\x02zz"),
    ("CALL add_one(?, @o)", b"\x03\0", b"\x05\0\0\0"), ("DO ?", b"\x03\0", b"\x05\0\0\0"),
    ("SET @a = ?", b"\xfd\0", b"\x01v"), ("SELECT @a, ?", b"\x03\0", b"\x01\0\0\0"),
    ("SELECT id FROM item LIMIT ?", b"\x08\0", b"\x02\0\0\0\0\0\0\0"),
]

# Payloads as they are: (name, bytes, how the answer is read).
COMMANDS = [
    ("ping", b"\x0e"), ("init_db", b"\x02side_two"), ("init_db", b"\x02side"),
    ("init_db of nothing", b"\x02"), ("init_db of no such", b"\x02no_such_schema"),
    ("set option", b"\x1b\x01\0"), ("several when off", b"\x03SELECT 1; SELECT 2"),
    ("set option", b"\x1b\0\0"), ("set option of no such", b"\x1b\x09\0"),
    ("close of no such", None), ("reset of no such", b"\x1a\x63\0\0\0"),
    ("execute of no such", b"\x17\x63\0\0\0\0\x01\0\0\0"),
    ("fetch of no such", b"\x1c\x63\0\0\0\x01\0\0\0"), ("reset connection", b"\x1f"),
    ("a name that is none", b"\x02\xff\xfe"), ("reset connection", b"\x1f"), ("ping", b"\x0e"),
]
