"""Every trick we can think of (tricks/) to read one row of another service's table through a silogate that
blocks. The service may do everything as far as the server is concerned: only silogate stands between.
The row's secret must come back in no form and come to rest in no table of the thief's; the statement
that would touch it must not reach the server; and the other service's tables must stay as they were."""
import re
import struct

import pytest

from harness import gate, wire
from tricks import TRICKS
from tricks.steps import READ, Command, Query

SECRET = "s3cr3t-4f1d"
INI = """[proxy]
[policy]
mode = block
undetermined = block
unowned = block
administration = block
[log]
statement = normalized
[upstream:main]
[service:thief]
user = thief_service
upstream = main
database = thief
owns = thief.*
[service:vault]
user = vault_service
upstream = main
database = vault
owns = vault.*
"""
# Tables of the other service that may be taken for something else.
ODD = ("1e5", "a.b", "a``b", "größe", "a?b")
SETUP = [
    "DROP DATABASE IF EXISTS vault", "DROP DATABASE IF EXISTS thief",
    "CREATE DATABASE vault CHARACTER SET utf8mb4", "CREATE DATABASE thief CHARACTER SET utf8mb4",
    "CREATE TABLE vault.secrets (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    f"INSERT INTO vault.secrets VALUES (1, '{SECRET}')",
    "CREATE TABLE vault.merged (id INT, word VARCHAR(60)) ENGINE=MyISAM",
    f"INSERT INTO vault.merged VALUES (1, '{SECRET}')",
    f"CREATE FUNCTION vault.tell () RETURNS VARCHAR(60) DETERMINISTIC RETURN '{SECRET}'",
    f"CREATE FUNCTION vault.abs (x INT) RETURNS VARCHAR(60) DETERMINISTIC RETURN '{SECRET}'",
    f"CREATE PROCEDURE vault.show_it () SELECT '{SECRET}'",
    *[f"CREATE TABLE vault.`{name}` (word VARCHAR(60)) AS SELECT '{SECRET}' AS word" for name in ODD],
    "CREATE TABLE thief.own (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    "CREATE TABLE thief.parts (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB"
    " PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (1000))",
    "CREATE TABLE thief.secrets (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    "INSERT INTO thief.own VALUES (1, 'own')",
]
PASSWORDS = {"mariadb": "mysql_native_password", "mysql": "caching_sha2_password"}


@pytest.fixture(scope="module")
def thieves(server):
    """(a silogate between, its server) with the two databases."""
    server.sql("DROP USER IF EXISTS thief_service@'%'", "DROP USER IF EXISTS vault_service@'%'",
               f"CREATE USER thief_service@'%' IDENTIFIED WITH {PASSWORDS[server.name]} BY 'thief_service-secret'"
               if server.name == "mysql" else "CREATE USER thief_service@'%' IDENTIFIED BY 'thief_service-secret'",
               "CREATE USER vault_service@'%' IDENTIFIED BY 'vault_service-secret'",
               "GRANT ALL ON *.* TO thief_service@'%'", "GRANT ALL ON vault.* TO vault_service@'%'")
    try:
        with gate.running(server, ini=INI) as one:
            yield one
    finally:
        server.sql("DROP DATABASE IF EXISTS vault", "DROP DATABASE IF EXISTS thief",
                   "DROP USER thief_service@'%'", "DROP USER vault_service@'%'")


def login(port, heard=None, collation=45, database="thief", attributes=False, without_several=False):
    """A session of the thief's that keeps all it is sent, beside what was `heard` before."""
    capabilities = wire.USUAL | (wire.QUERY_ATTRIBUTES if attributes else 0)
    client = wire.Wire(port, capabilities & ~(wire.MULTI_STATEMENTS if without_several else 0))
    client.heard = bytearray() if heard is None else heard
    client.last = None
    receive = client.receive

    def listen():
        payload = receive()
        client.heard.extend(payload)
        return payload

    def again(**how):
        client.close()
        try:
            return login(port, client.heard, **how)
        except (wire.Error, wire.Closed, OSError):  # refused: as before
            return login(port, client.heard)

    client.receive, client.again = listen, again
    client.login("thief_service", database, "thief_service-secret", collation=collation)
    return client


STATE = """SELECT table_schema, table_name, table_type, create_time, engine FROM information_schema.tables WHERE table_schema IN ({0})
    UNION ALL SELECT table_schema, table_name, column_name, NULL, column_type FROM information_schema.columns WHERE table_schema IN ({0})
    UNION ALL SELECT routine_schema, routine_name, routine_type, created, NULL FROM information_schema.routines WHERE routine_schema IN ({0})
    UNION ALL SELECT trigger_schema, trigger_name, NULL, created, NULL FROM information_schema.triggers WHERE trigger_schema IN ({0})
    UNION ALL SELECT event_schema, event_name, NULL, created, NULL FROM information_schema.events WHERE event_schema IN ({0})
    UNION ALL SELECT schema_name, default_character_set_name, NULL, NULL, NULL FROM information_schema.schemata WHERE schema_name IN ({0})
    ORDER BY 1, 2, 3, 4, 5""".format("'vault', 'thief'")
made = {}  # server -> what is there after SETUP


def look(server):
    return server.sql(STATE), server.sql("SELECT * FROM thief.own"), server.sql("SELECT * FROM thief.secrets")


def begin(server):
    """Both databases as SETUP leaves them."""
    if made.get(server.name) is None or look(server) != made[server.name]:
        server.sql(*SETUP)
        made[server.name] = look(server)


def seen_by_thief(server):
    """All that is in the thief's own tables."""
    found = []
    for name, kind in server.sql("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'thief'"):
        if kind == "BASE TABLE":
            found.append(repr(server.sql(f"SELECT * FROM thief.`{name}`")))
    return "".join(found)


def run(client, steps):
    for step in steps:
        try:
            client = step.run(client) or client
        except (wire.Closed, ConnectionError, OSError):  # the session was ended: the next step has another
            client = client.again()
        if SECRET.encode() in client.heard:
            client.close()
            pytest.fail(f"the secret came back for {step.text[-200:]!r}")
    client.close()


@pytest.mark.parametrize("trick", TRICKS, ids=lambda name: re.sub(r"\W+", "-", name))
def test_bypass(server, thieves, trick):
    begin(server)
    mark = server.mark()
    run(login(thieves.port), TRICKS[trick])
    log = server.log(mark)
    assert SECRET not in seen_by_thief(server), "the secret lies in the thief's table"
    for step in TRICKS[trick]:
        if step.allowed is False:
            text = step.text.decode("utf-8", "replace")
            assert text[-60:] not in log, f"reached the server: {text[-200:]!r}"
    assert server.sql("SELECT * FROM vault.secrets") == ((1, SECRET),)
    assert server.sql("SELECT * FROM vault.merged") == ((1, SECRET),)


def test_the_thief_may_use_its_own(server, thieves):
    """The tricks fail for what they reach for, not for who tries them."""
    begin(server)
    client = login(thieves.port)
    assert client.query("SELECT word FROM own; SELECT word FROM thief.own")[1].rows == [["own"]]
    client.query("CREATE TABLE mine LIKE own")
    client.query("INSERT INTO mine SELECT id, word FROM own")
    client.query("CREATE VIEW w AS SELECT word FROM mine")
    client.query("CREATE PROCEDURE q () SELECT word FROM w")
    assert client.query("CALL q()")[0].rows == [["own"]]
    client.quit()


def test_the_secret_is_there_to_be_stolen(server, thieves):
    """Without silogate the thief reads it: what holds the tricks off is silogate."""
    begin(server)
    client = wire.Wire(server.port)
    client.login("thief_service", "thief", "thief_service-secret")
    assert client.query(READ)[0].rows == [[SECRET]]
    client.quit()


def test_change_user_does_not_carry_the_other_s_rights(server, thieves):
    """COM_CHANGE_USER to and fro: each time the policy is that of who one is now."""
    begin(server)
    client = login(thieves.port)
    client.plugin = client.plugin or PASSWORDS[server.name]
    with pytest.raises(wire.Error):
        client.query(READ)
    try:
        client.change_user("vault_service", "vault", "vault_service-secret")
    except wire.Error:
        pytest.fail("the change of user was refused")
    assert client.query("SELECT word FROM secrets")[0].rows == [[SECRET]]
    client.change_user("thief_service", "thief", "thief_service-secret")
    heard = len(client.heard)
    for text in (READ, "SELECT word FROM secrets"):
        try:
            client.query(text)
        except wire.Error:
            pass
    assert SECRET.encode() not in client.heard[heard:]
    client.quit()


def test_kill_reaches_nobody_else(server, thieves):
    """Another service's session can not be ended, by whatever number it is called."""
    begin(server)
    victim = wire.Wire(thieves.port)
    victim.login("vault_service", "vault", "vault_service-secret")
    upstream = server.sql("SELECT id FROM information_schema.processlist WHERE user = 'vault_service'")[0][0]
    client = login(thieves.port)
    for number in (victim.thread, upstream):
        for text in (f"KILL {number}", f"KILL QUERY {number}", f"KILL CONNECTION {number}", f"KILL ({number} + 0)"):
            Query(text).run(client)
        Command(b"\x0c" + struct.pack("<I", number & 0xffffffff), "KILL").run(client)
    Query("KILL USER vault_service").run(client)
    assert victim.query("SELECT word FROM secrets")[0].rows == [[SECRET]]
    victim.quit()
    client.quit()
