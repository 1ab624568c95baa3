"""What the short form of the tests leaves out. SILOGATE_FORM says how much runs:

short   (`make test`) a test that exists for both kinds of server runs on one of them; what is marked `long` does not
        run, a test or one of its cases (pytest.param), and of what is marked `long(short=3)` three cases run
other   (`make asan-short`) the same, each test on the other kind of server
rest    (`make test-rest`) what the short form leaves out
all     (`make test-all`) all

Where the servers differ by themselves (how they read SQL, what a session has, how an answer ends), and where a test asks
for one kind by itself, the short form runs both. SILOGATE_LONG=1 (the targets of single parts, as `make moves`) means all,
and makes single tests longer. A test that is named with its parameters always runs.
"""
import collections
import os
import zlib

KINDS = ("mariadb", "mysql")
LONG = bool(os.environ.get("SILOGATE_LONG"))
FORM = "all" if LONG else os.environ.get("SILOGATE_FORM", "short")

# Files about what the two kinds of server do differently.
BOTH = {f"test_{name}.py" for name in (
    "answer_ends", "assigned", "belief", "blocking", "bypass", "command_ends", "crossings", "database",
    "executes", "folding", "grants_end", "hostile_names", "left_behind", "log_mode", "long_data", "move_golden", "names",
    "one_of_several", "other_ways", "transactions", "xa")}


def _kind_and_name(item):
    """The kind of server that an item is for, and the item's name without it; None where it is for no single one."""
    head, _, inside = item.nodeid.partition("[")
    parts = inside.rstrip("]").split("-")
    kinds = [kind for kind in KINDS if parts.count(kind) == 1]
    if len(kinds) != 1:
        return None, item.nodeid
    return kinds[0], head + "[" + "-".join("*" if part == kinds[0] else part for part in parts)


def _asks_for_a_kind(item):
    """It skips by itself what one kind of server does not have."""
    names = item.function.__code__.co_names
    return "pytest" in names and "skip" in names


def _on_one_kind(items, turn):
    kinds = collections.defaultdict(set)
    for item in items:
        kind, name = _kind_and_name(item)
        kinds[name].add(kind)
    for item in items:
        kind, name = _kind_and_name(item)
        if kinds[name] != set(KINDS) or item.path.name in BOTH or _asks_for_a_kind(item) or \
                kind == KINDS[(zlib.crc32(name.encode()) + turn) % len(KINDS)]:
            yield item


def _without_long(items):
    cases = collections.defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("long")
        if not mark or mark.kwargs:
            cases[item.path, item.function].append(item)
    for of_one in cases.values():
        mark = of_one[0].get_closest_marker("long")
        count = min(len(of_one), mark.kwargs["short"] if mark else len(of_one))
        yield from (of_one[number * len(of_one) // count] for number in range(count))


def select(items):
    """The items of this form, and those that it leaves out."""
    short = set(_without_long(_on_one_kind(items, FORM == "other")))
    kept = {"all": set(items), "rest": set(items) - short, "short": short, "other": short}[FORM]
    return [item for item in items if item in kept], [item for item in items if item not in kept]
