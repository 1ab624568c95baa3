"""A server's own grammar as data: the rules of a yacc file, each alternative of each rule in one statement that is as
short as it gets. Nothing of it is kept: the file is the reader's.

`make oracle GRAMMAR=mysql:sql_yacc.yy` runs them as it does all others. `walk.py mysql sql_yacc.yy` prints them."""
import collections
import heapq
import os
import re
import sys

from generate import Statement

WORDS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "sql", "lexer",
                     "keywords.def")
TOKENS = re.compile(r"""/\*.*?\*/ | //[^\n]* | %\{ | %[a-z-]+(?:<[^>]*>)? | '(?:\\.|[^'\\])' | "(?:\\.|[^"\\])*" | <[^>\s]*>
                        | \[[^\]\s]*\] | [A-Za-z_][A-Za-z0-9_.]* | [:|;{] | \S""", re.X | re.S)
# What a lexer makes of names and values; what else it makes of signs and of more than one word.
LITERAL = {
    "IDENT": "users", "IDENT_QUOTED": "`users`", "TEXT_STRING": "'x'", "NCHAR_STRING": "N'x'", "NUM": "1", "LONG_NUM": "1",
    "ULONGLONG_NUM": "1", "DECIMAL_NUM": "1.5", "FLOAT_NUM": "1e1", "HEX_NUM": "0x41", "HEX_STRING": "x'41'", "BIN_NUM": "b'1'",
    "LEX_HOSTNAME": "localhost", "UNDERSCORE_CHARSET": "_utf8mb4", "PARAM_MARKER": "?", "DOLLAR_QUOTED_STRING_SYM": "$$x$$",
    "END_OF_INPUT": "", "EQ": "=", "EQUAL_SYM": "<=>", "NE": "<>", "LT": "<", "GT_SYM": ">", "GE": ">=", "LE": "<=",
    "SHIFT_LEFT": "<<", "SHIFT_RIGHT": ">>", "SET_VAR": ":=", "AND_AND_SYM": "&&", "OR_OR_SYM": "||", "OR2_SYM": "||",
    "MYSQL_CONCAT_SYM": "||", "NOT2_SYM": "NOT", "JSON_SEPARATOR_SYM": "->", "JSON_UNQUOTED_SEPARATOR_SYM": "->>",
    "WITH_CUBE_SYM": "WITH CUBE", "WITH_ROLLUP_SYM": "WITH ROLLUP", "WITH_SYSTEM_SYM": "WITH SYSTEM", "FOR_SYSTEM_TIME_SYM":
    "FOR SYSTEM_TIME", "VALUES_IN_SYM": "VALUES IN", "VALUES_LESS_SYM": "VALUES LESS", "CURRENT_USER": "CURRENT_USER",
    "FOR_SYM": "FOR", "DOT_DOT_SYM": "..", "NEG": "-", "CUME_DIST_SYM": "CUME_DIST", "LEFT_PAREN_ALT": "(", "LEFT_PAREN_WITH": "(",
    "LEFT_PAREN_LIKE": "(", "CONDITIONLESS_JOIN": "", "SUBQUERY_AS_EXPR": "", "EMPTY_FROM_CLAUSE": "", "ORACLE_CONCAT_SYM": "||",
    "VARCHAR": "VARCHAR", "DIV_SYM": "DIV", "MOD_SYM": "MOD", "CHARSET": "CHARSET", "XOR": "XOR", "NVARCHAR_SYM": "NVARCHAR",
    "CHAR_SYM": "CHAR", "INT_SYM": "INT", "REAL_SYM": "REAL", "BYTE_SYM": "BYTE", "TEXT_SYM": "TEXT", "YEAR_SYM": "YEAR",
    "DATABASE": "DATABASE", "DATABASES": "DATABASES", "COMMAND_SYM": "COMMAND", "PRECISION": "PRECISION", "FUNC_ARG0": "x",
    "CURDATE": "CURDATE", "CURTIME": "CURTIME", "NOW_SYM": "NOW", "GROUP_CONCAT_SYM": "GROUP_CONCAT",
}
# What stands for a rule wherever another rule is at hand: names and queries of another's, so that each place in which
# one may stand is asked for. A rule that a file does not have does no harm.
NAMED = {"table_ident": "ware.stock", "table_ident_nodb": "stock", "expr": "(SELECT MAX(id) FROM crm.notes)",
         "query_specification": "SELECT id FROM ware.items", "opt_from_clause": "FROM ware.stock", "from_clause": "FROM ware.stock",
         "opt_table_expression": "FROM ware.stock", "subselect": "SELECT id FROM crm.contacts"}
# Statements whose privileges are looked at before all else, or that are never run.
COSTLY = {"KILL": 9, "EXECUTE": 9, "PREPARE": 9, "SIGNAL": 9, "RESIGNAL": 9, "CHANGE": 9, "PURGE": 9, "GET": 9, "PARSE_VCOL_EXPR": 99}
# Never, or only to other ends than statements of a client.
WITHOUT = {"ABORT_SYM", "GRAMMAR_SELECTOR_EXPR", "GRAMMAR_SELECTOR_GCOL", "GRAMMAR_SELECTOR_PART", "GRAMMAR_SELECTOR_CTE",
           "GRAMMAR_SELECTOR_DERIVED_EXPR", "SHUTDOWN", "RESTART_SYM", "error", "PARAM_MARKER"}
MOST = 120  # tokens of a statement


def tokens(text):
    """Without comments and what is in braces."""
    at = 0
    while match := TOKENS.search(text, at):
        at = match.end()
        word = match.group()
        if word.startswith(("/*", "//")):
            continue
        if word in ("{", "%{"):
            at = behind_braces(text, at)
            continue
        yield word


def behind_braces(text, at):
    depth = 1
    inside = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+' | [{}] | %\}""", re.X | re.S)
    while depth and (match := inside.search(text, at)):
        at = match.end()
        depth += {"{": 1, "}": -1, "%}": -1}.get(match.group(), 0)
    return at


def rules(text):
    """name -> alternatives, each a tuple of symbols; and the name that all starts with."""
    text = re.sub(r"%ifdef\s+ORACLE.*?%(?:endif|else)", "", text, flags=re.S)
    text = re.sub(r"^%(?:ifdef|endif|else|ifndef)[^\n]*$", "", text, flags=re.M)
    body = re.split(r"^%%[^\n]*$", text, flags=re.M)[1]
    found, name, one, skip = collections.OrderedDict(), None, [], 0
    words = list(tokens(body)) + [";"]
    for at, word in enumerate(words):
        if skip:
            skip -= 1
        elif word in ("%prec", "%dprec", "%merge"):
            skip = 1
        elif word.startswith(("%", "<", "[")):
            pass
        elif at + 1 < len(words) and words[at + 1] == ":" and re.match(r"[A-Za-z_]", word):
            if name is not None and words[at - 1] != ";":
                found[name].append(tuple(one))
            name, one = word, []
            found.setdefault(name, [])
        elif word == ":":
            one = []
        elif word in ("|", ";"):
            if name is not None:
                found[name].append(tuple(one))
            one = []
            if word == ";":
                name = None
        elif name is not None:
            one.append(word)
    return found, next(iter(found))


def spelling(symbol, known):
    """The text of a terminal; None where nobody knows it."""
    if symbol in WITHOUT:
        return None
    if symbol in LITERAL:
        return LITERAL[symbol]
    if symbol[0] == "'":
        return symbol[1:-1].replace("\\\\", "\\")
    if symbol[0] == '"':
        return symbol[1:-1]
    for word in (symbol, re.sub(r"_(SYM|TK|SQL|VALUE_SYM|MARIADB_SYM|ORACLE_SYM|SYSTEM)$", "", symbol),
                 re.sub(r"_SYM(_.*)?$", "", symbol)):
        if word.upper() in known:
            return word
    return None


def cost(texts):
    return sum(COSTLY.get(one, 1) for one in texts)


class Walk:
    def __init__(self, text):
        self.rules, self.start = rules(text)
        with open(WORDS, encoding="utf-8") as file:
            known = {match.upper() for match in re.findall(r'^KEYWORD\([A-Z0-9_]+, "([^"]+)"', file.read(), re.M)}
        self.spelt = {symbol: spelling(symbol, known) for alternatives in self.rules.values() for one in alternatives
                      for symbol in one if symbol not in self.rules}
        self.shortest = {}  # nonterminal -> list of texts
        self._expand()
        self.around = {}  # nonterminal -> (texts before, texts behind)
        self._surround()

    def texts(self, symbol):
        if symbol in NAMED and symbol in self.rules:
            return [NAMED[symbol]]
        if symbol in self.rules:
            return self.shortest.get(symbol)
        text = self.spelt[symbol]
        return None if text is None else [text] if text else []

    def of(self, symbols):
        found = []
        for symbol in symbols:
            texts = self.texts(symbol)
            if texts is None:
                return None
            found += texts
        return found

    def _expand(self):
        changed = True
        while changed:
            changed = False
            for name, alternatives in self.rules.items():
                for one in alternatives:
                    texts = self.of(one)
                    if texts is not None and (name not in self.shortest or cost(texts) < cost(self.shortest[name])):
                        self.shortest[name], changed = texts, True

    def _surround(self):
        """The shortest statement around each rule."""
        queue, number = [(0, 0, self.start, [], [])], 0
        while queue:
            _, _, name, before, behind = heapq.heappop(queue)
            if name in self.around:
                continue
            self.around[name] = (before, behind)
            for one in self.rules[name]:
                for at, symbol in enumerate(one):
                    if symbol not in self.rules or symbol in self.around:
                        continue
                    first, last = self.of(one[:at]), self.of(one[at + 1:])
                    if first is None or last is None:
                        continue
                    number += 1
                    heapq.heappush(queue, (cost(before + first + last + behind), number, symbol, before + first, last + behind))

    def statements(self):
        """(rule, text), one for each alternative; and how many could not be made."""
        seen, self.left_out = set(), 0
        for name, alternatives in self.rules.items():
            for one in alternatives:
                texts = self.of(one) if name in self.around else None
                if texts is None or len(texts) > MOST:
                    self.left_out += 1
                    continue
                before, behind = self.around[name]
                text = joined(before + texts + behind)
                if text and text not in seen:
                    seen.add(text)
                    yield name, text


def joined(texts):
    """No blank where one would make another token: before a bracket, around a dot and behind @."""
    text = ""
    for one in texts:
        glue = one in ("(", ".", ")") or not text or text[-1] in ".@(" or (one == "@" and text[-1] == "@")
        text += one if glue else " " + one
    return text.strip()


def of_file(path, dialect, seed, count):
    """As a corpus of the oracle: (sql_mode, Statement)."""
    with open(path, encoding="utf-8", errors="replace") as file:
        walk = Walk(file.read())
    for name, text in walk.statements():
        yield "", Statement(text.encode(), name, True)


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8", errors="replace") as source:
        walked = Walk(source.read())
    made = 0
    for rule, statement in walked.statements():
        print(f"{rule}\t{statement}")
        made += 1
    print(f"{made} statements; {walked.left_out} alternatives of {sum(map(len, walked.rules.values()))} left out; words not known:"
          f" {sorted(symbol for symbol, text in walked.spelt.items() if text is None)}", file=sys.stderr)
