"""What silogate believes of a session is what the server does: nothing stays of a command that was only
tried, refused or failed, texts that are read again are judged again, and a reload finds each session
where it stands. The service may do everything as far as the server is concerned."""
import time

import pytest

from harness import gate, places, wire

SECRET = "b3l13f-c4n4ry"
INI = """[proxy]
[policy]
mode = block
undetermined = block
unowned = block
administration = block
[log]
repeat = 0
[upstream:main]
[service:spy]
user = spy_service
upstream = main
database = own
alias = spy_alias
owns = own.*
[service:vault]
user = vault_service
upstream = main
database = vault
owns = vault.*
"""
GRANT = INI + """[grant:for-now]
service = spy
on = vault.*
access = read
access = define
access = write
"""
REFUSED = (1142, 1044, 1227)


@pytest.fixture(scope="module")
def vault(server):
    server.sql("DROP DATABASE IF EXISTS vault", "DROP DATABASE IF EXISTS own",
               "CREATE DATABASE vault", "CREATE DATABASE own",
               "CREATE TABLE vault.t (id INT PRIMARY KEY, name VARCHAR(60))",
               f"INSERT INTO vault.t VALUES (1, '{SECRET}')",
               "CREATE TABLE vault.m (id INT, name VARCHAR(60)) ENGINE=MyISAM",
               f"INSERT INTO vault.m VALUES (1, '{SECRET}')",
               "CREATE TABLE own.t (id INT PRIMARY KEY, name VARCHAR(60))",
               "INSERT INTO own.t VALUES (1, 'own')",
               "DROP USER IF EXISTS spy_service@'%'",
               "CREATE USER spy_service@'%' IDENTIFIED BY 'spy_service-secret'",
               "GRANT ALL ON *.* TO spy_service@'%'")
    yield server
    server.sql("DROP DATABASE vault", "DROP DATABASE own", "DROP USER spy_service@'%'")


@pytest.fixture(scope="module")
def blocking(vault):
    with gate.running(vault, ini=INI) as one:
        yield one


@pytest.fixture
def granting(vault):
    with gate.running(vault, ini=GRANT) as one:
        yield one


def login(one, **options):
    return wire.connect(one.port, "spy_service", "own", password="spy_service-secret", **options)


def refused(client, statement):
    with pytest.raises(wire.Error) as error:
        client.query(statement)
    assert error.value.code in REFUSED, error.value
    assert "silogate" in str(error.value)
    return error.value


def records_of(one, client, count):
    """The violations of this session, once there are `count` of them."""
    def found():
        return [record for record in one.records()
                if record["event"] == "violation" and record["session"] == client.thread]
    places.wait_for(lambda: len(found()) >= count, every=0.05)
    assert len(found()) == count
    return found()


def without_grant(one):
    text = one.path.read_text()
    one.reload(ini=text[:text.index("[grant:")])


def still_foreign(client, table="vault.t"):
    """No temporary table of the session's is believed to stand before it."""
    assert refused(client, f"SELECT * FROM {table}").code == 1142


def test_a_trial_reading_leaves_nothing_behind(blocking):
    client = login(blocking)
    for text in (r"SET sql_mode = LOWER(''); SELECT '\'; CREATE TEMPORARY TABLE vault.t (a int); -- '",
                 "SET sql_mode = LOWER(''); SELECT \"; CREATE TEMPORARY TABLE vault.t (a int); -- \""):
        try:
            client.query(text)
        except wire.Error:
            pass
        still_foreign(client)
    client.quit()


def test_what_is_refused_leaves_nothing_behind(blocking):
    client = login(blocking)
    refused(client, "SELECT * FROM vault.t; CREATE TEMPORARY TABLE vault.t (a int)")
    still_foreign(client)
    refused(client, "CREATE TEMPORARY TABLE vault.t (a int); SELECT * FROM vault.m")
    still_foreign(client)
    records = records_of(blocking, client, 4)
    assert [record["objects"][0]["name"] for record in records] == ["t", "t", "m", "t"]
    client.query("SET @q = 'SELECT 1'")
    refused(client, "SET @q = 'SELECT * FROM own.t'; SELECT * FROM vault.t")
    client.query("PREPARE s FROM @q")
    assert client.query("EXECUTE s")[0].rows == [["1"]]
    client.quit()


def test_what_is_too_large_leaves_nothing_behind(blocking):
    client = login(blocking)
    refused(client, "USE spy_alias; CREATE TEMPORARY TABLE vault.t (a int) /*" + "x" * 16800000 + "*/")
    still_foreign(client)
    client.quit()


def test_what_fails_is_not_believed(blocking):
    client = login(blocking)
    with pytest.raises(wire.Error) as error:
        client.query("CREATE TEMPORARY TABLE vault.t (a int, a int)")
    assert error.value.code == 1060
    still_foreign(client)
    client.query("CREATE TEMPORARY TABLE vault.t (a int)")
    assert client.query("SELECT * FROM vault.t")[0].rows == []
    with pytest.raises(wire.Error):
        client.query("DROP TEMPORARY TABLE vault.t; SELECT * FROM own.not_there")
    still_foreign(client)
    client.quit()


def test_a_lost_mode_costs_linear_work(blocking):
    client = login(blocking)
    started = time.monotonic()
    for count in (8, 200):
        client.query("SET sql_mode=LOWER('');" * count)
    assert time.monotonic() - started < 10
    assert client.query("SELECT name FROM t")[0].rows == [["own"]]
    client.quit()


READ_AGAIN = {
    "ansi": ('SELECT name "\\" FROM vault.t -- " FROM own.t', "ANSI_QUOTES"),
    "escapes": ("SELECT name '\\' FROM vault.t -- ' FROM own.t", "NO_BACKSLASH_ESCAPES"),
}


@pytest.mark.parametrize("name", READ_AGAIN)
@pytest.mark.parametrize("protocol", ("binary", "text"))
def test_a_prepared_text_is_read_again(vault, blocking, name, protocol):
    text, mode = READ_AGAIN[name]
    client = login(blocking)
    client.query("SET sql_mode = ''")
    if protocol == "binary":
        statement = client.prepare(text)[0]
        run = lambda: client.execute(statement)
    else:
        # What stands in the literal is the text itself in every mode.
        client.query("PREPARE s FROM '" + text.replace("\\", "\\\\").replace("'", "''") + "'")
        run = lambda: client.query("EXECUTE s")
    assert run()
    vault.sql("ALTER TABLE own.t COMMENT 'x'")
    assert run()
    client.query(f"SET sql_mode = '{mode}'")
    vault.sql("ALTER TABLE own.t COMMENT 'y'")
    with pytest.raises(wire.Error) as error:
        run()
    assert error.value.code in REFUSED and "silogate" in str(error.value)
    client.query("SET sql_mode = ''")
    assert run()
    client.quit()


def test_texts_without_quotes_are_not_touched(blocking):
    client = login(blocking)
    client.query("SET sql_mode = ''")
    statements = [client.prepare("SELECT name FROM own.t WHERE name <> ''")[0],
                  client.prepare('SELECT name FROM own.t WHERE name <> "x"')[0]]
    client.query("PREPARE s FROM 'SELECT name FROM t'")
    for mode in ("ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "STRICT_TRANS_TABLES", "ANSI_QUOTES"):
        client.query(f"SET sql_mode = '{mode}'")
        for statement in statements:
            assert client.execute(statement)
        assert client.query("EXECUTE s")[0].rows == [["own"]]
    client.quit()


@pytest.mark.parametrize("prepared, executed, text", (
    ("latin1", "gbk", b"SELECT name '\xbf\\' FROM vault.t -- ' FROM own.t"),
    ("gbk", "latin1", b"SELECT name '\xbf\\' FROM own.t -- ' FROM vault.t"),
    ("latin1", "sjis", b"SELECT name '\x95\\' FROM vault.t -- ' FROM own.t"),
    ("sjis", "latin1", b"SELECT name '\x95\\' FROM own.t -- ' FROM vault.t")),
                         ids=("latin1-gbk", "gbk-latin1", "latin1-sjis", "sjis-latin1"))
def test_another_character_set_reads_otherwise(vault, blocking, prepared, executed, text):
    """In gbk 0xbf5c is a letter, as is 0x955c in sjis; in latin1 the backslash escapes what follows."""
    client = login(blocking)
    client.query("SET sql_mode = ''")
    client.query(f"SET NAMES {prepared}")
    client.command(b"\x16" + text)
    statement = client.prepared()[0]
    assert [row[-3:] for row in client.execute(statement)[0].rows] == [b"own"]
    client.query(f"SET NAMES {executed}")
    vault.sql("ALTER TABLE own.t COMMENT 'z'")
    with pytest.raises(wire.Error) as error:
        client.execute(statement)
    assert error.value.code in REFUSED and "silogate" in str(error.value)
    client.query(f"SET NAMES {prepared}")
    assert [row[-3:] for row in client.execute(statement)[0].rows] == [b"own"]
    client.quit()


@pytest.mark.parametrize("text", (
    "CREATE PROCEDURE p () BEGIN SET sql_mode = 'ANSI_QUOTES'; SELECT name \"\\\" FROM vault.t -- \" FROM own.t; \nEND",
    "CREATE PROCEDURE p () BEGIN SET NAMES gbk; SELECT name '\xbf\\' FROM own.t; END"))
def test_a_body_that_changes_how_it_is_read(blocking, text):
    client = login(blocking)
    client.query("SET sql_mode = ''")
    refused(client, text)
    client.quit()


@pytest.mark.parametrize("name", READ_AGAIN)
def test_a_body_that_loops_over_modes(vault, blocking, name):
    """A statement of a body is read again once its table has changed, in the mode that the body has set by then. Both
    orders; and the server itself does hand the row out."""
    text, mode = READ_AGAIN[name]
    loop = ("BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO " + text + "\n; SET sql_mode = '" + mode
            + "'; ALTER TABLE own.t COMMENT 'loop'; SET i = i + 1; END WHILE; END")
    turned = ("BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO SET sql_mode = IF(i, '" + mode
              + "', ''); ALTER TABLE own.t COMMENT 'loop'; " + text + "\n; SET i = i + 1; END WHILE; END")
    client = login(blocking)
    client.query("SET sql_mode = ''")
    for number, body in enumerate((loop, turned)):
        refused(client, f"CREATE PROCEDURE own.loops{number} () {body}")
    # a body that changes nothing about how it is read may loop
    client.query("CREATE PROCEDURE own.loops () BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO SELECT name FROM own.t;"
                 " ALTER TABLE own.t COMMENT 'loop'; SET i = i + 1; END WHILE; END")
    client.query("CALL own.loops()")
    client.query("DROP PROCEDURE own.loops")
    client.quit()
    if vault.name == "mysql":
        with vault.root(database="own") as root, root.cursor() as cursor:
            cursor.execute("SET sql_mode = ''")
            cursor.execute(f"CREATE PROCEDURE own.direct () {loop}")
            cursor.execute("CALL own.direct()")
            found = repr(cursor.fetchall())
            while cursor.nextset():
                found += repr(cursor.fetchall())
            cursor.execute("DROP PROCEDURE own.direct")
        assert SECRET in found


def test_a_body_is_stored_in_another_mode(vault, blocking):
    if vault.name == "mysql":
        pytest.skip("MySQL has no SET STATEMENT")
    client = login(blocking)
    client.query("SET sql_mode = ''")
    refused(client, "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR CREATE PROCEDURE p ()"
                    " SELECT name \"\\\" FROM vault.t -- \" FROM own.t")
    client.quit()


def test_a_body_is_prepared_in_another_mode(vault, blocking):
    """It is stored in the mode of its execution."""
    if vault.name == "mysql":
        pytest.skip("MySQL does not prepare it")
    client = login(blocking)
    client.query("SET sql_mode = ''")
    statement = client.prepare('CREATE PROCEDURE p () SELECT name "\\" FROM vault.t -- " FROM own.t')[0]
    client.query("SET sql_mode = 'ANSI_QUOTES'")
    with pytest.raises(wire.Error) as error:
        client.execute(statement)
    assert error.value.code in REFUSED
    client.quit()


def test_a_handler_is_judged_at_each_read(granting):
    client = login(granting)
    client.query("HANDLER vault.t OPEN AS h")
    client.query("HANDLER own.t OPEN")
    assert client.query("HANDLER h READ FIRST")[0].rows == [["1", SECRET]]
    without_grant(granting)
    assert refused(client, "HANDLER h READ FIRST").code == 1142
    assert client.query("HANDLER t READ FIRST")[0].rows == [["1", "own"]]
    client.query("HANDLER t CLOSE")
    refused(client, "HANDLER t READ FIRST")
    client.quit()


def test_a_temporary_merge_table_is_judged_at_each_use(granting):
    client = login(granting)
    client.query("CREATE TEMPORARY TABLE mm (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(vault.m)")
    assert client.query("SELECT name FROM mm")[0].rows == [[SECRET]]
    without_grant(granting)
    assert refused(client, "SELECT name FROM mm").code == 1142
    refused(client, "INSERT INTO mm VALUES (2, 'x')")
    refused(client, "ALTER TABLE mm UNION=(vault.m)")
    client.quit()


def test_xa_of_others_is_administration(vault, blocking):
    client = login(blocking)
    assert refused(client, "XA RECOVER").code == 1227
    for text in ("XA COMMIT 'other'", "XA ROLLBACK 'other'", "XA START 'other' JOIN"):
        assert refused(client, text).code == 1227
    client.query("XA START 'mine', 'b', 7")
    client.query("INSERT INTO own.t VALUES (7, 'xa')")
    client.query("XA END 'mine', 'b', 7")
    client.query("XA PREPARE 'mine', 'b', 7")
    client.query("XA ROLLBACK 'mine', 'b', 7")
    assert refused(client, "XA ROLLBACK 'mine', 'b', 7").code == 1227
    client.quit()


def test_no_trace_of_another_session(blocking):
    """The traceparent of a command that came in two packets is gone with it."""
    client = login(blocking, capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    if not client.capabilities & wire.QUERY_ATTRIBUTES:
        client.quit()
        pytest.skip("the server has no query attributes")
    parent = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
    attribute = b"\x01\x01\x00\x01\xfd\x00" + wire.lenenc("traceparent") + wire.lenenc(parent)
    client.command(b"\x03" + attribute + b"SELECT 1 /*" + b"x" * 3000000 + b"*/")
    client.answers()
    with pytest.raises(wire.Error):
        client.ok(b"\x02vault")
    assert not records_of(blocking, client, 1)[0]["trace"]
    client.quit()


def test_what_is_blocked_was_not_written(blocking):
    client = login(blocking)
    client.query("BEGIN")
    client.query("INSERT INTO own.t VALUES (9, 'x')")
    refused(client, "INSERT INTO vault.t VALUES (9, 'x')")
    refused(client, "INSERT INTO vault.t VALUES (10, 'x')")
    for record in records_of(blocking, client, 2):
        assert not record["transaction"]
    client.query("ROLLBACK")
    client.quit()


def test_many_violations_in_one_command_are_all_recorded(blocking):
    client = login(blocking)
    text = "".join(f"SELECT {i} FROM vault.t; SELECT {i} FROM own.t;" for i in range(150))
    refused(client, text)
    found = records_of(blocking, client, 150)
    assert all(record["objects"][0]["schema"] == "vault" for record in found)
    blocking.check_sums()
    client.quit()


@pytest.mark.long
def test_prepared_statements_are_bounded_in_bytes(blocking):
    client = login(blocking)
    text = "DROP TABLE IF EXISTS " + ", ".join(f"own.not_there_{i}" for i in range(2000))
    before = blocking.rss()
    with pytest.raises(wire.Error) as error:
        for _ in range(1000):
            client.prepare(text)
    assert error.value.code == 1461
    assert blocking.rss() - before < 80 << 10
    client.quit()


def test_a_session_stays_where_it_is(vault):
    """The upstream is taken out of the ini, then the services change places: the session goes on."""
    one = gate.Gate(vault, ini=INI)
    try:
        one.start()
        client, other = login(one), login(one)
        head, rest = one.path.read_text().split("[service:spy]")
        spy, vaults = rest.split("[service:vault]")
        one.reload(ini=(head.replace("[upstream:main]", "[upstream:other]") + "[service:vault]" + vaults
                        + "\n[service:spy]" + spy).replace("upstream = main", "upstream = other"))
        for session in (client, other):
            assert session.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
            still_foreign(session)
            session.query("SET sql_mode = LOWER('')")  # it has to be asked for
            assert session.query("SELECT \"a\" FROM t LIMIT 1")
        other.query(f"KILL QUERY {client.thread}")
        fresh = login(one)
        assert refused(fresh, f"KILL {client.thread}").code == 1227  # on another upstream now
        assert client.query("SELECT 1")[0].rows == [["1"]]
        for session in (client, other, fresh):
            session.quit()
        one.stop()
    finally:
        one.remove()


def test_services_change_places_during_a_login(vault):
    """The greeting by one configuration, the login by another in which the services have other numbers."""
    one = gate.Gate(vault, ini=INI)
    try:
        one.start()
        text = one.path.read_text()
        head, rest = text.split("[service:spy]")
        spy, vaults = rest.split("[service:vault]")
        turned = head + "[service:aaa]\nupstream = main\nowns = aaa.*\n[service:vault]" + vaults + "\n[service:spy]" + spy
        for before, after in ((text, turned), (turned, text), (text, text.replace("user = spy_service", "user = another"))):
            one.reload(ini=before)
            client = wire.Wire(one.port)
            client.greet()
            one.reload(ini=after)
            if after in (turned, text):
                client.login("spy_service", "spy_alias", "spy_service-secret")
                assert client.query("SELECT DATABASE()")[0].rows == [["own"]]
                assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
                still_foreign(client)
                client.quit()
            else:  # nobody's any more
                client.login("spy_service", "own", "spy_service-secret")
                still_foreign(client, "own.t")
                still_foreign(client)
                client.quit()
        one.stop()
    finally:
        one.remove()


def test_init_connect_set_while_running(vault):
    """An administrator's SET GLOBAL takes each new session somewhere else: it is asked where it stands."""
    one = gate.Gate(vault, ini=INI.replace("user = spy_service", "user = spy_service\nuser = plain_service"))
    vault.sql("DROP USER IF EXISTS plain_service@'%'",
              "CREATE USER plain_service@'%' IDENTIFIED BY 'plain_service-secret'",
              "GRANT ALL ON own.* TO plain_service@'%'", "GRANT ALL ON vault.* TO plain_service@'%'")

    def plain():
        return wire.connect(one.port, "plain_service", "own", password="plain_service-secret")
    try:
        one.start()
        client = plain()
        assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
        client.quit()
        vault.sql("SET GLOBAL init_connect = 'USE vault'")
        client = plain()
        assert refused(client, "SELECT name FROM t").code == 1142
        with pytest.raises(wire.Error):
            client.ok(b"\x04t\0")  # COM_FIELD_LIST
        client.quit()
        vault.sql("SET GLOBAL init_connect = ''")
        client = plain()
        assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
        client.quit()
        one.stop()
    finally:
        vault.sql("SET GLOBAL init_connect = ''", "DROP USER plain_service@'%'")
        one.remove()
