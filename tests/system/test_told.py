"""What a server is told behind silogate's back: another lower_case_table_names at a restart, a character set that is
not the handshake's, a second address with other settings. A session is judged by what its server really has. The
service may do everything as far as the server is concerned, and what nobody owns passes, so that a name that is not
taken for what it is would pass as well."""
import pytest

from harness import gate, servers, wire

SECRET = "t0ld-c4n4ry"
INI = gate.spying("spy_service", "vault.*", undetermined="block", unowned="log", administration="log")
# Of the one's database a table is another's.
SHARED = INI.replace("owns = vault.*", "owns = vault.mine").replace("owns = own.*", "owns = own.*\nowns = vault.*")
SETUP = ("CREATE DATABASE vault", "CREATE DATABASE own", "CREATE TABLE vault.t (id INT, name VARCHAR(60))",
         f"INSERT INTO vault.t VALUES (1, '{SECRET}')", "CREATE TABLE own.t (id INT, name VARCHAR(60))",
         "INSERT INTO own.t VALUES (1, 'own')", "CREATE USER spy_service@'%' IDENTIFIED BY 'spy_service-secret'",
         "GRANT ALL ON *.* TO spy_service@'%'")
GBK = b"SELECT '\xbf\\', name FROM vault.t -- ' AS c"  # in gbk the backslash is half of a character


# In swe7 and sjis the backslash of another character set is no backslash any more.
LOSSY = r"""SET @p = 'SELECT "a\\" , name FROM vault.t #"'"""


class Told:
    options = ()

    def command(self):
        return [*super().command(), *self.options]


KINDS = {kind: type("Told" + one.__name__, (Told, one), {}) for kind, one in servers.KINDS.items()}


@pytest.fixture
def start():
    """Starts a server with its options, mostly a MariaDB, and a silogate before one or several."""
    made = []

    def server(*options, kind="mariadb"):
        one = KINDS[kind]()
        made.append(one)
        one.options = options
        one.install()
        one.start()
        one.sql(*SETUP)
        return one

    def silogate(*upstreams, ini=INI):
        addresses = [f"127.0.0.1:{one.port}" for one in upstreams]
        one = gate.Gate(upstreams[0], ini=ini, changes=[("upstream:main", "address", *addresses)])
        made.append(one)
        return one.start()

    yield server, silogate
    for one in made:
        one.stop()
        one.remove()


def connect(one, **options):
    return wire.connect(one.port, "spy_service", "own", password="spy_service-secret", **options)


def code(one, text, **options):
    """A session's first command: 0, or the error's number."""
    client = connect(one, **options)
    try:
        answers = client.query(text)
        assert SECRET not in repr(answers), text
        return 0
    except wire.Error as error:
        return error.code
    finally:
        client.quit()


@pytest.mark.long
def test_restarted_with_names_that_fold(start):
    server, silogate = start
    upstream = server()
    one = silogate(upstream)
    assert code(one, "SELECT name FROM VAULT.t") == 1146  # no such table, and nobody's: it passes
    upstream.stop()
    upstream.options = ("--lower-case-table-names=1",)
    upstream.start()
    assert upstream.sql("SELECT name FROM VAULT.T") == ((SECRET,),)
    for text in ("SELECT name FROM VAULT.t", "SELECT name FROM vault.T", "SELECT * FROM own.t, Vault.t"):
        assert code(one, text) == 1142, text
    assert code(one, "SELECT name FROM OWN.T") == 0
    client = connect(one)
    with pytest.raises(wire.Error) as refused:
        client.ok(b"\x02VAULT")  # COM_INIT_DB
    assert refused.value.code == 1044
    client.quit()
    upstream.stop()
    upstream.options = ()
    upstream.start()
    assert code(one, "SELECT name FROM VAULT.t") == 1146


TELLING = ("SELECT name AS status FROM vault.Mine", "SELECT a.name, FOUND_ROWS() FROM own.t a, vault.Mine",
           "UPDATE vault.Mine SET name = ROW_COUNT()", "DELETE FROM vault.MINE /* error */")


@pytest.mark.long
@pytest.mark.parametrize("prepared", [False, True])
def test_restarted_and_not_asked(start, prepared):
    """What would be answered from silogate's own question is judged without it, and here nothing is asked with the
    login either: a table that is the service's own in one way of comparing names must be so in the other."""
    server, silogate = start
    upstream = server("--init-connect=SET @any = 1")
    upstream.sql("CREATE TABLE vault.mine LIKE vault.t", "INSERT INTO vault.mine SELECT * FROM vault.t")
    one = silogate(upstream, ini=SHARED)
    assert code(one, "SELECT name FROM vault.Mine") == 1146
    upstream.stop()
    upstream.options = ("--lower-case-table-names=1", *upstream.options)
    upstream.start()
    for telling in TELLING:
        client = connect(one)
        with pytest.raises(wire.Error) as refused:
            if prepared:
                client.execute(client.prepare(telling)[0])
            else:
                client.query(telling)
        assert refused.value.code == 1142, telling
        assert client.query("SELECT name, FOUND_ROWS() FROM own.t")[0].rows[0][0] == "own"
        client.quit()
    assert upstream.sql("SELECT name FROM vault.mine") == ((SECRET,),)


@pytest.mark.long
@pytest.mark.parametrize("how", ["one command", "prepared"])
def test_restarted_and_the_password_has_expired(start, how):
    """Before the new password the server does not say how it compares names: both ways must be allowed."""
    server, silogate = start
    upstream = server()
    upstream.sql("CREATE TABLE vault.mine LIKE vault.t", "INSERT INTO vault.mine SELECT * FROM vault.t")
    one = silogate(upstream, ini=SHARED)
    one.reload(("policy", "administration", "allow"))
    assert code(one, "SELECT name FROM vault.Mine") == 1146
    upstream.stop()
    upstream.options = ("--lower-case-table-names=1",)
    upstream.start()
    upstream.sql("ALTER USER spy_service@'%' PASSWORD EXPIRE")
    client = connect(one, capabilities=wire.USUAL | wire.EXPIRED_PASSWORDS)
    renewed = "SET PASSWORD = PASSWORD('spy_service-secret')"
    if how == "one command":
        for text in ("SELECT name FROM vault.Mine", "UPDATE vault.MINE SET name = 'x'", "SELECT * FROM own.t JOIN vault.miNe"):
            with pytest.raises(wire.Error) as refused:
                client.query(f"{renewed}; {text}")
            assert refused.value.code == 1142, (text, refused.value)
        client.query(f"{renewed}; SELECT name FROM own.t")  # so in either way
    else:
        with pytest.raises(wire.Error):
            statement = client.prepare("SELECT name FROM vault.Mine")[0]
            client.query(renewed)
            client.execute(statement)
        client.query(renewed)
    with pytest.raises(wire.Error) as refused:
        client.query("SELECT name FROM vault.Mine")
    assert refused.value.code == 1142
    assert client.query("SELECT name FROM OWN.T")[0].rows == [["own"]]
    assert upstream.sql("SELECT name FROM vault.mine") == ((SECRET,),)
    client.quit()


def test_the_handshakes_character_set_does_not_hold(start):
    server, silogate = start
    upstream = server("--skip-character-set-client-handshake", "--character-set-server=gbk")
    one = silogate(upstream)
    client = connect(one)
    assert client.query("SELECT @@character_set_client")[0].rows == [["gbk"]]
    client.quit()
    for capabilities in (wire.USUAL, wire.USUAL & ~wire.SESSION_TRACK):  # or the server says it by itself
        assert code(one, GBK, capabilities=capabilities) == 1142
        assert code(one, b"SELECT '\xbf\\', name FROM own.t -- ' AS c", capabilities=capabilities) == 0


@pytest.mark.parametrize("separator", ["", ";"], ids=["two commands", "one command"])
def test_a_password_is_set_first(start, separator):
    """Who must set it first is told nothing before: what comes behind that is judged by what is told then."""
    server, silogate = start
    upstream = server("--skip-character-set-client-handshake", "--character-set-server=gbk")
    one = silogate(upstream)
    upstream.sql("ALTER USER spy_service@'%' PASSWORD EXPIRE")
    client = connect(one, capabilities=wire.USUAL | 1 << 22)  # CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS
    with pytest.raises(wire.Error) as refused:
        client.query("SELECT 1")
    assert refused.value.code == 1820
    one.reload(("policy", "administration", "allow"))
    texts = [b"SET PASSWORD = PASSWORD('spy_service-secret')", GBK]
    with pytest.raises(wire.Error) as refused:
        for text in [b";".join(texts)] if separator else texts:
            assert SECRET not in repr(client.query(text))
    assert refused.value.code in (1142, 1227), refused.value
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("kind", list(servers.KINDS))
@pytest.mark.parametrize("charset", ["swe7", "sjis"])
def test_the_connections_character_set_is_another(start, kind, charset):
    """character_set_connection, which a literal becomes a value in, is told as well: after init_connect, and after
    COM_RESET_CONNECTION, which on MySQL makes it what the server has."""
    server, silogate = start
    upstream = server(*([f"--character-set-server={charset}"] if kind == "mysql" else []), kind=kind)
    one = silogate(upstream)
    upstream.sql(f"SET GLOBAL init_connect = 'SET character_set_connection = {charset}'",
                 "CREATE USER plain_service@'%' IDENTIFIED BY 'plain_service-secret'",
                 "GRANT SELECT ON *.* TO plain_service@'%'")  # root's kin run no init_connect
    one.reload(("service:spy", "user", "plain_service"))
    client = wire.connect(one.port, "plain_service", None, capabilities=wire.USUAL & ~(1 << 23))  # SESSION_TRACK
    for is_reset in (False, True):
        if is_reset:
            client.ok(b"\x1f")
        client.query("SET character_set_client = utf8mb4")
        connection = client.query("SELECT @@character_set_connection")[0].rows
        assert connection == [[charset]] or is_reset and kind == "mariadb"
        client.query(LOSSY)
        try:
            client.query("PREPARE s FROM @p")
            assert SECRET not in repr(client.query("EXECUTE s"))
            assert connection == [["utf8mb4"]]
        except wire.Error as error:
            assert error.code in (1142, 1227), error
    client.query("SET NAMES utf8mb4")
    client.query(LOSSY)
    client.query("PREPARE s FROM @p")  # and it is known again when it is sure
    client.quit()


def test_the_second_address_is_another_server(start):
    server, silogate = start
    first = server()
    second = server("--lower-case-table-names=1", "--skip-character-set-client-handshake", "--character-set-server=gbk")
    one = silogate(first, second)
    assert code(one, "SELECT name FROM VAULT.t") == 1146
    first.stop()
    assert code(one, "SELECT name FROM VAULT.t") == 1142
    assert code(one, GBK) == 1142
    first.start()
