-- What drivers, ORMs and migration tools send at connect and to look at the schema, one statement a line: the texts
-- as these versions write them, with the database `orms` and its tables `people` and `visits` put in.

-- Oracle Connector/J 9
/* mysql-connector-j-9.1.0 (Revision: 1) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout
SET NAMES utf8mb4
SET character_set_results = NULL
SET autocommit=1
SET sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SELECT @@session.transaction_isolation
SELECT @@session.transaction_read_only
set session transaction read write
SET SESSION NET_WRITE_TIMEOUT=600
SET SQL_SELECT_LIMIT=1000
SET SQL_SELECT_LIMIT=DEFAULT
SELECT USER()
SHOW WARNINGS
SHOW DATABASES
SHOW FULL TABLES FROM `orms` LIKE '%'
SHOW FULL COLUMNS FROM `people` FROM `orms` LIKE '%'
SHOW KEYS FROM `visits` FROM `orms`
SHOW CREATE TABLE `orms`.`visits`
SHOW CREATE PROCEDURE `orms`.`nothing`
SELECT WORD FROM INFORMATION_SCHEMA.KEYWORDS WHERE RESERVED=1 ORDER BY WORD
SELECT TABLE_SCHEMA AS TABLE_CAT, NULL AS TABLE_SCHEM, TABLE_NAME, CASE WHEN TABLE_TYPE='BASE TABLE' THEN CASE WHEN TABLE_SCHEMA = 'mysql' OR TABLE_SCHEMA = 'performance_schema' THEN 'SYSTEM TABLE' ELSE 'TABLE' END WHEN TABLE_TYPE='TEMPORARY' THEN 'LOCAL_TEMPORARY' ELSE TABLE_TYPE END AS TABLE_TYPE, TABLE_COMMENT AS REMARKS FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'orms' HAVING TABLE_TYPE IN ('TABLE','VIEW',null,null,null) ORDER BY TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME
SELECT A.TABLE_SCHEMA AS PKTABLE_CAT, A.REFERENCED_TABLE_NAME, A.COLUMN_NAME, B.CONSTRAINT_NAME, R.UPDATE_RULE, R.DELETE_RULE FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE A JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS B USING (CONSTRAINT_NAME,TABLE_NAME) LEFT JOIN INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS R ON (R.CONSTRAINT_NAME = B.CONSTRAINT_NAME AND R.TABLE_NAME = B.TABLE_NAME AND R.CONSTRAINT_SCHEMA = B.TABLE_SCHEMA) WHERE B.CONSTRAINT_TYPE = 'FOREIGN KEY' AND A.TABLE_SCHEMA LIKE 'orms' ORDER BY A.TABLE_SCHEMA, A.TABLE_NAME, A.ORDINAL_POSITION
SELECT ROUTINE_SCHEMA AS PROCEDURE_CAT, NULL AS PROCEDURE_SCHEM, ROUTINE_NAME AS PROCEDURE_NAME, CASE WHEN ROUTINE_TYPE = 'PROCEDURE' THEN 1 WHEN ROUTINE_TYPE='FUNCTION' THEN 2 ELSE 0 END AS PROCEDURE_TYPE FROM INFORMATION_SCHEMA.ROUTINES WHERE ROUTINE_SCHEMA LIKE 'orms' ORDER BY ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE

-- MariaDB Connector/J 3
SELECT @@max_allowed_packet, @@wait_timeout, @@auto_increment_increment, @@system_time_zone, @@time_zone
set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES'), session_track_schema=1
set session_track_system_variables = CONCAT(@@session_track_system_variables, ',auto_increment_increment,transaction_isolation')
SET NAMES utf8mb4
SELECT @@transaction_isolation
SELECT TABLE_SCHEMA TABLE_CAT, NULL TABLE_SCHEM, TABLE_NAME, COLUMN_NAME, CASE data_type WHEN 'bit' THEN -7 WHEN 'int' THEN IF(COLUMN_TYPE like '%unsigned%', 4,4) ELSE 1111 END DATA_TYPE, UCASE(IF(COLUMN_TYPE like '%(%)%', CONCAT(SUBSTRING(COLUMN_TYPE,1, LOCATE('(',COLUMN_TYPE) - 1 ), SUBSTRING(COLUMN_TYPE,1+locate(')', COLUMN_TYPE))), COLUMN_TYPE)) TYPE_NAME, ORDINAL_POSITION FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'orms' AND TABLE_NAME LIKE 'people' ORDER BY TABLE_CAT, TABLE_SCHEM, TABLE_NAME, ORDINAL_POSITION
SELECT * FROM INFORMATION_SCHEMA.SCHEMA_PRIVILEGES ORDER BY 1, 2, 3, 4

-- MySqlConnector and MySQL Connector/NET
SET NAMES utf8mb4
SELECT @@max_allowed_packet, @@character_set_client, @@character_set_connection, @@license, @@sql_mode, @@lower_case_table_names, @@autocommit;
SHOW VARIABLES LIKE 'character_set%'
SHOW COLLATION
set session transaction isolation level repeatable read
start transaction
rollback
SELECT ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER FROM information_schema.parameters WHERE SPECIFIC_SCHEMA = 'orms' AND SPECIFIC_NAME = 'nothing' ORDER BY ORDINAL_POSITION
SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE != 'VIEW' AND TABLE_SCHEMA = 'orms' ORDER BY TABLE_NAME
SHOW INDEX FROM `orms`.`people`

-- Hibernate 6
select version()
select table_name from information_schema.TABLES where table_schema=database() and table_type='SEQUENCE'
select sequence_name, start_value, minimum_value from information_schema.sequences limit 0
select table_name, engine from information_schema.tables where table_schema = database() order by 1
create table if not exists people_seq (next_val bigint) engine=InnoDB
insert into people_seq values ( 1 )
select next_val as id_val from people_seq for update
update people_seq set next_val= 51 where next_val=1
alter table people_seq add column extra int
drop table if exists people_seq
select p1_0.id,p1_0.name from people p1_0 where p1_0.id=1 for update skip locked

-- Django 4 and 5
SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL
SET SQL_AUTO_IS_NULL = 0
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SET sql_mode='STRICT_TRANS_TABLES'
SELECT table_name, table_type, table_comment FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1
SHOW FULL TABLES
SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, extra, column_default, collation_name, CASE WHEN column_type LIKE '% unsigned' THEN 1 ELSE 0 END AS is_unsigned, column_comment FROM information_schema.columns WHERE table_name = 'people' AND table_schema = DATABASE() ORDER BY ordinal_position
SELECT * FROM `people` LIMIT 1
SELECT column_name, referenced_column_name, referenced_table_name FROM information_schema.key_column_usage WHERE table_name = 'visits' AND table_schema = DATABASE() AND referenced_table_schema = DATABASE() AND referenced_table_name IS NOT NULL AND referenced_column_name IS NOT NULL
SELECT kc.`constraint_name`, kc.`column_name`, kc.`referenced_table_name`, kc.`referenced_column_name`, c.`constraint_type` FROM information_schema.key_column_usage AS kc, information_schema.table_constraints AS c WHERE kc.table_schema = DATABASE() AND c.table_schema = kc.table_schema AND c.constraint_name = kc.constraint_name AND c.constraint_type != 'CHECK' AND kc.table_name = 'visits' ORDER BY kc.`constraint_name`, kc.`ordinal_position`
SELECT cc.constraint_name, cc.check_clause FROM information_schema.check_constraints AS cc, information_schema.table_constraints AS tc WHERE cc.constraint_schema = DATABASE() AND tc.table_schema = cc.constraint_schema AND cc.constraint_name = tc.constraint_name AND tc.constraint_type = 'CHECK' AND tc.table_name = 'people' ORDER BY 1
SELECT engine FROM information_schema.tables WHERE table_name = 'people' AND table_schema = DATABASE()
SHOW INDEX FROM `people`
SELECT engine FROM information_schema.engines WHERE support = 'DEFAULT'
SELECT @@SQL_AUTO_IS_NULL, @@FOREIGN_KEY_CHECKS
SET foreign_key_checks=0
SET foreign_key_checks=1
SAVEPOINT `s140_x1`
RELEASE SAVEPOINT `s140_x1`

-- SQLAlchemy 2, Alembic
SELECT DATABASE()
SELECT @@sql_mode
SELECT @@lower_case_table_names
SELECT @@transaction_isolation
SELECT CAST('test plain returns' AS CHAR(60)) AS anon_1
SELECT CAST('test collated returns' AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_bin AS anon_1
ROLLBACK
SHOW VARIABLES LIKE 'sql_mode'
DESCRIBE `orms`.`alembic_version`
DESCRIBE `orms`.`people`
SHOW FULL TABLES FROM `orms`
SHOW CREATE TABLE `people`
SHOW CREATE TABLE `orms`.`named`
SELECT lower(information_schema.key_column_usage.table_schema) AS table_schema, information_schema.key_column_usage.table_name, information_schema.key_column_usage.column_name FROM information_schema.key_column_usage WHERE information_schema.key_column_usage.table_schema = 'orms' ORDER BY 1, 2, 3

-- Sequelize 6
SELECT 1+1 AS result
SELECT VERSION() as `version`
SET time_zone = '+00:00'
SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME = 'people' AND TABLE_SCHEMA = 'orms'
CREATE TABLE IF NOT EXISTS `people` (`id` INTEGER NOT NULL auto_increment , `name` VARCHAR(255), PRIMARY KEY (`id`)) ENGINE=InnoDB;
SHOW INDEX FROM `people`
SHOW FULL COLUMNS FROM `people`;
SELECT CONSTRAINT_NAME as constraint_name,CONSTRAINT_NAME as constraintName,CONSTRAINT_SCHEMA as constraintSchema,CONSTRAINT_SCHEMA as constraintCatalog,TABLE_NAME as tableName,TABLE_SCHEMA as tableSchema,TABLE_SCHEMA as tableCatalog,COLUMN_NAME as columnName,REFERENCED_TABLE_SCHEMA as referencedTableSchema,REFERENCED_TABLE_SCHEMA as referencedTableCatalog,REFERENCED_TABLE_NAME as referencedTableName,REFERENCED_COLUMN_NAME as referencedColumnName FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE where TABLE_NAME = 'visits' AND CONSTRAINT_NAME!='PRIMARY' AND CONSTRAINT_SCHEMA='orms' AND REFERENCED_TABLE_NAME IS NOT NULL;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
START TRANSACTION;
SELECT `id`, `name` FROM `people` AS `people` WHERE `people`.`name` = 'O\'Neill' LIMIT 1;
COMMIT;
SELECT SCHEMA_NAME as schema_name FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME NOT IN ('MYSQL', 'INFORMATION_SCHEMA', 'PERFORMANCE_SCHEMA', 'SYS', 'mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1;

-- TypeORM
SELECT VERSION() AS `version`
SELECT DATABASE() AS `db_name`
SELECT * FROM `INFORMATION_SCHEMA`.`COLUMNS` WHERE `TABLE_SCHEMA` = 'orms' AND `TABLE_NAME` = 'typeorm_metadata'
SELECT `TABLE_SCHEMA`, `TABLE_NAME`, `TABLE_COMMENT` FROM `INFORMATION_SCHEMA`.`TABLES` WHERE `TABLE_SCHEMA` = 'orms' AND `TABLE_NAME` = 'people' UNION SELECT `TABLE_SCHEMA`, `TABLE_NAME`, `TABLE_COMMENT` FROM `INFORMATION_SCHEMA`.`TABLES` WHERE `TABLE_SCHEMA` = 'orms' AND `TABLE_NAME` = 'visits'
SELECT `SCHEMA_NAME`, `DEFAULT_CHARACTER_SET_NAME` as `CHARSET`, `DEFAULT_COLLATION_NAME` AS `COLLATION` FROM `INFORMATION_SCHEMA`.`SCHEMATA` ORDER BY 1
SELECT `s`.* FROM `INFORMATION_SCHEMA`.`STATISTICS` `s` LEFT JOIN ( SELECT * FROM `INFORMATION_SCHEMA`.`REFERENTIAL_CONSTRAINTS` WHERE `CONSTRAINT_SCHEMA` = 'orms' AND `TABLE_NAME` = 'visits' ) `rc` ON `s`.`INDEX_NAME` = `rc`.`CONSTRAINT_NAME` AND `s`.`TABLE_SCHEMA` = `rc`.`CONSTRAINT_SCHEMA` WHERE `s`.`TABLE_SCHEMA` = 'orms' AND `s`.`TABLE_NAME` = 'visits' AND `s`.`INDEX_NAME` != 'PRIMARY' AND `rc`.`CONSTRAINT_NAME` IS NULL
SELECT `kcu`.`TABLE_SCHEMA`, `kcu`.`TABLE_NAME`, `kcu`.`CONSTRAINT_NAME`, `rc`.`DELETE_RULE` `ON_DELETE` FROM ( SELECT * FROM `INFORMATION_SCHEMA`.`KEY_COLUMN_USAGE` `kcu` WHERE `kcu`.`TABLE_SCHEMA` = 'orms' AND `kcu`.`TABLE_NAME` = 'visits' ) `kcu` INNER JOIN ( SELECT * FROM `INFORMATION_SCHEMA`.`REFERENTIAL_CONSTRAINTS` WHERE `CONSTRAINT_SCHEMA` = 'orms' ) `rc` ON `rc`.`CONSTRAINT_SCHEMA` = `kcu`.`CONSTRAINT_SCHEMA` AND `rc`.`TABLE_NAME` = `kcu`.`TABLE_NAME` AND `rc`.`CONSTRAINT_NAME` = `kcu`.`CONSTRAINT_NAME`

-- Prisma
SELECT @@socket, @@max_allowed_packet, @@wait_timeout
SELECT @@lower_case_table_names
SELECT @@version
SELECT GET_LOCK('prisma_migrate', 10)
SELECT schema_name AS schema_name FROM information_schema.schemata ORDER BY 1
SELECT DISTINCT BINARY table_info.table_name AS table_name, table_info.create_options AS create_options, table_info.table_comment AS table_comment FROM information_schema.tables AS table_info JOIN information_schema.columns AS column_info ON BINARY column_info.table_name = BINARY table_info.table_name WHERE table_info.table_schema = 'orms' AND column_info.table_schema = 'orms' AND table_info.table_type IN ('BASE TABLE', 'VIEW') ORDER BY BINARY table_info.table_name
SELECT column_name column_name, data_type data_type, column_type full_data_type, column_default column_default, is_nullable is_nullable, extra extra, table_name table_name FROM information_schema.columns WHERE table_schema = 'orms' ORDER BY table_name, ordinal_position
SELECT `id`, `checksum`, `finished_at`, `migration_name` FROM `_prisma_migrations` ORDER BY `started_at` ASC
SELECT RELEASE_LOCK('prisma_migrate')

-- Rails, ActiveRecord 7
SET  @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'),  @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483
SET NAMES utf8mb4 COLLATE utf8mb4_general_ci,  @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO'),  @@SESSION.sql_auto_is_null = 0, @@SESSION.wait_timeout = 2147483
SELECT VERSION()
SELECT @@max_allowed_packet
SELECT GET_LOCK('2873474646', 0)
SELECT table_name FROM (SELECT table_name, table_type FROM information_schema.tables  WHERE table_schema = database()) _subquery WHERE _subquery.table_type = 'BASE TABLE' ORDER BY 1
SHOW FULL FIELDS FROM `people`
SHOW KEYS FROM `people`
SHOW CREATE TABLE `visits`
SELECT column_name FROM information_schema.statistics WHERE index_name = 'PRIMARY' AND table_schema = database() AND table_name = 'people' ORDER BY seq_in_index
SELECT fk.referenced_table_name AS 'to_table', fk.referenced_column_name AS 'primary_key', fk.column_name AS 'column', fk.constraint_name AS 'name', rc.update_rule AS 'on_update', rc.delete_rule AS 'on_delete' FROM information_schema.referential_constraints rc JOIN information_schema.key_column_usage fk USING (constraint_schema, constraint_name) WHERE fk.referenced_column_name IS NOT NULL AND fk.table_schema = database() AND fk.table_name = 'visits' AND rc.constraint_schema = database() AND rc.table_name = 'visits'
SHOW VARIABLES LIKE 'collation_database'
SHOW TABLE STATUS LIKE 'people'
SELECT @@FOREIGN_KEY_CHECKS
SELECT DATABASE() as db
EXPLAIN SELECT `people`.* FROM `people` WHERE `people`.`name` = "a \"quoted\" name"
SELECT `people`.* FROM `people` /* loading for inspect */ LIMIT 11
SELECT RELEASE_LOCK('2873474646')

-- Laravel 10 and 11
use `orms`;
SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', SESSION sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
set time_zone="+00:00"
select * from information_schema.tables where table_schema = 'orms' and table_name = 'migrations' and table_type = 'BASE TABLE'
select table_name as `name`, table_comment as `comment`, engine as `engine`, table_collation as `collation` from information_schema.tables where table_schema = 'orms' and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') order by table_name
select column_name as `name`, data_type as `type_name`, column_type as `type`, collation_name as `collation`, is_nullable as `nullable`, column_default as `default`, column_comment as `comment`, extra as `extra` from information_schema.columns where table_schema = schema() and table_name = 'people' order by ordinal_position asc
select index_name as `name`, group_concat(column_name order by seq_in_index) as `columns`, index_type as `type`, not non_unique as `unique` from information_schema.statistics where table_schema = schema() and table_name = 'people' group by index_name, index_type, non_unique
select exists(select * from `people` where `name` = 'x') as `exists`
select exists (select 1 from information_schema.tables where table_schema = schema() and table_name = 'migrations' and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')) as `exists`

-- Flyway, Liquibase
SELECT DATABASE()
SELECT COUNT(1) FROM information_schema.schemata WHERE schema_name='orms' LIMIT 1
SELECT @@foreign_key_checks, @@sql_safe_updates
SELECT GET_LOCK('Flyway-1388486487', 10)
SELECT COUNT(1) FROM information_schema.tables WHERE table_schema='orms' AND table_name='flyway_schema_history'
SELECT SUBSTRING_INDEX(USER(),'@',1)
SET foreign_key_checks = @@foreign_key_checks, sql_safe_updates = @@sql_safe_updates
SELECT RELEASE_LOCK('Flyway-1388486487')
SELECT COUNT(*) FROM orms.DATABASECHANGELOGLOCK
select default_character_set_name from information_schema.SCHEMATA where schema_name = 'orms'

-- go-sql-driver with GORM, mysqlclient, PDO, mysql2, Entity Framework
SET NAMES utf8mb4
SELECT VERSION()
SELECT @@max_allowed_packet
SELECT SCHEMA_NAME from Information_schema.SCHEMATA where SCHEMA_NAME LIKE 'orms%' ORDER BY SCHEMA_NAME='orms' DESC,SCHEMA_NAME limit 1
SELECT count(*) FROM information_schema.tables WHERE table_schema = 'orms' AND table_name = 'people' AND table_type = 'BASE TABLE'
SELECT column_name, column_default, is_nullable = 'YES', data_type, character_maximum_length, column_type, column_key, extra, column_comment, numeric_precision, numeric_scale , datetime_precision FROM information_schema.columns WHERE table_schema = 'orms' AND table_name = 'people' ORDER BY ORDINAL_POSITION
SELECT * FROM `people` LIMIT 1
SELECT CASE WHEN COUNT(*) = 0 THEN FALSE ELSE TRUE END FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = 'orms'
SELECT 1 FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA='orms' AND TABLE_NAME='__EFMigrationsHistory'
SHOW STATUS LIKE 'Ssl_cipher'
SELECT * FROM performance_schema.session_account_connect_attrs WHERE ATTR_NAME = 'nothing'
SELECT VARIABLE_VALUE FROM performance_schema.session_variables WHERE VARIABLE_NAME = 'sql_mode'
SELECT COUNT(*) FROM mysql.time_zone_name
SELECT CURRENT_ROLE()
SHOW GRANTS
SHOW GRANTS FOR CURRENT_USER()
