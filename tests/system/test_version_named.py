"""A MariaDB whose option `version` names another version than it is, as is done for clients that look at it: it reads
executable comments as the one that it is, and nothing may be judged by the one that it names."""
import pytest

from harness import gate, servers, wire

SECRET = "v3rs10n-c4n4ry"
INI = """[proxy]
[policy]
mode = block
[upstream:main]
[service:spy]
user = spy_service
upstream = main
database = own
owns = own.*
[service:vault]
user = vault_service
upstream = main
database = vault
owns = vault.*
"""


@pytest.mark.long(short=1)
@pytest.mark.parametrize("named", ["10.4.1-MariaDB", "8.0.30", "10.x"])
def test_a_version_that_is_not_the_server_s(named):
    class Disguised(servers.MariaDB):
        def command(self):
            return super().command() + [f"--version={named}"]

    server = Disguised()
    try:
        server.install()
        server.start()
        server.sql("CREATE DATABASE own", "CREATE DATABASE vault", "CREATE TABLE vault.t (name VARCHAR(60))",
                   f"INSERT INTO vault.t VALUES ('{SECRET}')",
                   "CREATE USER spy_service@'%' IDENTIFIED BY 'spy_service-secret'",
                   "GRANT ALL ON *.* TO spy_service@'%'")
        comments = [f"SELECT 1 /*{sign}{number} , name FROM vault.t */" for sign in ("!", "M!")
                    for number in (100401, 101100, 80030, 50699)]
        with gate.running(server, ini=INI) as one:
            client = wire.connect(one.port, "spy_service", "own")
            for text in comments:
                with pytest.raises(wire.Error) as refused:
                    client.query(text)
                assert refused.value.code in (1142, 1227), text
            with pytest.raises(wire.Error, match="names another version"):
                client.query("SELECT 1")
            client.quit()
        assert any(SECRET in str(server.sql(text)) for text in comments)  # they do read it
    finally:
        server.remove()
