/* Scripts cut as the mysql client cuts them: the cases were put to the clients of MySQL 9.7 and
 * MariaDB 10.11, and what their servers got is what is expected here (comments aside, which one of
 * them drops). Each is read at once, and with its bytes arriving one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sql/script.h"
#include "tests/unit/sql/guard.h"

struct script_case {
    const char *script;
    const char *statements; /* each with a '|' behind it */
};

static const struct script_case cases[] = {
    {"",                                                                       ""                                 },
    {" \n\t",                                                                  ""                                 },
    {";;;",                                                                    ""                                 },
    {"select 1; select 2\n; select 3",                                         "select 1|select 2|select 3|"      },
    {"select 1",                                                               "select 1|"                        },
    {"select ';', \";\", `;`;select 2;",                                       "select ';', \";\", `;`|select 2|" },
    {"select 'a\\'; b'; select 2;",                                            "select 'a\\'; b'|select 2|"       },
    {"select \"a\\\"; b\"; select 2;",                                         "select \"a\\\"; b\"|select 2|"    },
    {"select `a\\`; select 2;",                                                "select `a\\`|select 2|"           },
    {"select 'a'';b' ; select 2",                                              "select 'a'';b'|select 2|"         },
    {"select 'a\nb;' ; select 2",                                              "select 'a\nb;'|select 2|"         },
    {"select 1 /* ; */; select 2;",                                            "select 1 /* ; */|select 2|"       },
    {"select 1 /*/ ; */; select 2;",                                           "select 1 /*/ ; */|select 2|"      },
    {"select 1 /**/; select 2;",                                               "select 1 /**/|select 2|"          },
    {"select 1 /***/; select 2;",                                              "select 1 /***/|select 2|"         },
    {"select 1 /*+ ; ' */ ; select 2;",                                        "select 1 /*+ ; ' */|select 2|"    },
    {"select 1 /*! ; */ ; select 2;",                                          "select 1 /*!|*/|select 2|"        },
    {"select /*! 'x;' */ 1; select 2;",                                        "select /*! 'x;' */ 1|select 2|"   },
    {"select 1 -- ;\n; select 2;",                                             "select 1 -- ;|select 2|"          },
    {"select 1 --;\n; select 2;",                                              "select 1 --|select 2|"            },
    {"select 1 --\n; select 2;",                                               "select 1 --|select 2|"            },
    {"select 1 --\t;\n;",                                                      "select 1 --\t;|"                  },
    {"select 1 # ; '\n; select 2",                                             "select 1 # ; '|select 2|"         },
    {"select 1; -- ' c\nselect 2;",                                            "select 1|-- ' c\nselect 2|"       },
    {"-- c\nselect 1;",                                                        "-- c\nselect 1|"                  },
    {"--c;'\nselect 1;",                                                       "select 1|"                        },
    {"/* x */; select 1; /* y */",                                             "select 1|"                        },
    {"/* x\n;*/ select 1",                                                     "/* x\n;*/ select 1|"              },
    {"select '\\g';",                                                          "select '\\g'|"                    },
    {"select 1\\g select 2\\G\nselect 3;",                                     "select 1|select 2|select 3|"      },
    {"select \\N;",                                                            "select \\N|"                      },
    {"select \\';select 2;",                                                   "select \\'|select 2|"             },
    {"delimiter //\nselect 1; select 2//\nselect 3//\ndelimiter ;\nselect 4;",
     "select 1; select 2|select 3|select 4|"                                                                      },
    {"delimiter //\nselect 3//delimiter ;\nselect 4//",                        "select 3|delimiter ;\nselect 4|"  },
    {"delimiter $$ x\nselect 1$$\n",                                           "select 1|"                        },
    {"DELIMITER '//'\nselect 1//\n",                                           "select 1|"                        },
    {"  delimiter //\nselect 1//\n",                                           "select 1|"                        },
    {"/* x */\ndelimiter //\n-- y\ndelimiter ;\nselect 1;",                    "select 1|"                        },
    {"delimiter //\r\nselect 1//\r\n",                                         "select 1|"                        },
    {"delimiter ;;\nselect 1;\nselect 2;;\n",                                  "select 1;\nselect 2|"             },
    {"delimiter go\nselect 1 as gogo\n",                                       "select 1 as|"                     },
    {"delimiter\nselect 1;",                                                   "select 1|"                        },
    {"delimiter \\\\\nselect 1;",                                              "select 1|"                        },
    {"delimiter 1234567890123456789\nselect 1;123456789012345;",               "select 1;|;|"                     },
    {"xdelimiter //\nselect 1;",                                               "xdelimiter //\nselect 1|"         },
    {"select 1\ndelimiter //\nselect 2;",                                      "select 1\ndelimiter //\nselect 2|"},
    {"select delimiter from y; select 2;",                                     "select delimiter from y|select 2|"},
    {"delimiter //",                                                           ""                                 },
    {"USE mysql;select 1;",                                                    "USE mysql|select 1|"              },
    {"use mysql\nselect 1;",                                                   "use mysql|select 1|"              },
    {"/* c */ use mysql;\nselect 1;",                                          "/* c */ use mysql|select 1|"      },
    {"-- c\nuse mysql\nselect 1",                                              "-- c\nuse mysql|select 1|"        },
    {"use\nmysql;",                                                            "use\nmysql|"                      },
    {"select 1\nuse mysql\n; select 3;",                                       "select 1\nuse mysql|select 3|"    },
    {"user x;",                                                                "user x|"                          },
    {"/*M! select 1 */;select 2;",                                             "/*M! select 1 */|select 2|"       },
    {"/*M!100100 a;b */;",                                                     "/*M!100100 a;b */|"               },
    {"select 'open; select 2;",                                                "select 'open; select 2;|"         },
    {"select 1 /* open; select 2;",                                            "select 1 /* open; select 2;|"     },
    {"select 1; /* open ;",                                                    "select 1|/* open ;|"              },
    {"select 1\r\n;\r\nselect 2;\r\n",                                         "select 1|select 2|"               },
};

/* Lines for the client itself: each with a '!' before it. */
static const struct script_case command_cases[] = {
    {"source a.sql\nselect 1;",                    "!source a.sql|select 1|"             },
    {"\\. a.sql\nselect 1;",                       "!\\. a.sql|select 1|"                },
    {"SOURCE a.sql;\nselect 1;",                   "!SOURCE a.sql|select 1|"             },
    {"source a.sql; select 1;",                    "!source a.sql|select 1|"             },
    {"select 0;\n-- c\nprompt x> \nselect 1;",     "select 0|!prompt x>|select 1|"       },
    {"warnings\nwarnings;\nselect 1;",             "!warnings|!warnings|select 1|"       },
    {"quit",                                       "!quit|"                              },
    {"\\q\nselect 1;",                             "!\\q|select 1|"                      },
    {"select 1\nquit\n;",                          "select 1\nquit|"                     },
    {"source_id;",                                 "source_id|"                          },
    {"help select;",                               "help select|"                        },
    {"delimiter //\nsource a.sql;b//\nselect 1//", "!source a.sql;b|select 1|"           },
    {"/*!50000 select 1 */;\ntee x\n\\! ls\n",     "/*!50000 select 1 */|!tee x|!\\! ls|"},
};

static void take(struct sql_script *script, struct text *rest, bool last, char *to)
{
    struct text statement;

    while (sql_script_next(script, rest, last, &statement)) {
        strcat(to, script->command ? "!" : "");
        strncat(to, statement.at, statement.length);
        strcat(to, "|");
    }
}

/* The bytes lie right before a page that cannot be read. */
static void split(struct text text, struct sql_script *script, bool one_by_one, char *to)
{
    size_t start = 0, length = one_by_one ? 0 : text.length;

    *to = 0;
    for (; length <= text.length; length++) {
        struct text rest = guard_text((struct text){text.at + start, length - start});
        take(script, &rest, false, to);
        if (length == text.length)
            take(script, &rest, true, to);
        start = length - rest.length;
    }
}

static void check(struct text text, enum sql_charset charset, bool no_escapes, const char *expected)
{
    char got[1024];

    for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
        struct sql_script script;
        sql_script_init(&script, charset);
        script.no_backslash_escapes = no_escapes;
        split(text, &script, one_by_one, got);
        assert_string_equal(got, expected);
    }
}

static void test_cases(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(text_of(cases[i].script), SQL_UTF8, false, cases[i].statements);
}

static void test_commands_of_the_client(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(command_cases) / sizeof(command_cases[0]); i++)
        check(text_of(command_cases[i].script), SQL_UTF8, false, command_cases[i].statements);
}

static const struct script_case dollar_cases[] = {
    {"a $a$;$a$ b;c;",                                                                             "a $a$;$a$ b|c|"            },
    {"x$$;$$;c;",                                                                                  "x$$|$$;c;|"                },
    {"a $$;b;",                                                                                    "a $$;b;|"                  },
    {"delimiter $$\na $$ b $$ c;$$ d$$",                                                           "a|b|c;|d|"                 },
    {"a $a$;$b$;$a$;c",                                                                            "a $a$;$b$;$a$|c|"          },
    {"a $\xc3\xa4$;$\xc3\xa4$;c",                                                                  "a $\xc3\xa4$;$\xc3\xa4$|c|"},
    {"a $1$;$1$;c;",                                                                               "a $1$;$1$|c|"              },
    {"a 1$$;c;",                                                                                   "a 1$$|c|"                  },
    {"a `b`$$;$$;c;",                                                                              "a `b`$$;$$|c|"             },
    {"a $ab;$ab;c;",                                                                               "a $ab|$ab|c|"              },
    {"a $b c$;$b c$;d;",                                                                           "a $b c$|$b c$|d|"          },
    {"a '$$' ; b $$ ' ; $$ ; c;",                                                                  "a '$$'|b $$ ' ; $$|c|"     },
    {"a $a$ '$a$;b';c;",                                                                           "a $a$ '$a$|b';c;|"         },
    {"a -- $$ \n; b $$;",                                                                          "a -- $$|b $$;|"            },
    {"a $$ /* $$ ; */ ; b;",                                                                       "a $$ /* $$|*/|b|"          },
    {"a.$$;$$;b;",                                                                                 "a.$$;$$|b|"                },
    {"a $A$;$a$;b;c;$A$;d;",                                                                       "a $A$;$a$;b;c;$A$|d|"      },
    {"$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$;$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$;",
     "$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$;$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$|"                              },
};

static void test_dollar_quotes(void **state)
{
    (void)state;
    char got[1024];

    for (size_t i = 0; i < 2 * sizeof(dollar_cases) / sizeof(dollar_cases[0]); i++) {
        struct sql_script script;
        sql_script_init(&script, SQL_UTF8);
        script.dollar_quotes = true;
        split(text_of(dollar_cases[i / 2].script), &script, i % 2, got);
        assert_string_equal(got, dollar_cases[i / 2].statements);
    }
    check(TEXT("a $$;$$;"), SQL_UTF8, false, "a $$|$$|");
}

static void test_no_backslash_escapes(void **state)
{
    (void)state;
    check(TEXT("select 'a\\'; select 2;"), SQL_UTF8, true, "select 'a\\'|select 2|");
    check(TEXT("select \"a\\\"; select 2;"), SQL_UTF8, true, "select \"a\\\"|select 2|");
}

static void test_character_sets(void **state)
{
    (void)state;
    static const struct {
        enum sql_charset charset;
        const char *script, *statements;
    } pairs[] = {
        {SQL_GBK,         "'\xbf\\'; x;",  "'\xbf\\'|x|"  },
        {SQL_UTF8,        "'\xbf\\'; x';", "'\xbf\\'; x'|"},
        {SQL_GBK,         "`\xbf``; x;",   "`\xbf``|x|"   },
        {SQL_GBK,         "\xbf`; x;",     "\xbf`|x|"     },
        {SQL_GBK,         "'\xbf'; x;",    "'\xbf'|x|"    }, /* 0x27 is no second byte */
        {SQL_GB18030,     "'\x81\\'; x;",  "'\x81\\'|x|"  },
        {SQL_BIG5,        "'\xa5\\'; x;",  "'\xa5\\'|x|"  },
        {SQL_SJIS,        "'\x95\\'; x;",  "'\x95\\'|x|"  },
        {SQL_SJIS,        "'\xb1\\'; x';", "'\xb1\\'; x'|"}, /* a half-width letter, no lead byte */
        {SQL_SINGLE_BYTE, "'\x95\\'; x';", "'\x95\\'; x'|"},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        check(text_of(pairs[i].script), pairs[i].charset, false, pairs[i].statements);
}

static void test_nul_bytes_are_bytes(void **state)
{
    (void)state;
    struct sql_script script;
    struct text rest = TEXT("select '\0;';\0;"), statement;

    sql_script_init(&script, SQL_UTF8);
    assert_true(sql_script_next(&script, &rest, true, &statement));
    assert_int_equal(statement.length, 11);
    assert_true(sql_script_next(&script, &rest, true, &statement));
    assert_int_equal(statement.length, 1);
    assert_false(sql_script_next(&script, &rest, true, &statement));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),          cmocka_unit_test(test_commands_of_the_client),
        cmocka_unit_test(test_dollar_quotes),  cmocka_unit_test(test_no_backslash_escapes),
        cmocka_unit_test(test_character_sets), cmocka_unit_test(test_nul_bytes_are_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
