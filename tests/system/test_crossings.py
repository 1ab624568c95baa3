"""The crossings of NileCare: each gets the verdict that its policy says, in `log` and, after an edited
line and SIGHUP, in `block`, with no session lost."""
import pymysql
import pytest

from harness import wire

PATIENT = "00000002-0000-4000-8000-000000000001"
USER = "00000001-0000-4000-8000-000000000001"

# service, statement, values, (owner, schema.name, access, kind)
CROSSINGS = {
    "billing_reads_patient": (
        "billing", "SELECT * FROM clinical_data.patients WHERE id = %s", PATIENT,
        ("clinical", "clinical_data.patients", ["read"], "select")),
    "billing_reads_email": (
        "billing", "SELECT email FROM auth_users WHERE id = %s", USER,
        ("auth", "nilecare.auth_users", ["read"], "select")),
    "billing_updates_payments": (
        "billing", "UPDATE payments SET status = 'confirmed' WHERE reference = %s", "REF-0001",
        ("payment", "nilecare.payments", ["read", "write"], "update")),
    "payment_reads_invoices": (
        "payment", "SELECT status FROM invoices WHERE invoice_number = %s", "INV-0001",
        ("billing", "nilecare.invoices", ["read"], "select")),
    "business_joins_patients": (
        "business", "SELECT p.last_name FROM business_operations.claims c"
        " JOIN clinical_data.patients p ON p.id = c.patient_id WHERE c.patient_id = %s", PATIENT,
        ("clinical", "clinical_data.patients", ["read"], "select")),
}
# What is a service's own, or granted: never a violation.
OWN = {
    "auth_by_its_alias": ("auth", "SELECT email FROM auth_users WHERE id = %s", USER),
    "billing_invoices": ("billing", "SELECT status FROM invoices WHERE patient_id = %s", PATIENT),
    "business_claims": (
        "business", "SELECT * FROM business_operations.claims WHERE patient_id = %s", PATIENT),
    "business_granted": ("business", "SELECT * FROM appointments WHERE patient_id = %s", PATIENT),
    "clinical_audited": (
        "clinical", "UPDATE patients SET phone = '000-0001' WHERE id = %s", PATIENT),
    "reporting": ("readonly", "SELECT * FROM clinical_data.patients WHERE id = %s", PATIENT),
}


def objects(record):
    return {f"{one['schema']}.{one['name']}": one for one in record["objects"]}


@pytest.mark.parametrize("name", CROSSINGS)
def test_crossing_is_logged_and_then_blocked(server, make_gate, name):
    service, statement, value, (owner, table, access, kind) = CROSSINGS[name]
    gate = make_gate(server)
    connection = gate.connect(f"{service}_service")
    with connection.cursor() as cursor:
        assert cursor.execute(statement, [value]) is not None
        logged, = gate.violations(1)
        assert logged["action"] == "logged" and logged["reason"] == "foreign"
        assert logged["service"] == service and logged["user"] == f"{service}_service"
        assert logged["kind"] == kind and owner in logged["owners"]
        assert objects(logged)[table]["owner"] == owner
        assert set(objects(logged)[table]["access"]) >= {access[-1]}
        assert value not in str(logged), "a value reached the log"

        event = gate.reload((f"service:{service}", "mode", "block"))
        assert event, "no reload event"
        mark = server.mark()
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute(statement, [value])
        code, message = refused.value.args
        assert code == 1142
        blocked, = gate.violations(1)
        for word in (service, owner, table.split(".")[1], str(blocked["id"])):
            assert word in message, f"{word!r} is missing in {message!r}"
        assert blocked["action"] == "blocked" and blocked["digest"] == logged["digest"]
        assert blocked["policy"] != logged["policy"]
        assert value not in server.log(mark)
        cursor.execute("SELECT CONNECTION_ID()")  # the session lives on
    connection.close()


@pytest.mark.parametrize("name", OWN)
def test_own_and_granted_are_no_violations(silogate, name):
    service, statement, value = OWN[name]
    connection = silogate.connect(f"{service}_service")
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
    connection.close()
    assert not silogate.settle()


def test_every_client_crosses_and_is_told(server, client, silogate):
    """Through each client library: logged as billing, blocked as main, with the same error."""
    statement = "SELECT last_name FROM clinical_data.patients WHERE id = " + (
        "?" if client.parameters else f"'{PATIENT}'")
    values = [PATIENT] if client.parameters else []
    answer = client(silogate.port, "billing_service", statement, values)
    assert answer.rows == [["Example"]], answer
    logged, = silogate.settle()
    assert logged["action"] == "logged"
    assert "?" in logged["statement"] and PATIENT not in logged["statement"]

    mark = server.mark()
    answer = client(silogate.port, "main_service", statement, values)
    assert answer.error == 1142, answer
    assert "clinical" in answer.message and "patients" in answer.message
    blocked = silogate.settle()
    assert [one["statement"] for one in blocked] == [logged["statement"]]
    blocked = blocked[0]
    assert blocked["action"] == "blocked" and blocked["service"] == "main"
    assert str(blocked["id"]) in answer.message
    assert "patients" not in server.log(mark), "a blocked statement reached the server"


def test_prepared_statement_is_judged_by_the_policy_of_its_execution(server, make_gate):
    """Prepared under `log`, executed after SIGHUP under `block`: refused, and fine again later."""
    gate = make_gate(server)
    mysql = wire.connect(gate.port, "billing_service")
    crossing, _, _ = mysql.prepare("SELECT last_name FROM clinical_data.patients WHERE id = ?")
    own, _, _ = mysql.prepare("SELECT status FROM invoices WHERE id <> ?")
    assert len(mysql.execute(crossing, [PATIENT])[0].rows) == 1
    gate.reload(("service:billing", "mode", "block"))
    mark = server.mark()
    with pytest.raises(wire.Error) as refused:
        mysql.execute(crossing, [PATIENT])
    assert (refused.value.code, refused.value.state) == (1142, "42000")
    assert len(mysql.execute(own, ["x"])[0].rows) == 2
    assert "patients" not in server.log(mark)
    with pytest.raises(wire.Error) as refused:
        mysql.prepare("SELECT first_name FROM clinical_data.patients")
    assert refused.value.code == 1142
    gate.reload(("service:billing", "mode", "log"))
    assert len(mysql.execute(crossing, [PATIENT])[0].rows) == 1
    mysql.quit()


def test_edge_is_stronger_than_the_service(server, make_gate):
    gate = make_gate(server, ("edge:billing->clinical", "mode", "block"),
                     ("edge:main->auth", "mode", "log"))
    billing, main = gate.connect("billing_service"), gate.connect("main_service")
    with billing.cursor() as cursor:
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute("SELECT 1 FROM clinical_data.patients")
        assert refused.value.args[0] == 1142 and "edge" in refused.value.args[1]
        cursor.execute("SELECT 1 FROM auth_users")
    with main.cursor() as cursor:
        cursor.execute("SELECT 1 FROM auth_users")
        with pytest.raises(pymysql.Error):
            cursor.execute("SELECT 1 FROM clinical_data.patients")


def test_grant_and_its_last_day(server, make_gate):
    gate = make_gate(server, ("service:billing", "mode", "block"),
                     ("grant:old", "service", "billing"), ("grant:old", "on", "nilecare.auth_users"),
                     ("grant:old", "access", "read"), ("grant:old", "until", "2020-01-01"),
                     ("grant:now", "service", "billing"),
                     ("grant:now", "on", "clinical_data.patients"), ("grant:now", "access", "read"))
    connection = gate.connect("billing_service")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM clinical_data.patients")
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute("UPDATE clinical_data.patients SET phone = ''")
        assert refused.value.args[0] == 1142
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute("SELECT 1 FROM auth_users")
        assert refused.value.args[0] == 1142
    connection.close()
    foreign, expired = gate.violations(2)
    assert foreign["reason"] == "foreign" and expired["reason"] == "expired_grant"


def test_foreign_keys_across_owners(server, make_gate):
    """The DDL of a foreign key into another's silo is a crossing too."""
    gate = make_gate(server, ("service:payment", "mode", "block"))
    connection = gate.connect("payment_service")
    with connection.cursor() as cursor:
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute("ALTER TABLE payments ADD CONSTRAINT fk_two FOREIGN KEY (invoice_id)"
                           " REFERENCES nilecare.invoices (id)")
        assert refused.value.args[0] in (1142, 1227)
    record, = gate.violations(1)
    assert record["action"] == "blocked"
    connection.close()
