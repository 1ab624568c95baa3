"""MariaDB from 11.4 on: its server makes itself a certificate that nobody has signed, and its clients verify
what they are shown without being told to: by a CA, or by the server's proof that it knows the password's hash
and has shown this certificate. Run where SILOGATE_MARIADB names such a MariaDB (make test-unstable)."""
import os
import subprocess

import pytest

from harness import gate, places, servers

pytestmark = pytest.mark.skipif(not places.MARIADB_FOLDER, reason="SILOGATE_MARIADB names no MariaDB 11")
STATEMENT = "SELECT CURRENT_USER()"


class OwnCertificate(servers.MariaDB):
    """With a self-signed certificate out of files, which silogate may then show as well."""

    certificates = None

    def command(self):
        return super().command() + [f"--ssl-cert={self.certificates}/self-signed.pem",
                                    f"--ssl-key={self.certificates}/self-signed.key"]


@pytest.fixture(scope="module")
def signed_by_itself(certificates):
    OwnCertificate.certificates = certificates
    server = servers.start_with_example(OwnCertificate())
    yield server
    server.remove()


def silogate(make_gate, server, *changes):
    """On 127.0.0.2 as well: at 127.0.0.1 clients trust whoever is there."""
    one = make_gate(server, ("service:accounts", "user", *server.extra_users),
                    ("service:accounts", "upstream", "main"),
                    ("service:accounts", "database", "nilecare_lab"), *changes, start=False)
    one.path.write_text(gate.change(one.ini, "proxy", "listen", f"127.0.0.1:{one.port}",
                                    f"127.0.0.2:{one.port}"))
    return one.start()


def shown(certificates, name):
    return [("tls", "certificate", certificates / f"{name}.pem"),
            ("tls", "key", certificates / f"{name}.key")]


def logs_in(one, user, *options, host="127.0.0.2"):
    """With the options that a client has of itself, and a password that it knows of. The user, or the
    error's number."""
    done = subprocess.run([*places.mariadb_program("mariadb"), "--no-defaults", f"-h{host}",
                           f"-P{one.port}", f"-u{user}", f"-p{servers.password(user)}", *options, "-N",
                           "-e", STATEMENT], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **places.mariadb_environment()))
    if done.returncode == 0:
        return done.stdout.strip()
    return int(done.stderr.split("ERROR ")[1].split()[0])


def secure(server):
    """What the server counts of sessions over TLS."""
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'")[0][1])


def test_the_server_makes_itself_a_certificate(mariadb, make_gate, certificates):
    """silogate speaks TLS to it; verified it cannot be, and says so."""
    for tls in ("preferred", "required"):
        before = secure(mariadb)
        one = silogate(make_gate, mariadb, ("upstream:main", "tls", tls))
        for user in ("native_user", "ed25519_user", "parsec_user"):
            assert logs_in(one, user, "--skip-ssl") == f"{user}@%"
        assert secure(mariadb) >= before + 3
    one = silogate(make_gate, mariadb, ("upstream:main", "tls", "verify_ca"),
                   ("upstream:main", "ca", certificates / "ca.pem"))
    assert logs_in(one, "native_user", "--skip-ssl") == 2027  # what its library makes of a server's 2026
    one.wait_log("is self-signed and not trusted")


@pytest.mark.parametrize("upstream", ["off", "required"])
def test_a_client_wants_a_certificate_that_it_can_trust(mariadb, make_gate, certificates, upstream):
    tls = ("upstream:main", "tls", upstream)
    without = silogate(make_gate, mariadb, tls)
    itself = silogate(make_gate, mariadb, tls, *shown(certificates, "self-signed"))
    private = silogate(make_gate, mariadb, tls, *shown(certificates, "server"))
    ca = f"--ssl-ca={certificates}/ca.pem"
    for user in ("native_user", "ed25519_user", "parsec_user"):
        assert logs_in(without, user) == 2026
        assert logs_in(without, user, "--skip-ssl") == f"{user}@%"
        assert logs_in(itself, user) == 2026
        assert logs_in(itself, user, "--disable-ssl-verify-server-cert") == f"{user}@%"
        assert logs_in(private, user, ca, host="127.0.0.1") == f"{user}@%"
        assert logs_in(itself, user, ca, host="127.0.0.1") == 2026


def test_the_servers_own_certificate_proves_itself(signed_by_itself, make_gate, certificates):
    """The proof is made over the certificate and the server's nonce: it holds where the client has seen
    both."""
    for greeting, proven in (("upstream", ("native_user", "ed25519_user", "parsec_user")),
                             ("own", ("native_user",))):
        one = silogate(make_gate, signed_by_itself, ("proxy", "greeting", greeting),
                       ("upstream:main", "tls", "required"), *shown(certificates, "self-signed"))
        for user in ("native_user", "ed25519_user", "parsec_user"):
            assert logs_in(one, user) == (f"{user}@%" if user in proven else 2026), (greeting, user)
