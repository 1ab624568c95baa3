"""The end of a session while a client sends a large command. It reads nothing before it has sent all of it, and some
drivers check the error's sequence id: it is the answer to a command of as many packets as it has sent."""
import os
import ssl
import struct
import threading
import time

import pytest

from harness import gate as gates, places, wire
from harness.relay import Relay
from test_boundary import kept  # noqa: F401

LARGE = 20_000_000  # two packets


def insert(client, size=LARGE):
    """A whole INSERT as the bytes of its packets."""
    client.sequence = 0
    return client.frame(client.query_bytes("INSERT INTO t VALUES (77, LENGTH('" + "x" * size + "'))"))


def error(client):
    """The next answer's error, and its sequence id."""
    answer = client.receive()
    assert answer[0] == 0xff, answer[:40]
    return wire.Error(answer).code, client.sequence - 1


def told(gate):
    one, = gates.ctl(gate, "sessions")["sessions"]
    return one["kept"]


@pytest.mark.parametrize("size, answer", [(3_000_000, 1), (LARGE, 2)])
def test_a_command_that_is_arriving(server, kept, size, answer):  # noqa: F811
    client = wire.connect(kept.port, "kept_service", "kept")
    command = insert(client, size)
    client.socket.sendall(command[:-1_000_000])
    assert places.wait_for(lambda: told(kept) == "a command is arriving")
    gates.ctl(kept, "drain")
    time.sleep(4)
    client.socket.sendall(command[-1_000_000:])
    assert error(client) == (1053, answer)
    with pytest.raises(wire.Closed):
        client.receive()
    assert server.sql("SELECT COUNT(*) FROM kept.t WHERE id = 77") == ((0,),)
    client.close()


@pytest.mark.parametrize("packed", [wire.COMPRESS, wire.ZSTD], ids=["zlib", "zstd"])
@pytest.mark.parametrize("came", [3, 100])
def test_a_command_whose_first_frame_is_arriving(kept, packed, came):  # noqa: F811
    """The error's frame has the number behind the last one of the command."""
    client = wire.connect(kept.port, "kept_service", "kept", capabilities=wire.USUAL | packed)
    client.query("SELECT 1")
    client.sequence = client.socket.next = 0
    command = client.frame(client.query_bytes("INSERT INTO t VALUES (77, LENGTH('" + os.urandom(2000).hex() + "'))"))
    frames = b"".join(client.socket.frame(command[at:at + 1500]) for at in range(0, len(command), 1500))
    client.socket.plain.sendall(frames[:came])
    assert places.wait_for(lambda: told(kept) == "a command is arriving")
    gates.ctl(kept, "drain")
    time.sleep(1)
    client.socket.plain.sendall(frames[came:])
    assert error(client) == (1053, 1)
    client.close()


@pytest.mark.parametrize("came", [3, 9000])
def test_a_command_whose_first_record_is_arriving(kept, came):  # noqa: F811
    """Of TLS. Its length is in a part that cannot be read yet."""
    kept.reload(("tls", "certificate", "auto"), ("tls", "client", "preferred"))
    relay = Relay(kept.port)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = wire.connect(relay.port, "kept_service", "kept", tls=trusting)
    client.query("SELECT 1")
    command = insert(client)
    relay.room = came
    sending = threading.Thread(target=client.socket.sendall, args=(command,), daemon=True)
    sending.start()
    assert places.wait_for(lambda: told(kept) == "a command is arriving")
    gates.ctl(kept, "drain")
    time.sleep(1)
    relay.room = None
    sending.join(30)
    assert error(client) == (1053, 2)
    client.close()
    relay.close()


def test_its_first_bytes_and_no_more(kept):  # noqa: F811
    """It ends with the process."""
    kept.reload(("proxy", "drain_timeout", "2s"))
    client = wire.connect(kept.port, "kept_service", "kept")
    client.query("SELECT 1")
    client.socket.sendall(b"\x20\0\0")
    assert places.wait_for(lambda: told(kept) == "a command is arriving")
    kept.stop()
    with pytest.raises(wire.Closed):
        client.receive()
    client.close()


@pytest.mark.parametrize("end, code", [("drain", 1053), ("kill", 1927)])
def test_a_command_that_is_held(server, kept, end, code):  # noqa: F811
    client = wire.connect(kept.port, "kept_service", "kept")
    command = insert(client)
    gates.ctl(kept, "hold", "kept", "--writes", "--for", "60s")
    client.socket.sendall(command)
    assert places.wait_for(lambda: "waits" in (told(kept) or ""))
    one, = gates.ctl(kept, "sessions")["sessions"]
    gates.ctl(kept, *([end] if end == "drain" else [end, str(one["id"])]))
    assert error(client) == (code, 2)
    assert server.sql("SELECT COUNT(*) FROM kept.t WHERE id = 77") == ((0,),)
    client.close()


def killed_while_it_sends(kept):  # noqa: F811
    client = wire.connect(kept.port, "kept_service", "kept")
    command = insert(client)
    client.socket.sendall(command[:5_000_000])
    assert places.wait_for(lambda: told(kept) == "a command is arriving")
    one, = gates.ctl(kept, "sessions")["sessions"]
    gates.ctl(kept, "kill", str(one["id"]))
    return client, command


@pytest.mark.long
def test_its_error_is_read_after_it_was_sent(kept):  # noqa: F811
    """It goes on sending for longer than the two seconds of a session that only lingers."""
    client, command = killed_while_it_sends(kept)
    for at in range(5_000_000, len(command), 1_500_000):
        time.sleep(.5)
        client.socket.sendall(command[at:at + 1_500_000])
    assert error(client)[0] == 1927
    client.close()


@pytest.mark.long
def test_one_that_sends_for_ever_ends(kept):  # noqa: F811
    kept.reload(("proxy", "drain_timeout", "3s"))
    client, _ = killed_while_it_sends(kept)
    until = time.monotonic() + 30
    with pytest.raises(OSError):
        while time.monotonic() < until:
            time.sleep(.2)
            client.socket.sendall(b"x" * 100)
    client.close()


def test_a_server_that_goes_before_it_answers(make_gate):
    """Error 2013 has the sequence id of the answer, too."""
    def goes(stream, command):
        if len(command) > LARGE:
            raise wire.Closed()

    fake = wire.FakeServer(lambda stream, number: fake.session(stream, goes))
    gate = make_gate(fake.address())
    client = wire.connect(gate.port, "lab_service")
    client.sequence = 0
    client.raw(client.frame(client.query_bytes("SELECT LENGTH('" + "x" * LARGE + "')")))
    assert error(client) == (2013, 2)
    client.close()


@pytest.mark.long
def test_long_data_that_is_arriving(server, kept):  # noqa: F811
    client = wire.connect(kept.port, "kept_service", "kept")
    number, _ = client.prepare("INSERT INTO t VALUES (77, LENGTH(?))")[:2]
    piece = b"\x18" + struct.pack("<IH", number, 0) + b"x" * 1000
    client.command(piece)
    assert places.wait_for(lambda: told(kept) == "long data for an execution is arriving")
    gates.ctl(kept, "drain")
    time.sleep(4)
    client.command(piece)
    client.command(b"\x17" + struct.pack("<IBI", number, 0, 1) + b"\0\1\xfc\0")
    assert client.receive()[0] == 0  # it is run, and the session ends behind it
    assert server.sql("SELECT v FROM kept.t WHERE id = 77") == ((2000,),)
    assert error(client)[0] == 1053
    client.close()
