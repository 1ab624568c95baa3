"""TLS on the client's leg: what is offered and what is refused, client certificates, reload, and clients that
mean no good."""
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

import pymysql
import pytest

from harness import places, servers, wire


def offering(certificates, name="server", *more):
    """The changes of an ini that offers TLS."""
    return [("tls", "certificate", certificates / f"{name}.pem"),
            ("tls", "key", certificates / f"{name}.key"), *more]


def connect(gate, certificates, user="billing_service", own=None, **options):
    """PyMySQL over TLS, with a certificate of its own where one is named."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    if own:
        context.load_cert_chain(certificates / f"{own}.pem", certificates / f"{own}.key")
    connection = pymysql.connect(host="127.0.0.1", port=gate.port, user=user, ssl=context,
                                 password=servers.password(user), autocommit=True, **options)
    return connection


def one(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def s_client(gate, *options):
    """openssl s_client's words."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "mysql", "-connect",
                           f"127.0.0.1:{gate.port}", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def subject(gate):
    """The common name of the certificate that it shows. OpenSSL 3.2 and later write no spaces around the sign."""
    return re.search(r"(?m)^subject=CN ?= ?(.*)$", s_client(gate)).group(1)


# --- what is offered -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def has_13():
    """Does the mbedTLS that silogate runs with speak TLS 1.3?"""
    words = subprocess.run([places.SILOGATE, "version"], check=True, capture_output=True, text=True).stdout
    return servers.version_of(words.split("mbedTLS ")[1].split()[0]) >= (3, 6)


def accepts(gate, *options):
    return "Cipher is (NONE)" not in s_client(gate, *options)


def ciphers(gate):
    """All suites of TLS 1.2 that silogate takes: it chooses among all that OpenSSL knows but those found."""
    found = []
    while True:
        left = ":".join(["ALL", *[f"!{cipher}" for cipher in found], "@SECLEVEL=0"])
        chosen = re.search(r"Cipher is (\S+)", s_client(gate, "-tls1_2", "-cipher", left)).group(1)
        if chosen == "(NONE)":
            return found
        assert chosen not in found
        found.append(chosen)


def curves(gate):
    known = ("X25519", "X448", "prime256v1", "secp384r1", "secp521r1", "secp256k1", "brainpoolP256r1")
    return {curve for curve in known if accepts(gate, "-tls1_2", "-curves", curve)}


def test_versions(mariadb, make_gate, certificates, has_13):
    gate = make_gate(mariadb, *offering(certificates))
    assert "Cipher is ECDHE-ECDSA" in s_client(gate, "-tls1_2")
    assert accepts(gate, "-tls1_3") == has_13
    for old in ("-tls1", "-tls1_1"):
        text = s_client(gate, old, "-cipher", "ALL:@SECLEVEL=0")
        assert "Cipher is (NONE)" in text, text


def test_min_version(mariadb, make_gate, certificates, has_13):
    if not has_13:
        pytest.skip("needs mbedTLS 3.6; with 2.28 `silogate check` refuses min_version = 1.3")
    gate = make_gate(mariadb, *offering(certificates, "rsa", ("tls", "min_version", "1.3"),
                                        ("tls", "cipher_suites", "TLS_AES_256_GCM_SHA384"),
                                        ("tls", "curves", "secp384r1")))
    assert not accepts(gate, "-tls1_2")
    for suite in ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
        assert accepts(gate, "-tls1_3", "-ciphersuites", suite) == (suite == "TLS_AES_256_GCM_SHA384")
    for curve in ("secp384r1", "X25519", "prime256v1"):
        assert accepts(gate, "-tls1_3", "-curves", curve) == (curve == "secp384r1")


def test_suites_and_curves(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates, "rsa",
                                        ("tls", "cipher_suites", "ECDHE-RSA-AES256-GCM-SHA384"),
                                        ("tls", "curves", "secp384r1")))
    assert ciphers(gate) == ["ECDHE-RSA-AES256-GCM-SHA384"]
    assert curves(gate) == {"secp384r1"}


def test_the_default_suites_and_curves(mariadb, make_gate, certificates):
    """All have forward secrecy and authenticate what they encrypt."""
    for kind, name in (("RSA", "rsa"), ("ECDSA", "server")):
        gate = make_gate(mariadb, *offering(certificates, name))
        assert ciphers(gate) == [f"ECDHE-{kind}-{cipher}" for cipher in (
            "CHACHA20-POLY1305", "AES128-GCM-SHA256", "AES256-GCM-SHA384")]
        if kind == "RSA":  # a client has to know an EC certificate's curve too
            assert curves(gate) == {"X25519", "prime256v1", "secp384r1"}


def test_no_renegotiation(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates))
    command = ["openssl", "s_client", "-starttls", "mysql", "-tls1_2", "-connect",
               f"127.0.0.1:{gate.port}"]
    done = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=30)
    assert "no renegotiation" in done.stdout + done.stderr


def test_resumption(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates))
    ticket = str(gate.folder / "ticket")
    assert "\nNew, " in s_client(gate, "-tls1_2", "-sess_out", ticket)
    assert "\nReused, " in s_client(gate, "-tls1_2", "-sess_in", ticket)
    gate.reload()
    assert "\nNew, " in s_client(gate, "-tls1_2", "-sess_in", ticket)


def secure(gate, context, session=None):
    """A client that is logged in over TLS; `session`: to be resumed."""
    client = wire.Wire(gate.port).greet()
    client.raw(SSL_REQUEST)
    client.sequence = 2
    client.socket = context.wrap_socket(client.socket, server_hostname="localhost", session=session)
    client.login("lab_service")
    return client


def test_sessions_are_resumed(mariadb, make_gate, certificates, has_13):
    """By tickets; in TLS 1.3 they come behind the handshake, and a client is given new ones."""
    gate = make_gate(mariadb, *offering(certificates))
    for version in (ssl.TLSVersion.TLSv1_2, *[ssl.TLSVersion.TLSv1_3] * has_13):
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        context.minimum_version = context.maximum_version = version
        session = None
        for number in range(3):
            client = secure(gate, context, session)
            assert client.query("SELECT 1")[0].rows == [["1"]]
            assert client.socket.session_reused == (number > 0), (version, number)
            session = client.socket.session
            client.quit()


def test_not_offered_where_it_is_off(mariadb, make_gate):
    gate = make_gate(mariadb, ("tls", "client", "off"))
    client = wire.Wire(gate.port).greet()
    assert not client.offered & wire.SSL
    client.send(b"\x05\xae\x00\x00" + bytes(28))  # an SSLRequest nobody asked for
    client.sequence = 0
    assert client.receive()[:3] == b"\xff\x13\x04"
    client.close()


def test_required(mariadb, make_gate, certificates):
    path = f"/tmp/sg-tls-{os.getpid()}.sock"
    gate = make_gate(mariadb, *offering(certificates, "server", ("tls", "client", "required")))
    with connect(gate, certificates) as connection:
        assert one(connection, "SELECT 1") == ((1,),)
    client = wire.Wire(gate.port)
    with pytest.raises(wire.Error) as refused:
        client.login("billing_service")
    assert refused.value.code == 3159
    assert client.sequence == 3  # the answer to the login packet: no password was asked for
    client.close()
    other = make_gate(mariadb, *offering(certificates, "server", ("tls", "client", "required")),
                      ("proxy", "listen", f"unix:{path}"), start=False)
    other.start(ready=False)
    other.wait_log(" runs: ")
    connection = pymysql.connect(unix_socket=path, user="billing_service",
                                 password="billing_service-secret")
    assert one(connection, "SELECT 1") == ((1,),)
    connection.close()


# --- client certificates ---------------------------------------------------------------------------

@pytest.fixture
def mutual(mariadb, make_gate, certificates):
    return make_gate(mariadb, *offering(
        certificates, "server", ("tls", "client_ca", certificates / "ca.pem"),
        ("tls", "client_crl", certificates / "crl.pem"),
        ("service:billing", "certificate_name", "billing.internal")))


def refusals(gate, count):
    places.wait_for(lambda: len(gate.events("login_refused")) >= count)
    return gate.events("login_refused")


def test_certificate_name(mutual, certificates):
    with connect(mutual, certificates, own="billing") as connection:
        assert one(connection, "SELECT CURRENT_USER()") == (("billing_service@%",),)
    with connect(mutual, certificates, "lab_service") as connection:  # no name is asked for
        assert one(connection, "SELECT CURRENT_USER()") == (("lab_service@%",),)
    for count, own in enumerate((None, "payment"), 1):
        with pytest.raises(pymysql.Error) as refused:
            connect(mutual, certificates, own=own)
        assert refused.value.args[0] == 1045
        record = refusals(mutual, count)[-1]
        assert (record["reason"], record["user"]) == ("certificate", "billing_service")
    with pytest.raises(pymysql.Error) as refused:
        mutual.connect("billing_service")  # without TLS
    assert refused.value.args[0] == 1045


@pytest.mark.parametrize("own, word", [
    ("billing-expired", "certificate_expired"), ("billing-revoked", "certificate_revoked"),
    ("billing-unknown-ca", "certificate_unknown_ca"), ("self-signed", "certificate_self_signed"),
    ("renewed", "certificate_usage")])
def test_bad_certificates_of_clients(mutual, certificates, own, word):
    with pytest.raises((pymysql.Error, OSError)):
        connect(mutual, certificates, "lab_service", own=own)
    assert refusals(mutual, 1)[0]["reason"] == word
    with connect(mutual, certificates, "lab_service") as connection:
        assert one(connection, "SELECT 1") == ((1,),)


def test_change_user_needs_the_certificate_too(mutual, certificates):
    connection = connect(mutual, certificates, "lab_service")
    client = wire.Wire.__new__(wire.Wire)  # PyMySQL knows no COM_CHANGE_USER
    wire.Stream.__init__(client, connection._sock)
    client.capabilities, client.plugin, client.nonce = connection.client_flag, "mysql_native_password", \
        connection.salt
    with pytest.raises(wire.Error) as refused:
        client.change_user("billing_service", database="")
    assert refused.value.code == 1045
    client.close()


def test_no_reload_puts_a_session_where_its_certificate_is_asked_for(mutual, certificates):
    """Its user belongs to the service that asks for one from now on. Who has shown it stays."""
    bare, shown = connect(mutual, certificates, "lab_service"), connect(mutual, certificates, "lab_service", own="billing")
    billing, = re.findall(r"^user = (billing_service)$", mutual.ini, re.MULTILINE)
    mutual.reload(("service:lab", "user", "nobody_service"), ("service:billing", "user", billing, "lab_service"))
    with pytest.raises((pymysql.Error, OSError)) as refused:
        one(bare, "SELECT COUNT(*) FROM billing.invoices")
    assert refused.value.args[0] in (1053, 2006, 2013)
    assert one(shown, "SELECT CURRENT_USER()") == (("lab_service@%",),)
    shown.close()
    mutual.reload(("service:lab", "certificate_name", "lab.internal"))  # of its own logins, from now on


# --- reload ----------------------------------------------------------------------------------------

def test_reload_of_certificates(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates))
    copy = gate.folder / "in-use"
    for kind in ("pem", "key"):
        shutil.copy(certificates / f"server.{kind}", f"{copy}.{kind}")
    gate.reload(("tls", "certificate", f"{copy}.pem"), ("tls", "key", f"{copy}.key"))
    old = connect(gate, certificates)
    assert subject(gate) == "localhost"
    for kind in ("pem", "key"):
        shutil.copy(certificates / f"renewed.{kind}", f"{copy}.{kind}")
    assert gate.reload()["action"] != "refused"
    gate.wait_log("certificate CN=renewed, until 20")
    assert subject(gate) == "renewed"
    assert one(old, "SELECT 1") == ((1,),)
    shutil.copy(certificates / "server.key", f"{copy}.key")  # the key of another certificate
    start = len(gate.log())
    gate.reload()
    gate.wait_log("does not belong to the certificate", start=start)
    assert subject(gate) == "renewed"
    with connect(gate, certificates) as new:
        assert one(new, "SELECT 1") == ((1,),)
    assert one(old, "SELECT 1") == ((1,),)
    old.close()


# --- clients that mean no good, or nothing ---------------------------------------------------------

SSL_REQUEST = b"\x20\x00\x00\x01\x05\xae\x00\x00" + bytes(28)


def test_stuffed_plaintext_is_never_read(mariadb, make_gate, certificates):
    """CVE-2021-3935 in pgbouncer: SQL behind the SSLRequest, put there by a man in the middle."""
    gate = make_gate(mariadb, *offering(certificates))
    mark = mariadb.mark()
    client = wire.Wire(gate.port).greet()
    stuffed = b"\x03DROP DATABASE nilecare_billing"
    client.raw(SSL_REQUEST + bytes([len(stuffed), 0, 0, 0]) + stuffed)
    assert client.closed()
    gate.wait_log("TLS: ")
    assert not mariadb.saw("DROP DATABASE", mark)


def test_the_hello_may_come_with_the_request(mariadb, make_gate, certificates):
    """One segment may hold both: what is behind the SSLRequest belongs to TLS."""
    gate = make_gate(mariadb, *offering(certificates))
    client = wire.Wire(gate.port).greet()
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inside, outside, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    client.raw(SSL_REQUEST + outside.read())
    while True:
        inside.write(client.socket.recv(65536))
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            client.raw(outside.read())
    client.raw(outside.read())
    assert tls.version() == "TLSv1.2" or tls.version() == "TLSv1.3"
    client.close()


def cpu(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_half_open_handshakes_cost_nothing_and_end(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates, "server", ("proxy", "login_timeout", "6s")))
    held = []
    for number in range(50):
        client = wire.Wire(gate.port).greet()
        client.raw(SSL_REQUEST + b"\x16\x03\x01\x02\x00\x01"[:number % 7])
        held.append(client)
    time.sleep(0.3)
    before = cpu(gate.process)
    with connect(gate, certificates) as connection:
        assert one(connection, "SELECT 1") == ((1,),)
    time.sleep(2)
    assert cpu(gate.process) - before < 1  # whoever turns in circles takes all there is
    for client in held:
        assert client.closed()
        client.close()


def test_garbage_where_tls_should_be(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates))
    for garbage in (b"\x00" * 300, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\xff" * 70000,
                    b"\x80\x2e\x01\x00\x02" + b"\x00" * 50, b"\x15\x03\x03\x00\x02\x02\x28",
                    SSL_REQUEST * 3):
        client = wire.Wire(gate.port).greet()
        try:
            client.raw(SSL_REQUEST + garbage)
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        assert client.closed()
        client.close()
    with connect(gate, certificates) as connection:
        assert one(connection, "SELECT 1") == ((1,),)


# --- data ------------------------------------------------------------------------------------------

@pytest.mark.long(short=1)
@pytest.mark.parametrize("upstream", ["off", "required"])
def test_much_data_over_tls(mysql, make_gate, certificates, upstream):
    """Rows and statements of many records, in both directions, also over both legs."""
    gate = make_gate(mysql, *offering(certificates), ("upstream:main", "tls", upstream))
    with connect(gate, certificates) as connection:
        [[length, digest]] = one(connection, f"SELECT LENGTH('{'x' * 3000000}'), SHA2('{'x' * 20000000}', 256)")
        assert (length, digest) == (3000000, hashlib.sha256(b'x' * 20000000).hexdigest())
        [[big]] = one(connection, "SELECT REPEAT('0123456789abcdef', 2000000)")
        assert big == "0123456789abcdef" * 2000000
        rows = one(connection, "WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
                               " SELECT i, REPEAT('y', i) FROM n")
        assert [(i, len(text)) for i, text in rows] == [(i, i) for i in range(1, 1001)]


def test_handshakes_per_address(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, *offering(certificates, "server", ("tls", "handshakes_per_address", 3)))
    held = []
    for _ in range(3):
        held.append(wire.Wire(gate.port).greet())
        held[-1].raw(SSL_REQUEST + b"\x16\x03")
    assert places.wait_for(lambda: all(places.is_read(client.socket) for client in held))
    time.sleep(0.2)  # what was read is begun within a turn
    with pytest.raises((pymysql.Error, OSError)):
        connect(gate, certificates)
    with gate.connect("lab_service") as plain:  # others are not held up
        assert one(plain, "SELECT 1") == ((1,),)
    for client in held:
        client.close()
    assert places.wait_for(lambda: _connects(gate, certificates))


def _connects(gate, certificates):
    try:
        connect(gate, certificates).close()
        return True
    except (pymysql.Error, OSError):
        return False
