"""TLS without a certificate of one's own: `certificate = auto`, the default. Clients that prefer TLS are
encrypted, as they would be directly; the certificate stays the same where there is a state folder."""
import os
import re
import ssl
import stat
import struct
import subprocess

from harness import clients, places, wire


def shown(gate):
    """The certificate that a client is shown, DER."""
    client = wire.Wire(gate.port).greet()
    assert client.offered & wire.SSL
    client.send(struct.pack("<IIB", client.capabilities | wire.SSL, 1 << 24, 45) + bytes(23))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(client.socket) as secure:
        return secure.getpeercert(binary_form=True)


def told(gate):
    return re.findall(r"self-signed certificate CN=silogate auto-generated certificate, until 20\S+, SHA-256 ([0-9A-F:]+)",
                      gate.log())


def test_it_is_there_by_default(mysql, make_gate):
    """MySQL's own client, in its default mode PREFERRED and in REQUIRED, logs in cold, as directly."""
    gate = make_gate(mysql)
    mysql.forget_passwords()
    for mode in ([], ["--ssl-mode=REQUIRED"]):
        done = subprocess.run(
            [*places.mysql_program("mysql"), "--no-defaults", "-h127.0.0.1", f"-P{gate.port}", "-ulab_service", *mode,
             "--connect-timeout=20", "--commands", "-e", "\\s"], capture_output=True, text=True, timeout=30,
            env=dict(os.environ, MYSQL_PWD="lab_service-secret"))
        assert done.returncode == 0, done.stderr
        assert "Cipher in use" in done.stdout, done.stdout
    assert len(told(gate)) == 1
    import hashlib
    digest = hashlib.sha256(shown(gate)).hexdigest().upper()
    assert told(gate)[0].replace(":", "") == digest


def test_off_is_off(mariadb, make_gate):
    gate = make_gate(mariadb, ("tls", "client", "off"))
    assert not wire.Wire(gate.port).greet().offered & wire.SSL
    assert not told(gate)


def test_required_needs_nothing_else(server, make_gate):
    gate = make_gate(server, ("tls", "client", "required"))
    client = wire.Wire(gate.port).greet()
    try:
        client.login("lab_service")
        raise AssertionError("it let a client in without TLS")
    except wire.Error as error:
        assert error.code == 3159
    secure = clients.MARIADB_CLI if server.dialect == "mariadb" else clients.MYSQL_CLI
    done = subprocess.run([*secure.program(), "--no-defaults", *secure.options, "-h127.0.0.1", f"-P{gate.port}",
                           "-ulab_service", *(["--ssl"] if server.dialect == "mariadb" else ["--ssl-mode=REQUIRED"]),
                           "-e", "SELECT 1"], capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, MYSQL_PWD="lab_service-secret", **places.mariadb_environment()))
    assert done.returncode == 0, done.stderr


def test_it_stays_in_the_state_folder(mariadb, make_gate):
    """Over restarts and reloads; a file that is no pair, or belongs to others, is no reason not to start."""
    folder = places.scratch("state")
    try:
        gate = make_gate(mariadb, ("proxy", "state", folder))
        first = shown(gate)
        kept = folder / "silogate-auto.pem"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        gate.reload(("proxy", "idle_timeout", "1h"))
        assert shown(gate) == first
        gate.stop()
        gate.start()
        assert shown(gate) == first
        gate.stop()
        for bad in (b"", b"nonsense", kept.read_bytes()[:-100], kept.read_bytes()[:200] * 30):
            kept.write_bytes(bad)
            gate.start()
            assert shown(gate) != first
            assert b"BEGIN CERTIFICATE" in kept.read_bytes()
            gate.stop()
    finally:
        places.remove(folder)


def test_in_memory_it_lasts_over_reloads(mariadb, make_gate):
    gate = make_gate(mariadb)
    first = shown(gate)
    gate.reload(("proxy", "idle_timeout", "1h"))
    assert shown(gate) == first
    gate.stop()
    gate.start()
    assert shown(gate) != first
    gate.stop()
    gate = make_gate(mariadb, ("proxy", "state", "/proc"))
    assert "cannot be kept there" in gate.log()
    assert shown(gate)
