"""Passwords that change their form between the legs, where a login is not the first thing on a connection:
COM_CHANGE_USER, a second factor, and packets nobody asked for."""
import os
import select
import ssl
import subprocess

import pytest

from harness import places, relay, wire
from harness.gate import KEY_OF_ITS_OWN


class Client(wire.Wire):
    """Plain, or over TLS where there is a `context`; full authentication in the form that the leg asks for."""

    def __init__(self, port, context=None):
        super().__init__(port)
        self.secure = context is not None
        self.greet()
        if self.secure:
            self.capabilities |= wire.SSL
            self.send(b"\x05\xae\xaf\x00\x00\x00\x00\x40\x2d" + bytes(23))
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def _authenticate(self, password, nonce):
        while True:
            payload = self.receive()
            if payload[0] == 0:
                return wire.Ok(payload, self.capabilities)
            if payload[0] == 0xff:
                raise wire.Error(payload)
            if payload[0] in (0xfe, 2):  # another plugin, or another factor
                plugin, nonce = payload[1:].split(b"\0", 1)
                nonce = nonce.rstrip(b"\0")
                self.plugin = plugin.decode()
                self.send(wire.SCRAMBLES[self.plugin](password, nonce))
            elif payload == b"\x01\x04":
                self.full = True
                if not self.secure:
                    self.send(b"\x02")
                    self.send(wire._encrypt(password, nonce, self.receive()[1:]))
                else:
                    self.send(password.encode() + b"\0")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("leg", ["plain", "tls"])
@pytest.mark.parametrize("upstream", ["off", "required"])
def test_change_user_cold(mysql, make_gate, certificates, leg, upstream):
    below = relay.Relay(mysql.port)
    gate = make_gate(("127.0.0.1", below.port), ("tls", "certificate", certificates / "server.pem"),
                     ("tls", "key", certificates / "server.key"), ("upstream:main", "tls", upstream), KEY_OF_ITS_OWN)
    context = ssl.create_default_context(cafile=certificates / "ca.pem") if leg == "tls" else None
    client = Client(gate.port, context)
    try:
        client.login("lab_service", database="")
        for user in ("auth_service", "business_service"):
            mysql.forget_passwords()
            client.full = False
            client.change_user(user, database="")
            assert client.full
            assert client.query("SELECT CURRENT_USER()")[0].rows == [[f"{user}@%"]]
        with pytest.raises(wire.Error) as refused:
            client.change_user("billing_service", password="not the password", database="")
        assert refused.value.code == 1045
        for sent, _ in below.take():
            assert b"-secret\0" not in sent and b"not the password" not in sent
    finally:
        client.close()
        below.close()


def factors(plugin):
    """A server that asks for two factors; `plugin` is the second."""
    def script(stream, number):
        stream.sequence = 0
        stream.send(wire.greeting())
        if b"silogate_nobody" in stream.receive():
            stream.send(wire.error(1045, "Access denied", "28000"))
            return
        stream.send(b"\xfemysql_native_password\0" + wire.NONCE + b"\0")
        server.seen.append(stream.receive())
        stream.send(b"\x02" + plugin + b"\0" + b"another nonce, of 20" + b"\0")
        server.seen.append(stream.receive())
        stream.send(wire.OK)
        while stream.receive()[:1] != b"\x01":
            stream.sequence = 1
            stream.send(wire.OK)
            stream.sequence = 0
    server = wire.FakeServer(script)
    return server


def test_a_second_factor(make_gate):
    server = factors(b"mysql_native_password")
    try:
        gate = make_gate(server.address(), ("upstream:main", "tls", "off"))
        client = Client(gate.port)
        client.login("billing_service")
        password = "billing_service-secret"
        assert server.seen == [wire.native(password, wire.NONCE),
                               wire.native(password, b"another nonce, of 20")]
        client.close()
    finally:
        server.close()


def test_a_second_factor_in_clear_needs_tls(make_gate):
    server = factors(b"mysql_clear_password")
    wire.SCRAMBLES["mysql_clear_password"] = lambda password, nonce: password.encode() + b"\0"
    try:
        gate = make_gate(server.address(), ("upstream:main", "tls", "off"))
        client = Client(gate.port)
        with pytest.raises(wire.Error) as refused:
            client.login("billing_service")
        assert refused.value.code == 1045 and "mysql_clear_password" in str(refused.value)
        assert not any(b"secret" in said for said in server.seen)
        client.close()
    finally:
        del wire.SCRAMBLES["mysql_clear_password"]
        server.close()


@pytest.mark.long(short=2)
@pytest.mark.parametrize("answer", [b"x" * 256, b"\x80" * 255 + b"\0", b"y" * 20 + b"\0" + b"z" * 300, b"\x00" * 64])
def test_answers_that_are_no_password(mysql, make_gate, answer):
    """Full authentication is answered with bytes that are no password under any key: refused, whatever the
    leg, and the next login works."""
    for tls in ("off", "required"):
        gate = make_gate(mysql, ("upstream:main", "tls", tls))
        mysql.forget_passwords()

        class Odd(wire.Wire):
            def _authenticate(self, password, nonce):
                plugin, nonce = self.receive()[1:].split(b"\0", 1)
                self.send(wire.sha2(password, nonce.rstrip(b"\0")))
                assert self.receive() == b"\x01\x04"
                self.send(b"\x02")
                self.receive()
                self.send(answer)
                raise wire.Error(self.receive())

        client = Odd(gate.port)
        with pytest.raises(wire.Error) as refused:
            client.login("business_service")
        assert refused.value.code in (1045, 2061)
        client.close()
        wire.connect(gate.port, "business_service").close()


class Slow(wire.Wire):
    """Stops where it has asked for the RSA key: `finish` goes on."""

    def _authenticate(self, password, nonce):
        plugin, nonce = self.receive()[1:].split(b"\0", 1)
        self.secret = password, nonce.rstrip(b"\0")
        self.send(wire.sha2(*self.secret))
        assert self.receive() == b"\x01\x04"
        self.send(b"\x02")

    def has_key(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def finish(self):
        self.pem = self.receive()[1:]
        self.send(wire._encrypt(*self.secret, self.pem))
        return wire.Ok(self.receive(), self.capabilities)


def slow_login(mysql, gate, user="business_service"):
    mysql.forget_passwords()
    client = Slow(gate.port)
    client.login(user, "")
    return client


def test_nobody_waits_for_the_key(mysql, make_gate):
    """Just after the start silogate's own RSA key is still being made: who asks for it waits, all others on the
    same thread do not."""
    for _ in range(10):
        gate = make_gate(mysql, ("proxy", "workers", "1"), ("upstream:main", "tls", "required"), KEY_OF_ITS_OWN,
                         start=False)
        gate.start(ready=False)
        assert places.wait_for(lambda: places.port_open(gate.port), every=0.001)
        other = wire.Wire(gate.port).greet()
        client = slow_login(mysql, gate)
        with pytest.raises(wire.Error):
            other.login("lab_service", password="")  # the server's answer, behind the request for the key
        was_first = not client.has_key()
        assert client.finish()
        client.close()
        other.close()
        if was_first:
            return
    pytest.fail("nobody was served while the key was made")


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60).stdout


def test_the_key_of_a_file(mysql, make_gate, certificates):
    """[tls] password_private_key_path; a reload changes it, and a wrong one changes nothing."""
    other = certificates / "other-rsa.key"
    other.write_bytes(openssl("genrsa", "3072"))
    other.chmod(0o600)
    gate = make_gate(mysql, ("upstream:main", "tls", "required"),
                     ("tls", "password_private_key_path", certificates / "rsa.key"))

    def check(key):
        client = slow_login(mysql, gate)
        client.finish()
        assert client.pem == openssl("pkey", "-in", key, "-pubout")
        assert client.query("SELECT CURRENT_USER()")[0].rows == [["business_service@%"]]
        client.close()

    check(certificates / "rsa.key")
    under_way = slow_login(mysql, gate)
    gate.reload(("tls", "password_private_key_path", other))
    check(other)
    assert under_way.finish()  # with the key that it was given
    assert under_way.pem == openssl("pkey", "-in", certificates / "rsa.key", "-pubout")
    under_way.close()
    gate.reload(("tls", "password_private_key_path", certificates / "weak.key"), accepted=False)
    gate.wait_log("is no RSA key of 2048 to 4096 bits")
    check(other)


def test_a_client_that_knows_the_key(mysql, make_gate, certificates):
    """mysql --server-public-key-path, with the public half of silogate's key: nobody is asked for one."""
    public = certificates / "rsa.pub"
    public.write_bytes(openssl("pkey", "-in", certificates / "rsa.key", "-pubout"))
    gate = make_gate(mysql, ("upstream:main", "tls", "required"),
                     ("tls", "password_private_key_path", certificates / "rsa.key"))
    mysql.forget_passwords()
    done = subprocess.run([*places.mysql_program("mysql"), "--no-defaults", "-h127.0.0.1", f"-P{gate.port}",
                           "-ubusiness_service", "--ssl-mode=DISABLED", f"--server-public-key-path={public}",
                           "-N", "-e", "SELECT CURRENT_USER()"], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, MYSQL_PWD="business_service-secret"))
    assert done.stdout == "business_service@%\n", done.stderr
