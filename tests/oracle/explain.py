"""What silogate says of statements: `silogate explain --null --json`, a batch a run. explain takes
every statement to succeed and carries the session on; statements that could change how later ones are
read get a run of their own."""

import json
import os
import re
import subprocess
import tempfile

from fixture import CURRENT

INI = """[proxy]
listen = 127.0.0.1:3306
admin = off
[policy]
mode = log
unowned = log
administration = block
undetermined = log
[upstream:main]
address = 127.0.0.1:3307
[service:oracle]
user = u
upstream = main
database = shop
mode = log
"""
CHANGES = re.compile(rb"temporary|mode|names|charset|character|prepare|execute|;|set\s+statement|call", re.I)
HARMLESS = re.compile("select|table$|values|insert|replace|update|delete|with|do$|set|show|explain|describe|help|"
                      "handler|lock|unlock|use|prepare|execute|deallocate|commit|rollback|begin|start|check|"
                      "checksum|empty|savepoint|release|call")


class Facts:
    """All parts of one item together."""

    __slots__ = ("determined", "why", "objects", "administration", "kinds", "temporary")

    def __init__(self):
        self.determined, self.why, self.objects = True, "", {}
        self.administration, self.kinds, self.temporary = False, [], set()

    def add(self, line):
        self.kinds.append(line["kind"])
        if not line["determined"]:
            self.determined, self.why = False, line.get("why", "")
        if line["reason"] == "administration":
            self.administration = True
        for one in line["objects"]:
            key = (one["type"], one["schema"], one["name"] or None)
            open_to_all = one["schema"] in ("mysql", "performance_schema")
            if one["verdict"] == "allow" and one["reason"] == "session" and not open_to_all:
                self.temporary.add(one["schema"])
                continue  # information_schema, or the session's own
            self.objects.setdefault(key, set()).update(one["access"])

    def defines(self):
        """May it change what tables there are?"""
        return not self.determined or any(not HARMLESS.match(kind) for kind in self.kinds)

    def tables(self):
        return [(schema, name) for kind, schema, name in self.objects
                if kind == "table" and schema is not None]


class Explain:
    def __init__(self, program, dialect, version):
        self.program, self.dialect, self.version = program, dialect, version
        handle, self.ini = tempfile.mkstemp(suffix=".ini")
        with os.fdopen(handle, "w") as file:
            file.write(INI)

    def close(self):
        os.unlink(self.ini)

    def facts(self, texts, mode="", database=CURRENT):
        """A Facts for each text."""
        found = [None] * len(texts)
        together = [at for at, text in enumerate(texts) if not CHANGES.search(text)]
        while together:  # behind one that is not understood all may be read otherwise: begin anew
            some = self._run([texts[at] for at in together], mode, database)
            end = next((at for at, facts in enumerate(some) if not facts.determined), len(some) - 1) + 1
            for at, facts in zip(together[:end], some):
                found[at] = facts
            together = together[end:]
        for at, text in enumerate(texts):
            if found[at] is None:
                found[at] = self._run([text], mode, database)[0]
        return found

    def _run(self, texts, mode, database):
        if not texts:
            return []
        command = [self.program, "explain", "-c", self.ini, "--user", "u", "--database", database,
                   "--dialect", self.dialect, "--server-version", self.version, "--sql-mode", mode,
                   "--null", "--json"]
        back = b"\0USE `" + database.encode() + b"`\0"  # whatever a statement has made of the current database
        answer = subprocess.run(command, input=back.join(texts) + b"\0", stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, check=False)
        if answer.returncode not in (0, 1):
            raise RuntimeError(f"explain: {answer.returncode}: {answer.stderr.decode()[-2000:]}")
        found = [Facts() for _ in texts]
        for line in answer.stdout.decode("utf-8", "replace").splitlines():
            one = json.loads(line)
            if one["n"] % 2:
                found[one["n"] // 2].add(one)
        return found
