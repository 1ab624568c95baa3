"""Silogates that take over from one another, and a load that must not notice: five drivers' pools."""
import collections
import json
import os
import random
import ssl
import subprocess
import threading
import time

import pymysql

from . import built, places, servers

DRIVERS = places.TOP / "tests/harness/drivers"


class Generations:
    """Silogates one after the other with the same ini; `gate.process` is the youngest."""

    def __init__(self, gate):
        self.gate = gate
        self.old = []

    def upgrade(self, code=None):
        before = len(self.gate.log())
        self.old.append(self.gate.process)
        self.gate.process = None
        with open(self.gate.log_file, "ab") as out:
            process = subprocess.Popen(
                [*places.WITH_US, str(places.SILOGATE), "run", "-c", str(self.gate.path)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True)
        if code is not None:
            assert process.wait(30) == code, self.gate.log()[before:]
            self.gate.process = self.old.pop()
            return
        self.gate.process = process
        self.gate.wait_log("taken over from", start=before)  # the new one says it, last of all

    def end(self):
        for process in self.old:
            if process.poll() is None:
                process.kill()
                process.wait()


def _java():
    jar = "/usr/share/java/mariadb-java-client.jar"
    folder = built.java("Load", ["-cp", jar])
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{jar}", "Load"]


def _go():
    return [str(built.go("load"))]


def _node(client):
    return lambda: ["node", str(DRIVERS / "load.js"), client]


# name, command, clients at the same time; PyMySQL's two are threads of this process
POOLS = [("go", _go, 2), ("mysql2", _node("mysql2"), 2), ("node-mariadb", _node("mariadb"), 1), ("java", _java, 1)]


class Load:
    """Eight clients of five drivers in short and long transactions, in text and prepared. Every number is written once,
    in a transaction with its double; what was acknowledged, what was not, and every error is kept."""

    def __init__(self, gate, ca=None):
        self.gate, self.ca = gate, ca
        self.stop = threading.Event()
        self.acknowledged, self.unknown = set(), set()
        self.errors, self.wrong = collections.Counter(), []
        self.by = {}
        self.violations = 0
        self.lock = threading.Lock()
        commands = [(name, command(), clients) for name, command, clients in POOLS]
        self.programs = {}
        for place, (name, command, clients) in enumerate(commands):
            more = [command.pop()] if name in ("mysql2", "node-mariadb") else []
            self.programs[name] = subprocess.Popen(
                [*command, str(gate.port), "lab_service", servers.password("lab_service"), "nilecare",
                 str(ca) if ca else "-", str((place + 1) * 10 ** 8), str(clients), *more],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=dict(os.environ, NODE_PATH=str(places.NODE_MODULES)),
                preexec_fn=places.end_with_us)
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(2)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        chance, connection, done = random.Random(number), None, 0
        options = {"ssl": ssl.create_default_context(cafile=self.ca)} if self.ca else {}
        if self.ca:
            options["ssl"].check_hostname = False
        while not self.stop.is_set():
            try:
                if connection is None:
                    connection = self.gate.connect("lab_service", **options)
                self._transaction(connection, number * 1000000 + done, number % 2 == 1, chance)
            except (pymysql.Error, OSError) as error:
                # a pool's client: it takes another connection
                with self.lock:
                    self.errors[str(error.args[0]) if error.args else str(error)] += 1
                try:
                    connection.close()
                except (AttributeError, pymysql.Error):
                    pass
                connection = None
            except BaseException as error:
                self.wrong.append(repr(error))
                return
            done += 1
        if connection:
            connection.close()

    def _transaction(self, connection, number, slow, chance):
        if chance.random() < 0.3:
            time.sleep(chance.random() / 20)  # idle in a pool
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                cursor.execute("INSERT INTO takeover_numbers VALUES (%s, 1)", (number,))
                if slow:
                    time.sleep(chance.random() / 10)
                cursor.execute("SELECT 1 FROM clinical_data.patients LIMIT 1")
                with self.lock:
                    self.violations += 1
                cursor.execute("INSERT INTO takeover_numbers VALUES (%s, 2)", (number,))
                self.unknown.add(number)
                cursor.execute("COMMIT")
            except (pymysql.Error, OSError) as error:
                self.wrong.append(f"pymysql, inside a transaction: {error!r}")
                raise
            self.unknown.discard(number)
            self.acknowledged.add(number)

    def is_dead(self):
        return any(program.poll() is not None for program in self.programs.values())

    def end(self):
        """Stops all of them and adds up what they say."""
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        self.by["pymysql"] = (len(self.acknowledged), dict(self.errors))
        for name, program in self.programs.items():
            out, err = program.communicate("", timeout=60)
            if program.returncode or not out.strip():
                self.wrong.append(f"{name}: exit {program.returncode}: {err[-1000:]}")
                continue
            found = json.loads(out)
            self.acknowledged |= set(found["acknowledged"])
            self.unknown |= set(found["unknown"])
            self.errors.update(found["errors"])
            self.wrong += [f"{name}: {one}" for one in found["wrong"]]
            self.violations += found["violations"]
            self.by[name] = (len(found["acknowledged"]), found["errors"])
        self.programs = {}
        self.threads = []

    def kill(self):
        self.stop.set()
        for program in self.programs.values():
            program.kill()
            program.communicate()
