"""silogate's own connections to an upstream (catalogue/connect): accounts, addresses, TLS, parameters,
errors; on both servers, with the client library that it was built with."""
import os
import re
import ssl
import subprocess
import time

import pytest

from harness import places, servers, wire

PROGRAM = places.BUILD / "tests/harness/ask"  # `make unit` builds it
ACCOUNT, SECRET = "gate_account", "its 'secret' ä\\"


@pytest.fixture(scope="module")
def account(server):
    quoted = SECRET.replace("\\", "\\\\").replace("'", "''")
    server.sql(f"CREATE USER {ACCOUNT}@'%' IDENTIFIED BY '{quoted}'", f"GRANT SELECT ON *.* TO {ACCOUNT}@'%'")
    return server


@pytest.fixture
def ask_any(tmp_path):
    """ask_any(line..., sql=(), file=None): the lines of its output, or [number, words] of the error; `line`s
    are of [upstream:main]."""
    password = tmp_path / "password"
    password.write_text(SECRET + "\nno more\n")

    def run(*lines, sql=(), file=None, login=True):
        if login:
            lines = (*lines, f"account = {ACCOUNT}", f"account_password_file = {password}")
        ini = tmp_path / "proxy.ini"
        ini.write_text("[upstream:main]\n" + "\n".join(lines) + "\n[service:a]\nowns = a.*\n")
        done = subprocess.run([PROGRAM, ini, "main", file or "-", *sql], capture_output=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        assert SECRET.encode() not in done.stderr
        if done.returncode:
            code, lost, words = done.stderr.decode().rstrip("\n").split(" ", 2)
            return [int(code), lost == "1", words]
        return done.stdout.decode().splitlines()

    return run


@pytest.fixture
def ask(ask_any, account):
    """The same with `account`'s address."""
    def run(*lines, **options):
        if not any(line.startswith("address") for line in lines):
            lines = (f"address = 127.0.0.1:{account.port}", *lines)
        return ask_any(*lines, **options)

    return run


def test_says_who_the_server_is(ask, account):
    version, thread = account.sql("SELECT @@version, 1")[0]
    first, row = ask("tls = off", sql=["SELECT @@autocommit, @@time_zone, @@character_set_client, @@sql_mode"])
    name, said, number, address = re.fullmatch(r"(\S+) (.+) (\d+) (\S+)", first).groups()  # Debian's version has spaces
    assert (name, said) == ({"mariadb": "MariaDB", "mysql": "MySQL"}[account.dialect], version)
    assert int(number) > 90000 and address == f"127.0.0.1:{account.port}"
    assert row.startswith("1\t+00:00\tutf8mb4\tSTRICT_TRANS_TABLES,")


@pytest.mark.parametrize("tls", ["off", "preferred"])
def test_cold_and_warm_login(ask, account, tls):
    """MySQL's cache of passwords is emptied: the password goes through TLS, or under the server's key."""
    account.sql("FLUSH PRIVILEGES")
    for _ in range(2):
        assert len(ask(f"tls = {tls}")) == 1
    cipher = ask(f"tls = {tls}", sql=["SHOW STATUS LIKE 'Ssl_cipher'"])[1].split("\t")[1]
    client = wire.Wire(account.port).greet()
    offers = bool(client.offered & wire.SSL)  # as MySQL does, and MariaDB from 11.4 on
    client.close()
    assert offers or account.dialect == "mariadb"
    assert bool(cipher) == (tls == "preferred" and offers)


def test_unix_socket_cold(ask, account):
    account.sql("FLUSH PRIVILEGES")
    assert ask(f"address = unix:{account.socket}", "tls = required")[0].endswith(f"unix:{account.socket}")


def test_next_address(ask, account):
    free = places.free_port()
    first, = ask(f"address = 127.0.0.1:{free}", f"address = 127.0.0.1:{account.port}")
    assert first.endswith(f"127.0.0.1:{account.port}")


class TLSServer(wire.FakeServer):
    """Offers TLS with a certificate of the tests' and lets nobody in: 1045 shows that it was trusted."""

    def __init__(self, certificates, name, host="127.0.0.1"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        super().__init__(self.refuse, host)

    def refuse(self, stream, number):
        stream.sequence = 0
        stream.send(wire.greeting(capabilities=wire.FAKE_CAPABILITIES | wire.SSL))
        stream.receive()
        stream.socket = self.context.wrap_socket(stream.socket, server_side=True)
        stream.receive()
        stream.send(wire.error(1045, "Access denied", "28000"))


def newer_library():
    """MariaDB Connector/C 3.4 or later (Debian 13): it has its own mind about names (docs/tls.md, Limits)."""
    told = subprocess.run([places.SILOGATE, "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^MariaDB Connector/C (\S+)$", told, re.MULTILINE)
    return bool(found) and servers.version_of(found[1]) >= (3, 4)


@pytest.mark.parametrize("tls, certificate, host, trusted", [
    ("preferred", "self-signed", 1, True), ("required", "expired", 1, True), ("verify_ca", "server", 1, True),
    ("verify_identity", "server", 1, True), ("verify_identity", "server", 2, False),
    ("verify_ca", "name", 1, True), ("verify_ca", "name", 2, lambda: not newer_library()),
    ("verify_identity", "name", 1, newer_library), ("verify_identity", "name", 2, False),
    ("verify_ca", "expired", 1, False), ("verify_ca", "self-signed", 1, False),
    ("verify_ca", "unknown-ca", 1, False), ("verify_identity", "unknown-ca", 1, False),
    ("verify_identity", "self-signed", 1, False), ("verify_identity", "expired", 1, False), ("verify_ca", "revoked", 1, False),
], ids=lambda value: value.__name__ if callable(value) else None)
def test_tls(ask_any, certificates, tls, certificate, host, trusted):
    """`host`: of 127.0.0, where `server` is for the first one only."""
    server = TLSServer(certificates, certificate, f"127.0.0.{host}")
    try:
        more = [f"ca = {certificates}/ca.pem"] if tls.startswith("verify") else []
        more += [f"crl = {certificates}/crl.pem"] if certificate == "revoked" else []
        found = ask_any(f"address = 127.0.0.{host}:{server.port}", f"tls = {tls}", *more)
    finally:
        server.close()
    assert ("error 1045" in found[2]) == (trusted() if callable(trusted) else trusted), found
    assert "error 1045" in found[2] or "error 2026" in found[2], found


@pytest.mark.parametrize("tls", ["required", "verify_ca", "verify_identity"])
def test_no_password_without_tls(ask_any, certificates, tls):
    """A server, or whoever stands in between, that offers no TLS gets no login to answer."""
    def script(stream, number):
        stream.sequence = 0
        stream.send(wire.greeting(capabilities=wire.FAKE_CAPABILITIES & ~wire.SSL))
        server.seen.append(stream.receive())
        stream.send(b"\xfecaching_sha2_password\0" + wire.NONCE + b"\0")
        server.seen.append(stream.receive())
        stream.send(b"\x01\x04")
        server.seen.append(stream.receive())

    server = wire.FakeServer(script)
    try:
        found = ask_any(f"address = 127.0.0.1:{server.port}", f"tls = {tls}",
                        *([f"ca = {certificates}/ca.pem"] if tls != "required" else []))
    finally:
        server.close()
    assert "TLS" in found[2] or "SSL" in found[2], found
    assert server.seen == []


def test_defaults_file(ask, account, tmp_path):
    """It names the account; where the server is, is the upstream's to say."""
    file = tmp_path / "my.cnf"
    quoted = SECRET.replace("\\", "\\\\")
    file.write_text(f"[client]\nuser = nobody\nhost = 192.0.2.1\nport = 1\n[silogate]\nuser = {ACCOUNT}\n"
                    f'password = "{quoted}"\n')
    file.chmod(0o600)
    assert len(ask("tls = preferred", login=False, file=file)) == 1
    assert ask("tls = preferred", sql=["SELECT CURRENT_USER()"], login=False, file=file)[1] == f"{ACCOUNT}@%"


def test_says_what_is_wrong(ask, account, tmp_path):
    assert "account" in ask(login=False)[2]
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    found = ask(f"account = {ACCOUNT}", f"account_password_file = {wrong}", login=False)
    assert "error 1045" in found[2] and "main (127.0.0.1:" in found[2]
    empty = tmp_path / "empty"
    empty.write_text("")
    assert "is empty" in ask(f"account = {ACCOUNT}", f"account_password_file = {empty}", login=False)[2]
    assert ask(sql=["SELECT * FROM nilecare.nowhere WHERE a = ?", "hidden"])[0] == 1146
    assert ask(sql=["SELECT 1 AS a; SELECT 2"])[0] == 1064  # one statement is one
    assert "error 2" in ask(f"address = 127.0.0.1:{places.free_port()}")[2]


@pytest.mark.parametrize("text", ["", "'", "\\", "\\'", "a\"b", "ä€", "?", "`", "a\nb".replace("\n", " "),
                                  "%s", "'; DROP TABLE x; --"])
def test_parameters_arrive_as_they_are(ask, text):
    # A leading backtick or 0x means another kind to `ask`.
    value = "x" + text
    row = ask(sql=["SELECT ?, HEX(?), ? AS ?", value, value, "0x" + value, "`" + (value)])[1]
    first, digits, third = row.split("\t")
    assert (first, third) == (value, value)
    assert bytes.fromhex(digits).decode() == value


def test_null_and_empty_are_told_apart(ask):
    assert ask(sql=["SELECT ? IS NULL, '', NULL, ?", "NULL", ""])[1] == "1\t\tNULL\t"


def test_call_with_several_results(ask, account):
    account.sql("CREATE PROCEDURE nilecare.several() BEGIN SELECT 1; SELECT 2; END",
                f"GRANT EXECUTE ON nilecare.* TO {ACCOUNT}@'%'")
    try:
        assert ask(sql=["CALL nilecare.several()"])[1:] == ["1"]
    finally:
        account.sql("DROP PROCEDURE nilecare.several")


def test_lost_connection_and_slow_answer(ask):
    lost = ask(sql=["KILL CONNECTION_ID()"])
    assert lost[0] in (1317, 1927, 2013, 2006, 1053), lost
    before = time.monotonic()
    slow = ask(sql=["SELECT SLEEP(30)"])
    assert slow[0] in (2006, 2013, 2026) and slow[1] and time.monotonic() - before < 25


def test_garbage_in_place_of_a_server(ask):
    def script(stream, number):
        stream.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)

    server = wire.FakeServer(script)
    try:
        found = ask(f"address = 127.0.0.1:{server.port}")
        assert "main (127.0.0.1:" in found[2]
    finally:
        server.close()


