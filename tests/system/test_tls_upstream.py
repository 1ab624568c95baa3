"""TLS on the upstream's leg: which servers are trusted, what a client gets to see of one that is not, and
passwords that would have to go in clear."""
import ssl

import pytest

from harness import relay, wire


class SecureServer(wire.FakeServer):
    """A scripted server that offers TLS with a certificate of its own; `plugin` is the account's."""

    def __init__(self, certificates, name, plugin="mysql_native_password", client_ca=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.plugin, self.names, self.handshakes = plugin, [], 0
        super().__init__(self.serve)

    def serve(self, stream, number):
        stream.sequence = 0
        stream.send(wire.greeting(capabilities=wire.FAKE_CAPABILITIES | wire.SSL))
        request = stream.receive()
        if len(request) == 32:
            try:
                stream.socket = self.context.wrap_socket(stream.socket, server_side=True)
            except (ssl.SSLError, OSError):
                return
            self.handshakes += 1
            certificate = stream.socket.getpeercert() or {}
            self.names.append(dict(pair[0] for pair in certificate.get("subject", ())).get("commonName"))
            request = stream.receive()
        if b"silogate_nobody" in request:
            stream.send(wire.error(1045, "Access denied", "28000"))
            return
        self.finish(stream)

    def finish(self, stream):
        stream.send(b"\xfe" + self.plugin.encode() + b"\0" + wire.NONCE + b"\0")
        self.seen.append(stream.receive())
        stream.send(wire.OK)
        while True:
            stream.sequence = 0
            if stream.receive()[:1] == b"\x01":
                return
            stream.sequence = 1
            stream.send(wire.OK)


@pytest.fixture
def secure_server(certificates):
    made = []

    def make(name, **options):
        made.append(SecureServer(certificates, name, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


def upstream(certificates, tls, *more):
    changes = [("upstream:main", "tls", tls), *more]
    if tls.startswith("verify"):
        changes.append(("upstream:main", "ca", certificates / "ca.pem"))
    return changes


@pytest.mark.long(short=4)
@pytest.mark.parametrize("certificate, tls, words", [
    ("expired", "verify_ca", "has expired"),
    ("future", "verify_ca", "is not valid yet"),
    ("name", "verify_identity", "is for another name than 127.0.0.1"),
    ("unknown-ca", "verify_ca", "issuer is not trusted"),
    ("revoked", "verify_ca", "was revoked"),
    ("self-signed", "verify_ca", "is self-signed and not trusted"),
    ("usage", "verify_ca", "is not meant for this use"),
    ("server", "verify_identity", None),
    ("name", "verify_ca", None),
    ("chain", "verify_identity", None),
    ("expired", "required", None),
    ("self-signed", "preferred", None)])
def test_certificates_of_servers(secure_server, make_gate, certificates, certificate, tls, words):
    server = secure_server(certificate)
    more = [("upstream:main", "crl", certificates / "crl.pem")] if tls == "verify_ca" else []
    gate = make_gate(server.address(), *upstream(certificates, tls, *more))
    if not words:
        with wire.connect(gate.port, "billing_service").socket:
            assert server.handshakes == 1
        return
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "billing_service")
    assert refused.value.code == 2026
    assert words in str(refused.value), refused.value
    gate.wait_log(words)
    assert not server.seen  # no word of the login


def test_a_server_without_tls(make_gate, certificates):
    server = wire.FakeServer()
    try:
        for tls, works in (("preferred", True), ("required", False), ("verify_ca", False)):
            gate = make_gate(server.address(), *upstream(certificates, tls))
            if works:
                wire.connect(gate.port, "billing_service").close()
                continue
            with pytest.raises(wire.Error) as refused:
                wire.connect(gate.port, "billing_service")
            assert refused.value.code == 2026 and "does not offer it" in str(refused.value)
    finally:
        server.close()


def test_a_certificate_of_its_own(secure_server, make_gate, certificates):
    server = secure_server("server", client_ca=certificates / "ca.pem")
    gate = make_gate(server.address(), *upstream(
        certificates, "verify_ca", ("upstream:main", "certificate", certificates / "payment.pem"),
        ("upstream:main", "key", certificates / "payment.key")))
    wire.connect(gate.port, "billing_service").close()
    assert server.names == ["payment.internal"]
    gate.wait_log("TLS for upstream 'main': certificate CN=payment.internal, until 20")


def test_sessions_are_resumed(mysql, make_gate):
    gate = make_gate(mysql, ("upstream:main", "tls", "required"))
    reused = []
    for _ in range(3):
        connection = gate.connect("billing_service")
        with connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Ssl_sessions_reused'")
            reused.append(int(cursor.fetchall()[0][1]))
        connection.close()
    assert reused[0] == 0 and reused[1] and reused[2]


@pytest.mark.long(short=1)
def test_a_handshake_that_does_not_end(make_gate, certificates):
    """The server says its greeting, takes the SSLRequest and then nothing more."""
    def silent(stream, number):
        stream.sequence = 0
        stream.send(wire.greeting(capabilities=wire.FAKE_CAPABILITIES | wire.SSL))
        stream.closed()
    server = wire.FakeServer(silent)
    try:
        gate = make_gate(server.address(), ("proxy", "connect_timeout", "1s"),
                         *upstream(certificates, "required"))
        with pytest.raises(wire.Error) as refused:
            wire.connect(gate.port, "billing_service")
        assert refused.value.code == 2003
        again = make_gate(server.address(), ("proxy", "connect_timeout", "1s"),
                          ("upstream:main", "address", *["%s:%d" % server.address()] * 3),
                          *upstream(certificates, "required"))
        with pytest.raises(wire.Error) as refused:  # each address has its own time
            wire.connect(again.port, "billing_service")
        assert refused.value.code == 2003
    finally:
        server.close()


@pytest.mark.long(short=4)
@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "a_plugin_of_tomorrow"])
@pytest.mark.parametrize("leg", ["plain", "tls"])
@pytest.mark.parametrize("tls", ["off", "required"])
def test_a_password_in_clear_needs_tls_on_both_legs(secure_server, make_gate, certificates, plugin, leg,
                                                    tls):
    server = secure_server("server", plugin=plugin)
    gate = make_gate(server.address(), ("tls", "certificate", certificates / "server.pem"),
                     ("tls", "key", certificates / "server.key"), *upstream(certificates, tls))
    stream = wire.Wire(gate.port).greet()
    if leg == "tls":
        stream.capabilities |= wire.SSL
        stream.send(b"\x05\xae\xaf\x00\x00\x00\x00\x40\x2d" + bytes(23))
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        stream.socket = context.wrap_socket(stream.socket, server_hostname="localhost")
    wire.SCRAMBLES[plugin] = lambda password, nonce: password.encode() + b"\0"
    try:
        if leg == "tls" and tls == "required":
            stream.login("billing_service")
            assert server.seen == [b"billing_service-secret\0"]
            return
        with pytest.raises(wire.Error) as refused:
            stream.login("billing_service")
        assert refused.value.code == 1045 and plugin in str(refused.value)
        assert not any(b"secret" in said for said in server.seen)
    finally:
        del wire.SCRAMBLES[plugin]
        stream.close()


class Careless(wire.Wire):
    """Sends its password as it is when it is asked for, whatever the leg, as MariaDB's connector does where
    it was not offered the TLS that it may use."""

    def _authenticate(self, password, nonce):
        payload = self.receive()
        assert payload[0] == 0xfe, payload
        nonce = payload.split(b"\0", 1)[1].rstrip(b"\0")
        self.send(wire.sha2(password, nonce))
        assert self.receive() == b"\x01\x04"  # caching_sha2_password wants the password itself
        self.send(password.encode() + b"\0")
        payload = self.receive()
        if payload[0] == 0xff:
            raise wire.Error(payload)
        return payload


@pytest.mark.parametrize("password, code", [("business_service-secret", None), ("wrong", 1045)])
def test_a_password_sent_in_clear_goes_no_further(mysql, make_gate, password, code):
    below = relay.Relay(mysql.port)
    gate = make_gate(("127.0.0.1", below.port), ("upstream:main", "tls", "off"))
    stream = Careless(gate.port)
    try:
        mysql.forget_passwords()
        if code:
            with pytest.raises(wire.Error) as refused:
                stream.login("business_service", password=password)
            assert refused.value.code == code
        else:
            stream.login("business_service", password=password)
            assert stream.query("SELECT 1")[0].rows == [["1"]]
        for sent, answered in below.take():
            assert password.encode() not in sent and password.encode() not in answered
        gate.wait_log("has sent its password in clear")
        assert password not in gate.log()
    finally:
        stream.close()
        below.close()
