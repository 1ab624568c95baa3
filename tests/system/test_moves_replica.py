"""A plain replica follows a move, also when it is started anew meanwhile: silogate's account has the rights that
docs/moves.md names, who moves may do everything."""
import os
import signal

import pytest

from harness import places, servers
from test_moves import NEW, OLD, TRIGGERS, Scene


class Logging:
    """A server with a binary log."""

    number, own = 1, []

    def command(self):
        kept = [option for option in super().command() if option != "--skip-log-bin"]
        return kept + [f"--log-bin={self.folder}/binlog", f"--relay-log={self.folder}/relay",
                       f"--server-id={self.number}", "--binlog-format=ROW", *self.own]


class MariaDB(Logging, servers.MariaDB):
    status = "SHOW MASTER STATUS"
    change = ("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'replica', MASTER_PASSWORD ="
              " 'replica-secret', MASTER_LOG_FILE = '{}', MASTER_LOG_POS = {}, MASTER_CONNECT_RETRY = 1")
    start_replica, replica_status = "START SLAVE", "SHOW SLAVE STATUS"


class MySQL(Logging, servers.MySQL):
    own = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]
    status = "SHOW BINARY LOG STATUS"
    change = ("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {}, SOURCE_USER = 'replica',"
              " SOURCE_PASSWORD = 'replica-secret', SOURCE_LOG_FILE = '{}', SOURCE_LOG_POS = {},"
              " SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1")
    start_replica, replica_status = "START REPLICA", "SHOW REPLICA STATUS"


def state(replica):
    """What keeps it from following; None where nothing does."""
    connection = replica.root()
    try:
        with connection.cursor() as cursor:
            cursor.execute(replica.replica_status)
            row = dict(zip([column[0] for column in cursor.description], cursor.fetchone()))
    finally:
        connection.close()
    return "; ".join(row[error] for error in ("Last_IO_Error", "Last_SQL_Error") if row[error]) or None


@pytest.fixture(params=[MariaDB, MySQL], ids=["mariadb", "mysql"])
def pair(request):
    source, replica = request.param(), request.param()
    replica.number = 2
    try:
        for server in (source, replica):
            server.install()
            server.start()
        source.sql("CREATE USER replica@'%' IDENTIFIED BY 'replica-secret'", "GRANT REPLICATION SLAVE ON *.* TO replica@'%'")
        file, position = source.sql(source.status)[0][:2]
        replica.sql(replica.change.format(source.port, file, position), replica.start_replica)
        yield source, replica
    finally:
        for server in (replica, source):
            server.stop(signal.SIGKILL)  # MySQL takes ten seconds to end its replication
            server.remove()


def tables(server):
    return sorted(server.sql("SELECT table_schema, table_name, table_type FROM information_schema.tables"
                             f" WHERE table_schema IN ('{OLD}', '{NEW}', 'silogate')"))


def rows(server, database):
    return server.sql(f"SELECT id, client, number, note FROM {database}.t0 ORDER BY id")


@pytest.mark.long
def test_a_replica_follows(pair, make_gate, tmp_path):
    source, replica = pair
    scene = Scene(source, make_gate, tmp_path)
    scene.gate.stop()
    source.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM mv_account@'%'", "DROP DATABASE silogate",
               "GRANT SELECT, SHOW VIEW, TRIGGER, REFERENCES, EXECUTE ON *.* TO mv_account@'%'",
               "GRANT ALL ON silogate.* TO mv_account@'%'", "CREATE USER mv_mover@'%' IDENTIFIED BY 'mv_mover-secret'",
               "GRANT ALL ON *.* TO mv_mover@'%' WITH GRANT OPTION")
    scene.defaults.write_text("[client]\nuser = mv_mover\npassword = mv_mover-secret\n")
    source.sql(*TRIGGERS)
    scene.gate.start()
    assert places.wait_for(scene.is_followed, 60), scene.gate.log()

    def follows():
        assert state(replica) is None
        return tables(replica) == tables(source)

    with scene.connect() as client, client.cursor() as cursor:
        for options, place, number in (((), NEW, 1), (("--back",), OLD, 2), ((), NEW, 3)):
            moved = scene.move(*options)
            assert moved.returncode == 0, moved.stdout + moved.stderr
            assert "note: 1 replicas read this server's log" in moved.stdout
            cursor.execute("INSERT INTO t0 (client, number) VALUES (1, %s)", number)
            assert places.wait_for(follows, 60), (state(replica), tables(replica), tables(source))
            assert places.wait_for(lambda: rows(replica, place) == rows(source, place))
            if number == 1:
                replica.stop()
                replica.start()
                replica.sql(replica.start_replica)
    triggers = (f"SELECT trigger_schema, trigger_name, action_statement, definer FROM information_schema.triggers WHERE"
                f" trigger_schema IN ('{OLD}', '{NEW}') ORDER BY 2")
    assert len(source.sql(triggers)) == 3 and replica.sql(triggers) == source.sql(triggers)
    journal = "SELECT move, step FROM silogate.journal ORDER BY id"
    assert source.sql(journal)
    assert places.wait_for(lambda: replica.sql(journal) == source.sql(journal))


@pytest.mark.long
@pytest.mark.parametrize("filtered", ["do", "ignore"] if os.environ.get("SILOGATE_LONG") else ["do"])
@pytest.mark.parametrize("kind", [MariaDB, MySQL], ids=["mariadb", "mysql"])
def test_a_log_of_some_databases(kind, filtered, make_gate, tmp_path):
    """What replicas would not be told is refused."""
    server = kind()
    server.own = [*server.own, f"--binlog-{filtered}-db=mv_old"]
    try:
        server.install()
        server.start()
        scene = Scene(server, make_gate, tmp_path, tables=1)
        refused = scene.move()
        assert refused.returncode == 1 and "this server logs some databases only" in refused.stdout, refused.stdout
        assert scene.stand_in(OLD)
    finally:
        server.stop(signal.SIGKILL)
        server.remove()
