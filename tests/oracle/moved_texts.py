"""What moved.py sends besides the oracle's families: columns behind aliases that a database qualifies, lists of names of
any length, rare places (moved_lines.txt); and the ways in which a text comes to a server."""

import pathlib

from fixture import CURRENT, TABLES
from render import GLUE, Name, Raw

EXTRA = []
LINES = [line for line in pathlib.Path(__file__).with_name("moved_lines.txt").read_text().splitlines() if line[:1] != "#"]
FORMS = ("query", "query", "query", "prepared", "prepared", "named", "first", "last", "stored", "elsewhere", "immediate")
STATEFUL = ("use", "several", "handler_read", "immediate", "not_atomic", "session_only", "diagnostics")


def extra(weight, dialect="both"):
    def add(function):
        EXTRA.append((function, weight, dialect, False))
        return function
    return add


class Tables:
    """Some tables of FROM: (tokens, what a column of each can be called by)."""

    def __init__(self, maker, count):
        self.maker, self.ones = maker, []
        for name in maker.rng.sample(TABLES[CURRENT], count):
            if name == "Users" and any(one[2] == "users" for one in self.ones) or \
                    name == "users" and any(one[2] == "Users" for one in self.ones):
                continue
            alias = Name(maker.pick("al", "Al", "users", "q x") + str(len(self.ones))) if maker.chance(0.5) else None
            written = [Name(name)] if maker.chance(0.5) else [Name(CURRENT), ".", Name(name)]
            self.ones.append(([written, maker.pick("AS", "") if alias else "", alias or []], alias or Name(name), name,
                              bool(alias)))

    def listed(self, between=","):
        out = []
        for one in self.ones:
            out += [between] if out else []
            out.append(one[0])
        return out

    def column(self, one=None, name="id"):
        one = one or self.maker.rng.choice(self.ones)
        return [self.maker.pick([], [Name(CURRENT), "."]), one[1], ".", Name(name) if name != "*" else Raw("*")]

    def condition(self):
        out = [self.column(self.ones[0]), "<", str(self.maker.rng.randint(1, 6))]
        for one in self.ones[1:]:
            out += ["AND", self.column(self.ones[0]), "=", self.column(one)]
        if self.maker.chance(0.3):
            inner = Name(self.maker.pick("inner1", "orders", "users", "al0"))
            out += ["AND", "EXISTS", "(", "SELECT 1 FROM", self.maker.pick([], [Name(CURRENT), "."]), Name("orders"), "AS", inner,
                    "WHERE", self.maker.pick([], [Name(CURRENT), "."]), inner, ".", Name("id"), "=", self.column(self.ones[0]), ")"]
        return out


@extra(60)
def qualified(maker):
    tables = Tables(maker, maker.pick(1, 2, 2, 3))
    kind = maker.rng.randrange(4)
    if kind == 0:
        return ["SELECT", tables.column(name="*"), "FROM", tables.listed(), "WHERE", tables.condition(), "ORDER BY 1"]
    if kind == 1:
        by = tables.column(name="a")
        return ["SELECT", by, ", COUNT", GLUE, "(*)", "FROM", tables.listed(), "WHERE", tables.condition(), "GROUP BY", by,
                "HAVING", by, "> 0", "ORDER BY", by]
    columns = []
    for one in tables.ones:
        columns += [[","] if columns else [], tables.column(one)]
    if kind == 2:
        return ["SELECT", columns, "FROM", tables.listed(maker.pick("JOIN", ",", "CROSS JOIN")), "WHERE", tables.condition(),
                "ORDER BY", tables.column(tables.ones[0])]
    return ["SELECT", "(", "SELECT MAX", GLUE, "(", "m", ".", "a", ")", "FROM", Name("orders"), "AS m WHERE m . id =",
            tables.column(tables.ones[0]), ")", "FROM", tables.listed(), "WHERE", tables.condition(), "ORDER BY 1"]


@extra(40)
def qualified_changes(maker):
    tables = Tables(maker, maker.pick(1, 2, 2))
    one = maker.rng.choice(tables.ones)
    kind = maker.rng.randrange(4)
    if kind == 0:
        return ["UPDATE", tables.listed(), "SET", tables.column(one, "a"), "=", tables.column(one, "a"), "+ 1", "WHERE",
                tables.condition()]
    target = one[1] if one[3] else [maker.pick([], [Name(CURRENT), "."]), one[1]]
    target = [target, maker.pick([], [GLUE, ".", GLUE, "*"])]
    if kind == 1:
        return ["DELETE", target, "FROM", tables.listed(), "WHERE", tables.condition()]
    if kind == 2:
        return ["DELETE FROM", target, "USING", tables.listed("JOIN"), "WHERE", tables.condition()]
    into = Name(maker.pick("items", "orders", "value"))
    column = [maker.pick([], [Name(CURRENT), "."]), into, "."]
    return ["INSERT INTO", maker.pick([], [Name(CURRENT), "."]), into, "(", column, "id ,", column, "a )", "SELECT",
            tables.column(tables.ones[0]), "+ 10 , 1 FROM", tables.listed(), "WHERE", tables.condition(),
            "ON DUPLICATE KEY UPDATE", column, "b =", maker.pick("1", [into, ". a + 1"] if into not in
                                                                 [each[1] for each in tables.ones] else "2")]


@extra(14)
def long_list(maker):
    """More names than are looked at at once, or about as many."""
    names = [[maker.pick([], [Name(CURRENT), "."]), Name(f"no{i}")] for i in range(maker.pick(3, 40, 990, 1000, 1001, 2047, 2500))]
    for name in maker.rng.sample(TABLES[CURRENT], maker.pick(1, 3, 6)):
        names.insert(maker.pick(0, len(names), maker.rng.randrange(len(names))), [maker.pick([], [Name(CURRENT), "."]), Name(name)])
    head, behind = maker.pick(("DROP TABLE IF EXISTS", ""), ("CHECK TABLE", ""), ("CHECKSUM TABLE", ""), ("ANALYZE TABLE", ""),
                              ("DROP VIEW IF EXISTS", ""), ("FLUSH TABLES", ""), ("OPTIMIZE TABLE", ""))
    if maker.chance(0.3):
        names = [[maker.base(), "AS", Name(f"l{i}")] for i in range(maker.pick(2, 300, 1100))]
        head, behind = "LOCK TABLES", maker.pick("READ", "WRITE")
    out = []
    for name in names:
        out += [","] if out else []
        out += [name, behind]
    return [head, out]


@extra(6)
def long_list_of_qualifiers(maker):
    column = [Name(CURRENT), ".", Name("users"), ".", "a"]
    out = []
    for _ in range(maker.pick(10, 400, 1100)):
        out += [","] if out else []
        out += [column]
    return ["SELECT", out, "FROM", Name("users"), "ORDER BY", column]


@extra(10)
def renames(maker):
    """Chains of RENAME, as migrations and online schema changes have them."""
    one, other = maker.rng.sample(TABLES[CURRENT], 2)
    place = maker.pick([], [Name(CURRENT), "."])
    return maker.pick(["RENAME TABLE", place, Name(one), "TO", place, Name("old1")],
                      ["RENAME TABLE", Name(one), "TO", Name("old1"), ",", Name("old1"), "TO", place, Name(one)],
                      ["ALTER TABLE", place, Name(other), "RENAME", maker.pick("", "TO", "AS"), place, Name("old2")],
                      ["RENAME TABLE", Name(one), "TO", Name("crm"), ".", Name("old3")])


@extra(50)
def lines(maker):
    """As they stand: with comments and spaces of their own."""
    other = "MA " if maker.mysql else "MY "
    line = maker.rng.choice([line for line in LINES if not line.startswith(other)])
    return [Raw(line[3:] if line[:3] in ("MY ", "MA ") else line)]


# How a text comes to a server: steps that are each a function of the client.

def query(text):
    return lambda client: client.query(text)


def prepared(text):
    def step(client):
        client.command(b"\x16" + text)
        before = len(client.packets)
        statement, _, parameters = client.prepared()
        del client.packets[before]  # its number is the server's
        client.execute(statement, [None] * parameters)
        client.execute(statement, [None] * parameters)
    return step


def literal(text, mode):
    if mode != "NO_BACKSLASH_ESCAPES":
        text = text.replace(b"\\", b"\\\\")
    return b"'" + text.replace(b"'", b"''") + b"'"


def ways(chooser, statement, kind, mode):
    """(name, steps)"""
    text = statement.text
    form = "query" if statement.family in STATEFUL else chooser.choice(FORMS)
    if statement.family == "prepared":
        return form, [query(text), query(b"EXECUTE st")]
    if form == "prepared":
        return form, [prepared(text)]
    if form == "named":
        return form, [query(b"PREPARE n FROM " + literal(text, mode)), query(b"EXECUTE n"), query(b"EXECUTE n")]
    if form == "first":
        return form, [query(text + b"\n; SELECT 2")]
    if form == "last":
        return form, [query(b"DO 1 ;" + text)]
    if form == "stored" and not statement.family.startswith("create"):
        return form, [query(b"CREATE PROCEDURE shop.pr() " + text), query(b"CALL pr()"), query(b"CALL shop.pr()")]
    if form == "elsewhere":
        return form, [lambda client: client.ok(b"\x02ware"), query(text)]
    if form == "immediate" and kind == "mariadb":
        return form, [query(b"EXECUTE IMMEDIATE " + literal(text, mode))]
    return "query", [query(text)]
