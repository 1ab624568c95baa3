#!/usr/bin/python3
"""The differential oracle: real servers say which objects a statement touches, and silogate must say
the same.

    oracle.py [--dialect mysql|mariadb] [--corpus generated|golden|mariadb-test] [--count N] [--seed N]

For each statement judge.py gets the server's list and explain.py silogate's. What the server objects
to and silogate does not list is missed; what silogate lists and the server, which let the statement
pass, never asked for is a phantom; a statement that the server accepts and silogate does not
understand is undetermined. The exit status is 1 when anything is missed, or a statement of the
generated corpus has a phantom, or more is undetermined than promised."""

import argparse
import collections
import multiprocessing
import os
import re
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus  # noqa: E402
from explain import Explain  # noqa: E402
from fixture import CURRENT, ENTRY, MYISAM, SEQUENCES, TABLES, quoted  # noqa: E402
from judge import DENIALS, Judge, Need  # noqa: E402
from servers import Server  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLASSES = {"SELECT": "read", "REFERENCES": "read", "INSERT": "write", "UPDATE": "write", "DELETE": "write",
           "DELETE HISTORY": "write", "EXECUTE": "execute"}
# Answers that say that the server has not understood the text, or not got as far as privileges.
NOT_ACCEPTED = (1064, 1149, 1295, 1235, 1313, 1314, 1313, 1327, 1308, 1310, 1320)
# Reaches files, other servers or others' transactions, at which the server looks later or not at all.
OUTWARD = re.compile(rb"load_file|engine|connection|default\s+role|\bxa\b", re.I)
SYSTEM_TABLES = ("plugin", "user", "db", "servers", "func", "component", "role_edges")
SHOW_THREADS = re.compile(rb"processlist", re.I)
JSON_TABLE_IN_VIEW = re.compile(rb"view\b.*json_table", re.I | re.S)
# The target of the change is none: which table the server held for it does not count.
NOT_UPDATABLE = (1288, 1348)
# What is only kept, or not run yet.
LATER = re.compile("prepare|create_(procedure|function|trigger|event|package)|alter_event")
# MariaDB looks at the privileges on their first table only.
FIRST_ONLY = ("check_table", "check", "load_index", "load_index_into_cache", "cache_index")
BATCH = 500


class Findings:
    """The figures of a run, and what is to be listed."""

    def __init__(self):
        self.version, self.stopped = "", False
        self.counts = collections.Counter()
        self.listed = {"missed": [], "phantom": [], "undetermined": [], "stray": []}

    def add(self, what, statement, detail):
        self.counts[what] += 1
        self.listed[what].append((statement, detail))

    def join(self, other):
        self.counts.update(other.counts)
        for what, items in other.listed.items():
            self.listed[what] += items


def wanted(need):
    """The accesses of which silogate must list one, for what the server asks."""
    found = set()
    for privilege in need.privilege.split(", "):
        found.add(CLASSES.get(privilege, "define"))
    return found


def confirms(need, facts, dialect):
    """Is the need among the facts, with an access that covers it?"""
    if facts.administration and (need.schema == "mysql" or need.name in SYSTEM_TABLES):
        return True  # an account, a plugin: not named as the table that holds it
    if need.type == "database":
        return any(schema == need.schema for _, schema, _ in facts.objects) or need.schema in facts.temporary
    if need.privilege == "TRIGGER" and ("routine", "define") in [
            (type_, *access) for (type_, schema, _), access in facts.objects.items() if schema == need.schema]:
        return True  # DROP TRIGGER does not name the table
    access = facts.objects.get((need.type, need.schema, need.name))
    if access is None and need.type == "routine":
        access = folded(facts, need)
        if access is None and "." in need.name:  # a package's function
            access = facts.objects.get(("routine", need.schema, need.name.split(".")[0]))
    if access is not None and covers(need, access):
        return True
    if need.privilege == "SELECT WITH LOCKING CLAUSE" and need.name.lower() in ("schemata", "collations"):
        return True  # of information_schema
    behind = need.type == "table" and need.name not in TABLES.get(need.schema, (need.name,))
    if (behind or need.schema == "sys" and need.type == "routine") and any(
            schema == "sys" for _, schema, _ in facts.objects):
        return True  # what a view of sys looks at
    if need.name and len(need.name) > 30 and any(
            name and name.startswith(need.name) for _, _, name in facts.objects):
        return True  # the message cuts long names
    # MariaDB's multi-table DELETE asks for an aliased target under the current database's name.
    return dialect == "mariadb" and need.privilege == "DELETE" and any(
        type_ == "table" and name == need.name and "write" in access
        for (type_, _, name), access in facts.objects.items())


def covers(need, access):
    """The classes of privileges are finer on the server: what is written may also be looked at, and
    what is defined may be both."""
    if "define" in access:
        return True
    parts = need.privilege.split(", ")
    if len(parts) > 1 and "LOCK TABLES" not in parts:
        return all(covers(Need(need.type, need.schema, need.name, part), access) for part in parts)
    want = wanted(need)
    if want == {"read"} or need.privilege in ("ANY", "SHOW", "SHOW VIEW", "CHECK TABLE", "LOCK TABLES", "SELECT, LOCK TABLES"):
        return bool(access)
    if need.privilege == "SELECT WITH LOCKING CLAUSE":
        return bool(access)
    return bool(want & access) or need.privilege == "DROP" and "write" in access


def folded(facts, need):
    return next((access for (type_, schema, name), access in facts.objects.items()
                 if type_ == "routine" and schema == need.schema and name
                 and name.lower() == need.name.lower()), None)


def compare(statement, facts, outcome, dialect, packages, generated, findings):
    """packages: the server has them, in this sql_mode."""
    counts, text = findings.counts, statement.text
    counts["statements"] += 1
    code = outcome.final[0]
    if code in NOT_ACCEPTED and not outcome.needs:
        counts["no verdict"] += 1
        return
    if code == 2013:
        counts["server fell"] += 1
        return
    counts["accepted"] += 1
    if not facts.determined:
        if statement.undetermined:
            counts["by design"] += 1
        elif code == 0 or code in DENIALS:
            findings.add("undetermined", text, facts.why)
        return
    missed = [need for need in outcome.needs if not confirms(need, facts, dialect) and
              not (code in NOT_UPDATABLE and ("table", need.schema, need.name) in facts.objects)]
    if missed and dialect == "mariadb" and JSON_TABLE_IN_VIEW.search(text):
        missed = []  # for its alias in alias.* it asks as for a table of that name
    if missed:
        findings.add("missed", text, f"{missed}; listed: {show(facts)}")
    missed = [need for need in outcome.body if not confirms(need, facts, dialect)]
    if missed:
        findings.add("missed", text, f"{missed} when it runs; listed: {show(facts)}")
    if outcome.body:
        counts["bodies"] += 1
    if generated and outcome.administration and not facts.administration and not facts.objects:
        findings.add("missed", text, f"administration: {outcome.final[1]}")
    if not outcome.whole:
        return
    counts["whole"] += 1
    if statement.stored or any(LATER.match(kind) for kind in facts.kinds):
        return  # bodies are checked by the server only when they run
    asked = {(need.type, need.schema, (need.name or "").lower() if need.type == "routine" else need.name)
             for need in outcome.needs}
    schemas = {need.schema for need in outcome.needs if need.type == "database"}
    touched = {need.schema for need in outcome.needs}
    phantoms = []
    for type_, schema, name in facts.objects:
        key = (type_, schema, (name or "").lower() if type_ == "routine" else name)
        if key in asked or schema in schemas or (schema, name) == (CURRENT, ENTRY):
            continue
        if (schema, name) == ("information_schema", "processlist") and SHOW_THREADS.search(text):
            continue  # an account without PROCESS is shown its own threads, unasked
        if type_ == "routine" and packages and schema == CURRENT and name in TABLES:
            continue  # a.f() may be the function f of a package a of the current database
        access = facts.objects[type_, schema, name]
        if schema in ("sys", "performance_schema"):
            continue  # some of it is open to all
        if access == {"read"} and b"references" in text.lower() and (
                not generated or any(need.name in MYISAM for need in outcome.needs)):
            continue  # an engine that knows no foreign keys
        if facts.kinds[0] in FIRST_ONLY and dialect == "mariadb" and type_ == "table":
            continue  # it asks for the first of the tables alone
        if dialect == "mariadb" and b"with" in text.lower() and (
                type_ == "routine" or (schema, name) in SEQUENCES):
            continue  # it looks at the tables of a CTE that is not used, not always at what else is in it
        if type_ == "database" and (schema == CURRENT or schema in touched):
            continue
        if type_ == "database" and access == {"read"} and facts.kinds[0].startswith("show"):
            continue  # shows less, or nothing, to whom has no privilege
        if type_ == "routine" and access == {"define"} and (b"exists" in text.lower() or any(
                need.privilege == "TRIGGER" and need.schema == schema for need in outcome.needs)):
            continue  # a trigger's privilege is its table's; what does not exist needs none
        if dialect == "mariadb" and b"references" in text.lower() and access == {"read"} and schema in touched:
            continue  # it asks for another table than it takes
        phantoms.append(f"{type_} {schema}.{name}")
    if facts.administration and not OUTWARD.search(text):
        phantoms.append("administration")
    if phantoms:
        findings.add("phantom", text, f"{', '.join(phantoms)}; needed: {outcome.needs}")


def show(facts):
    return ", ".join(f"{'+'.join(sorted(access))} on {type_} {schema}.{name}"
                     for (type_, schema, name), access in facts.objects.items()) or "nothing"


def calls(facts):
    """How to run the routine that a statement creates."""
    found = [(schema, name) for (type_, schema, name), access in facts.objects.items()
             if type_ == "routine" and "define" in access]
    if len(facts.kinds) != 1 or not facts.kinds[0].startswith("create_") or len(found) != 1 or None in found[0]:
        return []
    name = quoted(*found[0])
    return [text.encode() for text in (f"CALL {name}()", f"CALL {name}(1)", f"SELECT {name}()", f"SELECT {name}(1)")]


def run(dialect, source, program, seed, count, finish=0.3):
    """One corpus on one server -> Findings."""
    findings = Findings()
    with Server(dialect) as server:
        judge = Judge(server)
        version = findings.version = judge.admin.version.removeprefix("5.5.5-")
        explain = Explain(program, dialect, version)
        everywhere = dialect == "mariadb" and [int(part) for part in version.split(".")[:2]] >= [11, 4]
        try:
            for mode, statements in corpus.batches(source, dialect, seed, count, BATCH):
                if mode != judge.mode:
                    judge.set_mode(mode)
                found = explain.facts([one.text for one in statements], mode)
                for at, (statement, facts) in enumerate(zip(statements, found)):
                    whole = (at * 2654435761 + seed) % 1000 < finish * 1000
                    outcome = judge.judge(statement.text, facts.tables(), whole or statement.stored, facts.defines(),
                                          calls(facts))
                    compare(statement, facts, outcome, dialect, mode == "ORACLE" or everywhere, source == "generated", findings)
                for grant in judge.sweep():
                    findings.add("stray", b"", grant)
        except KeyboardInterrupt:  # what has been found is reported all the same
            findings.stopped = True
        finally:
            explain.close()
    return findings


def report(dialect, source, findings, limit, seconds):
    counts = findings.counts
    share = f" (1 in {counts['accepted'] / counts['undetermined']:.0f})" if counts["undetermined"] else ""
    print(f"{dialect} {findings.version}, {source}: {counts['statements']} statements in {seconds:.0f} s"
          f"{' (stopped before the end)' if findings.stopped else ''},"
          f" {counts['accepted']} accepted by the server, {counts['whole']} run to their end"
          f" ({counts['bodies']} with a body that was run):"
          f" {counts['missed']} missed, {counts['phantom']} phantoms,"
          f" {counts['undetermined']} undetermined{share}")
    for what, items in findings.listed.items():
        for text, detail in items[:limit]:
            print(f"  {what}: {detail}\n    {text.decode('utf-8', 'replace')!r}")
        if len(items) > limit:
            print(f"  {what}: and {len(items) - limit} more")
    sys.stdout.flush()


def acceptable(source, findings, one_in=200):
    """`one_in`: so few may be undetermined."""
    counts = findings.counts
    if source.startswith("grammar:"):  # most of what it has is rare
        return not findings.stopped and not counts["missed"]
    if findings.stopped or counts["missed"] or source == "generated" and counts["phantom"]:
        return False
    return counts["undetermined"] * one_in <= counts["accepted"] and counts["phantom"] * 1000 <= counts["statements"]


def work(job):
    dialect, source, program, seed, count, limit, finish = job
    start = time.time()
    try:
        findings = run(dialect, source, program, seed, count, finish)
    except Exception:  # the other corpora are asked all the same
        print(f"{dialect}, {source}: not run to its end\n{traceback.format_exc()}", flush=True)
        return False
    report(dialect, source, findings, limit, time.time() - start)
    return acceptable(source, findings)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", action="append", choices=("mysql", "mariadb"))
    parser.add_argument("--corpus", action="append", choices=corpus.SOURCES)
    parser.add_argument("--grammar", action="append", default=[], metavar="DIALECT:FILE",
                        help="only each alternative of a yacc file: see walk.py")
    parser.add_argument("--count", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--limit", type=int, default=40, help="statements listed of each kind")
    parser.add_argument("--finish", type=float, default=0.3, help="share of definitions that are run to their end")
    parser.add_argument("--program", default=os.path.join(ROOT, os.environ.get("SILOGATE_BUILD", "build"), "silogate"))
    options = parser.parse_args()
    dialects = options.dialect or [d for d in ("mysql", "mariadb") if Server.available(d)]
    sources = options.corpus or corpus.SOURCES
    print(f"seed {options.seed}")
    jobs = [(dialect, source, options.program, options.seed, options.count, options.limit, options.finish)
            for source in sources for dialect in dialects] if not options.grammar else [
        (dialect, "grammar:" + path, options.program, options.seed, options.count, options.limit, options.finish)
        for dialect, _, path in (one.partition(":") for one in options.grammar)]
    with multiprocessing.Pool(2) as pool:
        sys.exit(0 if all(list(pool.imap(work, jobs))) else 1)


if __name__ == "__main__":
    main()
