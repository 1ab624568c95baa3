"""Name servers that fail or give no answer, and upstreams that drip: each keeps only its own upstream waiting, and
addresses that were found once are good until there are others."""
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import gate as gates, places, wire
from harness.relay import Relay
from test_health import ACCOUNT, account  # noqa: F401: it may only log in; threads that want more connect again and again

NAMELESS = "127.0.0.77"  # a name server's address; the answers never come


@pytest.fixture
def contained(tmp_path):
    """The words before a command in whose mount namespace that name server is the only one."""
    file = tmp_path / "resolv.conf"
    file.write_text(f"nameserver {NAMELESS}\n")
    words = ["unshare", "-m", "sh", "-c", f'mount --bind {file} /etc/resolv.conf && exec "$@"', "sh"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        try:
            listener.bind((NAMELESS, 53))
        except OSError as error:
            pytest.skip(f"no name server can be made here: {error}")
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no mount namespace can be made here")
        yield words


def with_names(ini, count=4):
    begins = ini.index("[upstream:main]")
    return ini[:begins] + "\n".join(f"[upstream:named{i}]\naddress = db{i}.clinic.example:3306\n" for i in range(count)) + \
        "\n" + ini[begins:]


def start(gate, contained):
    before = len(gate.log())
    with open(gate.log_file, "ab") as said:
        gate.process = subprocess.Popen([*contained, str(places.SILOGATE), "run", "-c", str(gate.path)],
                                        stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                                        preexec_fn=places.end_with_us)
    return before


def test_a_start_and_a_reload_without_names(mariadb, make_gate, contained):
    """One name after the other took 20 seconds, and all else stood still."""
    gate = make_gate(mariadb, start=False)
    gate.path.write_text(with_names(gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")))
    begun = time.monotonic()
    gate.wait_log(" runs: ", start=start(gate, contained))
    assert time.monotonic() - begun < 25
    wire.connect(gate.port, "lab_service").quit()
    assert gate.get("/readyz")[0] == 200
    gate.path.write_text(with_names(gate.path.read_text().replace("named", "other")))
    begun = time.monotonic()
    assert gates.ctl(gate, "reload")["reloaded"] is True
    assert gates.ctl(gate, "overrides")["overrides"] == []
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(120) == 0
    assert time.monotonic() - begun < 25


@pytest.mark.parametrize("more", [False, True], ids=["probed", "logged in to"])
def test_one_that_drips(mariadb, make_gate, tmp_path, more):
    """A byte each second is within every limit of a step; the others' end was told only behind that."""
    (tmp_path / "password").write_text("secret\n")
    keys = f"account = probe\naccount_password_file = {tmp_path}/password\n" if more else ""
    over = threading.Event()

    def drip(taken):
        try:
            for byte in b"\x90\0\0\0\x0a" + b"5.5.5-10.11.19-MariaDB" + b"x" * 200:
                taken.sendall(bytes([byte]))
                if over.wait(1):
                    break
        except OSError:
            pass  # silogate has had enough
        taken.close()

    def accept():
        try:
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()
        except OSError:
            pass  # closed

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        relay = Relay(mariadb.port)
        gate = make_gate(mariadb, ("upstream:main", "address", f"127.0.0.1:{relay.port}"), start=False)
        begins = gate.ini.index("[upstream:main]")
        gate.path.write_text(gate.ini[:begins] + f"[upstream:drips]\naddress = 127.0.0.1:{listener.getsockname()[1]}\n{keys}\n" +
                             gate.ini[begins:])
        gate.start()
        client = wire.connect(gate.port, "lab_service")
        before = len(gate.log())
        relay.close()
        relay.cut()
        gate.wait_log("upstream 'main' is down", start=before)
        client.close()
        over.set()


NAME = "db.silogate.test"


@pytest.fixture
def relays():
    made = []

    def make(*arguments, **options):
        made.append(Relay(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.cut()


def reached(relay, more=2):
    """So many more connections came."""
    before = len(relay.connections)
    return places.wait_for(lambda: len(relay.connections) >= before + more, 60)


@pytest.mark.parametrize("fails", [(), ("hang",)], ids=["no such name", "no answer"])
def test_the_addresses_that_were_found_last(server, account, make_gate, names, relays, fails):
    """silogate's own connections are where its clients' are: an upstream is not down because its name server is.
    Another address is found when there is one, also the one behind one that is dead."""
    names("127.0.0.1")
    old = relays(server.port)
    new = relays(server.port, "127.0.0.2", old.port)
    gate = make_gate(server, ("upstream:main", "address", f"{NAME}:{old.port}"), *account)

    def stands(relay):
        assert reached(relay), gate.log()[-2000:]
        assert gate.get("/readyz")[0] == 200
        assert gate.metrics().total("upstream_up", upstream="main") == 1
        assert not gate.events("upstream_down")
        wire.connect(gate.port, "lab_service").quit()

    assert gate.get("/readyz")[0] == 200
    names(*fails)
    gate.wait_log(f"{NAME}:{old.port} does not resolve")
    stands(old)  # not cut: a login that is cut counts as a dead server
    gate.reload()
    stands(old)
    assert not new.connections
    names("127.0.0.3", "127.0.0.2")
    gate.wait_log(f"{NAME}:{old.port} resolves again")
    stands(new)
    assert not gate.events("upstream_down")


def test_a_start_without_an_address(server, account, make_gate, names, relays):
    """There is no older address: it is up as soon as the name server gives one."""
    names("hang")
    relay = relays(server.port)
    gate = make_gate(server, ("upstream:main", "address", f"{NAME}:{relay.port}"), *account)
    assert gate.get("/readyz")[0] == 503
    names("127.0.0.1")
    assert places.wait_for(lambda: gate.get("/readyz")[0] == 200)


@pytest.mark.parametrize("fails", ["hang", None], ids=["no answer", "control"])
def test_an_end_waits_for_no_name_server(server, account, make_gate, names, relays, fails):
    """All threads with connections of their own begin new ones; the end came when the look-up did."""
    names("127.0.0.1")
    relay = relays(server.port)
    gate = make_gate(server, ("upstream:main", "address", f"{NAME if fails else '127.0.0.1'}:{relay.port}"), *account)
    assert reached(relay, 1)
    if fails:
        names(fails)
    relay.cut()
    reached(relay)
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(20) == 0


@pytest.mark.parametrize("tls", ["verify_ca", "verify_identity"])
@pytest.mark.parametrize("host", [NAME, "db.other.test"])
def test_the_certificate_is_for_the_name(make_gate, secure_mariadb, certificates, tmp_path, names, tls, host):
    """For neither leg the address, whose certificate it would be, takes the place of the name; the second address
    of a name belongs to its line."""
    good = tls == "verify_ca" or host == NAME
    password = tmp_path / "password"
    password.write_text("named-secret\n")
    secure_mariadb.sql(f"CREATE OR REPLACE USER {ACCOUNT}@'%' IDENTIFIED BY 'named-secret'")
    names("127.0.0.4", "127.0.0.1")  # nobody listens on the first
    mark = secure_mariadb.mark()
    try:
        gate = make_gate(secure_mariadb, ("upstream:main", "address", f"{host}:{secure_mariadb.port}"),
                         ("upstream:main", "tls", tls), ("upstream:main", "ca", certificates / "ca.pem"),
                         ("upstream:main", "account", ACCOUNT), ("upstream:main", "account_password_file", password))
        if good:
            wire.connect(gate.port, "lab_service").quit()
            assert places.wait_for(lambda: f"{ACCOUNT}@" in secure_mariadb.log(mark))
            assert "error 2026" not in gate.log()
        else:
            with pytest.raises(wire.Error, match="is for another name than"):
                wire.connect(gate.port, "lab_service")
            gate.wait_log("error 2026")
    finally:
        secure_mariadb.sql(f"DROP USER {ACCOUNT}@'%'")
