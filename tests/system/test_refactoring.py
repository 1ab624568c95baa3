"""docs/refactoring.md is true: the road is walked from its first line to its last, with the commands, the
files and the SQL that the page shows, and each output must be the one it shows. Between the commands
services do what they would do. Times, ports, ids and how many records tell of it are masked.
SILOGATE_WRITE_DOCS=1 writes the page anew with the outputs that came."""
import collections
import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness import gate as gates, places

PAGE = places.TOP / "docs/refactoring.md"
BLOCK = re.compile(r"```(\w*)\n(.*?)```\n", re.DOTALL)
PATIENT = "00000002-0000-4000-8000-000000000001"
UNTIL = "2027-03-31"
DATABASES = {"auth": "nilecare_auth", "business": "nilecare_business", "clinical": "clinical_data"}
# service, statement, a value, how often
CROSSINGS = [
    ("billing", "SELECT * FROM clinical_data.patients WHERE id = %s", PATIENT, 31),
    ("payment", "SELECT status FROM invoices WHERE invoice_number = %s", "INV-0001", 18),
    ("business", "SELECT p.last_name FROM claims c JOIN clinical_data.patients p ON p.id = c.patient_id"
     " WHERE c.patient_id = %s", PATIENT, 11),
    ("billing", "SELECT email FROM nilecare_auth.auth_users WHERE id = %s", PATIENT, 7),
    ("billing", "UPDATE payments SET status = 'confirmed' WHERE reference = %s", "REF-0001", 4),
]
OWN = [
    ("auth", "SELECT email FROM auth_users WHERE id = %s", PATIENT, 40),
    ("auth", "UPDATE auth_users SET email = email WHERE id = %s", PATIENT, 5),
    ("auth", "DELETE FROM auth_login_attempts WHERE id = %s", PATIENT, 3),
    ("billing", "SELECT status FROM invoices WHERE invoice_number = %s", "INV-0001", 90),
    ("billing", "UPDATE invoices SET status = status WHERE invoice_number = %s", "INV-0001", 12),
    ("payment", "UPDATE payments SET status = status WHERE reference = %s", "REF-0001", 15),
    ("business", "UPDATE claims SET id = id WHERE id = %s", PATIENT, 8),
    ("clinical", "UPDATE patients SET phone = phone WHERE id = %s", PATIENT, 20),
]
SESSION = re.compile(r'(?m)^silogate_statements_total\{service="(\w+)",reason="session",action="allow"\} (\d+)\n')
# What the client of MariaDB 11.4 and later says on its own account where its password comes from the environment.
UNVERIFIED = "WARNING: option --ssl-verify-server-cert is disabled, because of an insecure passwordless login.\n"
NEW = [("payment", "SELECT last_name FROM clinical_data.patients WHERE mrn = %s", "MRN-1", 1)]
FORGOTTEN = [("main", "SELECT COUNT(*) FROM payments WHERE reference <> %s", "REF-0001", 1)]


def masked(text):
    """What differs from one run to the next, as zeros: columns stay where they are."""
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?",
                  lambda found: re.sub(r"\d", "0", found[0]), text)
    text = re.sub(r"(?m)^(  )\d{4}-\d\d-\d\d(  )", r"\g<1>0000-00-00\2", text)
    text = re.sub(r"(violation |\"id\":\")[0-9a-f]{16}", r"\g<1>0", text)
    text = re.sub(r"(127\.0\.0\.1:)\d+(\",\"session\":)\d+", r"\g<1>0\g<2>0", text)
    text = re.sub(r"\b([0-9A-F]{2}:){31}[0-9A-F]{2}\b", "00", text)  # of the certificate that is made at each start
    return re.sub(r"\d+ (record|worker)s?\b", r"0 \1s", text)


class Road:
    """The state of the walk: the files of the page in a folder, and a silogate that runs on them."""

    def __init__(self, server):
        self.server = server
        self.gate = gates.Gate(server)
        self.folder = self.gate.folder
        self.ports = {"3306": self.gate.port, "3307": server.port, "6480": places.free_port()}
        self.environment = dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}",
                                MYSQL_PWD="billing_service-secret")
        self.sent, self.status = 0, 0
        self.logins = collections.Counter()  # of each service
        (self.folder / "bin").mkdir()
        (self.folder / "bin/silogate").symlink_to(places.SILOGATE.resolve())
        self.gate.violations_file = self.folder / "violations.jsonl"

    # Texts of the page, and of this machine

    def ours(self, text):
        for shown, port in self.ports.items():
            text = re.sub(rf"\b{shown}\b", str(port), text)
        text = text.replace("localhost", "127.0.0.1").replace("repeat = 60s", "repeat = 1s")
        text = text.replace(UNTIL, "2099" + UNTIL[4:])  # the test outlives the grant
        return text.replace("= violations.jsonl", f"= {self.gate.violations_file}")

    def theirs(self, text):
        for shown, port in self.ports.items():
            text = re.sub(rf"\b{port}\b", shown, text)
        return text.replace("2099" + UNTIL[4:], UNTIL).replace(f"{self.folder}/", "")

    # What a block of the page does

    def write_ini(self, text):
        """A whole file, or sections that replace those of the same kind; new ones go to the end."""
        new = re.split(r"(?m)^(?=\[)", text)[1:]
        old = re.split(r"(?m)^(?=\[)", self.gate.path.read_text())[1:] if self.sent else []
        if new[0].startswith("[service:billing]\nuser = billing_service\ndatabase"):
            lines = new[0].split("\n", 2)[2]  # the section's other lines stay
            old = [one.replace("user = billing_service\n", "user = billing_service\n" + lines)
                   if one.startswith("[service:billing]") else one for one in old]
        elif new[0].startswith("[service:"):
            old = [one for one in old if not one.startswith("[service:")] + new
        elif new[0].startswith("[policy]"):
            old = [new[0] if one.startswith("[policy]") else one for one in old
                   if not one.startswith("[edge:")]
        else:
            old += new
        self.gate.path.write_text(self.ours("\n\n".join(one.strip() for one in old) + "\n"))
        self.changed = True

    def reload(self):
        """Where the file has been changed. The next rotation is to find the record of it, too."""
        if not self.changed:
            return ""
        self.changed = False
        start, records = len(self.gate.log()), len(self.gate.events("reload"))
        self.gate.process.send_signal(signal.SIGHUP)
        self.gate.wait_log("is in force", start=start)
        assert places.wait_for(lambda: len(self.gate.events("reload")) > records)
        return self.gate.log()[start:]

    def work(self, statements):
        """What services do, each statement from a connection of its own."""
        for service, statement, value, times in statements:
            connection = self.gate.connect(
                f"{service}_service", DATABASES.get(service, "nilecare"), autocommit=None,
                program_name=f"{service}-service")
            self.logins[service] += 1
            with connection.cursor() as cursor:
                for _ in range(times):
                    try:
                        cursor.execute(statement, [value])
                    except gates.pymysql.Error as error:
                        assert error.args[0] == 1142, error
            connection.close()

    def rotate(self, name):
        """The log so far is `name`, with all that its repeats owe."""
        told = lambda: sum(one["count"] for one in self.gate.events("violation"))
        assert places.wait_for(
            lambda: told() == self.gate.metrics().total("violations_total") - self.sent, every=0.2)
        self.sent += told()
        self.gate.rotate(self.folder / name)
        assert places.wait_for(self.gate.violations_file.exists)

    def before(self, command):
        """What happens in the services before people type this."""
        if command.startswith("curl") and "statements_total" in command and not self.sent:
            self.work(OWN + CROSSINGS)
        elif command == "silogate suggest day1.jsonl":
            self.rotate("day1.jsonl")
        elif command == "silogate report week1.jsonl":
            self.work(CROSSINGS)
            self.rotate("week1.jsonl")
        elif command == "cat billing.sql":
            shown = re.search(r"\$ cat billing.sql\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
            (self.folder / "billing.sql").write_text(shown)
        elif "week2.jsonl" in command and "--baseline" in command:
            self.work(NEW)
            self.rotate("week2.jsonl")
        elif "--ready-since" in command:
            time.sleep(1.1)
            self.ready = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            self.work(FORGOTTEN)
            self.rotate("week9.jsonl")
        elif command.startswith("mariadb"):
            self.reload()
        elif command == "silogate report last.jsonl":
            self.reload()
            self.rotate("last.jsonl")

    def at_its_time(self, command):
        return re.sub(r"(--ready-since )\S+", lambda found: found[1] + self.ready, command)

    def without_names(self, text):
        """PyMySQL 1.1 (Debian 13) sends SET NAMES in each login, 1.0 sends nothing: that many are counted, and left out."""
        each = SESSION.findall(text)
        wanted = self.logins if gates.pymysql.VERSION >= (1, 1) else {}
        assert {service: int(count) for service, count in each} == dict(wanted), text
        return SESSION.sub("", text)

    def type(self, command):
        """The output of a command of the page."""
        self.before(command)
        if command == "echo $?":
            return f"{self.status}\n"
        if command.startswith("silogate run"):
            self.gate.start()
            self.gate.wait_log("is up")
            self.changed = False
            lines = [line for line in self.gate.log().splitlines(True) if "ulimit" not in line]
            return self.theirs("".join(sorted(lines, key=lambda line: "is up" not in line)))
        if command.startswith("kill -HUP"):
            return self.theirs(self.reload())
        done = subprocess.run(["bash", "-c", self.ours(self.at_its_time(command))], cwd=self.folder, text=True,
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        self.status = done.returncode
        out = done.stdout
        if "silogate_statements_total" in command:
            out = self.without_names(out)
        if command.startswith("mariadb"):
            out = out.replace(UNVERIFIED, "", 1)
        return self.theirs(out)

    def walk(self, kind, text):
        """What the block should be."""
        if kind == "ini":
            self.write_ini(text)
        elif kind == "sql":
            self.server.sql(*filter(str.strip, text.split(";")))
        if kind:
            return text
        out = ""
        for command in re.findall(r"(?m)^\$ (.*)$", text):
            came = self.type(command)
            out += f"$ {self.at_its_time(command)}\n{came}"
        return re.sub(r"(?m) +$", "", out)


@pytest.fixture
def road(mariadb):
    one = Road(mariadb)
    one.gate.get = lambda path: admin(one.ports["6480"], path)
    try:
        yield one
        one.gate.process.terminate()
        assert one.gate.process.wait(30) == 0
    finally:
        one.gate.remove()
        if mariadb.sql("SELECT 1 FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND"
                       " table_schema = 'nilecare_billing' AND table_name = 'charge_master'"):
            mariadb.sql("DROP VIEW nilecare.charge_master",
                        "RENAME TABLE nilecare_billing.charge_master TO nilecare.charge_master",
                        "CREATE VIEW nilecare_billing.charge_master AS"
                        " SELECT * FROM nilecare.charge_master")


def admin(port, path):
    connection = gates.http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def test_every_output_of_the_road_is_what_comes(road):
    page, out, end = PAGE.read_text(), "", 0
    for block in BLOCK.finditer(page):
        came = road.walk(block[1], block[2])
        out += page[end:block.start(2)] + came
        end = block.end(2)
        if "SILOGATE_WRITE_DOCS" not in os.environ:
            assert masked(came) == masked(block[2])
    assert end and json.loads((road.folder / "week1.jsonl").read_text().splitlines()[0])
    if "SILOGATE_WRITE_DOCS" in os.environ:
        PAGE.write_text(out + page[end:])
