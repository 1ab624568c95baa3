/* The servers' privileges: their names in GRANT, their columns in mysql.user and mysql.db, where
 * they can be granted, and the access of the policy to which they correspond. (MySQL manual,
 * "Privileges Provided by MySQL"; MariaDB Knowledge Base, "GRANT".)
 */
#ifndef CATALOGUE_PRIVILEGES_H
#define CATALOGUE_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"
#include "sql/facts.h"

enum privilege_scope { IN_TABLE = 1, IN_DATABASE = 2, IN_ROUTINE = 4 };

/* To what a privilege corresponds: an access of the policy, or one of these. */
enum {
    FOR_ADMIN = 16, /* acts on the server */
    FOR_ANY = 32,   /* useless without another privilege: temporary tables, locks */
    FOR_GRANT = 64, /* grants one's own privileges to others */
};

/* symbol, name in GRANT, column, where it can be granted besides *.*, to what it corresponds. The
 * order is that of the bits in MariaDB's mysql.global_priv (privilege_t), for privileges that both
 * servers have. */
#define PRIVILEGES(P)                                                                              \
    P(SELECT, "SELECT", "Select_priv", IN_TABLE | IN_DATABASE, SQL_READ)                           \
    P(INSERT, "INSERT", "Insert_priv", IN_TABLE | IN_DATABASE, SQL_WRITE)                          \
    P(UPDATE, "UPDATE", "Update_priv", IN_TABLE | IN_DATABASE, SQL_WRITE)                          \
    P(DELETE, "DELETE", "Delete_priv", IN_TABLE | IN_DATABASE, SQL_WRITE)                          \
    P(CREATE, "CREATE", "Create_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)                         \
    P(DROP, "DROP", "Drop_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)                               \
    P(RELOAD, "RELOAD", "Reload_priv", 0, FOR_ADMIN)                                               \
    P(SHUTDOWN, "SHUTDOWN", "Shutdown_priv", 0, FOR_ADMIN)                                         \
    P(PROCESS, "PROCESS", "Process_priv", 0, FOR_ADMIN)                                            \
    P(FILE, "FILE", "File_priv", 0, FOR_ADMIN)                                                     \
    P(GRANT, "GRANT OPTION", "Grant_priv", IN_TABLE | IN_DATABASE | IN_ROUTINE, FOR_GRANT)         \
    P(REFERENCES, "REFERENCES", "References_priv", IN_TABLE | IN_DATABASE, SQL_READ)               \
    P(INDEX, "INDEX", "Index_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)                            \
    P(ALTER, "ALTER", "Alter_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)                            \
    P(SHOW_DATABASES, "SHOW DATABASES", "Show_db_priv", 0, FOR_ADMIN)                              \
    P(SUPER, "SUPER", "Super_priv", 0, FOR_ADMIN)                                                  \
    P(TEMPORARY, "CREATE TEMPORARY TABLES", "Create_tmp_table_priv", IN_DATABASE, FOR_ANY)         \
    P(LOCK_TABLES, "LOCK TABLES", "Lock_tables_priv", IN_DATABASE, FOR_ANY)                        \
    P(EXECUTE, "EXECUTE", "Execute_priv", IN_DATABASE | IN_ROUTINE, SQL_EXECUTE)                   \
    P(REPL_SLAVE, "REPLICATION SLAVE", "Repl_slave_priv", 0, FOR_ADMIN)                            \
    P(REPL_CLIENT, "REPLICATION CLIENT", "Repl_client_priv", 0, FOR_ADMIN)                         \
    P(CREATE_VIEW, "CREATE VIEW", "Create_view_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)          \
    P(SHOW_VIEW, "SHOW VIEW", "Show_view_priv", IN_TABLE | IN_DATABASE, SQL_READ)                  \
    P(CREATE_ROUTINE, "CREATE ROUTINE", "Create_routine_priv", IN_DATABASE, SQL_DEFINE)            \
    P(ALTER_ROUTINE, "ALTER ROUTINE", "Alter_routine_priv", IN_DATABASE | IN_ROUTINE, SQL_DEFINE)  \
    P(CREATE_USER, "CREATE USER", "Create_user_priv", 0, FOR_ADMIN)                                \
    P(EVENT, "EVENT", "Event_priv", IN_DATABASE, SQL_DEFINE)                                       \
    P(TRIGGER, "TRIGGER", "Trigger_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE)                      \
    P(CREATE_TABLESPACE, "CREATE TABLESPACE", "Create_tablespace_priv", 0, FOR_ADMIN)              \
    P(DELETE_HISTORY, "DELETE HISTORY", "Delete_history_priv", IN_TABLE | IN_DATABASE, SQL_DEFINE) \
    P(SET_USER, "SET USER", "", 0, FOR_ADMIN)                                                      \
    P(FEDERATED, "FEDERATED ADMIN", "", 0, FOR_ADMIN)                                              \
    P(CONNECTION, "CONNECTION ADMIN", "", 0, FOR_ADMIN)                                            \
    P(READ_ONLY, "READ_ONLY ADMIN", "", 0, FOR_ADMIN)                                              \
    P(REPL_SLAVE_ADMIN, "REPLICATION SLAVE ADMIN", "", 0, FOR_ADMIN)                               \
    P(REPL_MASTER_ADMIN, "REPLICATION MASTER ADMIN", "", 0, FOR_ADMIN)                             \
    P(BINLOG_ADMIN, "BINLOG ADMIN", "", 0, FOR_ADMIN)                                              \
    P(BINLOG_REPLAY, "BINLOG REPLAY", "", 0, FOR_ADMIN)                                            \
    P(SLAVE_MONITOR, "SLAVE MONITOR", "", 0, FOR_ADMIN)                                            \
    P(SHOW_CREATE_ROUTINE, "SHOW CREATE ROUTINE", "Show_create_routine_priv",                      \
      IN_DATABASE | IN_ROUTINE, SQL_READ)                                                          \
    P(CREATE_ROLE, "CREATE ROLE", "Create_role_priv", 0, FOR_ADMIN)                                \
    P(DROP_ROLE, "DROP ROLE", "Drop_role_priv", 0, FOR_ADMIN)

enum privilege_number {
#define P(symbol, word, column, scope, access) PRIVILEGE_NUMBER_##symbol,
    PRIVILEGES(P)
#undef P
        PRIVILEGE_COUNT
};
#define PRIVILEGE(symbol) (1ull << PRIVILEGE_NUMBER_##symbol)

/* To what a bit corresponds: one of sql_access or FOR_*. */
unsigned privilege_access(int number);
/* All privileges that correspond to one of `access` and can be granted there. Those that only
 * MariaDB has are left out on MySQL.
 */
uint64_t privileges_for(unsigned access, enum privilege_scope scope, bool is_mariadb);
/* The privilege of a column of mysql.user or mysql.db ("Select_priv"); 0: it is none. */
uint64_t privilege_of_column(struct text column);
/* Reads a set as in mysql.tables_priv: "Select,Create View"; unknown words are ignored. */
uint64_t privileges_of_set(struct text set);
/* "SELECT, INSERT" in the arena. */
struct text privileges_words(uint64_t bits, struct arena *arena);

#endif
