"""What silogate knows of an upstream's health, and what its looking leaves behind on the server: with an account
nothing in the error log, without one as little as can be; a server that is full or does not let the account in lives."""
import re
import socket

import pymysql
import pytest

from harness import places, wire
from harness.fake import error

ACCOUNT = "health_account"


@pytest.fixture
def account(server, tmp_path):
    """silogate's own account, with no rights but to log in."""
    server.sql(f"DROP USER IF EXISTS {ACCOUNT}@'%'", f"CREATE USER {ACCOUNT}@'%' IDENTIFIED BY 'health-secret'")
    password = tmp_path / "password"
    password.write_text("health-secret\n")
    yield (("upstream:main", "account", ACCOUNT), ("upstream:main", "account_password_file", password))
    server.sql(f"DROP USER {ACCOUNT}@'%'")


def grumbles(server, start=0):
    """Lines of the server's error log on those who did not log in."""
    text = (server.folder / "server.out").read_text(errors="replace")[start:]
    return [line for line in text.splitlines()
            if re.search(r"Access denied|unauthenticated|unknown user|silogate_nobody", line)]


def end(server):
    return len((server.folder / "server.out").read_text(errors="replace"))


def visits(server, mark):
    """Logins of the account that did nothing but come and go."""
    visitors, done = set(), 0
    for number, what in re.findall(r"\s(\d+) (Connect|Query|Quit|Execute|Prepare|Init DB)\b[^\n]*", server.log(mark)):
        if what == "Connect":
            visitors.add(number)
        elif what == "Quit" and number in visitors:
            done += 1
        else:
            visitors.discard(number)
    return done


def lose_a_session(server, gate):
    """A session whose thread is killed by the DBA: is the server gone?"""
    client = wire.connect(gate.port, "lab_service")
    thread = client.query("SELECT CONNECTION_ID()")[0].rows[0][0]
    server.sql(f"KILL {thread}")
    assert places.wait_for(client.closed)


def test_the_account_leaves_no_line(server, account, make_gate):
    """From the start on, and each time silogate looks."""
    start, mark = end(server), server.mark()
    gate = make_gate(server, *account)
    assert gate.get("/readyz")[0] == 200
    client = wire.connect(gate.port, "lab_service")
    direct = wire.connect(server.port, "lab_service")
    assert client.version == direct.version  # known before anybody has logged in
    direct.quit()
    client.quit()
    for number in range(2, 4):
        before = visits(server, mark)
        lose_a_session(server, gate)
        assert places.wait_for(lambda: visits(server, mark) > before, 60, 0.3), "it did not look"
    assert grumbles(server, start) == []
    assert not gate.events("upstream_down")
    assert gate.metrics().total("upstream_account_refused", upstream="main") == 0
    assert "silogate_nobody" not in server.log(mark)


def test_no_account_and_few_lines(mariadb, make_gate):
    """One look at the start, and one where a session has lost its server; logins tell the rest."""
    start = end(mariadb)
    gate = make_gate(mariadb)
    assert places.wait_for(lambda: len(grumbles(mariadb, start)) == 1)
    for _ in range(10):
        wire.connect(gate.port, "lab_service").quit()
    lose_a_session(mariadb, gate)
    wire.connect(gate.port, "lab_service").quit()  # it is there: no need to look
    assert len(grumbles(mariadb, start)) <= 2


@pytest.mark.parametrize("greeting", ["own", "upstream"])
def test_a_full_server_lives(make_gate, greeting):
    """Error 1040 for a greeting: clients hear it, and silogate goes on to say that it is ready."""
    full = [False]

    def script(stream, number):
        stream.sequence = 0
        if full[0]:
            stream.send(error(1040, "Too many connections", "08004"))
        else:
            server.session(stream)
    server = wire.FakeServer(script)
    gate = make_gate(server.address(), ("proxy", "greeting", greeting))
    wire.connect(gate.port, "lab_service").quit()
    full[0] = True
    for _ in range(3):
        with pytest.raises(wire.Error) as refused:
            wire.connect(gate.port, "lab_service")
        assert refused.value.code == 1040
    assert gate.get("/readyz")[0] == 200
    assert gate.log().count("has too many connections") == 1
    assert gate.metrics().total("upstream_full_total", upstream="main") >= 3
    full[0] = False
    wire.connect(gate.port, "lab_service").quit()
    gate.wait_log("upstream 'main' takes connections again")
    assert not gate.events("upstream_down")
    gate.stop()
    server.close()


def test_silogate_starts_before_a_full_server(make_gate):
    server = wire.FakeServer(lambda stream, number: stream.send(error(1040, "Too many connections", "08004")))
    gate = make_gate(server.address())
    assert gate.get("/readyz")[0] == 200
    gate.stop()
    server.close()


@pytest.fixture
def turning():
    """turning(first): a server, and a list: once that is empty, the server greets with these bytes."""
    made = []

    def make(first):
        def script(stream, number):
            if good:
                server.session(stream)
            else:
                stream.socket.sendall(first)
        good, server = [True], wire.FakeServer(script)
        made.append(server)
        return server, good

    yield make
    for server in made:
        server.close()


@pytest.mark.parametrize("first", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\0\0\0\x09oops",
                                   b"\x1f\0\0\0\xff" + b"\x6a\x04" + b"Host is not allowed to con!!"])
def test_no_server_is_down(make_gate, turning, first):
    """What greets with something else, or lets nobody of this host in, is as good as gone: at the next login."""
    server, good = turning(first)
    gate = make_gate(server.address())
    wire.connect(gate.port, "lab_service").quit()
    assert gate.get("/readyz")[0] == 200
    good.clear()
    with pytest.raises((wire.Error, wire.Closed)):
        wire.connect(gate.port, "lab_service")
    assert gate.get("/readyz")[0] == 503
    gate.wait_log("upstream 'main' is down")
    gate.stop()


@pytest.mark.parametrize("first", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x4a\0\0\0\x0a8.0.3", b"\x05\0\0\0\x09oops", b"\x05\0\0\0\x0aoops",
    b"\x20\x01\0\0" + b"\x7f" * 400], ids=["HTTP", "half", "version 9", "short", "garbage"])
def test_no_server_is_down_for_the_account_too(make_gate, turning, tmp_path, first):
    """Not any bytes are an answer: the library's error for them is no refused account."""
    (tmp_path / "password").write_text("secret\n")
    server, good = turning(first)
    gate = make_gate(server.address(), ("upstream:main", "account", ACCOUNT),
                     ("upstream:main", "account_password_file", tmp_path / "password"))
    assert gate.get("/readyz")[0] == 200
    good.clear()
    gate.reload()  # looks at once
    gate.wait_log("upstream 'main' is down")
    assert gate.get("/readyz")[0] == 503
    assert "does not let its account in" not in gate.log()
    good.append(True)
    assert places.wait_for(lambda: gate.get("/readyz")[0] == 200)
    gate.stop()


def test_a_session_that_loses_its_server_tells(make_gate):
    """Nobody logs in any more, and it is known all the same."""
    server = wire.FakeServer()
    gate = make_gate(server.address())
    client = wire.connect(gate.port, "lab_service")
    server.open[-1].shutdown(socket.SHUT_RDWR)  # the others are over
    server.close()
    assert places.wait_for(client.closed)
    assert places.wait_for(lambda: gate.get("/readyz")[0] == 503, 60, 0.3)
    assert places.wait_for(lambda: len(gate.events("upstream_down")) == 1)
    gate.stop()


def test_an_account_that_is_refused(server, account, make_gate, tmp_path):
    """The upstream is none the worse for it: said on the log once and in the metrics, until it is let in."""
    password = tmp_path / "password"
    password.write_text("wrong\n")
    gate = make_gate(server, *account)
    assert gate.get("/readyz")[0] == 200
    gate.wait_log("upstream 'main' is up, and does not let its account in: .*1045")
    assert gate.metrics().total("upstream_account_refused", upstream="main") == 1
    gate.connect("lab_service").close()
    password.write_text("health-secret\n")
    gate.reload()
    gate.wait_log("upstream 'main' lets its account in again", 60)
    assert gate.metrics().total("upstream_account_refused", upstream="main") == 0
    password.unlink()
    gate.reload()
    gate.wait_log("does not let its account in: .*cannot be read", 60)
    assert gate.get("/readyz")[0] == 200
    assert not gate.events("upstream_down")
    assert gate.log().count("does not let its account in") == 2


def test_an_account_on_a_dead_server(server, account, make_gate):
    gate = make_gate(("127.0.0.1", places.free_port()), *account)
    assert gate.get("/readyz")[0] == 503
    with pytest.raises(pymysql.Error):
        gate.connect("lab_service")
    gate.reload(("upstream:main", "address", f"127.0.0.1:{server.port}"))
    assert places.wait_for(lambda: gate.get("/readyz")[0] == 200, 60, 0.3)
    assert places.wait_for(lambda: len(gate.events("upstream_up")) == 1)
