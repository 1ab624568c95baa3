"""The examples are true: the ini files are accepted, each query file gets the verdicts that its README
promises, the schemas load on both servers, and the demo shows what it says."""
import json
import os
import signal
import subprocess

import pytest

from harness import gate as gates, places, wire

EXAMPLES = places.TOP / "examples"


def explain(example, user, text=None, *options):
    """[(verdict, reason, owners)] of each statement, as `silogate explain --json` has them."""
    files = [] if text is not None else [EXAMPLES / example / "queries.sql"]
    done = gates.run("explain", "-c", EXAMPLES / example / "proxy.ini", "--user", user, "--json",
                     *options, *files, input=text)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (1 if any(row["verdict"] != "allow" for row in rows) else 0), done.stderr
    return [(row["verdict"], row["reason"],
             sorted({one["owner"] for one in row["objects"] if one["verdict"] != "allow"}))
            for row in rows]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.ini")) + [places.TOP / "proxy.ini"],
                         ids=lambda path: str(path.relative_to(places.TOP)))
def test_check_accepts(path):
    done = gates.run("check", "-c", path)
    assert done.returncode == 0, done.stderr


def test_explain_nilecare():
    assert explain("nilecare", "billing_service") == [
        ("allow", "own", []), ("allow", "own", []), ("log", "foreign", ["clinical"]),
        ("log", "foreign", ["auth"]), ("log", "foreign", ["payment"]),
        ("log", "foreign", ["clinical"])]
    assert {verdict for verdict, _, _ in explain("nilecare", "main_service")} == {"block"}
    assert [verdict for verdict, _, _ in explain("nilecare", "readonly_service")] == [
        "allow", "block", "allow", "allow", "block", "allow"]


def test_explain_medport():
    assert explain("medport", "ems_service") == [
        ("allow", "granted", []), ("allow", "granted", []), ("allow", "granted", []),
        ("block", "foreign", ["hospital"]), ("block", "foreign", ["center"]),
        ("block", "foreign", ["center"])]


@pytest.mark.parametrize("user, statement, verdict", [
    ("hospital_service", "SELECT name FROM medport_center.ems_agencies", "allow"),
    ("hospital_service", "SELECT password_hash FROM medport_center.users", "allow"),
    ("hospital_service", "SELECT * FROM medport_ems.ems_agencies", "block"),
    ("hospital_service", "UPDATE medport_center.ems_agencies SET name = ''", "block"),
    ("center_service", "SELECT COUNT(*) FROM medport_hospital.transport_requests", "allow"),
    ("center_service", "SELECT AVG(distance_km) FROM medport_ems.ems_routes", "allow"),
    ("center_service", "DELETE FROM medport_hospital.transport_requests", "block"),
    ("ems_service", "SELECT * FROM medport_hospital.hospital_agency_preferences", "block"),
    ("ems_service", "SELECT * FROM medport_center.system_configurations", "block"),
    ("ems_service", "SELECT * FROM ems_agencies JOIN units ON agency_id = ems_agencies.id", "allow"),
    ("ems_service", "SELECT * FROM somebody.elses", "block"),
])
def test_medport_meant_crossings(user, statement, verdict):
    (found, _, _), = explain("medport", user, statement)
    assert found == verdict


def test_medport_schema_loads(server):
    databases = ["medport_hospital", "medport_ems", "medport_center"]
    try:
        server.load(EXAMPLES / "medport/schema.sql")
        count = server.sql("SELECT COUNT(*) FROM information_schema.tables"
                           " WHERE table_schema LIKE 'medport%'")
        assert count == ((18,),)
    finally:
        server.sql(*[f"DROP DATABASE IF EXISTS {name}" for name in databases])


def test_explain_and_the_running_proxy_agree(server, silogate):
    """The same ini, the same statements: what explain says of them is what happens."""
    text = (EXAMPLES / "nilecare/queries.sql").read_text()
    statements = [part.strip() for part in text.split(";") if part.strip()]
    for user in ("billing_service", "main_service", "readonly_service"):
        connection = wire.connect(silogate.port, user)
        silogate.violations()
        verdicts = []
        for statement in statements:
            try:
                connection.query(statement)
                verdicts.append("not blocked")
            except wire.Error as error:
                assert error.code == 1142, error
                verdicts.append("block")
        connection.quit()
        expected = [verdict for verdict, _, _ in explain("nilecare", user)]
        assert verdicts == ["block" if one == "block" else "not blocked" for one in expected]
        count = sum(one != "allow" for one in expected)
        found = silogate.violations(count) if count else []
        assert [one["action"] for one in found] == [
            {"log": "logged", "block": "blocked"}[one] for one in expected if one != "allow"]


def run_demo(before, folder):
    return subprocess.run([*before, places.TOP / "examples/demo"], capture_output=True, text=True,
                          timeout=120, cwd=places.TOP,
                          env=dict(os.environ, BUILD=places.BUILD.name, TMPDIR=str(folder)))


@pytest.mark.long(short=1)
@pytest.mark.parametrize("who", ["as it is", "nobody"])
def test_demo(who):
    """An allowed, a logged and a blocked query, the records and the report; also without rights."""
    before = []
    if who == "nobody":
        if os.geteuid() != 0:
            pytest.skip("the tests run as a normal user: the other case is this one")
        before = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    folder = places.scratch("demo")
    folder.chmod(0o777)
    try:
        done = run_demo(before, folder)
        left = list(folder.iterdir())
    finally:
        places.remove(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    out = done.stdout
    assert "nilecare_auth" in out  # where auth has landed
    assert "doctor.one@hospital.example" in out  # logged, and let through
    assert "ERROR 1142" in out
    assert "that reached MariaDB: 0" in out
    records = [json.loads(line) for line in out.splitlines() if line.startswith('{"ts"')]
    actions = [one["action"] for one in records if one["event"] == "violation"]
    assert actions == ["logged"] * 4 + ["blocked"] * 2
    audit = out[out.index("The audit"):out.index("The report")]
    for name in ("fk_payments_invoice_id", "fk_claims_patient_id", "patients_audit_update"):
        assert name in audit
    report = out[out.index("The report"):]
    for service in ("billing", "payment", "main", "clinical", "auth"):
        assert service in report
    assert not left


@pytest.mark.long
def test_example_of_moves():
    """billing's, payment's and clinical's tables go and come back under load, and nobody sees an error."""
    folder = places.scratch("move")
    running = subprocess.Popen([places.TOP / "examples/move"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=places.TOP, env=dict(os.environ, BUILD=places.BUILD.name, TMPDIR=str(folder)),
                               start_new_session=True)
    try:
        out, errors = running.communicate(timeout=900)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)  # with its eleven services
        raise
    finally:
        places.remove(folder)
    assert running.returncode == 0, out + errors
    assert out.count("stand in their new database") == 3
    assert out.count("stand in their old database") == 3
    assert "clinical: " in out and out.count(" rounds of its statements, 0 errors") == 11
