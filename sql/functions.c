/* Built-in functions by version. sql/lexer/keywords.def has those of MySQL 9.7 and MariaDB 10.11.
 * The tables here say which of them are newer than an upstream's version, which functions older
 * servers had, and which newer servers added. The tables also have grammar words, which cannot be
 * called as functions. Sources: the manuals' lists of functions and "What Is New". Called by
 * sql/expression.c and sql/expression_ends.c.
 */
#include "sql/functions.h"

enum { BUILT_IN = WORD_TIGHT | WORD_SPACED | WORD_QUOTED };

struct since {
    uint16_t word; /* enum sql_keyword */
    uint32_t version;
};

enum sql_keyword function_find(struct text name)
{
    uint64_t last = 0;

    for (size_t i = 0; i < name.length; i++)
        last = last << 8 | ((uint8_t)name.at[i] | 0x20u);
    return sql_keyword_find(last, (const uint8_t *)name.at, name.length);
}

/* The version for `word`; 0: it is not in the table. */
static uint32_t since(const struct since *functions, size_t count, enum sql_keyword word)
{
    for (size_t i = 0; i < count; i++) {
        if (functions[i].word == word)
            return functions[i].version;
    }
    return 0;
}

static bool listed(const uint16_t *words, size_t count, enum sql_keyword word)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] == word)
            return true;
    }
    return false;
}

#define SINCE(table, word)  since(table, sizeof(table) / sizeof((table)[0]), word)
#define LISTED(table, word) listed(table, sizeof(table) / sizeof((table)[0]), word)

/* The MySQL version that added a function, or a word that cannot name a function since then. */
static const struct since mysql_since[] = {
    {KW_ABSENT,                                 90000},
    {KW_ALLOW_MISSING_FILES,                    90000},
    {KW_ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS, 90000},
    {KW_AUTO,                                   90000},
    {KW_AUTO_REFRESH,                           90000},
    {KW_AUTO_REFRESH_SOURCE,                    90000},
    {KW_BERNOULLI,                              90000},
    {KW_BIN_TO_UUID,                            80000},
    {KW_DUALITY,                                90000},
    {KW_ETAG,                                   90000},
    {KW_EXTERNAL,                               90000},
    {KW_EXTERNAL_FORMAT,                        90000},
    {KW_FILES,                                  90000},
    {KW_FILE_FORMAT,                            90000},
    {KW_FILE_NAME,                              90000},
    {KW_FILE_PATTERN,                           90000},
    {KW_FILE_PREFIX,                            90000},
    {KW_FORMAT_BYTES,                           80016},
    {KW_FORMAT_PICO_TIME,                       80016},
    {KW_FROM_VECTOR,                            90000},
    {KW_GTIDS,                                  90000},
    {KW_GUIDED,                                 90000},
    {KW_HEADER,                                 90000},
    {KW_ICU_VERSION,                            80000},
    {KW_INTERSECT,                              80031},
    {KW_IS_UUID,                                80000},
    {KW_JSON_DUALITY_OBJECT,                    90000},
    {KW_JSON_OVERLAPS,                          80016},
    {KW_JSON_SCHEMA_VALID,                      80016},
    {KW_JSON_SCHEMA_VALIDATION_REPORT,          80016},
    {KW_JSON_STORAGE_FREE,                      80000},
    {KW_LIBRARY,                                90000},
    {KW_MANUAL,                                 90000},
    {KW_MASKING,                                90000},
    {KW_MATERIALIZED,                           90000},
    {KW_PARALLEL,                               90000},
    {KW_PARAMETERS,                             90000},
    {KW_PARSE_TREE,                             90000},
    {KW_POLICY,                                 90000},
    {KW_PS_CURRENT_THREAD_ID,                   80016},
    {KW_PS_THREAD_ID,                           80016},
    {KW_QUALIFY,                                90000},
    {KW_REGEXP_INSTR,                           80000},
    {KW_REGEXP_LIKE,                            80000},
    {KW_REGEXP_REPLACE,                         80000},
    {KW_REGEXP_SUBSTR,                          80000},
    {KW_RELATIONAL,                             90000},
    {KW_ROLES_GRAPHML,                          80000},
    {KW_S3,                                     90000},
    {KW_SETS,                                   90000},
    {KW_SOURCE_POS_WAIT,                        80024},
    {KW_STATEMENT_DIGEST,                       80000},
    {KW_STATEMENT_DIGEST_TEXT,                  80000},
    {KW_STRICT_LOAD,                            90000},
    {KW_STRING_TO_VECTOR,                       90000},
    {KW_ST_COLLECT,                             80024},
    {KW_ST_FRECHETDISTANCE,                     80016},
    {KW_ST_HAUSDORFFDISTANCE,                   80016},
    {KW_ST_LINEINTERPOLATEPOINT,                80024},
    {KW_ST_LINEINTERPOLATEPOINTS,               80024},
    {KW_ST_POINTATDISTANCE,                     80024},
    {KW_TABLESAMPLE,                            90000},
    {KW_TO_VECTOR,                              90000},
    {KW_URI,                                    90000},
    {KW_UUID_TO_BIN,                            80000},
    {KW_VALIDATE,                               90000},
    {KW_VECTOR,                                 90000},
    {KW_VECTOR_DIM,                             90000},
    {KW_VECTOR_TO_STRING,                       90000},
    {KW_VERIFY_KEY_CONSTRAINTS,                 90000},
};

/* The MariaDB version, after 10.11, that added a function. */
static const struct since mariadb_since[] = {
    {KW_FORMAT_BYTES,            110800},
    {KW_FORMAT_PICO_TIME,        110002},
    {KW_JSON_ARRAY_INTERSECT,    110200},
    {KW_JSON_KEY_VALUE,          110200},
    {KW_JSON_OBJECT_FILTER_KEYS, 110200},
    {KW_JSON_OBJECT_TO_ARRAY,    110200},
    {KW_JSON_SCHEMA_VALID,       110100},
    {KW_KDF,                     110300},
    {KW_UUID_V4,                 110700},
    {KW_UUID_V7,                 110700},
    {KW_VEC_DISTANCE,            110800},
    {KW_VEC_DISTANCE_COSINE,     110700},
    {KW_VEC_DISTANCE_EUCLIDEAN,  110700},
    {KW_VEC_FROMTEXT,            110700},
    {KW_VEC_TOTEXT,              110700},
};

/* Words of MySQL 8.0's grammar that are ordinary names in 5.7. */
static const uint16_t mysql_words_of_80[] = {
    KW_ACTIVE,
    KW_ADMIN,
    KW_ARRAY,
    KW_ATTRIBUTE,
    KW_AUTHENTICATION,
    KW_BUCKETS,
    KW_BULK,
    KW_CHALLENGE_RESPONSE,
    KW_CLONE,
    KW_COMPONENT,
    KW_CUME_DIST,
    KW_DEFINITION,
    KW_DENSE_RANK,
    KW_DESCRIPTION,
    KW_EMPTY,
    KW_ENFORCED,
    KW_ENGINE_ATTRIBUTE,
    KW_EXCEPT,
    KW_EXCLUDE,
    KW_FACTOR,
    KW_FAILED_LOGIN_ATTEMPTS,
    KW_FINISH,
    KW_FIRST_VALUE,
    KW_FOLLOWING,
    KW_GENERATE,
    KW_GEOMCOLLECTION,
    KW_GET_SOURCE_PUBLIC_KEY,
    KW_GROUPING,
    KW_GROUPS,
    KW_GTID_ONLY,
    KW_HISTOGRAM,
    KW_HISTORY,
    KW_INACTIVE,
    KW_INITIAL,
    KW_INITIATE,
    KW_INVISIBLE,
    KW_JSON_TABLE,
    KW_JSON_VALUE,
    KW_KEYRING,
    KW_LAG,
    KW_LAST_VALUE,
    KW_LATERAL,
    KW_LEAD,
    KW_LOCKED,
    KW_MEMBER,
    KW_NESTED,
    KW_NETWORK_NAMESPACE,
    KW_NOWAIT,
    KW_NTH_VALUE,
    KW_NTILE,
    KW_NULLS,
    KW_OF,
    KW_OFF,
    KW_OLD,
    KW_OPTIONAL,
    KW_ORDINALITY,
    KW_ORGANIZATION,
    KW_OTHERS,
    KW_OVER,
    KW_OWNER,
    KW_PASSWORD_LOCK_TIME,
    KW_PATH,
    KW_PERCENT_RANK,
    KW_PERSIST,
    KW_PERSIST_ONLY,
    KW_PRECEDING,
    KW_PRIVILEGE_CHECKS_USER,
    KW_PROCESS,
    KW_RANDOM,
    KW_RANK,
    KW_RECURSIVE,
    KW_REFERENCE,
    KW_REGISTRATION,
    KW_REPLICA,
    KW_REPLICAS,
    KW_REQUIRE_ROW_FORMAT,
    KW_REQUIRE_TABLE_PRIMARY_KEY_CHECK,
    KW_RESOURCE,
    KW_RESPECT,
    KW_RESTART,
    KW_RETAIN,
    KW_RETURNING,
    KW_REUSE,
    KW_ROLE,
    KW_ROW_NUMBER,
    KW_SECONDARY,
    KW_SECONDARY_ENGINE,
    KW_SECONDARY_ENGINE_ATTRIBUTE,
    KW_SECONDARY_LOAD,
    KW_SECONDARY_UNLOAD,
    KW_SKIP,
    KW_SOURCE_AUTO_POSITION,
    KW_SOURCE_BIND,
    KW_SOURCE_COMPRESSION_ALGORITHMS,
    KW_SOURCE_CONNECTION_AUTO_FAILOVER,
    KW_SOURCE_CONNECT_RETRY,
    KW_SOURCE_DELAY,
    KW_SOURCE_HEARTBEAT_PERIOD,
    KW_SOURCE_HOST,
    KW_SOURCE_LOG_FILE,
    KW_SOURCE_LOG_POS,
    KW_SOURCE_PASSWORD,
    KW_SOURCE_PORT,
    KW_SOURCE_PUBLIC_KEY_PATH,
    KW_SOURCE_RETRY_COUNT,
    KW_SOURCE_SSL,
    KW_SOURCE_SSL_CA,
    KW_SOURCE_SSL_CAPATH,
    KW_SOURCE_SSL_CERT,
    KW_SOURCE_SSL_CIPHER,
    KW_SOURCE_SSL_CRL,
    KW_SOURCE_SSL_CRLPATH,
    KW_SOURCE_SSL_KEY,
    KW_SOURCE_SSL_VERIFY_SERVER_CERT,
    KW_SOURCE_TLS_CIPHERSUITES,
    KW_SOURCE_TLS_VERSION,
    KW_SOURCE_USER,
    KW_SOURCE_ZSTD_COMPRESSION_LEVEL,
    KW_SRID,
    KW_STREAM,
    KW_SYSTEM,
    KW_THREAD_PRIORITY,
    KW_TIES,
    KW_TLS,
    KW_UNBOUNDED,
    KW_UNREGISTER,
    KW_URL,
    KW_VCPU,
    KW_VISIBLE,
    KW_WINDOW,
    KW_ZONE,
};

/* Functions of MySQL 5.7 that MySQL 8.0 does not have. */
static const uint16_t mysql_until_80[] = {
    KW_AREA,
    KW_ASBINARY,
    KW_ASTEXT,
    KW_ASWKB,
    KW_ASWKT,
    KW_BUFFER,
    KW_CENTROID,
    KW_CONVEXHULL,
    KW_CROSSES,
    KW_DECODE,
    KW_DES_DECRYPT,
    KW_DES_ENCRYPT,
    KW_DIMENSION,
    KW_DISJOINT,
    KW_ENCODE,
    KW_ENCRYPT,
    KW_ENDPOINT,
    KW_ENVELOPE,
    KW_EQUALS,
    KW_EXTERIORRING,
    KW_GEOMETRYFROMTEXT,
    KW_GEOMETRYFROMWKB,
    KW_GEOMETRYN,
    KW_GEOMETRYTYPE,
    KW_GEOMFROMTEXT,
    KW_GEOMFROMWKB,
    KW_GLENGTH,
    KW_INTERIORRINGN,
    KW_INTERSECTS,
    KW_ISCLOSED,
    KW_ISEMPTY,
    KW_ISSIMPLE,
    KW_JSON_APPEND,
    KW_JSON_MERGE,
    KW_LINEFROMTEXT,
    KW_LINEFROMWKB,
    KW_LINESTRINGFROMTEXT,
    KW_MLINEFROMTEXT,
    KW_MPOINTFROMTEXT,
    KW_MPOLYFROMTEXT,
    KW_NUMGEOMETRIES,
    KW_NUMINTERIORRINGS,
    KW_NUMPOINTS,
    KW_OVERLAPS,
    KW_PASSWORD,
    KW_POINTFROMTEXT,
    KW_POINTFROMWKB,
    KW_POINTN,
    KW_POLYFROMTEXT,
    KW_POLYFROMWKB,
    KW_POLYGONFROMTEXT,
    KW_STARTPOINT,
    KW_TOUCHES,
    KW_WITHIN,
    KW_X,
    KW_Y,
};

/* Words of MariaDB 10.11's grammar that are ordinary names in MariaDB 11. */
static bool mariadb_until_11(enum sql_keyword word)
{
    return word == KW_HOST || word == KW_OWNER || word == KW_SOCKET ||
           word == KW_MASTER_SSL_VERIFY_SERVER_CERT;
}

static unsigned mariadb_flags(enum sql_keyword word, unsigned flags, const struct sql_state *state)
{
    if (word == KW_ELSEIF && (state->mode & SQL_ORACLE || !state->mode_known))
        return 0; /* sql_mode ORACLE has ELSIF instead */
    if (state->version < 110000)
        return flags;
    if (mariadb_until_11(word))
        return flags & ~(unsigned)BUILT_IN;
    uint32_t version = SINCE(mariadb_since, word);
    return version && state->version >= version ? flags | BUILT_IN : flags;
}

static unsigned mysql_flags(enum sql_keyword word, unsigned flags, const struct sql_state *state)
{
    if (state->version >= 90000)
        return flags;
    if (SINCE(mysql_since, word) > state->version)
        return flags & ~(unsigned)BUILT_IN;
    if (state->version >= 80000)
        return flags;
    if (LISTED(mysql_words_of_80, word))
        return flags & ~(unsigned)BUILT_IN;
    return LISTED(mysql_until_80, word) ? flags | BUILT_IN : flags;
}

unsigned function_flags(enum sql_keyword word, const struct sql_state *state)
{
    if (!word)
        return 0;
    unsigned flags = sql_keyword_flags(word, state->dialect);
    return state->dialect == SQL_MARIADB ? mariadb_flags(word, flags, state)
                                         : mysql_flags(word, flags, state);
}
