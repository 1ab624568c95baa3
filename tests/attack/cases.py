"""Plays the corpus: each case a short session, an attack or a harmless look-alike.

    HOLE   an attack ran without a refusal, or its canary came back, or another's data has changed
    ODD    an attack ended in an error that is no refusal: look at it
    FALSE  a look-alike was refused, or ended in any error
    WRONG  a look-alike touched what is another's: the corpus is wrong

A look-alike with "known" is refused, for the reason that stands there: it is no finding.
"""
import json
import pathlib
import struct

import pymysql

from harness import wire
from play import REFUSED, Spy
from silo import CANARY, DATABASES

CORPUS = pathlib.Path(__file__).with_name("corpus.jsonl")
# How many cases that should change nothing go by before it is looked whether anything has changed; then each is tried alone.
TOGETHER = 25
READS = {"SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "WITH", "TABLE", "VALUES", "SET", "USE", "DO", "HELP", "BEGIN",
         "COMMIT", "ROLLBACK", "PREPARE", "EXECUTE", "DEALLOCATE"}


def read(kind, only=None):
    found = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [one for one in found if one["server"] in ("both", kind) and (not only or only in one["id"])]


def play(silo, port, case, number):
    """(error: None or (code, text), what was heard)"""
    flags, spy = case.get("flags") or {}, None
    try:
        spy = Spy(port, flags, silo.files, number, release=silo.release)
        if flags.get("sql_mode") is not None:
            spy.play(f"SET SESSION sql_mode='{flags['sql_mode']}'")
        for step in case["steps"]:
            spy.play(step)
        return None, bytes(spy.heard)
    except wire.Error as error:
        return (error.code, str(error)), bytes(spy.heard) if spy else b""
    except (wire.Closed, OSError, struct.error, IndexError, ValueError) as error:
        return (-1, repr(error)), bytes(spy.heard) if spy else b""
    finally:
        if spy:
            spy.close()


def verdict(silo, case, error, heard, changed):
    """(word, why); the word is empty where all is as it should be."""
    flags = case.get("flags") or {}
    theirs = "secret" in changed or (flags.get("shared") and "shared" in changed and case["attack"]
                                     and not flags.get("mine_changes"))
    if not case["attack"]:
        if CANARY.encode() in heard or "secret" in changed:
            return "WRONG", "a look-alike touches what is another's"
        return ("FALSE", error[1]) if error else ("", "")
    refused = error and error[0] in REFUSED | set(case.get("refused", ()))
    if CANARY.encode() in heard or theirs:
        return "HOLE", "changed " + ", ".join(sorted(changed)) if theirs else "its canary came back"
    if refused or b"command denied to user" in heard:  # MariaDB's CHECK TABLE a, b says so in a row
        return "", ""
    if error:
        return "ODD", error[1]
    return ("", "") if flags.get("later") else ("HOLE", "it ran")


def setup(silo, case, number):
    spy = pymysql.connect(unix_socket=silo.server.socket, user="spy", password="spy-Pw1", database="own",
                          autocommit=True, charset="utf8mb4")
    try:
        with spy.cursor() as cursor:
            for text in case["setup"]:
                cursor.execute(text.replace("{FILES}", silo.files).replace("{N}", str(number)))
    finally:
        spy.close()
    return silo.look()


def alone(silo, port, case, number):
    before = setup(silo, case, number) if case.get("setup") else silo.prints
    error, heard = play(silo, port, case, number)
    changed = silo.changed(before)
    found = verdict(silo, case, error, heard, changed)
    dirty = {database for database in DATABASES if before[database] != silo.prints[database]} if case.get("setup") else set()
    silo.restore(changed | dirty)
    return found


def should_change_nothing(case):
    """A single attack that is refused, or steps that read."""
    if case.get("setup") or (case.get("flags") or {}).get("later"):
        return False
    reads = all(isinstance(step, str) and step.split(None, 1)[0].upper() in READS for step in case["steps"])
    return reads or case["attack"] and len(case["steps"]) == 1


def ended_well(case, error, heard):
    if CANARY.encode() in heard:
        return False
    return error and error[0] in REFUSED | set(case.get("refused", ())) if case["attack"] else not error


def run(silo, port, cases):
    """[(word, id, why)] of what is not as it should be."""
    found, waiting, number = [], [], 0

    def settle():
        """Those that were not looked at one by one."""
        changed = silo.changed() if waiting else set()
        if changed:
            silo.restore(changed)
            for one in waiting:
                word, why = alone(silo, port, one, 10_000_000 + number)
                if word:
                    found.append((word, one["id"], why))
        waiting.clear()

    for case in cases:
        number += 1
        if should_change_nothing(case):
            if ended_well(case, *play(silo, port, case, number)):
                waiting.append(case)
                if len(waiting) >= TOGETHER:
                    settle()
                continue
            settle()
            silo.restore(silo.changed())  # by what it did
        else:
            settle()
        word, why = alone(silo, port, case, 20_000_000 + number)
        if word and not (word == "FALSE" and case.get("known")):
            found.append((word, case["id"], why))
    settle()
    return found
