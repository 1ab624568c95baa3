"""A client that goes away is gone for the server as it would be without silogate: what waits ends as soon, what is
open is rolled back, what was sent is done. Each is done directly and through silogate at the same time, and the two
are compared; MySQL's own suite has a `dirty_close` of this kind. One that only stops sending gets its answers."""
import re
import socket
import ssl
import struct
import time

import pytest

from harness import gate as gates, places, wire

ENOUGH = 40  # seconds in which the server ends each of them without silogate
MARGIN = 10  # seconds that the way through may take longer: servers look every 0.5 to 5 s, and one look may be missed
TABLE = "nilecare.lab_v1nish"

# What a client waits in, by name: (what its session is told first, the statement). {tag} names the thread.
WAITS = {
    "sleep": ((), "SELECT SLEEP(300) AS {tag}"),
    "get_lock": ((), "SELECT GET_LOCK('v1nish', 300) AS {tag}"),
    "several": ((), "SELECT GET_LOCK('v1nish', 300) AS {tag}; SELECT 2"),
    "row": (("SET innodb_lock_wait_timeout = 4",), f"SELECT a AS {{tag}} FROM {TABLE} WHERE a = 1 FOR UPDATE"),
    "table": (("SET lock_wait_timeout = 4",), f"TRUNCATE TABLE {TABLE}_2 /* {{tag}} */"),
    "prepared": ((), "SELECT SLEEP(300) AS {tag}"),
    "unread": ((), f"SELECT REPEAT('x', 1000000) AS {{tag}} FROM {TABLE} x, {TABLE} y, {TABLE} z"),  # 64 MB
}


def reset(client):
    plain_socket(client).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain_socket(client).close()


def plain_socket(client):
    return client.socket.plain if isinstance(client.socket, wire.Compressed) else client.socket


def stop_sending(client):
    socket.socket.shutdown(plain_socket(client), socket.SHUT_WR)  # TLS goes on, the other way


# How it goes. What lies unread behind its command hides from a server that it is gone: it waits on.
ENDS = {
    "close": lambda client: client.close(),
    "reset": reset,
    "half": stop_sending,  # it would still read
    "ahead": lambda client: (client.command(client.query_bytes("SELECT 'sent ahead'")), client.close()),
}
GOES = [(wait, "close") for wait in WAITS] + [(wait, end) for wait in ("sleep", "get_lock") for end in ENDS
                                              if end != "close"]
# (client's leg, upstream's leg, upstream's compression); the direct client's leg is as the client's.
LEGS = {"plain": (None, "off", "off"), "tls": ("tls", "required", "off"), "zlib": ("zlib", "off", "zlib"),
        "tls-to-plain": ("tls", "off", "off")}


def threads(server):
    """The tags of what still waits."""
    rows = server.sql("SELECT id, info FROM information_schema.processlist WHERE info LIKE '%v1n\\_%' "
                      "AND info NOT LIKE '%processlist%'")
    return {re.search(r"v1n_\w+", info)[0]: number for number, info in rows}


def sessions(server):
    return server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lab_service'")[0][0]


class Leg:
    """A silogate before a server, and clients of both: `connect(way)`."""

    def __init__(self, server, name, folder):
        self.server, (self.client, upstream, compression) = server, LEGS[name]
        self.tls = {"direct": None, "through": None}
        if self.client == "tls":
            self.tls["through"] = ssl.create_default_context(cafile=folder / "ca.pem")
            self.tls["direct"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.tls["direct"].check_hostname = False  # MySQL's own certificate has no name
            self.tls["direct"].verify_mode = ssl.CERT_NONE
        self.gate = gates.Gate(server, changes=[
            ("tls", "certificate", folder / "server.pem"), ("tls", "key", folder / "server.key"),
            ("upstream:main", "tls", upstream), ("upstream:main", "compression", compression)])
        self.gate.start()

    def connect(self, way, more=0):
        capabilities = wire.USUAL | more | (wire.COMPRESS if self.client == "zlib" else 0)
        port = self.server.port if way == "direct" else self.gate.port
        return wire.connect(port, "lab_service", capabilities=capabilities, tls=self.tls[way])


@pytest.fixture(scope="module", params=["mariadb", "mysql"])
def legs(request, certificates):
    """A server with a table of four rows and an empty one, and a silogate for each pair of legs."""
    server = request.getfixturevalue("secure_mariadb" if request.param == "mariadb" else "mysql")
    server.sql(f"CREATE TABLE {TABLE} (a INT PRIMARY KEY)", f"INSERT INTO {TABLE} VALUES (1), (2), (3), (4)",
               f"CREATE TABLE {TABLE}_2 (a INT AUTO_INCREMENT PRIMARY KEY, b TEXT)")
    made = {name: Leg(server, name, certificates) for name in LEGS}
    try:
        yield made
        for one in made.values():
            one.gate.stop()
    finally:
        for one in made.values():
            one.gate.remove()
    server.sql(f"DROP TABLE {TABLE}, {TABLE}_2")


@pytest.fixture
def behind(legs):
    return legs["plain"].server


def both(legs):
    """Each leg and way: (leg, way)."""
    return [(leg, way) for leg in legs.values() for way in ("direct", "through")]


def begin(leg, way, wait, tag):
    """A client in its wait."""
    first, statement = WAITS[wait]
    client = leg.connect(way)
    for text in first:
        client.query(text)
    statement = statement.format(tag=tag)
    if wait == "prepared":
        number, _, _ = client.prepare(statement)
        client.command(client.execute_bytes(number))
    else:
        client.command(client.query_bytes(statement))
    return client


@pytest.mark.long
def test_what_waits_ends_with_its_client(legs, behind):
    """All kinds of waits, of ends and of legs at the same time, directly and through silogate."""
    holder = behind.root()
    with holder.cursor() as cursor:
        for statement in ("SELECT GET_LOCK('v1nish', 5)", "BEGIN", f"SELECT a FROM {TABLE} WHERE a = 1 FOR UPDATE",
                          f"SELECT * FROM {TABLE}_2"):
            cursor.execute(statement)
    clients, gone = {}, {}
    for name in legs:
        for wait, end in GOES:
            for way in ("direct", "through") if (wait, name) != ("unread", "zlib") else ():  # packed it is nothing
                key = name, wait, end, way
                tag = "v1n_" + "_".join(key).replace("-", "_")
                clients[key] = begin(legs[name], way, wait, tag), tag

    # what waits for a lock may have given up before the last one waits
    patient = [tag for (_, wait, _, _), (_, tag) in clients.items() if wait not in ("row", "table")]
    assert places.wait_for(lambda: set(patient) <= set(threads(behind)), 60), threads(behind)
    begun = time.monotonic()
    for key, (client, _) in clients.items():
        ENDS[key[2]](client)

    def seen():
        there = threads(behind)
        for key, (_, tag) in clients.items():
            if tag not in there:
                gone.setdefault(key, time.monotonic() - begun)
        return all(key in gone for key in clients if key[2] != "ahead")
    places.wait_for(seen, ENOUGH, 0.1)
    for client, _ in clients.values():
        client.close()
    for number in threads(behind).values():
        behind.sql(f"KILL {number}")
    holder.close()
    rows, slow = [], []
    for key in clients:
        if key[3] == "through":
            direct, through = (gone.get((*key[:3], way), ENOUGH) for way in ("direct", "through"))
            rows.append(f"{'  '.join(key[:3]):30} directly {direct:5.1f} s, through {through:5.1f} s")
            if through > direct + MARGIN:
                slow.append(rows[-1])
    print("\n" + "\n".join(rows))
    assert not slow, "\n".join(rows)


def test_dirty_close(legs, behind):
    """Clients that close without a word, in the midst of what they have open: it is rolled back, its locks are free and
    its thread is gone, for all who come after; what was committed stays."""
    assert places.wait_for(lambda: sessions(behind) == 0)
    open_ones = []
    for number, (leg, way) in reversed(list(enumerate(both(legs)))):  # a row that is gone leaves the gap above it locked
        client = leg.connect(way)
        first = 100 * (number + 1)
        client.query("CREATE TEMPORARY TABLE nilecare.lab_v1nish_temporary (a INT)")
        client.query(f"SELECT GET_LOCK('v1nish {number}', 0)")
        client.query(f"INSERT INTO {TABLE} VALUES ({first})")
        client.query("BEGIN")
        client.query(f"INSERT INTO {TABLE} VALUES ({first + 1})")
        client.query("SAVEPOINT one")
        client.query(f"INSERT INTO {TABLE} VALUES ({first + 2})")
        client.query("ROLLBACK TO SAVEPOINT one")  # once more than this was committed there
        other = leg.connect(way)
        other.query("SET autocommit = 0")
        other.query(f"INSERT INTO {TABLE}_2 (b) VALUES ('{first}')")
        open_ones += [client, other]
    assert sessions(behind) == len(open_ones)
    for client in open_ones:
        client.close()
    assert places.wait_for(lambda: sessions(behind) == 0)
    rows = [row[0] for row in behind.sql(f"SELECT a FROM {TABLE} WHERE a >= 100 ORDER BY a")]
    assert rows == [100 * (number + 1) for number in range(len(both(legs)))]
    assert behind.sql(f"SELECT COUNT(*) FROM {TABLE}_2")[0][0] == 0
    for number, (leg, way) in enumerate(both(legs)):
        client = leg.connect(way)
        assert client.query(f"SELECT GET_LOCK('v1nish {number}', 0)")[0].rows == [["1"]]
        client.query(f"DELETE FROM {TABLE} WHERE a BETWEEN {100 * (number + 1)} AND {100 * (number + 1) + 99}")
        client.quit()


def aborted(server):
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0][1])


def test_who_says_goodbye_is_not_aborted(legs, behind):
    """The server counts those who close without COM_QUIT, and those alone."""
    for leg, way in both(legs):
        for ends, more in ((lambda one: one.quit(), 0), (lambda one: one.close(), 1)):
            count = aborted(behind)
            client = leg.connect(way)
            client.query("SELECT 1")
            ends(client)
            assert places.wait_for(lambda: sessions(behind) == 0)
            assert places.wait_for(lambda: aborted(behind) == count + more), (way, more, aborted(behind) - count)


def test_half_a_command(legs, behind):
    """Cut off in the midst of a command: nothing of it is run, and nothing waits for the rest."""
    for leg, way in both(legs):
        for size in (20, 200000, 3000000):
            client = leg.connect(way)
            client.sequence = 0
            packet = client.frame(client.query_bytes(f"INSERT INTO {TABLE}_2 (b) VALUES ('{'x' * size}')"))
            client.raw(packet[:len(packet) * 2 // 3])
            client.close()
    assert places.wait_for(lambda: sessions(behind) == 0)
    assert behind.sql(f"SELECT COUNT(*) FROM {TABLE}_2")[0][0] == 0


def test_half_a_file(legs, behind):
    """Cut off in the midst of a LOAD DATA LOCAL: as much of it stays as without silogate."""
    left = {}
    for leg, way in both(legs):
        client = leg.connect(way, wire.LOCAL_FILES)
        client.command(client.query_bytes(f"LOAD DATA LOCAL INFILE 'x' INTO TABLE {TABLE}_2 (b)"))
        assert client.receive()[0] == 0xfb
        for _ in range(20):
            client.send(b"a line of the file\n" * 1000)
        client.close()
        assert places.wait_for(lambda: sessions(behind) == 0)
        left.setdefault(way, set()).add(behind.sql(f"SELECT COUNT(*) FROM {TABLE}_2")[0][0])
        behind.sql(f"DELETE FROM {TABLE}_2")
    assert left["through"] == left["direct"] and len(left["direct"]) == 1, left


def test_half_closed_clients_get_their_answers(legs):
    """Commands sent at once, then the end of the sending side: all are answered in order."""
    for leg in legs.values():
        client = leg.connect("through")
        for number in range(20):
            client.command(client.query_bytes(f"SELECT {number}, REPEAT('x', 5000)"))
        client.command(client.query_bytes("DO SLEEP(0.5)"))
        stop_sending(client)
        for number in range(20):
            if isinstance(client.socket, wire.Compressed):
                client.socket.next = 1
            assert client.answers()[0].rows == [[str(number), "x" * 5000]]
        client.close()


def test_what_was_sent_is_still_done(legs, behind):
    """Clients that send a statement and go away without reading: it runs, as it would directly."""
    for number in range(10):
        for leg, way in both(legs):
            client = leg.connect(way)
            client.command(client.query_bytes(f"INSERT INTO {TABLE}_2 (b) VALUES ({number})"))
            client.close()
    rows = 10 * len(both(legs))
    assert places.wait_for(lambda: behind.sql(f"SELECT COUNT(*) FROM {TABLE}_2")[0][0] == rows)
    behind.sql(f"DELETE FROM {TABLE}_2")
