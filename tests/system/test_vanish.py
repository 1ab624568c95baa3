"""A client that goes away while an answer is owed is gone for the server as well, as soon as it would
be without silogate; one that only stops sending gets all its answers."""
import socket
import time

import pytest

from harness import places, wire

WAIT = 12  # seconds; MySQL 9.7 looks every few seconds, MariaDB within one


def gone(server, word):
    return not server.sql(f"SELECT id FROM information_schema.processlist WHERE info LIKE '%{word}%' "
                          "AND info NOT LIKE '%processlist%'")


@pytest.fixture(params=["plain", "tls"])
def gate(request, server, make_gate):
    return make_gate(server, ("upstream:main", "tls", "off" if request.param == "plain" else "preferred"))


@pytest.mark.parametrize("statement", ["SELECT SLEEP(300) AS v1nish", "SELECT GET_LOCK('v1nish', 300)",
                                       "SELECT GET_LOCK('v1nish', 300); SELECT 2"])
def test_a_wait_ends_with_its_client(server, gate, statement):
    holder = wire.connect(gate.port, "lab_service")
    holder.query("SELECT GET_LOCK('v1nish', 5)")
    client = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    client.command(client.query_bytes(statement))
    time.sleep(0.5)
    assert not gone(server, "v1nish")
    client.close()
    begun = time.time()
    assert places.wait_for(lambda: gone(server, "v1nish"), WAIT), "it still waits"
    print(f"gone after {time.time() - begun:.1f} s")
    holder.query("SELECT RELEASE_LOCK('v1nish')")
    holder.quit()


def test_half_closed_clients_get_their_answers(server, gate):
    """Commands sent at once, then the end of the sending side: all are answered in order."""
    client = wire.connect(gate.port, "lab_service")
    for number in range(20):
        client.command(client.query_bytes(f"SELECT {number}, REPEAT('x', 5000)"))
    client.command(client.query_bytes("DO SLEEP(0.5)"))
    client.socket.shutdown(socket.SHUT_WR)
    for number in range(20):
        assert client.answers()[0].rows == [[str(number), "x" * 5000]]
    client.close()


def test_what_was_sent_is_still_done(server, gate):
    """A client that sends a statement and goes away without reading: it runs, as it would directly."""
    server.sql("CREATE TABLE IF NOT EXISTS nilecare.lab_v1nished (a INT)", "DELETE FROM nilecare.lab_v1nished")
    for number in range(10):
        client = wire.connect(gate.port, "lab_service")
        client.command(client.query_bytes(f"INSERT INTO nilecare.lab_v1nished VALUES ({number})"))
        client.close()
    assert places.wait_for(lambda: server.sql("SELECT COUNT(*) FROM nilecare.lab_v1nished")[0][0] == 10)
    server.sql("DROP TABLE nilecare.lab_v1nished")
