"""`silogate ctl` where its call meets a takeover: nothing was done, and the next connection reaches the new process."""
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SILOGATE = pathlib.Path(os.environ.get("SILOGATE_BUILD", TOP / "build")).resolve() / "silogate"
TAKEN = "another silogate has taken over from this one; ask it, at "
STARTING = "another silogate is starting and takes over from this one; reload again when it serves"


class Control:
    """A control socket whose process gives these answers, the last one again and again."""

    def __init__(self, path, answers):
        self.answers, self.bodies = answers, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                length = 0
                while (line := file.readline().strip()):
                    length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
                self.bodies.append(json.loads(file.read(length)))
                status, answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
                connection.sendall(f"HTTP/1.0 {status} X\r\n\r\n{json.dumps(answer)}".encode())

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def asked(tmp_path):
    """asked(answers, words...): what ctl has done, and the requests that it has sent."""
    def ask(answers, *words):
        control = Control(tmp_path / "control", answers)
        try:
            done = subprocess.run([SILOGATE, "ctl", "--socket", tmp_path / "control", "--json", *words], capture_output=True,
                                  text=True, timeout=60, check=False)
        finally:
            control.end()
        return done, control.bodies
    return ask


@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("error", [TAKEN, STARTING])
def test_asked_again(asked, tmp_path, error, status):
    refusal = status, {"error": error + (str(tmp_path / "control") if error == TAKEN else "")}
    done, bodies = asked([refusal, refusal, (200, {"undone": "0"})], "undo", "0")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"undone": "0"}, "")
    assert bodies == [{"id": "0"}] * 3


def test_not_for_ever(asked):
    done, bodies = asked([(409, {"error": STARTING})], "reload")
    assert done.returncode == 1 and "another silogate is starting" in done.stderr
    assert len(bodies) <= 60


@pytest.mark.parametrize("error", [TAKEN + "/another/control", "no override of this id is in force"])
def test_other_errors_are_final(asked, error):
    """As that of an older process's second socket."""
    done, bodies = asked([(404, {"error": error}), (200, {})], "undo", "0")
    assert done.returncode == 1 and error.split(";")[0] in done.stderr and len(bodies) == 1
