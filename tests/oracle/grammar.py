"""Random expressions, table references and query expressions of both dialects, as tokens for
render.Style. Every rowset has the columns id, a, b, s, so that whatever is combined fits together;
names are chosen so that the statements are accepted whichever way they are read, which is what a
shadowing test needs: the server says which way it was."""

from fixture import CURRENT, FUNCTIONS, PARTED, SEQUENCES, TABLES, VIEWS
from render import GLUE, Name, Raw

COLUMNS = ("id", "a", "b", "s")
ALIASES = ["t", "u", "o", "x", "d", "users", "stock", "orders", "al1", "log", "contacts", "Users",
           "date", "select", "my alias", "v_users", "ware", "shop"]
CTE_NAMES = ["c", "cte", "users", "orders", "USERS", "items", "v_users", "log", "tree", "value", "Cte"]

# name: how many arguments; names that the lexer knows as functions only without a blank are in TIGHT.
PLAIN = {"abs": 1, "ceiling": 1, "concat": 3, "concat_ws": 3, "length": 1, "lower": 1, "ltrim": 1,
         "nullif": 2, "ifnull": 2, "greatest": 2, "least": 3, "round": 1, "sign": 1, "sqrt": 1,
         "hex": 1, "unhex": 1, "md5": 1, "sha1": 1, "reverse": 1, "strcmp": 2, "rpad": 3, "pow": 2,
         "from_days": 1, "isnull": 1, "locate": 2, "lcase": 1, "elt": 3, "field": 3, "bin": 1,
         "conv": 3, "crc32": 1, "json_valid": 1, "json_array": 2,
         "inet_aton": 1, "last_insert_id": 0, "connection_id": 0, "found_rows": 0, "pi": 0,
         "rand": 0, "uuid": 0, "version": 0, "sleep": 0, "to_base64": 1, "space": 1, "soundex": 1,
         "substring_index": 3, "date_format": 2, "datediff": 2, "dayname": 1, "makedate": 2,
         "quote": 1, "instr": 2, "ord": 1, "interval": 2, "coalesce": 2, "if": 3, "left": 2,
         "right": 2, "repeat": 2, "replace": 3, "insert": 4, "mod": 2, "truncate": 2, "char": 2,
         "ascii": 1, "format": 2, "date": 1, "time": 1, "year": 1, "month": 1, "day": 1, "hour": 1,
         "minute": 1, "second": 1, "quarter": 1, "week": 1, "timestamp": 1, "database": 0,
         "schema": 0, "user": 0, "row_count": 0, "charset": 1, "collation": 1, "reverse ": 1,
         "current_user": 0, "utc_date": 0, "utc_timestamp": 0, "localtime": 0, "localtimestamp": 0,
         "current_date": 0, "curtime": 0, "now": 0, "curdate": 0, "sysdate": 0, "substr": 2,
         "substring": 3, "mid": 3, "session_user": 0, "system_user": 0, "weight_string": 1,
         "find_in_set": 2, "make_set": 2, "oct": 1, "log": 1}
del PLAIN["sleep"], PLAIN["reverse "]
AGGREGATES = ("count", "max", "min", "sum", "avg", "std", "bit_or", "bit_and", "variance", "stddev_pop")
WINDOW = ("row_number", "rank", "dense_rank", "ntile", "lag", "lead", "first_value", "sum", "count")


class Grammar:
    def __init__(self, rng, dialect, mode):
        self.rng, self.dialect, self.mode = rng, dialect, mode
        self.mysql, self.mariadb = dialect == "mysql", dialect == "mariadb"
        self.budget = 0
        self.aliases = 0
        self.with_allowed = True

    # ---- names

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *choices):
        return self.rng.choice(choices)

    def places(self):
        """A base table, (schema, name); most in the current database or its neighbours."""
        schema = self.rng.choices(list(TABLES), (50, 22, 18, 5, 5))[0]
        return schema, self.rng.choice(TABLES[schema])

    def name(self, schema, name, qualify=0.35):
        """shop.users, or users where it stands in the current database."""
        if schema == CURRENT and not self.chance(qualify):
            if name[0].isdigit() or self.chance(0.01) and self.mariadb and "MSSQL" not in self.mode:
                return [".", GLUE, Name(name)]
            return [Name(name)]
        return [Name(schema), ".", Name(name)]

    def table(self):
        """Any table-like thing that can be read."""
        roll = self.rng.random()
        if roll < 0.08:
            schema, name, _ = self.rng.choice(VIEWS)
        elif roll < 0.1:
            schema, name = self.rng.choice(PARTED)
        elif roll < 0.105:
            return [Name("information_schema"), ".", Name(self.pick("schemata", "COLLATIONS"))]
        else:
            schema, name = self.places()
        return self.name(schema, name)

    def base(self):
        return self.name(*self.places())

    def alias(self, used):
        self.aliases += 1
        for _ in range(3):
            name = self.rng.choice(ALIASES)
            if name.lower() not in used:
                used.add(name.lower())
                return Name(name)
        name = f"n{self.aliases}"
        used.add(name)
        return Name(name)

    def function(self):
        schema, name = self.rng.choice(FUNCTIONS)
        call = self.name(schema, name) if name not in ("count", "left", "abs", "now") else \
            [Name(schema), ".", Name(name)]
        if schema == CURRENT and name == "count" and self.chance(0.1) and "IGNORE_SPACE" not in self.mode \
                and "ANSI" not in self.mode and self.mode not in ("MSSQL", "ORACLE"):
            return [Raw("count "), "("]  # with a blank it is no longer the aggregate
        return [call, self.pick(GLUE, ""), "("]

    # ---- expressions

    def literal(self):
        rng = self.rng
        escapes = "NO_BACKSLASH" not in self.mode
        texts = ["'x'", "''", "'it''s'", "'a\"b'", "'`'", "'/* x */'", "'-- '", "'#'", "';'",
                 "N'n'", "n'n'", "_utf8mb4'u'", "_latin1'l'", "x'41'", "X'4142'", "b'101'", "0x41",
                 "0b11", "'a' 'b'", "'from ware.users'"]
        texts += ["'\\''", "'\\\\'", "'a\\n'", "'%\\_'"] if escapes else ["'\\'", "'a\\'"]
        if "ANSI" not in self.mode and self.mode not in ("MSSQL", "ORACLE"):
            texts += ['"x"', '"it\'s"', '"a""b"', '"\\"' + ('"' if escapes else "")]
        if rng.random() < 0.55:
            return Raw(rng.choice(("0", "1", "2", "10", "-1", "1.5", "1e3", ".5", "1.", "NULL", "TRUE",
                                   "false", "1E-2", "007", "18446744073709551615")))
        return Raw(rng.choice(texts))

    def column(self, scope):
        """scope: [(alias, qualifiable by, local)], innermost last."""
        if not scope:
            return self.literal()
        alias, before, _ = self.rng.choice(scope[-4:] if self.chance(0.7) else scope)
        return [before, alias, ".", Name(self.rng.choice(COLUMNS))]

    def arguments(self, scope, depth, count, flags=()):
        out = []
        for at in range(count):
            out += [","] if at else []
            out.append(self.expression(scope, depth - 1, flags))
        return out

    def expression(self, scope, depth, flags=()):
        if depth <= 0 or self.budget <= 0:
            return self.column(scope) if self.chance(0.7) else self.literal()
        self.budget -= 1
        make = self.rng.choices(self.MAKERS, self.WEIGHTS)[0]
        return make(self, scope, depth, flags)

    def atom(self, scope, depth, flags):
        return self.column(scope) if self.chance(0.7) else self.literal()

    def binary(self, scope, depth, flags):
        sign = self.pick("+", "-", "*", "/", "=", "<", ">", "<=", ">=", "<>", "!=", "<=>", "AND", "OR",
                         "XOR", "DIV", "MOD", "%", "&", "|", "^", "<<", ">>", "LIKE", "NOT LIKE",
                         "REGEXP", "&&", "RLIKE", "SOUNDS LIKE")
        if "PIPES" in self.mode or "ANSI" in self.mode or self.mode in ("ORACLE", "MSSQL"):
            sign = "||" if self.chance(0.1) else sign
        elif self.chance(0.05):
            sign = "||"
        return ["(", self.expression(scope, depth - 1, flags), sign,
                self.expression(scope, depth - 1, flags), ")"]

    def unary(self, scope, depth, flags):
        return self.pick(["NOT", "("], ["! ("], ["- ("], ["~ ("], ["BINARY", "("], ["+ ("], ["("]) + [
            self.expression(scope, depth - 1, flags), ")"]

    def suffix(self, scope, depth, flags):
        one = self.expression(scope, depth - 1, flags)
        return ["("] + self.pick(
            ["(", one, ")", self.pick("IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT FALSE", "IS UNKNOWN")],
            ["(", one, ")", self.pick("BETWEEN", "NOT BETWEEN"), self.column(scope), "AND", self.literal()],
            ["(", one, ")", self.pick("IN", "NOT IN"), "(", self.arguments(scope, depth, 3, flags), ")"],
            ["(", one, ")", "LIKE", Raw("'a%'"), "ESCAPE", Raw("'|'")],
            ["(", self.column(scope), ",", one, ")", self.pick("=", "<>"), "(", self.literal(), ",",
             self.column(scope), ")"]) + [")"]

    def builtin(self, scope, depth, flags):
        name, count = self.rng.choice(list(PLAIN.items()))
        if name == "interval":
            return ["interval", "(", self.arguments(scope, depth, 3, flags), ")"]
        return [name, GLUE, "(", self.arguments(scope, depth, count, flags), ")"]

    def special(self, scope, depth, flags):
        one = self.expression(scope, depth - 1, flags)
        unit = self.pick("DAY", "HOUR", "YEAR_MONTH", "MICROSECOND", "DAY_SECOND")
        forms = [
            ["CAST", GLUE, "(", one, "AS", self.pick("CHAR", "SIGNED", "UNSIGNED INTEGER", "DATE", "DECIMAL"), ")"],
            ["CONVERT", "(", one, "USING", "utf8mb4", ")"],
            ["CONVERT", "(", one, ",", self.pick("CHAR", "SIGNED"), ")"],
            ["EXTRACT", GLUE, "(", unit, "FROM", one, ")"],
            ["TRIM", GLUE, "(", self.pick("BOTH", "LEADING", "TRAILING"), self.literal(), "FROM", one, ")"],
            ["SUBSTRING", GLUE, "(", one, "FROM", "2", self.pick([], ["FOR", "1"]), ")"],
            ["POSITION", GLUE, "(", "(", self.column(scope), ")", "IN", one, ")"],
            ["DATE_ADD", GLUE, "(", one, ",", "INTERVAL", self.literal(), unit, ")"],
            ["(", one, self.pick("+", "-"), "INTERVAL", "1", unit, ")"],
            ["TIMESTAMPADD", GLUE, "(", self.pick("DAY", "WEEK"), ",", "1", ",", one, ")"],
            ["CASE", one, "WHEN", self.literal(), "THEN", self.column(scope), "ELSE", self.literal(), "END"],
            ["CASE", "WHEN", one, "THEN", self.column(scope), "END"],
            ["{", self.pick("d", "D"), Raw("'2020-01-01'"), "}"],
            ["{", "fn", "CONCAT", GLUE, "(", one, ")", "}"],
            ["DATE", Raw("'2020-01-01'")], ["TIMESTAMP", Raw("'2020-01-01 00:00:00'")],
            ["GET_FORMAT", "(", "DATE", ",", Raw("'USA'"), ")"],
            [Raw(self.pick("@x", "@`x y`", "@'q'", "@x.y", "@@sql_mode", "@@session.sql_mode", "@@GLOBAL.sql_mode",
                           "@@version", "@", "@$"))],
            ["(", Raw("@x"), ":=", one, ")"],
            ["CURRENT_TIMESTAMP"], ["CURRENT_USER"], ["UTC_TIME"], ["(", "ROW", "(", one, ",", "1", ")", "=", "(", "1", ",", "2", ")", ")"],
            ["JSON_VALUE", "(", Raw("'{}'"), ",", Raw("'$.a'"), ")"],
            ["JSON_EXTRACT", "(", Raw("'[1]'"), ",", Raw("'$[0]'"), ")"], ["JSON_OBJECT", "(", Raw("'k'"), ",", one, ")"],
            ["IF", "(", "JSON_CONTAINS", "(", Raw("'{}'"), ",", Raw("'1'"), ")", ",", one, ",", "1", ")"], ["CHAR", "(", "65", "USING", "utf8mb4", ")"],
        ]
        return self.rng.choice(forms)

    def aggregate(self, scope, depth, flags):
        local = [entry for entry in scope if entry[2]]
        if "agg" not in flags or not local:
            return self.builtin(scope, depth, flags)
        inner = self.column(local)
        if self.chance(0.15):
            return ["GROUP_CONCAT", GLUE, "(", self.pick("", "DISTINCT"), inner, "ORDER BY", self.column(local),
                    self.pick("", "DESC"), self.pick([], ["SEPARATOR", Raw("';'")]), ")"]
        if self.chance(0.15):
            return ["COUNT", GLUE, "(", self.pick("*", ["DISTINCT", inner]), ")"]
        return [self.rng.choice(AGGREGATES), GLUE, "(", inner, ")"]

    def window(self, scope, depth, flags):
        local = [entry for entry in scope if entry[2]]
        if "window" not in flags or not local:
            return self.suffix(scope, depth, flags)
        name = self.rng.choice(WINDOW)
        inside = {"ntile": "2"}.get(name, [] if name in ("row_number", "rank", "dense_rank") else self.column(local))
        frame = self.pick([], [], ["ROWS UNBOUNDED PRECEDING"], ["RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"]) \
            if name in ("sum", "count", "first_value") else []
        return [name, GLUE, "(", inside, ")", "OVER", "(", self.pick([], ["PARTITION BY", self.column(local)]),
                "ORDER BY", self.column(local), frame, ")"]

    def subquery(self, scope, depth, flags):
        if self.budget < 4:
            return self.column(scope)
        kind = self.rng.randrange(6)
        if kind == 0:
            return [self.pick("EXISTS", "NOT EXISTS"), "(", self.query(scope, depth - 1, "any"), ")"]
        if kind == 1:
            return ["(", self.column(scope), self.pick("IN", "NOT IN"), "(", self.query(scope, depth - 1, "in"), ")", ")"]
        if kind == 2:
            return ["(", self.column(scope), self.pick("=", ">", "<>"), self.pick("ANY", "ALL", "SOME"), "(",
                    self.query(scope, depth - 1, "in"), ")", ")"]
        if kind == 3 and self.chance(0.2):
            return ["{", self.pick("x", "fn", "any"), "(", self.query(scope, depth - 1, "one"), ")", "}"]
        if kind == 4 and self.chance(0.3):
            return ["(", "(", self.query(scope, depth - 1, "one"), ")", ")"]
        return ["(", self.query(scope, depth - 1, "one"), ")"]

    def stored(self, scope, depth, flags):
        if self.chance(0.15) and self.mariadb:
            schema, name = self.rng.choice(SEQUENCES)
            seq = self.name(schema, name)
            return self.pick(["NEXTVAL", GLUE, "(", seq, ")"], ["LASTVAL", GLUE, "(", seq, ")"], ["NEXT VALUE FOR", seq],
                             ["PREVIOUS VALUE FOR", seq], ["SETVAL", GLUE, "(", seq, ",", "5", ")"])
        if self.chance(0.5):
            return [self.function(), self.arguments(scope, depth, 1, flags), ")"]
        return self.atom(scope, depth, flags)

    MAKERS = (atom, binary, unary, suffix, builtin, special, aggregate, window, subquery, stored)
    WEIGHTS = (18, 22, 4, 8, 12, 12, 5, 3, 12, 5)

    # ---- table references

    def references(self, depth, ctes, outer):
        """FROM's list: (tokens, scope entries)."""
        used, entries = set(), []
        count = self.rng.choices((1, 2, 3, 4), (55, 30, 11, 4))[0] if self.budget > 3 else 1
        out = self.joined(depth, ctes, outer, used, entries, count)
        if self.chance(0.01):
            out += [self.only_elsewhere(used)]
        return out, entries

    def only_elsewhere(self, used):
        """A table that only some servers see."""
        alias, table = self.alias(used), self.base()
        style = self.pick("/*!50701 ,", "/*!80013 ,", "/*M! ,", "/*!100100 ,", "/*!99999 ,", "/*!101200 ,", "/*!90000 ,",
                          "/*!090800 ,", "/*!090701 ,")
        return [Raw(style + " "), table, "AS", alias, Raw("*/")]

    def joined(self, depth, ctes, outer, used, entries, count, before=()):
        left, here = self.factor(depth, ctes, outer, used, before)
        if here:
            entries += here
        good = list(here)
        for _ in range(count - 1):
            kind = self.rng.randrange(10)
            right, more = self.factor(depth, ctes, outer, used, entries)
            if kind < 3:
                left = [left, ",", right]
                good = []
            elif kind < 7:
                join = self.pick("JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT OUTER JOIN", "STRAIGHT_JOIN",
                                 "LEFT OUTER JOIN", "RIGHT JOIN", "CROSS JOIN")
                good += more
                inside = outer + good
                left = [left, join, right, "ON", self.expression(inside, min(depth, 2))]
            elif kind == 7 and more and good and len(good) == 1:
                left = [left, self.pick("JOIN", "LEFT JOIN", "INNER JOIN"), right, "USING", "(", Name("id"), ")"]
                good += more
            elif kind == 8 and more and len(good) == 1:
                left = [left, self.pick("NATURAL JOIN", "NATURAL LEFT JOIN", "NATURAL RIGHT OUTER JOIN"), right]
                good += more
            else:
                left = [left, self.pick("JOIN", "CROSS JOIN", "INNER JOIN"), right]
                good += more
            entries += more
        return [left]

    def factor(self, depth, ctes, outer, used, before=()):
        roll = self.rng.random()
        self.budget -= 1
        if depth > 0 and self.budget > 3:
            if roll < 0.12:
                alias = self.alias(used)
                return ["(", self.query([], depth - 1, "rowset", ctes), ")", self.pick("AS", ""), alias], [(alias, [], True)]
            if roll < 0.15 and self.mysql:
                alias = self.alias(used)
                return ["LATERAL", "(", self.query(outer + list(before), depth - 1, "rowset", ctes), ")", "AS", alias], [(alias, [], True)]
            if roll < 0.19:
                inner = []
                tree = self.joined(depth - 1, ctes, outer, used, inner, 2)
                return ["(", tree, ")"], inner
            if roll < 0.2 and self.mysql:
                alias = self.alias(used)
                return ["(", "VALUES ROW", "(", "1", ",", self.expression([], 2), ",", "3", ",", "4", ")", ")", "AS", alias,
                        "(", "id", ",", "a", ",", "b", ",", "s", ")"], [(alias, [], True)]
            if roll < 0.21:
                inner = []
                left, here = self.factor(0, ctes, outer, used)
                right, more = self.factor(depth - 1, ctes, outer, used)
                inner = here + more
                return ["{", "OJ", left, "LEFT OUTER JOIN", right, "ON", self.expression(outer + inner, 1), "}"], inner
            if roll < 0.23:
                alias = self.alias(used)
                document = Raw("'[1]'") if self.mariadb or not before else self.pick(Raw("'[1]'"), self.column(list(before)))
                return ["JSON_TABLE", GLUE, "(", document, ",", Raw("'$[*]'"), "COLUMNS", "(", Name("id"), "FOR ORDINALITY", ",",
                        Name("a"), "INT", "PATH", Raw("'$'"), ",", Name("b"), "INT", "PATH", Raw("'$'"), "DEFAULT", Raw("'1'"),
                        "ON EMPTY", ",", Name("s"), "VARCHAR", "(", "10", ")", "PATH", Raw("'$'"), ")", ")", "AS", alias], \
                    [(alias, [], True)]
        if roll > 0.985 and self.mariadb:
            table, entries = self.simple(ctes, used)
            return ["{", "any", table, "}"], entries
        return self.simple(ctes, used)

    def simple(self, ctes, used):
        if ctes and self.chance(0.5):
            name = self.rng.choice(ctes)
            if self.chance(0.15):
                name = name.swapcase() if self.mariadb else name
            alias = self.alias(used)
            return [Name(name), self.pick("AS", ""), alias], [(alias, [], True)]
        if self.chance(0.01):
            used.add("dual")
            return ["(", "SELECT 1 FROM DUAL", ")", self.alias(used)], []
        table = self.table()
        if len(table) == 3 and table[0] == "information_schema":
            return [table, self.alias(used)], []
        part = []
        if table[-1] == "parted" and self.chance(0.5):
            part = ["PARTITION", "(", Name("p0"), self.pick([], [",", Name("p1")]), ")"]
        if self.chance(0.3) and str(table[-1]).lower() not in used and table[0] != ".":
            used.add(str(table[-1]).lower())
            before = [table[0], "."] if len(table) == 3 and self.chance(0.5) else []
            return [table, part, self.hints(table)], [(Name(table[-1]), before, True)]
        alias = self.alias(used)
        return [table, part, self.pick("AS", ""), alias, self.hints(table)], [(alias, [], True)]

    def hints(self, table):
        if table[-1] in ("v_users", "v_stock", "v_contacts", "parted", "orders") or self.chance(0.93):
            return []
        verb = self.pick("USE INDEX", "FORCE INDEX", "IGNORE KEY", "USE INDEX FOR JOIN", "IGNORE INDEX FOR ORDER BY")
        return [verb, "(", self.pick(Name("ia"), ["PRIMARY"]), ")"]

    # ---- query expressions

    def query(self, scope, depth, want, ctes=(), top=False):
        """want: 'rowset' (columns id, a, b, s), 'one' (a scalar), 'in' (one column, no LIMIT), 'any'."""
        ctes = list(ctes)
        self.budget -= 2
        scope = [(alias, before, False) for alias, before, _ in scope]
        before = []
        if depth > 0 and self.budget > 4 and self.with_allowed and self.chance(0.2 if top else 0.12):
            before, ctes = self.with_clause(depth, ctes)
        body = self.body(scope, depth, want, ctes, top)
        if want != "in" and self.chance(0.12) and want != "one":
            body += ["ORDER BY", "1", self.pick("", "ASC", "DESC")]
        if want == "one" or want == "any" and self.chance(0.1):
            body += ["LIMIT", "1"]
        elif want != "in" and self.chance(0.1):
            body += self.pick(["LIMIT", "3"], ["LIMIT", "1", ",", "2"], ["LIMIT", "2", "OFFSET", "1"])
        return before + body

    def with_clause(self, depth, ctes):
        names, out = list(ctes), ["WITH"]
        recursive = self.chance(0.3)
        if recursive:
            out.append("RECURSIVE")
        fresh = []
        for at in range(self.pick(1, 1, 2)):
            name = self.rng.choice(CTE_NAMES)
            if name.lower() in [n.lower() for n in fresh]:
                continue
            out += [","] if at else []
            if recursive and self.chance(0.6):
                body = ["SELECT 1 ,", "2 ,", "3 ,", Raw("'x'"), self.pick("UNION ALL", "UNION"), "SELECT", Name("r"), ".", Name("id"),
                        "+ 1 ,", Name("r"), ".", Name("a"), ",", Name("r"), ".", Name("b"), ",", Name("r"), ".", Name("s"), "FROM",
                        Name(name), "AS", Name("r"), self.pick([], ["JOIN", self.base(), "AS", Name("jt")]), "WHERE", Name("r"), ".",
                        Name("id"), "< 3"]
                columns = True
            else:
                body = self.query([], depth - 1, "rowset", names)
                columns = self.chance(0.4)
            out += [Name(name), ["(", "id", ",", "a", ",", "b", ",", "s", ")"] if columns else [], "AS", "(", body, ")"]
            names.append(name)
            fresh.append(name)
        return out, names

    def body(self, scope, depth, want, ctes, top):
        roll = self.rng.random()
        if roll < 0.06 and depth > 0:
            return ["(", self.query(scope, depth - 1, "in" if want in ("in", "one") else want, ctes), ")"]
        if roll < 0.16 and self.budget > 4 and depth > 0:
            want = "in" if want == "any" else want
            arms = [self.arm(scope, depth, want, ctes)]
            for _ in range(self.pick(1, 1, 2)):
                arms += [self.pick("UNION", "UNION ALL", "UNION DISTINCT", "EXCEPT", "INTERSECT")
                         if self.mode != "ORACLE" else "UNION ALL", self.arm(scope, depth, want, ctes)]
            return arms
        if want == "rowset" and roll < 0.18 and self.mysql:
            return ["TABLE", self.base()]
        return self.specification(scope, depth, want, ctes, top)

    def arm(self, scope, depth, want, ctes):
        self.budget -= 2
        if want == "rowset" and self.chance(0.06):
            rows = ["(", "1", ",", self.expression([], 2), ",", "3", ",", Raw("'v'"), ")"]
            # an arm of VALUES takes the names of the first arm; alone it would have none
            one = ["VALUES", "ROW" if self.mysql else "", rows]
            return ["(", "SELECT 1 AS id , 2 AS a , 3 AS b ,", Raw("'s'"), "AS s", ")", "UNION ALL", one]
        if self.mysql and depth > 0 and self.budget > 6 and self.chance(0.1):
            before, seen = self.with_clause(depth, [])  # takes the place of the WITH before it
            return ["(", before, self.specification(scope, depth - 1, want, list(ctes) + seen, False), ")"]
        inner = self.specification(scope, depth - 1, want, ctes, False)
        return ["(", inner, ")"] if self.chance(0.3) else inner

    def specification(self, scope, depth, want, ctes, top):
        rng = self.rng
        if self.budget < 0 or self.chance(0.04):
            tail = self.pick([], [], ["FROM", "DUAL"])
            return ["SELECT", self.items([], depth, want, ()), tail]
        references, entries = self.references(depth, ctes, [] if not scope else scope)
        inside = scope + entries
        flags = ("agg",) if self.chance(0.25) else ("window",) if self.chance(0.12) else ()
        hint = [Raw("/*+ " + self.pick("MAX_EXECUTION_TIME(1000)", "NO_MERGE()", "QB_NAME(q)", "SET_VAR(sort_buffer_size=1000000)")
                    + " */")] if self.chance(0.02) and self.mysql else []
        option = self.pick("DISTINCT", "ALL", "STRAIGHT_JOIN", "SQL_SMALL_RESULT", "HIGH_PRIORITY", "SQL_NO_CACHE") \
            if self.chance(0.12) else ""
        if option in ("HIGH_PRIORITY", "SQL_NO_CACHE") and not top:
            option = ""
        out = ["SELECT", hint, option, self.star(entries, want, flags) or self.items(inside, depth, want, flags)]
        if top and want == "any" and self.chance(0.0):
            out += []
        out += ["FROM", references]
        if self.chance(0.6):
            out += ["WHERE", self.expression(inside, depth + 1)]
        if self.chance(0.12) and entries:
            out += ["GROUP BY", self.expression(entries, 1), self.pick("", "", "WITH ROLLUP")]
            if self.chance(0.4):
                out += ["HAVING", self.expression(entries, depth, ("agg",))]
        if self.chance(0.03) and entries:
            out += ["WINDOW", Name("w"), "AS", "(", "PARTITION BY", self.column(entries), ")"]
        return out

    def star(self, entries, want, flags):
        if flags or len(entries) != 1 or want not in ("rowset", "any") or self.chance(0.5):
            return None
        alias, before, _ = entries[0]
        return self.pick(["*"], [alias, ".", "*"], [before, alias, ".", "*"]) if want == "any" else [alias, ".", "*"]

    def items(self, scope, depth, want, flags):
        if want == "rowset":
            out = []
            for column in COLUMNS:
                out += [","] if out else []
                out += [self.expression(scope, depth if self.chance(0.3) else 0, flags), "AS", Name(column)]
            return out
        count = 1 if want in ("one", "in") else self.rng.randint(1, 3)
        out = []
        for at in range(count):
            out += [","] if at else []
            out.append(self.expression(scope, depth + 1, flags))
            if want == "any" and self.chance(0.2):
                out += [self.pick("AS", ""), self.pick(Name("c1"), Name("users"), Raw("'lit'"))]
        return out
