/* Built-in functions by version. sql/keywords.def has those of MySQL 9.7 and MariaDB 10.11; the
 * tables here say which of them came later than an upstream's version, and which a server had
 * before or has since. Sources: the manuals' lists of functions and "What Is New". Called by
 * sql/expression.c.
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

static uint32_t since(const struct since *functions, size_t count, enum sql_keyword word)
{
    for (size_t i = 0; i < count; i++) {
        if (functions[i].word == word)
            return functions[i].version;
    }
    return 0;
}

#define SINCE(functions, word) since(functions, sizeof(functions) / sizeof((functions)[0]), word)

/* The version of MySQL that brought a function; 0: 5.7 has it. */
static uint32_t mysql_since(enum sql_keyword word)
{
    static const struct since functions[] = {
        {KW_BIN_TO_UUID,                   80000},
        {KW_ETAG,                          90000},
        {KW_FORMAT_BYTES,                  80016},
        {KW_FORMAT_PICO_TIME,              80016},
        {KW_FROM_VECTOR,                   90000},
        {KW_ICU_VERSION,                   80000},
        {KW_IS_UUID,                       80000},
        {KW_JSON_DUALITY_OBJECT,           90000},
        {KW_JSON_OVERLAPS,                 80016},
        {KW_JSON_SCHEMA_VALID,             80016},
        {KW_JSON_SCHEMA_VALIDATION_REPORT, 80016},
        {KW_JSON_STORAGE_FREE,             80000},
        {KW_PS_CURRENT_THREAD_ID,          80016},
        {KW_PS_THREAD_ID,                  80016},
        {KW_REGEXP_INSTR,                  80000},
        {KW_REGEXP_LIKE,                   80000},
        {KW_REGEXP_REPLACE,                80000},
        {KW_REGEXP_SUBSTR,                 80000},
        {KW_ROLES_GRAPHML,                 80000},
        {KW_SOURCE_POS_WAIT,               80024},
        {KW_STATEMENT_DIGEST,              80000},
        {KW_STATEMENT_DIGEST_TEXT,         80000},
        {KW_STRING_TO_VECTOR,              90000},
        {KW_ST_COLLECT,                    80024},
        {KW_ST_FRECHETDISTANCE,            80016},
        {KW_ST_HAUSDORFFDISTANCE,          80016},
        {KW_ST_LINEINTERPOLATEPOINT,       80024},
        {KW_ST_LINEINTERPOLATEPOINTS,      80024},
        {KW_ST_POINTATDISTANCE,            80024},
        {KW_TO_VECTOR,                     90000},
        {KW_UUID_TO_BIN,                   80000},
        {KW_VECTOR_DIM,                    90000},
        {KW_VECTOR_TO_STRING,              90000},
    };

    return SINCE(functions, word);
}

/* The version of MariaDB after 10.11 that brought a function; 0: none. */
static uint32_t mariadb_since(enum sql_keyword word)
{
    static const struct since functions[] = {
        {KW_FORMAT_BYTES,            110800},
        {KW_FORMAT_PICO_TIME,        110002},
        {KW_JSON_ARRAY_INTERSECT,    110200},
        {KW_JSON_KEY_VALUE,          110200},
        {KW_JSON_OBJECT_FILTER_KEYS, 110200},
        {KW_JSON_OBJECT_TO_ARRAY,    110200},
        {KW_JSON_SCHEMA_VALID,       110100},
        {KW_KDF,                     110300},
        {KW_ST_COLLECT,              110700},
        {KW_ST_GEOHASH,              110700},
        {KW_ST_ISVALID,              110700},
        {KW_ST_LATFROMGEOHASH,       110700},
        {KW_ST_LONGFROMGEOHASH,      110700},
        {KW_ST_POINTFROMGEOHASH,     110700},
        {KW_ST_SIMPLIFY,             110700},
        {KW_ST_VALIDATE,             110700},
        {KW_UUID_V4,                 110700},
        {KW_UUID_V7,                 110700},
        {KW_VEC_DISTANCE,            110700},
        {KW_VEC_DISTANCE_COSINE,     110700},
        {KW_VEC_DISTANCE_EUCLIDEAN,  110700},
        {KW_VEC_FROMTEXT,            110700},
        {KW_VEC_TOTEXT,              110700},
    };

    return SINCE(functions, word);
}

/* Functions that MySQL 5.7 still had. */
static bool mysql_until_80(enum sql_keyword word)
{
    static const uint16_t functions[] = {
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

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (functions[i] == word)
            return true;
    }
    return false;
}

unsigned function_flags(enum sql_keyword word, const struct sql_mood *mood)
{
    if (!word)
        return 0;
    unsigned flags = sql_keyword_flags(word, mood->dialect);
    if (mood->dialect == SQL_MARIADB) {
        if (word == KW_ELSEIF && (mood->mode & SQL_ORACLE))
            return 0; /* there it is spelt ELSIF */
        uint32_t version = mood->version >= 110000 ? mariadb_since(word) : 0;
        return version && mood->version >= version ? flags | BUILT_IN : flags;
    }
    if (mood->version < 90000 && mysql_since(word) > mood->version)
        return flags & ~(unsigned)BUILT_IN;
    if (mood->version < 80000 && mysql_until_80(word))
        return flags | BUILT_IN;
    return flags;
}
