"""What a session gets between two commands, from silogate or from the server, is read as the answer to its next
command: on a compressed leg its frame has the number of that answer's, or clients that check it (PHP's) read no error."""
import time

import pytest

from harness import gate as gates, places, wire
from test_boundary import kept  # noqa: F401
from test_control import refused

LEGS = pytest.mark.parametrize("packed", [wire.COMPRESS, wire.ZSTD], ids=["zlib", "zstd"])


def login(port, packed):
    client = wire.connect(port, "kept_service", "kept", capabilities=wire.USUAL | packed)
    client.socket.piece = 20  # each command is of several frames
    assert client.query("SELECT 'a text of some length', 1")[0].rows
    return client


def session(gate):
    one, = gates.ctl(gate, "sessions")["sessions"]
    return one["id"]


def drain(gate):
    gates.ctl(gate, "drain")


def kill(gate):
    gates.ctl(gate, "kill", session(gate))


ENDS = pytest.mark.parametrize("end, code", [(drain, 1053), (kill, 1927)])


@LEGS
@ENDS
def test_an_idle_session(kept, packed, end, code):  # noqa: F811
    client = login(kept.port, packed)
    end(kept)
    assert refused(client, "SELECT 1") == code
    client.close()


@LEGS
@ENDS
def test_a_session_whose_command_is_held(kept, packed, end, code):  # noqa: F811
    """Its command came in several frames, and the error is its answer."""
    client = login(kept.port, packed)
    gates.ctl(kept, "hold", "kept", "--writes", "--for", "60s")
    client.command(client.query_bytes("INSERT INTO t VALUES (77, 7), (78, 7), (79, 7)"))
    assert places.wait_for(lambda: "waits" in gates.ctl(kept, "sessions")["sessions"][0]["kept"], 30)
    end(kept)
    with pytest.raises(wire.Error) as error:
        client.answers()
    assert error.value.code == code
    client.close()


@LEGS
def test_a_session_that_a_reload_shuts_out(kept, packed):  # noqa: F811
    """It was of no service when it came."""
    kept.reload(("service:kept", "user", "another_service"), ("proxy", "unknown_user", "pass"))
    client = login(kept.port, packed)
    kept.reload(("service:kept", "user", "kept_service"))
    assert refused(client, "SELECT 1") == 1053
    client.close()


def end_of(port, server, packed):
    """What the next command gets after the server has ended the session because it was idle."""
    client = login(port, packed)
    client.query("SET SESSION wait_timeout = 1")
    number = client.query("SELECT CONNECTION_ID()")[0].rows[0][0]
    assert places.wait_for(
        lambda: not server.sql(f"SELECT 1 FROM information_schema.processlist WHERE id = {number}"), 30)
    time.sleep(.3)
    try:
        client.query("SELECT 1")
    except wire.Error as error:
        return error.code
    except AssertionError as wrong:
        return str(wrong)
    except (wire.Closed, OSError):
        return "closed"
    finally:
        client.close()


@LEGS
def test_the_servers_own_last_words(server, kept, packed):  # noqa: F811
    """As the server itself numbers them."""
    direct = packed if packed == wire.COMPRESS or server.dialect == "mysql" else wire.COMPRESS
    assert end_of(kept.port, server, packed) == end_of(server.port, server, direct)
