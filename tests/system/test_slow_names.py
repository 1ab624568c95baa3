"""Name servers that give no answer, and upstreams that drip: each keeps only its own upstream waiting."""
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import gate as gates, places, wire
from harness.relay import Relay

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
