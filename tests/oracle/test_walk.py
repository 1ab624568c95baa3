"""The walk over a grammar, on a small one: each alternative in one statement, as short as it gets."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import walk  # noqa: E402

GRAMMAR = r"""
%{ int x; /* %% is no end here */ %}
%token<lexer.keyword> ADD 261   /* : | ; */
%left '+'
%%

query:
          statement ';' { puts("}"); if (x == '}') { x = ':'; } /* | */ }
        | statement END_OF_INPUT
        ;
statement:
          DROP TABLE_SYM opt_if table_ident { $$= NEW_PTN X($1); }
        | SELECT_SYM expr %prec ADD
        | NOBODY_KNOWS_SYM expr
        ;
table_ident: IDENT | IDENT '.' IDENT
opt_if: /* empty */ {} | IF EXISTS ;
expr:
          NUM
        | expr '+' expr // comment
        | '(' expr[inner] ')'
        ;
"""


def test_each_alternative_once():
    one = walk.Walk(GRAMMAR)
    assert one.start == "query"
    assert one.rules["opt_if"] == [(), ("IF", "EXISTS")]
    assert one.rules["expr"] == [("NUM",), ("expr", "'+'", "expr"), ("'('", "expr", "')'")]
    assert one.rules["table_ident"] == [("IDENT",), ("IDENT", "'.'", "IDENT")]
    found = [text for _, text in one.statements()]
    anothers = walk.NAMED["expr"]
    # what stands for a rule elsewhere is not what its own alternatives are
    assert set(found) == {f"SELECT {anothers} ;", f"SELECT {anothers}", f"DROP TABLE {walk.NAMED['table_ident']}", "DROP TABLE users",
                          "DROP TABLE users.users", "DROP TABLE IF EXISTS ware.stock", "SELECT 1",
                          f"SELECT {anothers} + {anothers}", f"SELECT({anothers})"}
    assert one.left_out == 1  # a word that is none of either server's


def test_no_blank_that_changes_a_token():
    assert walk.joined(["SELECT", "NOW", "(", ")", "@", "x", "a", ".", "b"]) == "SELECT NOW() @x a.b"
