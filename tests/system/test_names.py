"""Names as the servers compare them: users, databases, tables, functions and variables in spellings that
a server takes for another's. The service may do everything as far as the server is concerned, and what nobody owns
passes, so that a name that is not taken for what it is would pass as well."""
import pytest

from harness import gate, wire

CANARY = "c4n4ry-71ab"
INI = """[proxy]
unknown_user = pass
[policy]
mode = block
undetermined = block
unowned = log
administration = block
[upstream:main]
[service:spy]
user = spy
user = spý
user = {long}
upstream = main
database = own
owns = own.*
owns = own2.*
owns = shared.*
[service:victim]
user = victim
upstream = main
database = secret
owns = secret.*
owns = shared.patients
owns = shared.logm
owns = shared.t??
owns = shared.tell
""".format(long="l" * 32)
USERS = ("spy", "spý", "l" * 32, "stranger")
SETUP = [
    *[f"DROP DATABASE IF EXISTS {name}" for name in ("own", "own2", "secret", "shared")],
    *[f"CREATE DATABASE {name}" for name in ("own", "own2", "secret", "shared")],
    "CREATE TABLE own.t (id INT, word VARCHAR(40))", "CREATE TABLE secret.patients (id INT, word VARCHAR(40))",
    f"INSERT INTO secret.patients VALUES (1, '{CANARY}')",
    "CREATE TABLE shared.patients SELECT * FROM secret.patients", "CREATE TABLE shared.`t??` SELECT * FROM secret.patients",
    "CREATE TABLE own.logm (id INT, word VARCHAR(40)) ENGINE=MyISAM",
    "CREATE TABLE shared.logm (id INT, word VARCHAR(40)) ENGINE=MyISAM",
    f"INSERT INTO shared.logm VALUES (1, '{CANARY}')",
]
FUNCTION = "CREATE FUNCTION {}.tell () RETURNS VARCHAR(40) DETERMINISTIC RETURN '{}'"
SETUP += [FUNCTION.format("shared", CANARY), FUNCTION.format("own", "nothing")]
READ = "SELECT word FROM secret.patients"


@pytest.fixture(scope="module")
def spies(server):
    """(a silogate between, its server)"""
    for user in USERS:
        server.sql(f"DROP USER IF EXISTS '{user}'@'%'", f"CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'",
                   f"GRANT ALL ON *.* TO '{user}'@'%'")
    server.sql(*SETUP)
    try:
        with gate.running(server, ini=INI) as one:
            yield one
    finally:
        server.sql(*SETUP[:4], *[f"DROP USER '{user}'@'%'" for user in USERS])


# A session that tracks its state is told by the server itself where it stands and how it reads.
TRACKING = pytest.mark.parametrize("capabilities", [wire.USUAL, wire.USUAL & ~wire.SESSION_TRACK],
                                   ids=["tracked", "untracked"])


def login(port, user="spy", database="own", collation=45, capabilities=wire.USUAL):
    connection = wire.Wire(port, capabilities)
    connection.login(user, database, "pw", collation=collation)
    return connection


def tells(connection, *statements):
    """Does the canary come back?"""
    heard = bytearray()
    receive = connection.receive

    def listen():
        payload = receive()
        heard.extend(payload)
        return payload

    connection.receive = listen
    for statement in statements:
        try:
            connection.query(statement)
        except wire.Error:
            pass
    return CANARY.encode() in heard


# What some server takes for a user of the service spy: with the quotes gone, the tail dropped, cut at its
# longest, converted from another character set.
SPIES = [("'spy'", 45), (b"spy\xff", 45), (b"spy\xc3", 45), (b"spy\xf0\x9f", 45), (b"spy\xff", 28), (b"spy\x81", 28),
         (b"sp\xfd", 8), ("spý", 45), ("'spý'", 45), ("l" * 32 + "x", 45), ("'" + "l" * 32 + "'", 45), (b"'spy\xff'", 45)]


@pytest.mark.parametrize("user, collation", SPIES, ids=lambda one: str(one)[:12].replace("\\", "-"))
def test_no_spelling_of_a_user_is_judged_less(spies, user, collation):
    try:
        connection = login(spies.port, user, "", collation)
    except wire.Error as error:
        assert error.code == 1045
        return
    assert not tells(connection, READ), "a session that is not judged"
    assert connection.query("SELECT COUNT(*) FROM own.t")[0].rows == [["0"]]
    connection.quit()


@pytest.mark.parametrize("user, collation", SPIES[:4], ids=lambda one: str(one)[:12].replace("\\", "-"))
def test_nor_by_change_user(spies, user, collation):
    connection = login(spies.port, "stranger", "")
    try:
        connection.change_user(user, "", "pw", collation=collation)
    except wire.Error:
        return
    assert not tells(connection, READ), "a session that is not judged"
    connection.quit()


def test_a_stranger_is_passed(spies):
    """What the spellings above are refused for is not that they are passed."""
    connection = login(spies.port, "stranger", "")
    assert tells(connection, READ)
    connection.quit()


STATEMENTS = {
    "a table's tail": [b"SELECT * FROM shared.`patients\xc3`"],
    "a database's tail": [b"SELECT * FROM `secret\xff`.patients", b"USE `secret\xff`", b"SELECT * FROM patients"],
    "a temporary table's tail": [b"CREATE TEMPORARY TABLE secret.`patients\xc3` (a INT)", b"DROP TEMPORARY TABLE secret.`patients\xc3`", READ.encode()],
    "dropped by its tail": [b"CREATE TEMPORARY TABLE secret.patients (a INT)", b"DROP TEMPORARY TABLE secret.`patients\xc3`",
                            READ.encode()],
    "question marks": [b"SET character_set_client = ascii", "SELECT * FROM shared.`tä`".encode()],
    "a mode by number": [b"SET sql_mode = 262144", b'SELECT word "\\" FROM secret.patients -- " FROM own.t'],
    "a mode with a blank": [b"SET `sql_mode ` = 'ANSI_QUOTES'", b'SELECT word "\\" FROM secret.patients -- " FROM own.t'],
    "a mode with an accent": ["SET sql_móde = 'ANSI_QUOTES'".encode(), b'SELECT word "\\" FROM secret.patients -- " FROM own.t'],
    "a long s": ["SET ſql_mode = 'ANSI_QUOTES'".encode(), b'SELECT word "\\" FROM secret.patients -- " FROM own.t'],
    "a character set with an accent": ["SET character_set_clíent = gbk".encode(), b"SELECT '\xbf\\', (SELECT word FROM secret.patients) -- '"],
    "a thread's number with a blank": [b"CREATE TEMPORARY TABLE secret.patients (a INT)", b"SET `pseudo_thread_id ` = 5", READ.encode()],
    "a table that means others elsewhere": [
        b"CREATE TABLE own.mm (id INT, word VARCHAR(40)) ENGINE=MERGE UNION=(own.logm)", b"RENAME TABLE own.mm TO shared.mine_mm",
        b"SELECT * FROM shared.mine_mm"],
    "a view's function, which is looked up where the view stands": [
        b"CREATE VIEW shared.mine_view AS SELECT tell()", b"SELECT * FROM shared.mine_view"],
    "altered to where it means others": [
        b"CREATE TABLE own.m3 (id INT, word VARCHAR(40)) ENGINE=MERGE UNION=(own.logm)", b"ALTER TABLE own.m3 RENAME TO shared.mine_m3",
        b"SELECT * FROM shared.mine_m3"],
}


@TRACKING
@pytest.mark.parametrize("name", STATEMENTS)
def test_no_spelling_of_a_name_reads_anothers(server, spies, name, capabilities):
    server.sql(*(f"DROP TABLE IF EXISTS {one}" for one in ("own.mm", "own.m3", "shared.mine_mm", "shared.mine_m3")),
               "DROP VIEW IF EXISTS shared.mine_view")
    connection = login(spies.port, capabilities=capabilities)
    assert not tells(connection, *STATEMENTS[name])
    connection.quit()


def test_no_spelling_of_a_function_reads_files(spies, tmp_path):
    file = tmp_path / "canary"
    file.write_text(CANARY)
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    connection = login(spies.port)
    assert not tells(connection, b"SELECT `load_file\xc3`('" + str(file).encode() + b"')")
    connection.quit()


def test_a_table_moves_between_ones_own_databases(spies):
    """A whole schema of one's own may be moved into: so teams take their tables out of the shared one."""
    connection = login(spies.port)
    connection.query("CREATE TABLE own.moves (a INT)")
    connection.query("RENAME TABLE own.moves TO own2.moves")
    connection.query("ALTER TABLE own2.moves RENAME TO own.moved")
    connection.query("DROP TABLE own.moved")
    connection.quit()


DATABASES = [b"secret\xff", b"secret\xc3", b"secret\0", b"secret\0x", b"#mysql50#secret", b"secret\xf0\x9f\x98\x80", b"s" * 200]


@TRACKING
@pytest.mark.parametrize("name", DATABASES, ids=lambda one: repr(one)[2:22].replace("\\", "-"))
def test_no_spelling_of_a_database_is_entered(server, spies, name, capabilities):
    """By COM_INIT_DB and, where it can be said there, at the login and by COM_CHANGE_USER."""
    connection = login(spies.port, capabilities=capabilities)
    with pytest.raises(wire.Error):
        connection.ok(b"\x02" + name)
    assert not tells(connection, "SELECT word FROM patients")
    if b"\0" not in name:
        try:
            connection.change_user("spy", name, "pw")
            assert not tells(connection, "SELECT word FROM patients")
        except wire.Error:
            pass
    connection.close()
    if b"\0" in name:
        return
    try:
        connection = login(spies.port, database=name, capabilities=capabilities)
    except wire.Error:
        return
    assert not tells(connection, "SELECT word FROM patients")
    assert connection.query("SELECT DATABASE()")[0].rows == [["own"]]
    connection.quit()


@pytest.mark.parametrize("name", [b"patients\xff", b"patients\xc3", b"patients\0\0", b"#mysql50#patients"])
def test_no_spelling_of_a_table_is_described(server, spies, name):
    """COM_FIELD_LIST of shared.patients, which is another's in a database that is its own."""
    connection = login(spies.port, database="shared")
    mark = server.mark()
    connection.command(b"\x04" + name + b"\0")
    payload = connection.receive()
    assert payload[0] == 0xff
    connection.close()
    assert "Field List" not in server.log(mark)
