"""Generations that judge by different files: overrides that fit only some of them, and reloads that do not reach all."""
import subprocess

import pytest

from harness import gate as gates, places, wire
from test_takeover import generations, refused  # noqa: F401

FOREIGN = "SELECT 1 FROM clinical_data.patients"


@pytest.fixture
def line(mariadb, generations):  # noqa: F811
    made = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "60s"))
    made.gate.uncounted = "one log is written by all of them"
    return made


def in_transaction(gate, user="billing_service"):
    session = wire.connect(gate.port, user)
    session.query("BEGIN")
    session.query("SELECT 1")
    return session


def follow(gate):
    """A reload that all follow; one that is slow is named at first."""
    assert places.wait_for(lambda: gates.ctl(gate, "reload")["not_followed"] == [])


def start_apart(line, command):
    """A takeover by a silogate that this command starts."""
    gate, before = line.gate, len(line.gate.log())
    line.old.append(gate.process)
    with open(gate.log_file, "ab") as said:
        gate.process = subprocess.Popen([*command, str(places.SILOGATE), "run", "-c", str(gate.path)],
                                        stdin=subprocess.DEVNULL, stdout=said, stderr=said, preexec_fn=places.end_with_us)
    gate.wait_log("taken over from", start=before)


@pytest.mark.parametrize("how", ["otherwise", "refused", "namespace"])
def test_a_reload_that_an_older_one_does_not_follow(line, how, tmp_path, monkeypatch):
    """Its environment is another, or another file stands at the path in its mount namespace. Its sessions were judged by
    another policy, and nobody who reloaded was told."""
    gate = line.gate
    blocks = gates.change(gate.ini, "service:billing", "mode", "block")
    by_name = gates.change(gate.ini, "service:billing", "mode", "${BILLING_MODE}")
    if how == "namespace":
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
            pytest.skip("no mount namespace can be made here")
        client = in_transaction(gate)
        new = tmp_path / "new.ini"
        new.write_text(gate.ini)
        start_apart(line, ["unshare", "-m", "sh", "-c", f'mount --bind {new} {gate.path} && exec "$@"', "sh"])
        follow(gate)
        new.write_text(blocks)
    else:
        if how == "otherwise":
            monkeypatch.setenv("BILLING_MODE", "log")
            gate.stop()
            gate.start()
        client = in_transaction(gate)
        monkeypatch.setenv("BILLING_MODE", "block")
        start_apart(line, [])
        gate.path.write_text(by_name)
    older, before = line.old[-1].pid, len(gate.log())
    assert gates.ctl(gate, "reload") == {"reloaded": True, "not_followed": [older]}
    assert refused(client, FOREIGN) == 0
    gate.wait_log("the silogate that has taken over has read another configuration", start=before)
    gate.wait_log(f"the older silogate with process {older} has not followed", start=before)
    said = gates.run("ctl", "--socket", gate.folder / "control", "reload").stdout
    assert f"process {older} has not followed" in said
    for path in [gate.path, *tmp_path.glob("new.ini")]:
        path.write_text(blocks)
    follow(gate)
    assert places.wait_for(lambda: refused(client, FOREIGN) == 1142)
    client.close()
