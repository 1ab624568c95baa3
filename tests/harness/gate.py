"""silogate itself under test: an ini made out of NileCare's with a few changes, the process, its log,
its violations and its numbers."""
import collections
import contextlib
import functools
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pymysql

from . import built, counts, places, servers

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                       r"UndefinedBehaviorSanitizer")


def example(path=servers.EXAMPLE / "proxy.ini"):
    """NileCare's proxy.ini as text."""
    return path.read_text()


def change(ini, section, key, *values):
    """The ini with `key` of `section` set to `values`, one line each; none takes it out. The section
    is added where it is missing."""
    lines, out, inside, place = ini.splitlines(), [], False, None
    for line in lines:
        if line.startswith("["):
            inside = line.split("]")[0] == f"[{section}"
            if inside:
                place = len(out) + 1
        elif inside and re.match(rf"{re.escape(key)}\s*=", line):
            continue
        out.append(line)
    if place is None:
        out += ["", f"[{section}]"]
        place = len(out)
    out[place:place] = [f"{key} = {value}" for value in values]
    return "\n".join(out) + "\n"


def spying(user, *owned, **policy):
    """An ini in which the service `spy` (with this user) goes after what the service `vault` owns: it blocks, each
    violation is written, and `policy` are further keys of [policy]."""
    lines = ["[proxy]", "[policy]", "mode = block", *(f"{key} = {value}" for key, value in policy.items()),
             "[log]", "repeat = 0", "[upstream:main]",
             "[service:spy]", f"user = {user}", "upstream = main", "database = own", "owns = own.*",
             "[service:vault]", "user = vault_service", "upstream = main", *(f"owns = {name}" for name in owned)]
    return "\n".join(lines) + "\n"


# A change by which silogate makes its key for passwords itself, as it does where no ini names one.
KEY_OF_ITS_OWN = ("tls", "password_private_key_path")


def password_key():
    """One key for all silogates of the tests: to make one costs as much as a hundred logins."""
    def build(path):
        subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True, timeout=60)
        path.chmod(0o600)
    return built.once("password.key", [pathlib.Path(__file__)], build)


class Admin(http.client.HTTPConnection):
    """HTTP to `admin = unix:PATH`."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Metrics(dict):
    """Prometheus' text: (name, labels as a frozenset of pairs) -> number."""

    SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
    LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = self.SAMPLE.match(line).groups()
            self[name, self.pairs(labels or "")] = float(value)

    @classmethod
    @functools.lru_cache(maxsize=10000)
    def pairs(cls, labels):
        """The same ones come at each look, and a silogate is looked at many times."""
        return frozenset(cls.LABEL.findall(labels))

    def total(self, name, **labels):
        """The sum of a metric's samples that have all of `labels`."""
        name, wanted = f"silogate_{name}", set(labels.items())
        return sum(value for (one, has), value in self.items() if one == name and has >= wanted)

    def by(self, name, *labels):
        """Sums by the values of `labels`, without those that are 0."""
        sums, name = collections.Counter(), f"silogate_{name}"
        for (one, has), value in self.items():
            if one == name:
                sums[tuple(dict(has).get(label) for label in labels)] += value
        return +sums

    def wrong(self):
        """What does not add up: sessions, commands, and statements against the violation log's own
        count."""
        open_now = self.total("sessions_open")
        over = self.total("answers_total")
        forwarded = self.total("commands_total", outcome="forwarded")
        crossing = sum(self.total("statements_total", action=action) for action in ("log", "block"))
        checks = {
            "accepted = open + closed":
                self.total("sessions_accepted_total")
                == open_now + self.total("sessions_closed_total"),
            "forwarded = answered + failed, and at most one a session on its way":
                0 <= forwarded - over <= open_now,
            "violations = statements logged or blocked":
                self.total("violations_total") == crossing,
            "each violation stands on an edge or on several":
                all(self.total("edge_statements_total", action=action)
                    >= self.total("statements_total", action=action) for action in ("log", "block")),
        }
        return [what for what, holds in checks.items() if not holds]


class Gate:
    """A running silogate. Every session of it is one of the tests' clients. When it ends, its log, report,
    API, metrics and pages have to count the same (harness/counts.py); a test that rotates, breaks or shares
    the log on purpose says so with `uncounted`, a reason."""

    LOOK = 0.05  # seconds: silogate shows the same numbers for so long

    def __init__(self, upstream, ini=None, changes=()):
        """`upstream`: a server of `servers`, or (host, port). `changes`: (section, key, values...)."""
        self.folder = places.scratch("gate")
        self.port = places.free_port()
        self.violations_file = self.folder / "violations.jsonl"
        self.log_file = self.folder / "log"
        self.path = self.folder / "proxy.ini"
        self.server = upstream if isinstance(upstream, servers.Server) else None
        address = f"127.0.0.1:{upstream.port}" if self.server else "%s:%d" % upstream
        ini = ini if ini is not None else example()
        key = [] if "password_private_key_path" in ini else [(*KEY_OF_ITS_OWN, password_key())]
        for section, key, *values in (
                ("proxy", "listen", f"127.0.0.1:{self.port}"),
                ("proxy", "admin", f"unix:{self.folder}/admin"),
                ("log", "violations", self.violations_file),
                ("log", "repeat", "0"),
                ("upstream:main", "address", address), *key, *changes):
            ini = change(ini, section, key, *values)
        self.ini = ini
        self.path.write_text(ini)
        self.process = self.uncounted = None
        self.seen = self.marks = self.log_start = 0
        self.known = [], b"", 0  # the log's records that have been read, the last one's line, and where it ends
        self.rotated = []
        self.looked = -self.LOOK

    def start(self, ready=True):
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
                           TSAN_OPTIONS="halt_on_error=0:exitcode=66",
                           UBSAN_OPTIONS="print_stacktrace=1")
        self.rotated = []
        self.log_start = self.violations_file.stat().st_size if self.violations_file.exists() else 0
        self.own_log_start = len(self.log())
        with open(self.log_file, "ab") as out:
            self.process = subprocess.Popen(
                [*places.WITH_US, str(places.SILOGATE), "run", "-c", str(self.path)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env=environment, start_new_session=True)
        if ready and not places.wait_for(self._ready):
            log = self.log()
            self.kill()
            raise RuntimeError(f"silogate does not listen:\n{log[-3000:]}")
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"silogate ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        # once it runs admin listens too; one look at the port is one session in its numbers, not more
        return " runs: " in self.log()[self.own_log_start:] and places.port_open(self.port)

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, pattern, seconds=45, start=0):
        """The first match of `pattern` in silogate's own log behind `start`."""
        found = places.wait_for(lambda: re.search(pattern, self.log()[start:]), seconds)
        assert found, f"no {pattern!r} in silogate's log:\n{self.log()[start:][-3000:]}"
        return found

    def reload(self, *changes, ini=None, accepted=True):
        """Edits the ini, sends SIGHUP and waits until the log says what came of it."""
        text = ini if ini is not None else self.ini
        for section, key, *values in changes:
            text = change(text, section, key, *values)
        self.path.write_text(text)
        if accepted:
            self.ini = text
        events = len(self.events("reload"))
        self.process.send_signal(signal.SIGHUP)
        assert places.wait_for(lambda: len(self.events("reload")) > events), \
            f"no reload event:\n{self.log()[-3000:]}"
        return self.events("reload")[-1]

    def records(self):
        """All records written so far. Those of the last time are not read again, where they still stand in the log."""
        if not self.violations_file.exists():
            return []
        known, last, end = self.known
        with open(self.violations_file, "rb") as file:
            file.seek(end - len(last))
            if file.read(len(last)) != last:  # another log stands there
                known, end = [], 0
                file.seek(0)
            lines = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
        if lines:
            known = known + [json.loads(line) for line in lines]
            self.known = known, lines[-1], end + sum(map(len, lines))
        return [*known]

    def log_since_start(self):
        """The bytes that this process has written to the violations log, also to what `rotate` moved away."""
        files = [*self.rotated, self.violations_file]
        return b"".join(path.read_bytes() for path in files if path.exists())[self.log_start:]

    def rotate(self, path):
        """What logrotate does: the log so far is `path`."""
        self.violations_file.rename(path)
        self.rotated.append(path)
        self.process.send_signal(signal.SIGUSR1)

    def events(self, event):
        return [record for record in self.records() if record["event"] == event]

    def violations(self, count=None):
        """The violations since the last call; waits until there are at least `count`."""
        if count:
            places.wait_for(lambda: len(self.events("violation")) >= self.seen + count)
        found = self.events("violation")[self.seen:]
        self.seen += len(found)
        return found

    def settle(self):
        """Waits until all records of what has been done so far are written, and takes them as read:
        a violation of its own comes last."""
        self.marks += 1
        word = f"settled_{self.marks}"
        connection = self.connect("billing_service")
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) AS {word} FROM clinical_data.referrals")
        connection.close()
        assert places.wait_for(lambda: any(word in (one["statement"] or "") for one in
                                           self.events("violation")[self.seen:])), "no record"
        found = self.violations()
        return [one for one in found if word not in (one["statement"] or "")]

    def connect(self, user, database="nilecare", **options):
        """PyMySQL through silogate."""
        if user == "business_service" and database == "nilecare":
            database = "nilecare_business"  # what business asks for
        options.setdefault("autocommit", True)
        options.setdefault("connect_timeout", 60)
        options.setdefault("password", servers.password(user))
        return pymysql.connect(host="127.0.0.1", port=self.port, user=user, database=database,
                               **options)

    def _admin(self):
        over_tcp = re.search(r"^admin = (\S+):(\d+)$", self.ini, re.MULTILINE)
        return http.client.HTTPConnection(over_tcp[1], int(over_tcp[2]), timeout=60) if over_tcp \
            else Admin(self.folder / "admin")

    def get(self, path, method="GET", headers=None):
        """(status, headers, text) of an answer of admin's."""
        connection = self._admin()
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            self.looked = time.monotonic()
            connection.close()

    def metrics(self):
        """Of this moment: what admin was shown before is over, and no worker was too busy to answer it."""
        def look():
            time.sleep(max(0, self.looked + self.LOOK - time.monotonic()))
            status, _, text = self.get("/metrics")
            assert status == 200, text
            found = Metrics(text)
            return None if found.total("workers_late") else found
        found = places.wait_for(look)
        assert found, "a worker does not answer"
        return found

    def check_sums(self):
        """The numbers add up, once those who were just served are counted out. Gives what added up, or None where
        nobody can be asked."""
        if re.search(r"^admin = off|^admin_token_file", self.ini, re.MULTILINE):
            return None
        def right():
            found = self.metrics()
            return None if found.wrong() else found
        found = places.wait_for(right, every=0.1)
        assert found, (self.metrics().wrong(), self.get("/metrics")[2])
        return found

    def _live_counts(self, metrics):
        """What it shows before it ends, its metrics having just been seen; None where nobody can be asked, or there
        is no log to compare with."""
        if self.uncounted or not metrics or f"violations = {self.violations_file}\n" not in self.ini:
            return None
        shown = counts.live(self, metrics)
        def agreed():  # each place has looked by itself, perhaps while a worker was late
            return not counts.differences(shown, "metrics") or shown.update(counts.live(self))
        places.wait_for(agreed, 10)
        return shown

    def rss(self):
        """Resident memory in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def files(self):
        """How many files are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, seconds=45):
        """SIGTERM, and all that must hold at the end: it drains, exits 0, no sanitizer spoke."""
        if not self.process:
            return
        code, live = self.process.poll(), None
        if code is None:
            try:
                live = self._live_counts(self.check_sums())
            except (OSError, http.client.HTTPException):
                # a test may have sent SIGTERM itself: then it is on its way out
                assert places.wait_for(lambda: self.process.poll() is not None)
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = "no exit"
                self.kill()
        self.process = None
        log = self.log()
        assert not SANITIZER.search(log), log[-6000:]
        assert code == 0, f"silogate ended with {code}:\n{log[-3000:]}"
        if live:
            differences = counts.differences({**live, **counts.written(self.log_since_start())})
            assert not differences, "\n".join(differences[:20])

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self):
        self.kill()
        places.remove(self.folder)


@contextlib.contextmanager
def running(upstream, **options):
    """A silogate that runs while the body does, then stops as it should and leaves nothing."""
    one = Gate(upstream, **options)
    try:
        yield one.start()
        one.stop()
    finally:
        one.remove()


def run(*arguments, **options):
    """A subcommand of silogate's that ends by itself."""
    options.setdefault("timeout", 120)
    # a start that fails ends with its threads, and need not wait for them
    options.setdefault("env", dict(os.environ, TSAN_OPTIONS="report_thread_leaks=0"))
    return subprocess.run([str(places.SILOGATE), *map(str, arguments)], capture_output=True,
                          text=True, **options)


def ctl(gate, *words, code=0, **options):
    """What `silogate ctl --json` says, or its error; asked again where a worker, or an older process, was too busy to say
    what it has."""
    for _ in range(60):
        done = run("ctl", "-c", gate.path, "--json", *words, **options)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        if code:
            return done.stderr
        answer = json.loads(done.stdout)
        if not answer.get("late") and not answer.get("unreached"):
            return answer
        time.sleep(0.3)
    raise AssertionError(answer)
