/* The class of a client's character set, by its name and by the number of a collation. The numbers
 * are from MySQL 9.7 (information_schema.COLLATIONS) and MariaDB 10.11 (information_schema.
 * COLLATION_CHARACTER_SET_APPLICABILITY: the NO PAD collations have the number of the PAD collation
 * plus 1024, the UCA 14.0.0 collations have 2048 and up). tests/unit/sql/ compares every number
 * with the lists of the servers. Later MariaDB versions also know most of MySQL's numbers from 255
 * on, as utf8mb4 (MDEV-20912); earlier ones do not. On MariaDB these numbers are unknown here, so
 * that the caller asks the server.
 */
#include "sql/state.h"

/* ucs2, utf16, utf16le and utf32 are missing: neither server accepts them as client character sets.
 * swe7 is missing because its bytes [ ] { } | ^ ~ are letters, also in bare names. */
enum sql_charset sql_charset_of(struct text name)
{
    static const struct {
        const char *name;
        enum sql_charset charset;
    } sets[] = {
        {"utf8mb4",  SQL_UTF8           },
        {"utf8mb3",  SQL_UTF8           },
        {"utf8",     SQL_UTF8           },
        {"latin1",   SQL_SINGLE_BYTE    },
        {"ascii",    SQL_SINGLE_BYTE    },
        {"binary",   SQL_UTF8           },
        {"gbk",      SQL_GBK            },
        {"gb18030",  SQL_GB18030        },
        {"big5",     SQL_BIG5           },
        {"sjis",     SQL_SJIS           },
        {"cp932",    SQL_SJIS           },
        {"ujis",     SQL_MULTI_BYTE_SAFE},
        {"eucjpms",  SQL_MULTI_BYTE_SAFE},
        {"euckr",    SQL_MULTI_BYTE_SAFE},
        {"gb2312",   SQL_MULTI_BYTE_SAFE},
        {"armscii8", SQL_SINGLE_BYTE    },
        {"cp1250",   SQL_SINGLE_BYTE    },
        {"cp1251",   SQL_SINGLE_BYTE    },
        {"cp1256",   SQL_SINGLE_BYTE    },
        {"cp1257",   SQL_SINGLE_BYTE    },
        {"cp850",    SQL_SINGLE_BYTE    },
        {"cp852",    SQL_SINGLE_BYTE    },
        {"cp866",    SQL_SINGLE_BYTE    },
        {"dec8",     SQL_SINGLE_BYTE    },
        {"geostd8",  SQL_SINGLE_BYTE    },
        {"greek",    SQL_SINGLE_BYTE    },
        {"hebrew",   SQL_SINGLE_BYTE    },
        {"hp8",      SQL_SINGLE_BYTE    },
        {"keybcs2",  SQL_SINGLE_BYTE    },
        {"koi8r",    SQL_SINGLE_BYTE    },
        {"koi8u",    SQL_SINGLE_BYTE    },
        {"latin2",   SQL_SINGLE_BYTE    },
        {"latin5",   SQL_SINGLE_BYTE    },
        {"latin7",   SQL_SINGLE_BYTE    },
        {"macce",    SQL_SINGLE_BYTE    },
        {"macroman", SQL_SINGLE_BYTE    },
        {"tis620",   SQL_SINGLE_BYTE    },
    };

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (text_equal_fold(name, text_of(sets[i].name)))
            return sets[i].charset;
    }
    return SQL_CHARSET_UNKNOWN;
}

struct text sql_charset_name(enum sql_charset charset)
{
    static const char *const names[] = {
        [SQL_UTF8] = "utf8mb4",
        [SQL_SINGLE_BYTE] = "latin1",
        [SQL_BIG5] = "big5",
        [SQL_GBK] = "gbk",
        [SQL_GB18030] = "gb18030",
        [SQL_SJIS] = "sjis",
        [SQL_MULTI_BYTE_SAFE] = "ujis",
        [SQL_CHARSET_UNKNOWN] = NULL,
    };

    return text_of(names[charset]);
}

enum { IN_MYSQL = 1, IN_MARIADB = 2, BOTH = IN_MYSQL | IN_MARIADB };

/* Sorted by number. A number without a row is UNKNOWN: no collation has it, or its character set is
 * swe7 or one that no client may have. */
static const struct row {
    uint16_t first, last;
    uint8_t charset, servers;
} rows[] = {
    {1,    1,    SQL_BIG5,            BOTH      },
    {2,    9,    SQL_SINGLE_BYTE,     BOTH      },
    {11,   11,   SQL_SINGLE_BYTE,     BOTH      },
    {12,   12,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {13,   13,   SQL_SJIS,            BOTH      },
    {14,   16,   SQL_SINGLE_BYTE,     BOTH      },
    {18,   18,   SQL_SINGLE_BYTE,     BOTH      },
    {19,   19,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {20,   23,   SQL_SINGLE_BYTE,     BOTH      },
    {24,   24,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {25,   27,   SQL_SINGLE_BYTE,     BOTH      },
    {28,   28,   SQL_GBK,             BOTH      },
    {29,   32,   SQL_SINGLE_BYTE,     BOTH      },
    {33,   33,   SQL_UTF8,            BOTH      },
    {34,   34,   SQL_SINGLE_BYTE,     BOTH      },
    {36,   44,   SQL_SINGLE_BYTE,     BOTH      },
    {45,   46,   SQL_UTF8,            BOTH      },
    {47,   53,   SQL_SINGLE_BYTE,     BOTH      },
    {57,   59,   SQL_SINGLE_BYTE,     BOTH      },
    {63,   63,   SQL_UTF8,            BOTH      },
    {64,   64,   SQL_SINGLE_BYTE,     BOTH      },
    {65,   65,   SQL_SINGLE_BYTE,     BOTH      },
    {66,   75,   SQL_SINGLE_BYTE,     BOTH      },
    {76,   76,   SQL_UTF8,            IN_MYSQL  },
    {77,   81,   SQL_SINGLE_BYTE,     BOTH      },
    {83,   83,   SQL_UTF8,            BOTH      },
    {84,   84,   SQL_BIG5,            BOTH      },
    {85,   86,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {87,   87,   SQL_GBK,             BOTH      },
    {88,   88,   SQL_SJIS,            BOTH      },
    {89,   89,   SQL_SINGLE_BYTE,     BOTH      },
    {91,   91,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {92,   94,   SQL_SINGLE_BYTE,     BOTH      },
    {95,   96,   SQL_SJIS,            BOTH      },
    {97,   98,   SQL_MULTI_BYTE_SAFE, BOTH      },
    {99,   99,   SQL_SINGLE_BYTE,     BOTH      },
    {192,  215,  SQL_UTF8,            BOTH      },
    {223,  247,  SQL_UTF8,            BOTH      },
    {248,  250,  SQL_GB18030,         IN_MYSQL  },
    {255,  271,  SQL_UTF8,            IN_MYSQL  },
    {273,  275,  SQL_UTF8,            IN_MYSQL  },
    {277,  294,  SQL_UTF8,            IN_MYSQL  },
    {296,  298,  SQL_UTF8,            IN_MYSQL  },
    {300,  300,  SQL_UTF8,            IN_MYSQL  },
    {303,  323,  SQL_UTF8,            IN_MYSQL  },
    {576,  578,  SQL_UTF8,            IN_MARIADB},
    {608,  610,  SQL_UTF8,            IN_MARIADB},
    {1025, 1025, SQL_BIG5,            IN_MARIADB},
    {1027, 1028, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1030, 1033, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1035, 1035, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1036, 1036, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1037, 1037, SQL_SJIS,            IN_MARIADB},
    {1040, 1040, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1042, 1042, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1043, 1043, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1046, 1046, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1048, 1048, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1049, 1050, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1052, 1052, SQL_GBK,             IN_MARIADB},
    {1054, 1054, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1056, 1056, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1057, 1057, SQL_UTF8,            IN_MARIADB},
    {1060, 1065, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1067, 1067, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1069, 1070, SQL_UTF8,            IN_MARIADB},
    {1071, 1071, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1074, 1075, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1077, 1077, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1081, 1083, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1088, 1088, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1089, 1089, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1090, 1099, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1101, 1105, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1107, 1107, SQL_UTF8,            IN_MARIADB},
    {1108, 1108, SQL_BIG5,            IN_MARIADB},
    {1109, 1110, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1111, 1111, SQL_GBK,             IN_MARIADB},
    {1112, 1112, SQL_SJIS,            IN_MARIADB},
    {1113, 1113, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1115, 1115, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1116, 1117, SQL_SINGLE_BYTE,     IN_MARIADB},
    {1119, 1120, SQL_SJIS,            IN_MARIADB},
    {1121, 1122, SQL_MULTI_BYTE_SAFE, IN_MARIADB},
    {1216, 1216, SQL_UTF8,            IN_MARIADB},
    {1238, 1238, SQL_UTF8,            IN_MARIADB},
    {1248, 1248, SQL_UTF8,            IN_MARIADB},
    {1270, 1270, SQL_UTF8,            IN_MARIADB},
    {2048, 2215, SQL_UTF8,            IN_MARIADB},
    {2232, 2247, SQL_UTF8,            IN_MARIADB},
    {2304, 2471, SQL_UTF8,            IN_MARIADB},
    {2488, 2503, SQL_UTF8,            IN_MARIADB},
};

static const struct row *find_row(uint32_t number)
{
    size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (number > rows[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == sizeof(rows) / sizeof(rows[0]) || number < rows[low].first)
        return NULL;
    return &rows[low];
}

enum sql_charset sql_charset_of_collation(uint32_t number)
{
    const struct row *row = find_row(number);

    return row ? (enum sql_charset)row->charset : SQL_CHARSET_UNKNOWN;
}

/* 1034 and 1106 are MariaDB's NO PAD collations. */
bool sql_collation_is_swe7(uint32_t number)
{
    return number == 10 || number == 82 || number == 1034 || number == 1106;
}

uint8_t sql_collation_lossy(uint32_t number)
{
    const enum sql_charset charset = sql_charset_of_collation(number);

    /* SQL_LOSSY also for sjis, below: on both servers, conversion of a backslash to sjis makes it
     * another character. */
    if (sql_collation_is_swe7(number))
        return SQL_LOSSY;
    return charset == SQL_CHARSET_UNKNOWN ? SQL_LOSSY_HIGH : sql_charset_lossy(charset);
}

enum sql_charset sql_charset_of_handshake(enum sql_dialect dialect, uint32_t number)
{
    const struct row *row = find_row(number);
    uint8_t server = dialect == SQL_MARIADB ? IN_MARIADB : IN_MYSQL;

    return row && row->servers & server ? (enum sql_charset)row->charset : SQL_CHARSET_UNKNOWN;
}
