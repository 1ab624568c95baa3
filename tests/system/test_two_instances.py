"""Two instances with an account behind HAProxy, by its example file: overrides and policies as one, and one that is
killed with -9 is missed by nobody but its own sessions."""
import signal
import subprocess

import pymysql
import pytest

from harness import gate as gates, places, servers

ACCOUNT = "balanced_account"
FOREIGN = "SELECT 1 FROM clinical_data.patients"


@pytest.fixture
def balanced(mariadb, make_gate, tmp_path):
    mariadb.sql(f"CREATE USER {ACCOUNT}@'%' IDENTIFIED BY 'meet-secret'", f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'",
                f"GRANT CONNECTION ADMIN, PROCESS ON *.* TO {ACCOUNT}@'%'", "DROP DATABASE IF EXISTS silogate")
    password = tmp_path / "password"
    password.write_text("meet-secret\n")
    front, admins = places.free_port(), [places.free_port() for _ in range(2)]
    made = []
    for number, admin in enumerate(admins):
        gate = make_gate(mariadb, ("proxy", "admin", f"127.0.0.1:{admin}"), ("proxy", "instance", str(number)),
                         ("proxy", "proxy_protocol_from", "127.0.0.1/32"), ("upstream:main", "account", ACCOUNT),
                         ("upstream:main", "account_password_file", password), start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        made.append(gate.start())
    text = (places.TOP / "packaging/haproxy/silogate.cfg").read_text()
    for old, new in (("127.0.0.1:3306", f"127.0.0.1:{front}"), ("127.0.0.1:3316", f"127.0.0.1:{made[0].port}"),
                     ("127.0.0.1:3326", f"127.0.0.1:{made[1].port}"), ("port 6481", f"port {admins[0]}"),
                     ("port 6482", f"port {admins[1]}")):
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "haproxy.cfg"
    config.write_text(text)
    balancer = subprocess.Popen(["haproxy", "-db", "-q", "-f", config], stdin=subprocess.DEVNULL,
                                preexec_fn=places.end_with_us)
    try:
        assert places.wait_for(lambda: places.port_open(front))
        assert places.wait_for(lambda: all(
            sum(one["alive"] for one in ctl(gate, "instances")["instances"]) == 2 for gate in made))
        yield front, made
    finally:
        balancer.terminate()
        balancer.wait(20)
        mariadb.sql(f"DROP USER {ACCOUNT}@'%'", "DROP DATABASE IF EXISTS silogate")


def ctl(gate, *words):
    return gates.ctl(gate, *words)


def connect(front, user="lab_service"):
    return pymysql.connect(host="127.0.0.1", port=front, user=user, password=servers.password(user), database="nilecare",
                           autocommit=True, connect_timeout=60, read_timeout=60)


def run(connection, sql=FOREIGN):
    """0, or the error's number."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            return 0
        except pymysql.Error as error:
            return error.args[0]


def on_both(front, made):
    """Connections until there are some at either: a list for each, in order."""
    sessions = []

    def there():
        sessions.append(connect(front))
        return all(ctl(gate, "sessions")["sessions"] for gate in made) and sessions
    assert places.wait_for(there, every=0.1)
    return sessions


def test_they_act_as_one(balanced):
    front, made = balanced
    sessions = on_both(front, made)
    assert {run(one) for one in sessions} == {0}
    begun = ctl(made[0], "mode", "lab", "block", "--for", "10m")
    assert (begun["alive"], begun["in_force"]) == (2, 2)
    assert {run(one) for one in sessions} == {1142}
    assert ctl(made[1], "undo", begun["id"])["in_force"] == 2
    assert {run(one) for one in sessions} == {0}
    # one is reloaded with another policy and the other is not
    made[0].reload(("service:lab", "mode", "block"))
    assert places.wait_for(lambda: made[1].metrics().total("instances_policies", upstream="main") == 2)
    assert {run(one) for one in sessions} == {0, 1142}
    made[1].reload(("service:lab", "mode", "block"))
    assert places.wait_for(lambda: made[0].metrics().total("instances_policies", upstream="main") == 1)
    assert {run(one) for one in sessions} == {1142}
    for one in sessions:
        one.close()


def test_one_is_killed(balanced):
    front, made = balanced
    sessions = on_both(front, made)
    begun = ctl(made[0], "mode", "lab", "block", "--for", "10m")
    survivors = len(ctl(made[1], "sessions", "--service", "lab")["sessions"])
    made[0].process.send_signal(signal.SIGKILL)
    made[0].process.wait()
    results = [run(one) for one in sessions]
    assert results.count(1142) == survivors and set(results) <= {1142, 2006, 2013}
    # whoever comes now is served at once: HAProxy passes over the one that refuses
    fresh = [connect(front) for _ in range(6)]
    assert [run(one) for one in fresh] == [1142] * 6
    assert places.wait_for(lambda: sum(one["alive"] for one in ctl(made[1], "instances")["instances"]) == 1)
    assert made[1].metrics().total("instances", upstream="main") == 1
    # back again, it takes over what holds
    made[0].start()
    assert places.wait_for(lambda: [one["id"] for one in ctl(made[0], "overrides")["overrides"]] == [begun["id"]])
    again = on_both(front, made)
    assert {run(one) for one in again} == {1142}
    assert ctl(made[0], "undo", begun["id"])["in_force"] == 2
    assert {run(one) for one in again} == {0}
    for one in sessions + fresh + again:
        try:
            one.close()
        except pymysql.Error:
            pass
