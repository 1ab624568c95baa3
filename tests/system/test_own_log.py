"""silogate's own log: each line has its time and level, whatever wrote it, as text and as JSON."""
import json
import re
import signal

import pytest

from harness import gate as gates, places, wire

LEVELS = ["error", "warning", "notice", "debug"]
LINE = re.compile(rf"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z ({'|'.join(LEVELS)}) (\S.*)")
FOREIGN = "SELECT 1 FROM clinical_data.patients"


def read(text, form):
    """The lines as (level, message); every one must be of the form."""
    found = []
    for line in text.splitlines():
        if form == "json":
            one = json.loads(line)
            assert list(one) == ["ts", "level", "message"], line
            line = f"{one['ts']} {one['level']} {one['message']}"
        match = LINE.fullmatch(line)
        assert match, line
        found.append(match.groups())
    assert found
    return found


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_line_in_a_life(mariadb, make_gate, form):
    """Start with a warning, sessions, a refusal, reloads that are good and bad, ctl, another's start, the end."""
    gate = make_gate(mariadb, ("log", "format", form), ("log", "level", "debug"), ("service:billing", "mode", "block"),
                     ("grant:over", "service", "billing"), ("grant:over", "on", "clinical_data.encounters"),
                     ("grant:over", "access", "read"), ("grant:over", "until", "2020-01-01"), start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.start()
    session, idle = (wire.connect(gate.port, user) for user in ("billing_service", "lab_service"))
    with pytest.raises(wire.Error) as refused:
        session.query(FOREIGN)
    violation, = re.findall(r"violation ([0-9a-f]{16})\)", str(refused.value))
    session.quit()
    with pytest.raises(wire.Error):
        wire.connect(gate.port, "nobody_known")
    gate.reload(("policy", "undetermined", "log"))
    gate.reload(ini=gate.ini + "[nonsense]\n", accepted=False)
    gate.path.write_text(gate.ini)
    for words in (("reload",), ("mode", "lab", "log", "--for", "1m"), ("drain", "--service", "lab")):
        gates.ctl(gate, *words)
    idle.close()
    gate.process.send_signal(signal.SIGUSR1)
    gate.wait_log("opened anew")
    gate.wait_log(f"its last refusal is violation {violation}")
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(60) == 0
    gate.process = None
    lines = read(gate.log(), form)
    assert {level for level, _ in lines} == set(LEVELS)
    refusals = [message for _, message in lines if violation in message]
    assert len(refusals) == 2 and all(re.match(r"session \d+ ?", one) for one in refusals), refusals
    assert "error 1142" in refusals[0]
    assert any(level == "warning" and "proxy.ini:" in message and "expired" in message for level, message in lines)
    assert any(level == "error" and re.search(r"proxy.ini:\d+: ", message) for level, message in lines)
    assert not any("patients" in message for _, message in lines)


def test_a_level_is_the_least_that_is_written(mariadb, make_gate):
    for written in range(len(LEVELS)):
        gate = make_gate(mariadb, ("log", "level", LEVELS[written]), ("service:billing", "mode", "block"), start=False)
        gate.start(ready=False)  # what tells of it is a notice
        assert places.wait_for(lambda: places.port_open(gate.port))
        session = wire.connect(gate.port, "billing_service")
        with pytest.raises(wire.Error):
            session.query(FOREIGN)
        session.close()
        gate.reload(("proxy", "instance", "7"))  # a warning: it needs a restart
        gate.reload(ini=gate.ini + "[nonsense]\n", accepted=False)
        gate.wait_log("nonsense")
        gate.stop()
        assert {level for level, _ in read(gate.log(), "text")} == set(LEVELS[:written + 1])


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_prevents_a_start(mariadb, make_gate, tmp_path, form):
    """An unknown key, a file that is missing or empty, an address in use, a log that cannot be opened: as text the
    error is FILE:LINE: TEXT, as every subcommand prints it; as JSON it has time and level like any other line."""
    running = make_gate(mariadb)
    good = gates.change(running.ini, "log", "format", form)
    alone = gates.change(good, "proxy", "listen", f"127.0.0.1:{places.free_port()}")
    alone = gates.change(alone, "proxy", "admin", "off")
    cases = {
        "a key": (alone.replace("[policy]", "[policy]\nmoed = log"), "moed", form),
        "a level": (gates.change(alone, "log", "level", "loud"), "loud", form),
        "an address in use": (gates.change(good, "proxy", "admin", "off"), str(running.port), form),
        "no log": (gates.change(alone, "log", "violations", "/nowhere/at/all"), "/nowhere/at/all", form),
        "an include": (gates.change(alone, "proxy", "include", "missing.ini"), "missing.ini", form),
        "a certificate": (gates.change(gates.change(alone, "tls", "certificate", "none.pem"), "tls", "key", "none.key"),
                          "none.", form),
        "an empty file": ("", "proxy.ini:", "text"),
        "no file": (None, "No such file", "text"),
    }
    for name, (ini, wanted, looks) in cases.items():
        path = tmp_path / "proxy.ini"
        path.unlink(missing_ok=True)
        if ini is not None:
            path.write_text(ini)
        done = gates.run("run", "-c", path)
        assert done.returncode == 2 and done.stdout == "", (name, done)
        lines = done.stderr.splitlines()
        if looks == "json":
            lines = [message for level, message in read(done.stderr, looks) if level == "error"]
        errors = [one for one in lines if re.match(rf"{re.escape(str(path))}:\d+: (?!warning: )", one)]
        assert any(wanted in one for one in errors), (name, done.stderr)
        others = "\n".join(one for one in lines if not one.startswith(f"{path}:"))
        if looks == "text" and others:  # what came before
            assert "error" not in {level for level, _ in read(others, looks)}, (name, done.stderr)


def test_a_start_that_is_refused_shows_what_check_shows(tmp_path):
    """Also its warnings, in the same order."""
    path = tmp_path / "proxy.ini"
    path.write_text(gates.change(gates.change(gates.example(), "policy", "mode", "bogus"), "grant:over", "service",
                                 "billing") + "on = clinical_data.encounters\naccess = read\nuntil = 2020-01-01\n")
    started, checked = gates.run("run", "-c", path), gates.run("check", "-c", path)
    assert started.returncode == checked.returncode == 2
    assert started.stderr == checked.stderr and ": warning: " in started.stderr and "bogus" in started.stderr
