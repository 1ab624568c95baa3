"""Generations that judge by different files: overrides that fit only some of them, and reloads that do not reach all."""
import os
import signal
import subprocess

import pytest

from harness import gate as gates, places, wire
from test_generations import FOREIGN, line  # noqa: F401
from test_takeover import generations, refused  # noqa: F401


def in_transaction(gate, user="billing_service"):
    session = wire.connect(gate.port, user)
    session.query("BEGIN")
    session.query("SELECT 1")
    return session


def actions(gate):
    return [(event["action"], event["service"]) for event in gate.events("override")]


def rename(gate, old, new):
    gate.path.write_text(gate.path.read_text().replace(f"[service:{old}]", f"[service:{new}]"))


def overrides(gate):
    return {one["id"]: one["older_only"] for one in gates.ctl(gate, "overrides")["overrides"]}


def follow(gate):
    """A reload that all follow; one that is slow is named at first."""
    assert places.wait_for(lambda: gates.ctl(gate, "reload")["not_followed"] == [])


@pytest.mark.parametrize("opens", [False, True])
def test_an_override_that_fits_the_older_file_only(line, opens):
    """It was recorded as ended, was in force for the sessions that stay, and nobody could see or undo it."""
    gate = line.gate
    if opens:
        gate.reload(("service:billing", "mode", "block"))
    client, other = in_transaction(gate), in_transaction(gate, "lab_service")
    words = ("allow", "billing", "on", "clinical_data.patients", "access", "read") if opens else ("mode", "billing", "block")
    before, during = (1142, 0) if opens else (0, 1142)
    assert refused(client, FOREIGN) == before
    first = gates.ctl(gate, *words, "--for", "10m")["id"]
    second = gates.ctl(gate, "mode", "lab", "block", "--for", "10m")["id"]
    assert refused(client, FOREIGN) == during
    rename(gate, "billing", "invoicing")
    line.upgrade()
    assert overrides(gate) == {first: True, second: False}
    text = gates.run("ctl", "-c", gate.path, "overrides").stdout
    assert len([row for row in text.splitlines() if first in row and "older only" in row]) == 1
    assert refused(client, FOREIGN) == during
    line.upgrade()  # one more that it does not fit
    assert overrides(gate) == {first: True, second: False}
    assert refused(client, FOREIGN) == during
    assert "ended" not in [action for action, _ in actions(gate)]
    gates.ctl(gate, "undo", first)
    assert overrides(gate) == {second: False}
    assert places.wait_for(lambda: refused(client, FOREIGN) == before)
    assert refused(other, FOREIGN) == 1142
    assert places.wait_for(lambda: ("undone", "billing") in actions(gate))
    assert "older only" not in gates.run("ctl", "-c", gate.path, "overrides").stdout
    client.close()
    other.close()


@pytest.mark.parametrize("how", ["sessions", "reload"])
def test_it_ends_when_it_holds_for_nobody(line, how):
    """No older session is left, or the older silogate has read the new file too."""
    gate = line.gate
    client = in_transaction(gate)
    first = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    assert refused(client, FOREIGN) == 1142
    rename(gate, "billing", "invoicing")
    line.upgrade()
    assert overrides(gate) == {first: True}
    if how == "sessions":
        client.close()
    else:
        follow(gate)
        assert places.wait_for(lambda: refused(client, FOREIGN) == 0)
    assert places.wait_for(lambda: overrides(gate) == {}, 60)
    assert places.wait_for(lambda: ("ended", "billing") in actions(gate))
    ended = [event for event in gate.events("override") if event["action"] == "ended"]
    assert len(ended) == 1 and "does not fit" in ended[0]["user"]
    rename(gate, "invoicing", "billing")  # it does not come back
    follow(gate)
    again = in_transaction(gate)
    assert overrides(gate) == {} and refused(again, FOREIGN) == 0
    client.close()
    again.close()


def test_a_reload_makes_an_override_fit(line):
    """An older silogate did not read the list of overrides again behind its own reload."""
    gate = line.gate
    after = gate.path.read_text()
    rename(gate, "billing", "invoicing")
    gates.ctl(gate, "reload")
    client = in_transaction(gate)
    gate.path.write_text(after)
    line.upgrade()
    gates.ctl(gate, "mode", "billing", "block", "--for", "10m")
    held = gates.ctl(gate, "mode", "lab", "block", "--for", "10m")["id"]
    other = in_transaction(gate, "lab_service")
    gate.wait_log("as a successor has changed them")  # it has seen both
    assert refused(client, FOREIGN) == 0
    line.old[0].send_signal(signal.SIGHUP)  # that one only: the list is not written again
    assert places.wait_for(lambda: refused(client, FOREIGN) == 1142)
    gates.ctl(gate, "undo", held)
    assert refused(other, FOREIGN) != 1142
    client.close()
    other.close()


def test_a_file_without_the_service_for_a_moment(line):
    """Half written, or of another mount namespace. The block did not come back to the older silogate with the service."""
    gate = line.gate
    client = in_transaction(gate)
    line.upgrade()
    held = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    assert places.wait_for(lambda: refused(client, FOREIGN) == 1142)
    rename(gate, "billing", "invoicing")
    line.old[0].send_signal(signal.SIGHUP)
    gate.wait_log(f"override {held} does not fit the file that was read")
    assert places.wait_for(lambda: refused(client, FOREIGN) == 0)
    rename(gate, "invoicing", "billing")
    follow(gate)
    assert places.wait_for(lambda: refused(client, FOREIGN) == 1142)
    assert overrides(gate) == {held: False}
    client.close()


def test_one_that_has_not_read_yet_has_not_followed(line):
    """Also where the newest one's file is what it was."""
    gate = line.gate
    client = in_transaction(gate)
    line.upgrade()
    follow(gate)
    places.stop(line.old[0].pid)
    assert gates.ctl(gate, "reload")["not_followed"] == [line.old[0].pid]
    os.kill(line.old[0].pid, signal.SIGCONT)
    follow(gate)
    client.close()


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
