"""Sessions and prepared statements that were there before a move: what silogate does for them behind it changes nothing that
the client can see or store."""
import pytest

from harness import wire
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

INSERT = "INSERT INTO t0 (client, number) VALUES (1, 5)"
READ_ONLY = 1792


def fails(function, *codes):
    with pytest.raises(wire.Error) as error:
        function()
    assert error.value.code in codes, error.value


def ready(client, protocol, sql):
    """A function that executes the statement."""
    if protocol == "binary":
        number = client.prepare(sql)[0]
        return lambda: client.execute(number)[0]
    client.query("PREPARE q FROM '" + sql.replace("'", "''") + "'")
    return lambda: client.query("EXECUTE q")[0]


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=INI, tables=1)
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    return scene


@pytest.mark.long(short=1)
@pytest.mark.parametrize("protocol", ["binary", "sql"])
def test_what_fails_once_is_tried_again(scene, server, protocol):
    """Nothing that writes is prepared in a transaction that only reads. It was never tried again, and by SQL's PREPARE the
    client's statement was gone."""
    for options, place in (((), NEW), (("--back",), OLD)):
        client = wire.connect(scene.gate.port, "mv_billing", OLD)
        execute = ready(client, protocol, INSERT)
        client.query("START TRANSACTION READ ONLY")
        told = scene.move(*options)
        assert told.returncode == 0, told.stdout + told.stderr
        for _ in range(2):
            fails(execute, READ_ONLY, 1146)
        client.query("ROLLBACK")
        execute()
        assert server.sql(f"SELECT number FROM {place}.t0") == ((5,),)
        client.query("DELETE FROM t0")
        execute()
        client.query("DELETE FROM t0")
        client.close()


def test_a_server_that_is_full(scene, server):
    """max_prepared_stmt_count: by way of the alias; and it is prepared again once there is room."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    execute = ready(client, "binary", INSERT)
    assert scene.move().returncode == 0
    limit = server.sql("SELECT @@GLOBAL.max_prepared_stmt_count")[0][0]
    server.sql("SET GLOBAL max_prepared_stmt_count = 0")
    try:
        execute()
    finally:
        server.sql(f"SET GLOBAL max_prepared_stmt_count = {limit}")
    server.sql(f"DELETE FROM {NEW}.t0")
    execute()
    assert server.sql(f"SELECT number FROM {NEW}.t0") == ((5,),)
    assert scene.move("--back").returncode == 0
    server.sql(f"DELETE FROM {OLD}.t0", "SET GLOBAL max_prepared_stmt_count = 0")
    try:
        fails(execute, 1146)
    finally:
        server.sql(f"SET GLOBAL max_prepared_stmt_count = {limit}")
    execute()
    client.close()


# before the PREPARE, before the execution; the statement
READINGS = [
    ("SET sql_mode = 'PIPES_AS_CONCAT'", "SET sql_mode = ''", "7 || 8"),
    ("SET sql_mode = 'HIGH_NOT_PRECEDENCE'", "SET sql_mode = ''", "NOT 1 BETWEEN -5 AND 5"),
    ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", "'a' = 'A'"),
    ("SET NAMES latin1", "SET NAMES utf8mb4", "CHAR_LENGTH(CONCAT('\u00e4'))"),
    ("SET NAMES utf8mb4", "SET NAMES utf8mb4", "7 + 8"),
]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("protocol", ["binary", "sql"])
def test_the_reading_of_the_prepare(scene, server, protocol):
    """What a server keeps of it behind DDL (MariaDB: the sql_mode), it keeps behind a move."""
    server.sql(f"CREATE TABLE {OLD}.values_directly LIKE {OLD}.t0")
    clients = []
    for at, (before, behind, value) in enumerate(READINGS):
        if protocol == "sql" and "\u00e4" in value:
            continue
        found = []
        for port, table in ((server.port, "values_directly"), (scene.gate.port, "t0")):
            client = wire.connect(port, "mv_billing", OLD)
            client.query(before)
            execute = ready(client, protocol, f"INSERT INTO {table} (client, number, note) SELECT {at}, 1, {value}")
            client.query(behind)
            found.append((client, execute))
        clients.append((at, value, found))
    told = scene.move()
    assert told.returncode == 0, told.stdout + told.stderr
    server.sql(f"ALTER TABLE {OLD}.values_directly ADD more INT")
    for at, value, found in clients:
        for client, execute in found:
            execute()
            client.close()
        stored, wanted = (server.sql(f"SELECT note FROM {table} WHERE client = {at}") for table in (f"{NEW}.t0", f"{OLD}.values_directly"))
        assert stored == wanted, value


@pytest.mark.parametrize("setting", ["character_set_database = latin1", "collation_database = utf8mb4_bin"])
def test_the_character_set_of_the_database(scene, server, setting):
    """COM_INIT_DB takes back what the session has set: LOAD DATA read its file in another character set."""
    name, value = setting.split(" = ")
    if server.name == "mysql":
        server.sql("GRANT SESSION_VARIABLES_ADMIN ON *.* TO mv_billing@'%'")
    client = wire.connect(scene.gate.port, "mv_billing", NEW)
    client.query(f"SET {setting}")
    assert scene.move().returncode == 0
    client.query("SELECT COUNT(*) FROM t0")
    assert client.query(f"SELECT @@{name}")[0].rows == [[value]]
    client.close()


def test_columns_are_told_each_time(scene, server):
    """MARIADB_CLIENT_CACHE_METADATA: the client would keep the columns of the statement that it has prepared."""
    if server.name == "mysql":
        pytest.skip("MariaDB's")
    client = wire.Wire(scene.gate.port)
    client.greet()
    directly = wire.Wire(server.port)
    directly.greet()
    assert directly.offered_extended & 1 << 36 and not client.offered_extended & 1 << 36
