/* The server's own schemas, silogate's own one, and the tables in them that everybody may read.
 * Called by check.c.
 */
#include "policy/system.h"

/* The server's own schemas, compared without case on all servers. */
bool system_schema(struct text schema)
{
    return text_equal_fold(schema, TEXT("mysql")) || text_equal_fold(schema, TEXT("sys")) ||
           text_equal_fold(schema, TEXT("performance_schema"));
}

/* Tables that every account may read by default (seen on MySQL 9.7 and MariaDB 10.11) and that
 * drivers read at connect; and the names of time zones. Not performance_schema.processlist: it
 * shows others' statements to an account with the privilege PROCESS. */
bool system_is_open(struct text schema, struct text name, uint8_t access)
{
    static const struct {
        struct text schema, name;
    } open[] = {
        {{"performance_schema", 18}, {"global_status", 13}                },
        {{"performance_schema", 18}, {"global_variable_attributes", 26}   },
        {{"performance_schema", 18}, {"global_variables", 16}             },
        {{"performance_schema", 18}, {"persisted_variables", 19}          },
        {{"performance_schema", 18}, {"session_account_connect_attrs", 29}},
        {{"performance_schema", 18}, {"session_status", 14}               },
        {{"performance_schema", 18}, {"session_variables", 17}            },
        {{"performance_schema", 18}, {"variables_info", 14}               },
        {{"performance_schema", 18}, {"variables_metadata", 18}           },
        {{"mysql", 5},               {"time_zone", 9}                     },
        {{"mysql", 5},               {"time_zone_leap_second", 21}        },
        {{"mysql", 5},               {"time_zone_name", 14}               },
        {{"mysql", 5},               {"time_zone_transition", 20}         },
        {{"mysql", 5},               {"time_zone_transition_type", 25}    },
    };

    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]) && access == SQL_READ; i++) {
        if (text_equal_fold(name, open[i].name) && text_equal_fold(schema, open[i].schema))
            return true;
    }
    return false;
}

/* Tables of information_schema that show others' statements or values of their rows to an account
 * with PROCESS or with unnecessary privileges: threads and transactions with their texts, locked
 * keys, histograms, words of full text indexes, the query cache. The server converts a name to
 * upper case by its own rules, so a name beyond ASCII may be any of these tables. */
bool system_tells_of_others(struct text name)
{
    static const struct text tables[] = {
        {"processlist",           11},
        {"column_statistics",     17},
        {"innodb_trx",            10},
        {"innodb_locks",          12},
        {"innodb_ft_index_table", 21},
        {"innodb_ft_index_cache", 21},
        {"query_cache_info",      16},
        {"rocksdb_trx",           11},
        {"rocksdb_deadlock",      16},
    };

    for (size_t i = 0; i < name.length; i++) {
        if ((unsigned char)name.at[i] > 127)
            return true;
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (text_equal_fold(name, tables[i]))
            return true;
    }
    return false;
}

bool system_is_silogates(struct text schema)
{
    return text_equal_fold(schema, TEXT("silogate"));
}
