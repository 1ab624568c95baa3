"""What a login asks of both sides and when: silogate's question goes out with the server's OK, while the client
reads that it is logged in; options are on both sockets; where the client has connected to is told."""
import ctypes
import os
import socket
import threading

import pytest

from harness import wire

PIDFD_OPEN, PIDFD_GETFD = 434, 438  # x86-64 and arm64 alike


def is_question(command):
    return b"CAST(DATABASE()" in command


@pytest.mark.parametrize("change_user", [False, True])
def test_the_question_does_not_wait_for_a_command(fake, make_gate, change_user):
    """The client's first command, sent meanwhile, waits for the answer."""
    server, commands, asked, answer = fake(), [], threading.Event(), threading.Event()
    logins = 2 if change_user else 1

    def each(stream, command):
        if command[:1] == b"\x11":  # COM_CHANGE_USER
            stream.send(b"\xfemysql_native_password\0" + wire.NONCE + b"\0")
            stream.receive()
            stream.send(wire.OK)
            return True
        commands.append(command)
        if not is_question(command):
            return None
        if sum(map(is_question, commands)) == logins:
            asked.set()
            assert answer.wait(30)
        return None

    server.script = lambda stream, number: server.session(stream, each)
    gate = make_gate(server.address())
    client = wire.connect(gate.port, "lab_service")
    if change_user:
        client.change_user("lab_service")
    assert asked.wait(30)
    client.command(b"\x0e")
    client.command(client.query_bytes("SELECT 'm1rk'"))
    answer.set()
    for _ in range(2):
        assert client.receive()[0] == 0
    assert [is_question(one) for one in commands] == [True] * logins + [False] * 2
    client.quit()


@pytest.mark.parametrize("user, ok", [
    ("lab_service", b"\x00\x00\x00\x02\x00\x01\x00"),  # one warning, which the question would clear
    ("nobody_at_all", wire.OK)])  # passed and not judged: there is nothing to ask
def test_no_question_ahead_of_a_command(fake, make_gate, user, ok):
    server, commands = fake(), []

    def script(stream, number):
        stream.sequence = 0
        stream.send(wire.greeting())
        stream.receive()
        stream.send(b"\xfemysql_native_password\0" + wire.NONCE + b"\0")
        stream.receive()
        stream.send(ok)
        while True:
            stream.sequence = 0
            commands.append(stream.receive())
            if is_question(commands[-1]):
                server.sql_state(stream)
            else:
                stream.send(wire.OK)

    server.script = script
    gate = make_gate(server.address(), ("proxy", "unknown_user", "pass"))
    client = wire.connect(gate.port, user, password="any")
    client.ok(b"\x0e")
    client.command(client.query_bytes("SELECT id FROM lab_results"))
    client.receive()
    assert [is_question(one) for one in commands] == ([False, True, False] if user == "lab_service" else [False] * 2)
    client.quit()


def sockets_of(process):
    """Duplicates of all TCP connections of another process."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(PIDFD_OPEN, process, 0)
    assert pidfd >= 0, os.strerror(ctypes.get_errno())
    found = []
    for name in os.listdir(f"/proc/{process}/fd"):
        if not os.readlink(f"/proc/{process}/fd/{name}").startswith("socket:"):
            continue
        fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            continue
        one = socket.socket(fileno=fd)
        if one.family == socket.AF_INET and not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.append(one)
        else:
            one.close()
    os.close(pidfd)
    return found


def test_both_sockets_have_their_options(mariadb, make_gate):
    gate = make_gate(mariadb)
    client = wire.connect(gate.port, "lab_service")
    try:
        sockets = sockets_of(gate.process.pid)
    except PermissionError:
        pytest.skip("this machine lets nobody look into another process")
    ends = {one.getsockname()[1] if one.getsockname()[1] == gate.port else one.getpeername()[1]: one
            for one in sockets}
    for port in (gate.port, mariadb.port):
        assert ends[port].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert ends[port].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for one in sockets:
        one.close()
    client.quit()


def test_the_header_says_where_the_client_has_connected_to(fake, make_gate):
    server, headers = fake(), []

    def script(stream, number):
        line = b""
        while not line.endswith(b"\r\n"):
            line += stream.socket.recv(1)
        headers.append(line)
        server.session(stream)

    server.script = script
    gate = make_gate(server.address(), ("upstream:main", "proxy_protocol", "v1"))
    client = wire.connect(gate.port, "lab_service")
    port = client.socket.getsockname()[1]
    client.ok(b"\x0e")
    client.quit()
    assert f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {gate.port}\r\n".encode() in headers


@pytest.fixture
def init_connect(server):
    yield lambda text: server.sql(f'SET GLOBAL init_connect = "{text}"')
    server.sql("SET GLOBAL init_connect = ''")


def test_a_client_reads_that_init_connect_has_failed(server, make_gate, init_connect):
    gate = make_gate(server)
    init_connect("no statement")
    for port in (server.port, gate.port):
        client = wire.connect(port, "lab_service")
        client.command(client.query_bytes("SELECT 1"))
        with pytest.raises(wire.Error) as refused:
            client.answers()
        assert refused.value.code == 1184
        client.close()


def test_what_init_connect_warns_of_is_there(server, make_gate, init_connect):
    gate = make_gate(server)
    init_connect("SET @x = CAST('a' AS SIGNED)")
    client = wire.connect(gate.port, "lab_service")
    client.query("SELECT 1")  # from here on silogate knows that there is an init_connect
    client.quit()
    client = wire.connect(gate.port, "lab_service")
    assert [row[1] for row in client.query("SHOW WARNINGS")[0].rows] == ["1292"]
    client.quit()
