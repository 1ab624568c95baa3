"""Ways past the gate that are no statement: how a command is framed, and what surrounds a login. The service may do
everything as far as the server is concerned, and what nobody owns passes, so that a name that is not taken for what it
is would pass as well."""
import pytest

from harness import gate, places, wire

SECRET = "w4ys-c4n4ry"
USER = "spy_service"
INI = gate.spying(USER, "vault.*", undetermined="block", unowned="log", administration="log")


@pytest.fixture(scope="module")
def vault(server):
    users = (USER, "vault_service", "stranger")
    clean = [f"DROP DATABASE IF EXISTS {name}" for name in ("vault", "own")]
    clean += [f"DROP USER IF EXISTS '{user}'@'%'" for user in users]
    server.sql(*clean, "CREATE DATABASE vault", "CREATE DATABASE own",
               "CREATE TABLE vault.t (id INT PRIMARY KEY, name VARCHAR(60))", f"INSERT INTO vault.t VALUES (1, '{SECRET}')",
               "CREATE TABLE own.t (id INT PRIMARY KEY, name VARCHAR(60))", "INSERT INTO own.t VALUES (1, 'own')",
               *[f"CREATE USER '{user}'@'%' IDENTIFIED BY '{user}-secret'" for user in users],
               *[f"GRANT ALL ON *.* TO '{user}'@'%'" for user in users])
    yield server
    server.sql(*clean)


@pytest.fixture(scope="module")
def blocking(vault):
    with gate.running(vault, ini=INI) as one:
        yield one


def login(port, user=USER, database="own", **options):
    return wire.connect(port, user, database, password=user + "-secret", **options)


def attribute(kind, flags, value, text):
    """A COM_QUERY with one attribute."""
    return b"\x03\1\1\0\1" + bytes([kind, flags]) + b"\1a" + value + text


# Where the value ends for silogate that knows only the type's first byte, and where for the server, to which it is a
# text with a length then.
ATTRIBUTES = {
    "less": attribute(8, 1, b"\0", b"/*     DO '*/ SELECT * FROM vault.t -- '"),  # 8 bytes against 1
    "more": attribute(1, 0x40, b"\4", b"DO ' SELECT * FROM vault.t -- '"),  # 1 byte against 5
    "more of an unsigned one": attribute(1, 0xc0, b"\4", b"DO ' SELECT * FROM vault.t -- '"),
    "more of a text's beginning": attribute(4, 2, b"\7DO", b" '    SELECT * FROM vault.t -- '"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_query_attribute_ends_where_the_server_ends_it(vault, blocking, name):
    capabilities = wire.USUAL | wire.QUERY_ATTRIBUTES
    direct = login(vault.port, capabilities=capabilities)
    if not direct.capabilities & wire.QUERY_ATTRIBUTES:
        pytest.skip("MariaDB has no query attributes")
    direct.command(ATTRIBUTES[name])
    assert SECRET in repr(direct.answers()[0].rows)
    direct.quit()
    client = login(blocking.port, capabilities=capabilities)
    client.command(ATTRIBUTES[name])
    with pytest.raises(wire.Closed):
        assert SECRET not in repr(client.answers())
    client.close()


def ended(client, statement="SELECT name FROM vault.t"):
    """The session's last words; nothing was told before them."""
    with pytest.raises((wire.Error, wire.Closed, OSError)) as last:
        assert SECRET not in repr(client.query(statement))
    assert not isinstance(last.value, wire.Error) or last.value.code == 1053
    client.close()


PASSING = gate.change(INI, "proxy", "unknown_user", "pass")


@pytest.mark.long(short=4)
@pytest.mark.parametrize("how", ["its user is a service's now", "nobody passes any more"])
@pytest.mark.parametrize("when", ["idle", "at work", "while it logs in"])
def test_who_has_passed_does_not_pass_for_ever(vault, make_gate, how, when):
    """A session that is not judged, since its user belongs to no service, is over once that has changed."""
    one = make_gate(vault, ini=PASSING)
    change = ("service:spy", "user", USER, "stranger") if how.startswith("its") else ("proxy", "unknown_user", "reject")
    if when == "while it logs in":
        client = wire.Wire(one.port)
        client.greet()
        one.reload(change)  # the login began before
        try:
            client.login("stranger", "", "stranger-secret")
        except wire.Error as error:
            assert error.code == 1045
            return
        if how.startswith("its"):
            with pytest.raises(wire.Error) as refused:
                client.query("SELECT name FROM vault.t")
            assert refused.value.code in (1142, 1053)
            client.close()
            return
    else:
        client = login(one.port, "stranger", "own")
        assert SECRET in repr(client.query("SELECT name FROM vault.t")[0].rows)
        if when == "at work":
            client.command(client.query_bytes("SELECT SLEEP(2)"))
            places.wait_for(lambda: one.metrics().total("commands_unjudged_total") >= 2)
        one.reload(change)
        if when == "at work":
            client.answers()
    ended(client)
    places.wait_for(lambda: one.metrics().total("sessions_closed_total", reason="reload") == 1)
    if how.startswith("its"):
        client = login(one.port, "stranger", "own")
        with pytest.raises(wire.Error) as refused:
            client.query("SELECT name FROM vault.t")
        assert refused.value.code == 1142
        client.quit()


def test_who_still_passes_stays(vault, make_gate):
    one = make_gate(vault, ini=PASSING)
    client = login(one.port, "stranger", "own")
    client.query("CREATE TEMPORARY TABLE vault.tt (a INT)")
    one.reload(("policy", "unowned", "block"))
    assert client.query("SELECT COUNT(*) FROM vault.tt")[0].rows == [["0"]]
    client.quit()


SWEDISH = gate.change(gate.change(gate.change(
    INI.replace("own.*", "own.*\nowns = own2.*"), "proxy", "unknown_user", "pass"),
    "service:spy", "user", USER, "spä"), "service:vault", "owns", "vault.*", "vält.*", "own.tä")


@pytest.fixture(scope="module")
def swedish(vault):
    vault.sql("CREATE DATABASE `vält`", "CREATE TABLE `vält`.t SELECT * FROM vault.t", "CREATE TABLE own.`tä` SELECT * FROM vault.t",
              "CREATE USER 'spä'@'%' IDENTIFIED BY 'spä-secret'", "GRANT ALL ON *.* TO 'spä'@'%'")
    with gate.running(vault, ini=SWEDISH) as one:
        yield one
    vault.sql("DROP DATABASE `vält`", "DROP USER 'spä'@'%'", "DROP TABLE own.`tä`")


def commands(*texts):
    """COM_QUERY each, or a command as it stands; all that was heard."""
    def run(port):
        client, heard = login(port), []
        for text in texts:
            if isinstance(text, bytes):
                client.command(text)
                heard.append(client.receive())
                if heard[-1][0] == 0xff:
                    raise wire.Error(heard[-1])
            else:
                heard += client.query(text)
        return client, heard
    return run


def as_user(how):
    """Login as the service's user spä, in swe7 `sp{`."""
    def run(port):
        if how == "login":
            client = wire.connect(port, "sp{", None, password="spä-secret", collation=10)
        else:
            client = login(port)
            client.change_user("sp{", "", "spä-secret", collation=10)
        client.query("SET NAMES utf8mb4")
        return client, client.query("SELECT name FROM vault.t")
    return run


IN_SWE7 = {
    "a user": as_user("login"),
    "another user": as_user("COM_CHANGE_USER"),
    "a quoted table": commands("SET sql_mode = 'ANSI_QUOTES'", "SET NAMES swe7", 'SELECT name FROM own."t{"'),
    "a table in backticks": commands("SET NAMES swe7", "SELECT name FROM own.`t{`"),
    "USE": commands("SET NAMES swe7", "USE `v{lt`", "SELECT name FROM t"),
    "COM_INIT_DB": commands("SET NAMES swe7", b"\x02v{lt", "SELECT name FROM t"),
    "COM_FIELD_LIST": commands("SET NAMES swe7", b"\x04t{\0"),
}


@pytest.mark.parametrize("name", IN_SWE7)
def test_signs_that_are_letters(vault, swedish, name):
    """In swe7 the signs [ ] { } and so on are letters of names, wherever a name comes from."""
    client, heard = IN_SWE7[name](vault.port)
    assert SECRET in repr([getattr(one, "rows", one) for one in heard]) or name == "COM_FIELD_LIST"
    client.close()
    with pytest.raises(wire.Error) as refused:
        IN_SWE7[name](swedish.port)
    assert refused.value.code in (1142, 1044, 1045, 1227), refused.value


# A literal that is sent in one character set, and read as a text in another: bytes of it are other characters then.
OTHERWISE = {
    "a quote": [b"SET @p = 'SELECT name \xff FROM own.t -- \xff FROM vault.t'", "armscii8"],
    "half of a character": [b"SET @p = 'SELECT \"\xbf\\\" , name FROM vault.t -- \"'", "gbk"],
    "a letter": [b"SET @p = 'SELECT \"\\\" , name FROM vault.t -- \"'", "swe7"],
}


@pytest.mark.parametrize("name", OTHERWISE)
@pytest.mark.parametrize("one", ["a variable of before", "at once"])
def test_a_literal_becomes_another_text(vault, blocking, name, one):
    text, charset = OTHERWISE[name]
    steps = ["SET NAMES utf8mb4", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'" if charset == "swe7" else "SET sql_mode = ''",
             f"SET character_set_client = {charset}", text,
             *["SET NAMES utf8mb4", "SET sql_mode = ''"] * (one != "at once"), "PREPARE s FROM @p", "EXECUTE s"]
    if one == "at once" and charset != "armscii8":
        pytest.skip("there it is the same text")

    def run(port):
        client = login(port)
        return [client.query(step) for step in steps][-1][0].rows
    assert SECRET in repr(run(vault.port))
    with pytest.raises(wire.Error) as refused:
        run(blocking.port)
    assert refused.value.code in (1142, 1227), refused.value


@pytest.mark.parametrize("separator", ["", ";"], ids=["two commands", "one command"])
def test_a_comma_among_the_modes(vault, blocking, separator):
    """In armscii8 the byte 0xab is a comma."""
    texts = [b"SET sql_mode = 'STRICT_TRANS_TABLES\xabANSI_QUOTES'", b'SELECT name "\\" FROM vault.t -- " FROM own.t']

    def run(port):
        client = login(port)
        client.query("SET NAMES utf8mb4")
        client.query("SET character_set_client = armscii8")
        for text in [b";".join(texts)] if separator else texts:
            answer = client.query(text)
        return answer[-1].rows
    assert SECRET in repr(run(vault.port))
    with pytest.raises(wire.Error) as refused:
        run(blocking.port)
    assert refused.value.code in (1142, 1227), refused.value


@pytest.mark.parametrize("how", ["login", "COM_CHANGE_USER"])
def test_who_has_no_password_keeps_nobody_out(vault, make_gate, how):
    """Only sessions that the server has let in count for their service's max_connections."""
    one = make_gate(vault, ("service:vault", "max_connections", "2"), ini=INI)
    half = []
    for _ in range(3):
        half.append(wire.Wire(one.port) if how == "login" else login(one.port))
        asked = []
        half[-1]._authenticate = lambda password, nonce, asked=asked, one=half[-1]: asked.append(one.receive())
        if how == "login":
            half[-1].login("vault_service", "", "wrong")
        else:
            half[-1].change_user("vault_service", "", "wrong")
        assert asked[0][0] == 0xfe  # the server waits for the password
    clients = [login(one.port, "vault_service", "vault") for _ in range(2)]
    assert clients[1].query("SELECT name FROM t")[0].rows == [[SECRET]]
    for client in (wire.Wire(one.port), login(one.port)):  # and that is all
        with pytest.raises(wire.Error) as refused:
            if client.greeting:
                client.change_user("vault_service", "", "vault_service-secret")
            else:
                client.login("vault_service", "", "vault_service-secret")
        assert refused.value.code == 1040 and "this service" in str(refused.value)
        client.close()
    for client in half + clients:
        client.close()
