"""Replication through silogate, for an account that may: a dump relays both ways. A replica that
acknowledges (semi-synchronous replication) lets commits on the source go on; idle_timeout does not end a
dump in which nothing happens."""
import signal
import struct
import threading
import time

import pytest

from harness import places, servers, wire


class Source:
    """A server with a binary log, semi-synchronous."""

    copies_example = False

    def command(self):
        kept = [option for option in super().command() if option != "--skip-log-bin"]
        return kept + [f"--log-bin={self.folder}/binlog", "--server-id=1", *self.semi]


class MariaDBSource(Source, servers.MariaDB):
    semi = ["--rpl-semi-sync-master-enabled=ON", "--rpl-semi-sync-master-timeout=60000",
            "--rpl-semi-sync-master-wait-no-slave=OFF"]
    hello = ["SET @master_binlog_checksum = 'NONE'", "SET @rpl_semi_sync_slave = 1",
             "SET @master_heartbeat_period = 1000000000"]
    status = "SHOW MASTER STATUS"


class MySQLSource(Source, servers.MySQL):
    semi = ["--plugin-load-add=semisync_source.so", "--loose-rpl-semi-sync-source-enabled=ON",
            "--loose-rpl-semi-sync-source-timeout=60000", "--loose-rpl-semi-sync-source-wait-no-replica=OFF"]
    hello = ["SET @source_binlog_checksum = 'NONE'", "SET @master_binlog_checksum = 'NONE'",
             "SET @rpl_semi_sync_replica = 1", "SET @source_heartbeat_period = 1000000000",
             "SET @master_heartbeat_period = 1000000000"]
    status = "SHOW BINARY LOG STATUS"


class MariaDBReplica(servers.MariaDB):
    follow = ("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'lab_service',"
              " MASTER_PASSWORD = '{password}', MASTER_LOG_FILE = '{file}', MASTER_LOG_POS = {position},"
              " MASTER_HEARTBEAT_PERIOD = 1, MASTER_CONNECT_RETRY = 1", "START SLAVE")
    compression = "zlib"

    def command(self):
        return super().command() + ["--server-id=2", "--rpl-semi-sync-slave-enabled=ON",
                                    "--slave-compressed-protocol=ON"]


class MySQLReplica(servers.MySQL):
    follow = ("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port},"
              " SOURCE_USER = 'lab_service', SOURCE_PASSWORD = '{password}', SOURCE_LOG_FILE = '{file}',"
              " SOURCE_LOG_POS = {position}, SOURCE_HEARTBEAT_PERIOD = 1, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1,"
              " SOURCE_COMPRESSION_ALGORITHMS = 'zstd'", "START REPLICA")
    compression = "zstd"

    def command(self):
        return super().command() + ["--server-id=2", "--plugin-load-add=semisync_replica.so",
                                    "--loose-rpl-semi-sync-replica-enabled=ON"]


REPLICAS = {"mariadb": MariaDBReplica, "mysql": MySQLReplica}


@pytest.fixture(scope="module", params=[MariaDBSource, MySQLSource], ids=["mariadb", "mysql"])
def source(request):
    server = servers.start_with_example(request.param())
    yield server
    server.remove()


class Replica(threading.Thread):
    """Reads the dump and acknowledges what asks for it."""

    def __init__(self, client, name, position):
        super().__init__(daemon=True)
        self.client, self.file, self.events, self.acknowledged, self.beats = client, name, 0, 0, 0
        client.command(b"\x12" + struct.pack("<IHI", position, 0, 77) + name.encode())

    def run(self):
        try:
            while True:
                payload = self.client.receive()
                if payload[0] != 0:
                    return
                semi = payload[1] == 0xef
                event = payload[3:] if semi else payload[1:]
                self.events += 1
                self.beats += event[4] == 27  # a heartbeat
                end = struct.unpack_from("<I", event, 13)[0]
                if semi and payload[2] == 1:
                    self.client.sequence = 0
                    self.client.send(b"\xef" + struct.pack("<Q", end) + self.file.encode())
                    self.acknowledged += 1
        except (OSError, wire.Closed):
            pass


def semi_sync(source, name):
    """A number of the source's: `clients` who acknowledge, commits with `no_tx` acknowledgement, `no_times` given up."""
    word = "source" if source.dialect == "mysql" else "master"
    return int(dict(source.sql("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%'"))[f"Rpl_semi_sync_{word}_{name}"])


def follow(port, source):
    assert places.wait_for(lambda: semi_sync(source, "clients") == 0), "the one before goes on"
    client = wire.connect(port, "lab_service")
    for statement in source.hello:
        client.query(statement)
    name, position = source.sql(source.status)[0][:2]
    client.ok(b"\x15" + struct.pack("<I", 77) + b"\0\0\0" + struct.pack("<HII", 0, 0, 0))
    replica = Replica(client, name, position)
    replica.start()
    assert places.wait_for(lambda: semi_sync(source, "clients") == 1)
    return replica


@pytest.mark.long
def test_a_dump_that_acknowledges(source, make_gate):
    gate = make_gate(source, ("proxy", "idle_timeout", "2s"), ("policy", "administration", "allow"))
    source.sql("GRANT REPLICATION SLAVE ON *.* TO lab_service@'%'")
    replica = follow(gate.port, source)
    without = semi_sync(source, "no_tx")
    source.sql("CREATE TABLE nilecare.lab_replicated (a INT PRIMARY KEY)")
    for number in range(5):
        source.sql(f"INSERT INTO nilecare.lab_replicated VALUES ({number})")
    assert semi_sync(source, "no_tx") == without, "a commit has waited for an acknowledgement that did not come"
    assert places.wait_for(lambda: replica.acknowledged >= 5 and replica.events >= 12)
    beats = replica.beats
    assert places.wait_for(lambda: replica.beats >= beats + 4)  # longer than idle_timeout, and nothing but heartbeats
    source.sql("DROP TABLE nilecare.lab_replicated")
    assert semi_sync(source, "no_tx") == without and replica.is_alive()
    replica.client.close()


@pytest.fixture
def replica(source):
    server = REPLICAS[source.dialect]()
    server.install()
    server.start()
    yield server
    server.remove()


@pytest.mark.long
def test_a_server_as_replica(source, replica, make_gate):
    """Semi-synchronous, both legs compressed: behind each event that is to be acknowledged, servers and replicas count
    the frames anew, each vendor in its own way."""
    gate = make_gate(source, ("proxy", "idle_timeout", "2s"), ("policy", "administration", "allow"),
                     ("upstream:main", "compression", replica.compression))
    source.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO lab_service@'%'")
    file, position = source.sql(source.status)[0][:2]
    for statement in replica.follow:
        replica.sql(statement.format(port=gate.port, password=servers.password("lab_service"), file=file,
                                     position=position))

    assert places.wait_for(lambda: semi_sync(source, "clients") == 1, 60)
    first = gate.metrics().total("sessions_accepted_total")
    given_up = semi_sync(source, "no_times")
    source.sql("CREATE DATABASE side_replicated", "CREATE TABLE side_replicated.t (a INT PRIMARY KEY, b LONGTEXT)")
    writers = [threading.Thread(target=write, args=(source, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    sums = source.sql("SELECT COUNT(*), SUM(LENGTH(b)), SUM(CRC32(b)) FROM side_replicated.t")
    assert places.wait_for(lambda: replicated(replica) == sums, 60), replicated(replica)
    time.sleep(3)  # longer than idle_timeout, and nothing but heartbeats
    source.sql("INSERT INTO side_replicated.t VALUES (999, 'last')")
    assert places.wait_for(lambda: replicated(replica)[0][0] == sums[0][0] + 1, 60)
    assert semi_sync(source, "no_times") == given_up, "a commit has waited in vain"
    assert gate.metrics().total("sessions_accepted_total") == first, "it had to connect anew"
    source.sql("DROP DATABASE side_replicated")
    replica.stop(signal.SIGKILL)  # before silogate, which would wait for it


def write(source, number):
    """Small rows, and some of several frames and of more than one packet's 16 MB."""
    for row in range(10):
        size = 17 << 20 if (number, row) == (0, 5) else 300000 if row % 4 == 0 else 5
        source.sql(f"INSERT INTO side_replicated.t VALUES ({number * 100 + row}, REPEAT(SHA2('{row}', 256), {size // 64}))")


def replicated(replica):
    if not replica.sql("SELECT 1 FROM information_schema.tables WHERE table_schema = 'side_replicated'"):
        return ((0,),)
    return replica.sql("SELECT COUNT(*), SUM(LENGTH(b)), SUM(CRC32(b)) FROM side_replicated.t")


def test_what_is_no_acknowledgement_waits(source, make_gate):
    """A server would run it once its dump is over, and nobody would have judged it."""
    gate = make_gate(source, ("policy", "administration", "allow"))
    source.sql("GRANT REPLICATION SLAVE ON *.* TO lab_service@'%'")
    replica = follow(gate.port, source)
    mark = source.mark()
    timeout = f"rpl_semi_sync_{'source' if source.dialect == 'mysql' else 'master'}_timeout"
    source.sql(f"SET GLOBAL {timeout} = 1000")  # milliseconds: what it sends next is none either
    replica.client.sequence = 0
    replica.client.send(replica.client.query_bytes("DROP TABLE nilecare.lab_tests /* sn3aked */"))
    source.sql("CREATE TABLE nilecare.lab_other (a INT)", "DROP TABLE nilecare.lab_other")
    time.sleep(0.5)
    assert "sn3aked" not in source.log(mark)
    source.sql(f"SET GLOBAL {timeout} = 60000")
    replica.client.close()


def test_administration_alone_may(source, make_gate):
    gate = make_gate(source, ("policy", "administration", "block"))
    client = wire.connect(gate.port, "lab_service")
    with pytest.raises(wire.Error) as refused:
        client.ok(b"\x12" + struct.pack("<IHI", 4, 0, 77))
    assert refused.value.code == 1227
    client.quit()
