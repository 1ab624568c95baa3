"""Limits, timeouts and faults: each ends in its documented error, and nothing is left over."""
import os
import resource
import signal
import socket
import subprocess
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places, servers, wire


def refused_login(port, user="lab_service", **options):
    with pytest.raises(wire.Error) as refused:
        wire.connect(port, user, **options)
    return refused.value


def test_command_over_max_command(server, make_gate):
    """1153, and the session lives on; exactly max_command is fine."""
    gate = make_gate(server, ("proxy", "max_command", "1M"))
    connection = wire.connect(gate.port, "lab_service")
    mark = server.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT LENGTH('m1rk" + "x" * (1 << 20) + "')")
    assert refused.value.code == 1153 and refused.value.state == "08S01"
    assert "m1rk" not in server.log(mark)
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    size = (1 << 20) - len(connection.query_bytes("SELECT LENGTH('')"))
    assert connection.query("SELECT LENGTH('" + "x" * size + "')")[0].rows == [[str(size)]]
    connection.quit()


def test_command_of_several_packets_over_max_command(server, make_gate):
    gate = make_gate(server, ("proxy", "max_command", "20M"))
    connection = wire.connect(gate.port, "lab_service")
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT LENGTH('" + "x" * (40 << 20) + "')")
    assert refused.value.code == 1153
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    connection.quit()


@pytest.mark.parametrize("section", ["proxy", "service:lab", "upstream:main"])
def test_max_connections(server, make_gate, section):
    """1040 after the login packet, so that the client sees the reason; a place that is free again is
    used."""
    gate = make_gate(server, (section, "max_connections", "3"))
    connections = [wire.connect(gate.port, "lab_service") for _ in range(3)]
    error = refused_login(gate.port)
    assert error.code == 1040
    if section == "service:lab":
        wire.connect(gate.port, "cds_service").quit()
    connections.pop().quit()
    again = places.wait_for(lambda: login_or_none(gate.port))
    assert again and again.query("SELECT 1")[0].rows == [["1"]]
    for connection in [again, *connections]:
        connection.quit()


def login_or_none(port):
    try:
        return wire.connect(port, "lab_service")
    except wire.Error as error:
        assert error.code == 1040
        return None


@pytest.mark.long
def test_idle_timeout(server, make_gate):
    gate = make_gate(server, ("proxy", "idle_timeout", "2s"))
    before = server.threads()
    idle = wire.connect(gate.port, "lab_service")
    busy = wire.connect(gate.port, "lab_service")
    busy.command(busy.query_bytes("SELECT SLEEP(4), 'not idle'"))
    assert idle.closed()
    assert busy.answers()[0].rows == [["0", "not idle"]]
    assert busy.closed()
    assert places.wait_for(lambda: server.threads() <= before)


def test_login_timeout(server, make_gate):
    """Slowloris: who never ends its login is closed, also when it sends a byte now and then."""
    gate = make_gate(server, ("proxy", "login_timeout", "1s"))
    silent = wire.Wire(gate.port).greet()
    slow = wire.Wire(gate.port).greet()
    stop = threading.Event()

    def drip():
        while not stop.is_set():
            try:
                slow.raw(b"\x20")
            except OSError:
                return
            time.sleep(0.2)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        assert silent.closed()
        assert slow.closed()
    finally:
        stop.set()
        thread.join()
    gate.reload(("proxy", "login_timeout", "10s"))
    wire.connect(gate.port, "lab_service").quit()


def test_upstream_refuses(make_gate):
    """Nobody listens: 2003 with the reason, at once, and the session is closed."""
    gate = make_gate(("127.0.0.1", places.free_port()))
    error = refused_login(gate.port)
    assert error.code == 2003
    assert "main" in error.message or "127.0.0.1" in error.message


def test_upstream_comes_back(server, make_gate):
    """silogate runs before its upstream does, and serves when it is there; the log tells of both."""
    port = places.free_port()
    gate = make_gate(("127.0.0.1", port))
    assert refused_login(gate.port).code == 2003
    down, = places.wait_for(lambda: gate.events("upstream_down"))
    assert (down["upstream"], down["address"]) == ("main", f"127.0.0.1:{port}")
    assert "refused" in down["reason"]
    gate.reload(("upstream:main", "address", f"127.0.0.1:{server.port}"))
    connection = wire.connect(gate.port, "lab_service")
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    connection.quit()
    assert places.wait_for(lambda: gate.events("upstream_up"))
    assert gate.events("upstream_up")[0]["address"] == f"127.0.0.1:{server.port}"


def test_second_address_while_the_first_is_down(server, make_gate):
    gate = make_gate(server, ("upstream:main", "address", f"127.0.0.1:{places.free_port()}",
                              f"127.0.0.1:{server.port}"))
    for _ in range(3):
        connection = wire.connect(gate.port, "lab_service")
        assert connection.query("SELECT 1")[0].rows == [["1"]]
        connection.quit()


def test_unix_socket_upstream(server, make_gate):
    gate = make_gate(server, ("upstream:main", "address", f"unix:{server.socket}"))
    for _ in range(2):
        connection = wire.connect(gate.port, "lab_service")
        assert connection.query("SELECT CURRENT_USER()")[0].rows == [["lab_service@%"]]
        connection.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("kind", servers.KINDS)
def test_server_dies_in_mid_answer(kind, make_gate):
    """Killed while an answer is in flight: the client gets 2013, or the end of the connection; silogate
    serves on when the server is back."""
    server = servers.new(kind)
    try:
        gate = make_gate(server)
        waiting = wire.connect(gate.port, "lab_service")
        idle = wire.connect(gate.port, "lab_service")
        waiting.command(waiting.query_bytes("SELECT SLEEP(60)"))
        assert places.wait_for(lambda: server.sql(
            "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(60)%'"))
        server.stop(signal.SIGKILL)
        with pytest.raises((wire.Error, wire.Closed)) as lost:
            waiting.answers()
        if isinstance(lost.value, wire.Error):
            assert lost.value.code == 2013
        assert waiting.closed() and idle.closed()
        assert refused_login(gate.port).code == 2003
        server.start()
        connection = wire.connect(gate.port, "lab_service")
        assert connection.query("SELECT 1")[0].rows == [["1"]]
        connection.quit()
    finally:
        server.remove()


def test_client_dies_in_mid_answer(server, make_gate):
    """The upstream's connection goes with the client's."""
    gate = make_gate(server)
    before = server.threads()
    for _ in range(10):
        connection = wire.connect(gate.port, "lab_service")
        connection.command(connection.query_bytes(
            "SELECT REPEAT('x', 100000) FROM information_schema.columns LIMIT 500"))
        connection.receive()
        connection.close()
    assert places.wait_for(lambda: server.threads() <= before)


def test_client_dies_in_mid_command(server, make_gate):
    gate = make_gate(server)
    before = server.threads()
    for at in (1, 3, 4, 5, 20, 60):
        connection = wire.connect(gate.port, "lab_service")
        connection.sequence = 0
        connection.raw(connection.frame(connection.query_bytes("SELECT '" + "x" * 60 + "'"))[:at])
        connection.close()
    assert places.wait_for(lambda: server.threads() <= before)


def test_wrong_sequence_numbers(silogate):
    connection = wire.connect(silogate.port, "lab_service")
    connection.sequence = 9
    connection.send(connection.query_bytes("SELECT 1"))
    try:
        connection.answers()  # MySQL itself answers 1156; a close is as good
    except (wire.Error, wire.Closed):
        pass
    connection.close()
    wire.connect(silogate.port, "lab_service").quit()


def test_the_end_comes_with_the_last_packet(silogate):
    """Between the two, a pool took the connection for a good one: Go's told its caller of an invalid connection."""
    for _ in range(200):
        client = wire.connect(silogate.port, "lab_service")
        client.sequence = 9
        client.send(client.query_bytes("SELECT 1"))
        client.socket.setblocking(False)
        told, end = b"", time.monotonic() + 30
        while not told and time.monotonic() < end:  # without a wait, so that nothing is between the two reads
            try:
                told = client.socket.recv(4096)
            except BlockingIOError:
                continue
        assert told[4] == 0xff
        assert client.socket.recv(4096) == b""
        client.socket.close()


def test_empty_command(silogate):
    connection = wire.connect(silogate.port, "lab_service")
    connection.sequence = 0
    connection.send(b"")
    try:
        connection.answers()
    except (wire.Error, wire.Closed):
        pass
    connection.close()
    wire.connect(silogate.port, "lab_service").quit()


def test_max_failed_logins_delays(server, make_gate):
    """After the limit the answers come late; the right password still gets in."""
    gate = make_gate(server, ("proxy", "max_failed_logins", "2"))
    for _ in range(3):
        assert refused_login(gate.port, password="wrong").code == 1045
    start = time.monotonic()
    assert refused_login(gate.port, password="wrong").code == 1045
    assert time.monotonic() - start > 0.3


def test_half_open_clients_cost_nothing(server, make_gate):
    """Connections that never log in hold no upstream connection, and go with the login timeout."""
    gate = make_gate(server, ("proxy", "login_timeout", "2s"))
    before, files = server.threads(), gate.files()
    half = [wire.Wire(gate.port).greet() for _ in range(100)]
    assert places.wait_for(lambda: server.threads() <= before)  # silogate itself may be looking just now
    for one in half:
        assert one.closed()
        one.close()
    assert places.wait_for(lambda: gate.files() <= files + 1)


def test_no_thousand_sessions_are_left(server, make_gate):
    """1,000 short sessions: files and memory as before."""
    gate = make_gate(server, ("proxy", "workers", "2"))
    wire.connect(gate.port, "lab_service").quit()
    files, memory = gate.files(), gate.rss()

    def work():
        for _ in range(250):
            connection = wire.connect(gate.port, "lab_service")
            connection.query("SELECT 1")
            connection.quit()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places.wait_for(lambda: gate.files() <= files + 1)
    sanitized = os.environ.get("SILOGATE_BUILD", "build") != "build"
    assert gate.rss() - memory < (200 if sanitized else 8) * 1024


def test_no_more_open_files(mariadb, make_gate):
    """Clients beyond the limit are told so at once, others go on, and it is over when files are free
    again."""
    gate = make_gate(mariadb, ("proxy", "workers", "1"))
    session = gate.connect("billing_service")
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (gate.files() + 10,) * 2)
    waiting = [wire.socket.create_connection(("127.0.0.1", gate.port), timeout=60)
               for _ in range(30)]
    answers = [one.recv(200) for one in waiting]
    refused = [one for one in answers if one[4:5] == b"\xff"]
    assert len(refused) >= 20 and all(answers)
    assert {one for one in refused} == {b"\x1d\0\0\0\xff\x10\x04#08004Too many connections"}
    gate.wait_log("no more files may be open")
    assert gate.log().count("no more files may be open") == 1
    with session.cursor() as cursor:
        assert cursor.execute("SELECT 1") == 1
    session.close()
    for one in waiting:
        one.close()
    assert places.wait_for(lambda: connects(gate))


def connects(gate):
    try:
        gate.connect("billing_service").close()
        return True
    except pymysql.Error:
        return False


def line_of(path, text):
    return path.read_text().splitlines().index(text) + 1


def test_second_silogate_on_the_same_port(mariadb, make_gate, tmp_path):
    """What somebody else holds is an error with the line of the ini, not a silent share; also where
    that is another silogate, whose own sockets share their port among its threads."""
    path = tmp_path / "proxy.ini"
    socket = f"unix:{tmp_path}/s"
    gate = make_gate(mariadb, ("proxy", "listen", f"127.0.0.1:{places.free_port()}", socket),
                     start=False)
    gate.port = int(gate.ini.split("listen = 127.0.0.1:")[1].split()[0])
    gate.start()
    for key, value in (("listen", f"127.0.0.1:{gate.port}"), ("listen", socket),
                       ("admin", f"unix:{gate.folder}/admin")):
        path.write_text(gates.change(gates.change(
            gate.ini, "proxy", "listen", f"127.0.0.1:{places.free_port()}"), "proxy", key, value))
        done = gates.run("run", "-c", path)
        assert done.returncode == 2
        place = f"{path}:{line_of(path, f'{key} = {value}')}: {key} = {value}: Address already in use;"
        assert place in done.stderr, done.stderr
    gate.connect("billing_service").close()
    assert gate.get("/healthz")[0] == 200
    pymysql.connect(unix_socket=f"{tmp_path}/s", user="billing_service",
                    password="billing_service-secret", database="nilecare").close()


def test_a_socket_nobody_answers_on_is_taken_over(mariadb, make_gate, tmp_path):
    gate = make_gate(mariadb, ("proxy", "listen", f"unix:{tmp_path}/s"), start=False)
    for _ in range(2):
        gate.start(ready=False)
        gate.wait_log(" runs: ")
        gate.log_file.unlink()
        pymysql.connect(unix_socket=f"{tmp_path}/s", user="billing_service",
                        password="billing_service-secret", database="nilecare").close()
        gate.kill()
    gate.start(ready=False)
    gate.wait_log(" runs: ")


def test_what_cannot_be_opened_is_named_with_its_line(mariadb, make_gate, tmp_path):
    gate = make_gate(mariadb)
    for section, key, value in (("log", "violations", "/nonexistent/v.jsonl"),
                                ("proxy", "admin_token_file", "/nonexistent/token"),
                                ("proxy", "listen", "127.0.0.1.nowhere.invalid:3306")):
        path = tmp_path / "proxy.ini"
        ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{places.free_port()}")
        ini = gates.change(ini, "proxy", "admin", f"unix:{tmp_path}/admin")
        path.write_text(gates.change(ini, section, key, value))
        done = gates.run("run", "-c", path)
        assert done.returncode == 2
        assert f"{path}:{line_of(path, f'{key} = {value}')}: " in done.stderr, done.stderr
    event = gate.reload(("log", "violations", "/nonexistent/v.jsonl"), accepted=False)
    assert event["action"] == "refused"
    gate.path.write_text(gates.change(gate.ini, "log", "violations", "/nonexistent/v.jsonl"))
    number = line_of(gate.path, "violations = /nonexistent/v.jsonl")
    gate.wait_log(f"reload: {gate.path}:{number}: .*nonexistent")


def test_closed_standard_streams(mariadb, make_gate):
    """What would have been written there goes nowhere, and into no other file."""
    gate = make_gate(mariadb, start=False)
    gate.process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", places.SILOGATE, "run", "-c", gate.path],
        preexec_fn=places.end_with_us)
    assert places.wait_for(lambda: places.port_open(gate.port))
    for number in range(3):
        assert os.readlink(f"/proc/{gate.process.pid}/fd/{number}") == "/dev/null"
    gate.process.send_signal(signal.SIGUSR1)  # which is logged
    gate.settle()
    assert gate.violations_file.read_text().count("\n") == len(gate.records())
