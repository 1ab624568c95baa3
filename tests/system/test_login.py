"""Logging in through silogate: every client, both servers, both greetings, every way to prove who one
is; and what a client that is not let in gets to see."""
import struct

import pymysql
import pytest

from harness import clients, servers, wire


@pytest.fixture(scope="module", params=["own", "upstream"])
def greeting(request):
    return request.param


@pytest.fixture(scope="module")
def greeter(server, greeting):
    from harness import gate
    with gate.running(server, changes=[("proxy", "greeting", greeting), gate.KEY_OF_ITS_OWN,
                                       ("proxy", "max_failed_logins", 0),
                                       ("service:accounts", "user", *server.extra_users),
                                       ("service:accounts", "upstream", "main"),
                                       ("service:accounts", "database", "nilecare_lab")]) as one:
        yield one


@pytest.mark.long(short=12)
def test_every_client_logs_in(greeter, client):
    """A service logs in with its own password and lands in its own database, whatever it asks for."""
    statement = "SELECT CURRENT_USER(), DATABASE()"
    answer = client(greeter.port, "auth_service", statement, database="nilecare")
    assert answer.rows == [["auth_service@%", "nilecare_auth"]], answer
    answer = client(greeter.port, "business_service", statement, database="")
    assert answer.rows == [["business_service@%", "nilecare_business"]], answer
    if client.parameters:
        answer = client(greeter.port, "billing_service", "SELECT ?, ?, DATABASE()", ["x", None])
        assert answer.rows == [["x", None, "nilecare"]], answer


def test_every_client_is_refused_with_a_wrong_password(greeter, client):
    answer = client(greeter.port, "billing_service", "SELECT 1", password="wrong")
    assert answer.error == 1045 or "1045" in answer.message, answer
    assert "silogate" not in answer.message


def test_client_without_plugin_auth_with_the_upstream_greeting(mariadb, make_gate):
    """The npm package mysql knows no plugins: it needs the server's own nonce from the start."""
    gate = make_gate(mariadb, ("proxy", "greeting", "upstream"))
    answer = clients.NODE_MYSQL(gate.port, "billing_service", "SELECT DATABASE()")
    assert answer.rows == [["nilecare"]], answer


def test_every_account_plugin(greeter, server):
    for user in server.extra_users:
        client = clients.C_MYSQL if server.dialect == "mysql" else clients.C_MARIADB
        answer = client(greeter.port, user, "SELECT CURRENT_USER(), DATABASE()", database="")
        assert answer.rows == [[f"{user}@%", "nilecare_lab"]], (user, answer)


def test_empty_password(greeter):
    with wire.connect(greeter.port, "empty_user").socket:
        pass
    with pytest.raises(wire.Error) as refused:
        wire.connect(greeter.port, "empty_user", password="not empty")
    assert refused.value.code == 1045


def test_caching_sha2_cold_and_warm(greeter, server):
    """After FLUSH PRIVILEGES the server has forgotten who it knew: the login is a full one with the
    server's RSA key; the next is a fast one."""
    if server.dialect == "mysql":
        server.forget_passwords()
    for _ in range(2):
        connection = greeter.connect("lab_service")
        connection.close()


def test_unknown_user_and_wrong_password_look_the_same(greeter):
    """Nobody learns from the answer which users there are."""
    seen = []
    for user in ("billing_service", "nobody_at_all"):
        with pytest.raises(pymysql.Error) as refused:
            greeter.connect(user, password="wrong")
        code, message = refused.value.args
        seen.append((code, message.replace(user, "USER")))
    assert seen[0][0] == 1045
    assert seen[0] == seen[1]


def test_refused_logins_are_recorded(server, make_gate):
    gate = make_gate(server)
    with pytest.raises(pymysql.Error):
        gate.connect("nobody_at_all", password="x")
    with pytest.raises(pymysql.Error):
        gate.connect("billing_service", password="x")
    gate.stop()
    unknown, wrong = gate.events("login_refused")
    assert (unknown["user"], unknown["reason"]) == ("nobody_at_all", "unknown_user")
    assert "service" not in unknown
    assert (wrong["user"], wrong["reason"], wrong["service"]) == ("billing_service", "server", "billing")
    assert unknown["client"].startswith("127.0.0.1:")


def test_unknown_user_is_passed_unjudged_where_the_ini_says_so(server, make_gate):
    gate = make_gate(server, ("proxy", "unknown_user", "pass"),
                     ("proxy", "default_upstream", "main"))
    user = server.extra_users[0] if server.dialect == "mysql" else "native_user"
    connection = gate.connect(user, database="nilecare_auth")
    with connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE(), (SELECT COUNT(*) FROM clinical_data.patients)")
        assert cursor.fetchall() == (("nilecare_auth", 3),)
    connection.close()
    gate.stop()
    assert not gate.events("violation")


def test_password_never_appears_anywhere(greeter):
    """silogate never learns a password, so it cannot tell one."""
    greeter.connect("billing_service").close()
    text = greeter.log() + greeter.violations_file.read_text()
    assert servers.PASSWORD_SUFFIX not in text


def test_connection_attributes_reach_the_server(greeter, server):
    connection = wire.connect(greeter.port, "lab_service", attributes=[
        ("program_name", "lab-worker"), ("_client_name", "scripted")])
    server_thread = connection.query("SELECT CONNECTION_ID()")[0].rows[0][0]
    rows = server.sql("SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs"
                      f" WHERE PROCESSLIST_ID = {server_thread}")
    connection.quit()
    assert ("program_name", "lab-worker") in rows
    assert ("_client_name", "scripted") in rows


def test_expired_password(server, make_gate):
    """A client that can handle it is let in, may set a new password, and nothing else before; another
    hears what the server says."""
    strict = "SET GLOBAL disconnect_on_expired_password = "  # MySQL is from its start
    renew = {"mysql": "ALTER USER USER() IDENTIFIED BY 'expired_user-new'",
             "mariadb": "SET PASSWORD = PASSWORD('expired_user-new')"}[server.name]
    server.sql("CREATE USER expired_user@'%' IDENTIFIED BY 'expired_user-secret' PASSWORD EXPIRE",
               "GRANT ALL ON nilecare.* TO expired_user@'%'",
               *[strict + "ON"] * (server.name == "mariadb"))
    try:
        gate = make_gate(server, ("service:lab", "user", "lab_service", "expired_user"),
                         ("policy", "administration", "log"))
        with pytest.raises(wire.Error) as refused:
            wire.connect(gate.port, "expired_user", database="")
        assert refused.value.code == 1862
        connection = wire.connect(gate.port, "expired_user", database="",
                                  capabilities=wire.USUAL | wire.EXPIRED_PASSWORDS)
        with pytest.raises(wire.Error) as refused:
            connection.query("SELECT 1 FROM lab_tests")
        assert refused.value.code == 1820
        connection.query(renew)
        assert connection.query("SELECT 1")[0].rows == [["1"]]
        connection.quit()
    finally:
        server.sql("DROP USER expired_user@'%'", *[strict + "OFF"] * (server.name == "mariadb"))


FORGED = {  # who is deceived: the flag that is missing, too, and the answer to the greeting
    "MariaDB": (0, b"x\0nilecare_auth\0no_plugin\0\0"),
    "MySQL": (wire.PLUGIN_AUTH_LENENC, b"\x02xxnilecare_auth"),
}


@pytest.mark.parametrize("name", FORGED)
def test_no_field_is_hidden_in_another(server, make_gate, name):
    """Without CLIENT_SECURE_CONNECTION the servers find another end of the answer than a client that has
    CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA, or none, has written: the session began in another service's database."""
    missing, answer = FORGED[name]
    gate = make_gate(server, ("proxy", "greeting", "upstream"), ("policy", "mode", "block"))
    client = wire.Wire(gate.port).greet()
    client.capabilities &= client.offered & ~(wire.SECURE_CONNECTION | missing)
    out = struct.pack("<IIB", client.capabilities, 1 << 30, 45) + bytes(23) + b"billing_service\0"
    out += answer + b"\0" if missing else wire.lenenc(answer)
    client.send(out + b"nilecare\0" + client.plugin.encode() + b"\0\0")
    with pytest.raises(wire.Error) as refused:
        client._authenticate(servers.password("billing_service"), client.nonce)
        pytest.fail(repr(client.query("SELECT DATABASE()")[0].rows))
    assert refused.value.code == 1043
    client.close()
