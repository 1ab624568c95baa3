"""/metrics over takeovers where not every generation has an admin address."""
from harness import gate as gates, places, wire
from test_generations import FOREIGN, line  # noqa: F401
from test_takeover import generations  # noqa: F401


def test_numbers_go_on_behind_one_without_admin(line):  # noqa: F811
    """A generation whose file has `admin = off` was in nobody's /metrics."""
    gate, sessions, done = line.gate, [], 0
    ini = gate.path.read_text()
    gate.path.write_text(gates.change(ini, "proxy", "admin", "off"))
    line.upgrade()
    assert line.old[0].wait(60) == 0
    for admin in (None, "off", None):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        for one in sessions:
            one.query(FOREIGN)
            done += 1
        gate.path.write_text(gates.change(ini, "proxy", "admin", admin) if admin else ini)
        line.upgrade()
    for one in sessions:
        one.query(FOREIGN)
        done += 1
    assert places.wait_for(lambda: gate.metrics().total("violations_total") == done), gate.metrics().total("violations_total")
    for one in sessions:
        one.close()
    assert [process.wait(60) for process in line.old[1:]] == [0] * 3
    assert places.wait_for(lambda: gate.metrics().total("violations_total") == done), gate.metrics().total("violations_total")
