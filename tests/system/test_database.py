"""The current database: at login, USE in any spelling, COM_INIT_DB, COM_CHANGE_USER, aliases; and that
silogate and the server agree on it after whatever happened."""
import random

import pytest

from harness import wire


def current(connection):
    return connection.query("SELECT DATABASE()")[0].rows[0][0]


def init_db(connection, name):
    return connection.ok(b"\x02" + name.encode())


@pytest.fixture
def auth(silogate):
    connection = wire.connect(silogate.port, "auth_service")
    yield connection
    connection.close()


SPELLINGS = ["USE nilecare", "use `nilecare`", "/* c */ USE nilecare", "USE\tnilecare ;",
             "-- c\nUSE nilecare", "  uSe /* x */ nilecare", "#c\nUSE/**/nilecare",
             "/*!50000 USE nilecare */", "USE nilecare -- back home"]


@pytest.mark.parametrize("statement", SPELLINGS)
def test_alias_in_any_spelling(auth, statement):
    """auth asks for `nilecare` and is in nilecare_auth, as at its login."""
    auth.query("USE information_schema")
    assert current(auth) == "information_schema"
    auth.query(statement)
    assert current(auth) == "nilecare_auth"
    assert auth.query("SELECT COUNT(*) FROM auth_users")[0].rows == [["3"]]


def test_alias_by_init_db(auth):
    auth.query("USE information_schema")
    init_db(auth, "nilecare")
    assert current(auth) == "nilecare_auth"


def test_alias_within_several_statements(auth):
    answers = auth.query("USE information_schema; USE nilecare; SELECT DATABASE()")
    assert answers[2].rows == [["nilecare_auth"]]


@pytest.mark.parametrize("asked", ["nilecare", "", "nilecare_auth"])
def test_login_lands_in_its_own(silogate, asked):
    connection = wire.connect(silogate.port, "auth_service", database=asked)
    assert current(connection) == "nilecare_auth"
    connection.quit()


def test_login_with_anothers_database(silogate):
    """In `block` it is refused as the server would refuse it; in `log` it is logged and let through."""
    with pytest.raises(wire.Error) as refused:
        wire.connect(silogate.port, "auth_service", database="nilecare_business")
    assert refused.value.code == 1044
    record, = silogate.settle()
    assert record["action"] == "blocked" and record["service"] == "auth"
    connection = wire.connect(silogate.port, "billing_service", database="nilecare_business")
    assert current(connection) == "nilecare_business"
    connection.quit()
    record, = silogate.settle()
    assert record["action"] == "logged" and "business" in record["owners"]


def test_anothers_database(server, silogate, auth):
    mark = server.mark()
    for ask in (lambda: auth.query("USE nilecare_lab"), lambda: init_db(auth, "nilecare_lab")):
        with pytest.raises(wire.Error) as refused:
            ask()
        assert (refused.value.code, refused.value.state) == (1044, "42000")
        record, = silogate.violations(1)
        assert str(record["id"]) in refused.value.message
    assert "nilecare_lab" not in server.log(mark)
    assert current(auth) == "nilecare_auth"


def test_unqualified_names_follow_the_current_database(silogate, auth):
    """The same words are another object after USE."""
    auth.query("SELECT COUNT(*) FROM auth_users")
    auth.query("USE information_schema")
    with pytest.raises(wire.Error) as unknown:
        auth.query("SELECT COUNT(*) FROM auth_users")
    assert unknown.value.code in (1109, 1146)
    business = wire.connect(silogate.port, "business_service")
    business.query("SELECT COUNT(*) FROM claims")
    business.query("USE nilecare")
    silogate.settle()
    business.query("SELECT COUNT(*) FROM invoices")
    found = silogate.settle()
    assert [one["objects"][0]["schema"] for one in found] == ["nilecare"]
    business.quit()


def test_failing_use_changes_nothing(auth, server):
    for statement in ("USE no_such_database", "USE nilecare_auth_no"):
        with pytest.raises(wire.Error) as refused:
            auth.query(statement)
        assert refused.value.code in (1044, 1049)
        assert current(auth) == "nilecare_auth"
        auth.query("SELECT COUNT(*) FROM auth_users")


@pytest.mark.parametrize("track", [True, False], ids=["track", "no-track"])
def test_a_prepared_use_is_undone_in_another_database(mariadb, make_gate, track):
    """MariaDB runs a prepared statement in the database of its PREPARE and goes back where it came
    from: a USE holds only where these are the same. silogate took it to hold, and read the names that
    followed as those of the service's own database."""
    gate = make_gate(mariadb, ("service:lab", "owns", "nilecare_lab.*", "nilecare.lab_*"),
                     ("service:lab", "mode", "block"))
    connection = wire.connect(gate.port, "lab_service", database="nilecare_lab",
                              capabilities=wire.USUAL if track else wire.USUAL & ~wire.SESSION_TRACK)
    statement, _, _ = connection.prepare("USE nilecare_lab")
    connection.execute(statement)
    assert current(connection) == "nilecare_lab"
    connection.query("USE nilecare")
    connection.execute(statement)
    assert current(connection) == "nilecare"
    mark = mariadb.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT 'm1rk' FROM invoices")
    assert refused.value.code == 1142 and not mariadb.saw("m1rk", mark)
    connection.quit()


def test_a_routine_that_fails_does_not_tell_of_the_way_back(server, make_gate):
    """A routine runs in the database of its own and tells of it with its results; where it fails then,
    nothing tells that the session is back where it was."""
    server.sql("DROP PROCEDURE IF EXISTS nilecare_lab.fails",
               "CREATE PROCEDURE nilecare_lab.fails() BEGIN SELECT 1; SIGNAL SQLSTATE '45000'; END")
    gate = make_gate(server, ("service:lab", "mode", "block"))
    connection = wire.connect(gate.port, "lab_service")
    connection.query("USE nilecare")
    with pytest.raises(wire.Error) as signalled:
        connection.query("CALL nilecare_lab.fails()")
    assert signalled.value.code == 1644 and current(connection) == "nilecare"
    mark = server.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT 'm1rk' FROM invoices")
    assert refused.value.code == 1142 and not server.saw("m1rk", mark)
    connection.quit()


def test_change_user_is_another_service(server, silogate):
    """COM_CHANGE_USER logs in again: another service, another database, another policy."""
    connection = wire.connect(silogate.port, "billing_service")
    connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    record, = silogate.violations(1)
    assert record["service"] == "billing"
    connection.change_user("auth_service", "nilecare")
    assert connection.query("SELECT CURRENT_USER(), DATABASE()")[0].rows == [
        ["auth_service@%", "nilecare_auth"]]
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    assert refused.value.code == 1142 and "auth" in refused.value.message
    connection.change_user("billing_service", "")
    assert current(connection) == "nilecare"
    connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    connection.quit()


@pytest.mark.parametrize("user", ["auth_service", "billing_service", "nobody_at_all"])
def test_a_refused_change_user_is_as_directly(server, silogate, user):
    """MySQL ends the session. MariaDB keeps it as it was, but for all that it had set."""
    seen = []
    for port in (server.port, silogate.port):
        connection = wire.connect(port, "billing_service")
        connection.query("SET @x = 1, sql_mode = 'ANSI_QUOTES'")
        connection.query("CREATE TEMPORARY TABLE nilecare.b_temporary (a INT)")
        with pytest.raises(wire.Error) as refused:
            connection.change_user(user, "nilecare", "wrong")
        try:
            connection.ok(b"\x0e")  # COM_PING
            seen.append([refused.value.code, False])
        except (wire.Closed, OSError):
            seen.append([refused.value.code, True])
            continue
        told = connection.query("SELECT CURRENT_USER(), @x, @@sql_mode, @@character_set_client")[0].rows
        with pytest.raises(wire.Error) as gone:
            connection.query("SELECT * FROM nilecare.b_temporary")
        seen[-1] += [told, gone.value.code]
        connection.query("SELECT COUNT(*) FROM invoices")
        connection.change_user("billing_service", "nilecare")
        connection.quit()
    assert seen[0][0] == seen[1][0] == 1045 and seen[0] == seen[1]
    assert seen[0][1] == (server.name == "mysql")


def test_after_a_refused_change_user_it_is_judged_as_before(mariadb, make_gate):
    silogate = make_gate(mariadb)
    connection = wire.connect(silogate.port, "billing_service")
    with pytest.raises(wire.Error):
        connection.change_user("auth_service", "nilecare", "wrong")
    connection.query("SELECT COUNT(*) FROM auth_users")
    record = silogate.violations(1)[0]
    assert (record["service"], record["user"], record["owners"]) == ("billing", "billing_service", ["auth"])
    connection.quit()


@pytest.mark.parametrize("statement", ["USE `nilecare`", "USE nilecare", "/* ` */ USE nilecare"])
def test_use_after_reset_connection(silogate, statement):
    """After COM_RESET_CONNECTION the character set is asked for before a quoted name is read: a USE
    that was not understood, and let through in `log`, was once not followed."""
    connection = wire.connect(silogate.port, "business_service",
                              capabilities=wire.USUAL & ~wire.SESSION_TRACK)
    connection.ok(b"\x1f")
    connection.query(statement)
    silogate.settle()
    connection.query("SELECT COUNT(*) FROM invoices")
    record, = silogate.settle()
    assert record["database"] == "nilecare" and record["owners"] == ["billing"]
    connection.quit()


@pytest.mark.parametrize("statement", ["GROUP BY", "nonsense", "EXECUTE nobody", "SELECT 1; nonsense; x"])
def test_what_is_not_understood_arrives_as_it_was_written(server, silogate, statement):
    """A statement that might be any USE once had the service's database written into its start."""
    connection = wire.connect(silogate.port, "lab_service")
    mark = server.mark()
    with pytest.raises(wire.Error) as wrong:
        connection.query(statement)
    assert wrong.value.code in (1064, 1243)
    assert "`nilecare`" not in wrong.value.message + server.log(mark)
    connection.quit()


@pytest.mark.parametrize("statement", ["EXECUTE IMMEDIATE 'USE nilecare'", "SELECT 1; EXECUTE IMMEDIATE 'USE `nilecare`'",
                                       "EXECUTE IMMEDIATE 'USE nilecare' /* nilecare */"])
def test_an_alias_within_a_text_is_not_written_elsewhere(mariadb, make_gate, statement):
    """Its place is in the literal: once the service's database came to stand before the statement."""
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, "auth_service")
    mark = mariadb.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query(statement)
    assert refused.value.code == 1227, refused.value
    assert "USE" not in mariadb.log(mark)
    assert current(connection) == "nilecare_auth"
    connection.quit()


def test_silogate_and_the_server_agree(server, make_gate):
    """After random steps, what the gate takes for the current database is what the server says: an
    unqualified name that nobody owns is recorded with its schema."""
    server.sql("CREATE DATABASE IF NOT EXISTS nilecare_lab",
               *[f"CREATE TABLE IF NOT EXISTS {schema}.probe (id INT)"
                 for schema in ("nilecare", "nilecare_lab", "nilecare_cds")])
    gate = make_gate(server, ("service:lab", "owns", "nilecare.lab_*"),
                     ("service:cds", "owns", "nilecare.cds_*"), ("service:lab", "alias", "old_lab"),
                     ("policy", "administration", "log"))
    connection = wire.connect(gate.port, "lab_service",
                              capabilities=wire.USUAL & ~wire.SESSION_TRACK)
    steps = random.Random(20260101)
    asks = [
        lambda: connection.query("USE nilecare"), lambda: connection.query("USE nilecare_lab"),
        lambda: connection.query("/* c */ use `nilecare_cds` "),
        lambda: connection.query("USE old_lab"),
        lambda: init_db(connection, "nilecare_lab"), lambda: init_db(connection, "nilecare"),
        lambda: init_db(connection, "no_such"), lambda: connection.query("USE no_such"),
        lambda: connection.query("USE nilecare_cds; SELECT * FROM no_such; USE nilecare"),
        lambda: connection.query("USE nilecare_lab; USE nilecare_cds"),
        lambda: connection.query("SELECT 1; USE no_such; USE nilecare_lab"),
        lambda: connection.change_user("lab_service", ""),
        lambda: connection.change_user("lab_service", "nilecare_cds"),
        lambda: connection.ok(b"\x1f"),
        lambda: connection.query("CREATE DATABASE IF NOT EXISTS nilecare_gone; USE nilecare_gone"),
        lambda: connection.query("DROP DATABASE nilecare_gone"),
    ]
    server.sql("GRANT ALL ON nilecare_cds.* TO lab_service@'%'",
               "GRANT ALL ON nilecare_gone.* TO lab_service@'%'")
    truths = []
    for number in range(150):
        try:
            steps.choice(asks)()
        except wire.Error:
            pass  # some of the steps fail, and that is their point
        truth = current(connection)
        if truth in (None, "nilecare_gone"):
            connection.query("USE nilecare")
            truth = "nilecare"
        connection.query(f"SELECT COUNT(*) AS step_{number} FROM probe")
        truths.append((f"step_{number} ", truth))
    found = gate.settle()
    for step, truth in truths:
        schemas = [one["objects"][0]["schema"] for one in found if step in (one["statement"] or "")]
        assert schemas == [truth], step
    connection.quit()
