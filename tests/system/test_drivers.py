"""Drivers of eight languages and the two command lines, directly and through silogate, topic by topic: all that
they see must be the same, and what it must be. The programs are in harness/drivers; Client.java says what they are
told. What a driver's pool does while silogate is replaced is in test_upgrades.py."""
import json
import os
import signal
import subprocess
import time

import pytest

from harness import built, gate as gates, places, relay, servers

DRIVERS = places.TOP / "tests/harness/drivers"
PYTHON = "/usr/bin/python3"
JAR = "/usr/share/java/mariadb-java-client.jar"


def java():
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp",
            f"{built.java('Client', ['-cp', JAR])}:{JAR}", "Client"]


def command_line(program):
    return [PYTHON, str(DRIVERS / "client_cli.py"), json.dumps(program)]


COMMANDS = {
    "java": java,
    "php-mysqli": lambda: ["php", "-d", "memory_limit=512M", str(DRIVERS / "client.php"), "mysqli"],
    "php-pdo": lambda: ["php", "-d", "memory_limit=512M", str(DRIVERS / "client.php"), "pdo"],
    "go": lambda: [str(built.go("client"))],
    "ruby": lambda: ["ruby", str(DRIVERS / "client.rb")],
    "perl-mysql": lambda: ["perl", str(DRIVERS / "client.pl"), "mysql"],
    "perl-mariadb": lambda: ["perl", str(DRIVERS / "client.pl"), "MariaDB"],
    "python-pymysql": lambda: [PYTHON, str(DRIVERS / "client.py"), "pymysql"],
    "python-mysqldb": lambda: [PYTHON, str(DRIVERS / "client.py"), "MySQLdb"],
    "node-mysql2": lambda: ["node", str(DRIVERS / "client.js"), "mysql2"],
    "node-mariadb": lambda: ["node", str(DRIVERS / "client.js"), "mariadb"],
    "mariadb-cli": lambda: command_line(places.mariadb_program("mariadb")),
    "mysql-cli": lambda: command_line(places.mysql_program("mysql")),
}
# What each of them must say, whichever way it went.
TOPICS = {
    "login": lambda said: said == "lab_service@% nilecare",
    "refused": lambda said: said == "1045",  # a wrong password
    "error": lambda said: said == "1146",
    "big": lambda said: said.endswith("17825792 20000000"),  # 17 MB to the server, 20 MB from it
    "timeout": lambda said: said == "in time, alive",  # the driver's own, of one second
    "cancel": lambda said: said == "in time, alive",
    "compression": lambda said: said == "1000000 2000000",  # through a relay that counts
    "pool": lambda said: said == "24 of 24",  # over four connections, one of them killed while it is idle
}
NOT_THERE = {
    ("go", "compression"): "go-sql-driver 1.5 has none",
    ("python-pymysql", "compression"): "PyMySQL has none",
    ("mariadb-cli", "pool"): "one process, one connection",
    ("mysql-cli", "pool"): "one process, one connection",
}
CASES = [(kind, driver) for kind in servers.KINDS for driver in COMMANDS
         if (kind, driver) != ("mariadb", "mysql-cli")]  # 9.7's clients have no mysql_native_password


@pytest.fixture(scope="module")
def gate(server):
    one = gates.Gate(server, changes=[("proxy", "max_failed_logins", 0)])  # each tries a wrong password
    try:
        yield one.start()
        one.stop()
    finally:
        one.remove()


def start(command, port, packed, *more):
    # Debian's MariaDB library takes a plugin folder from here for caching_sha2_password
    environment = dict(os.environ, NODE_PATH=str(places.NODE_MODULES), **places.mariadb_environment())
    return subprocess.Popen([*command, str(port), str(packed), "lab_service", servers.password("lab_service"),
                             "nilecare", *more], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True,
                            preexec_fn=places.end_with_us)


def cases(function):
    return pytest.mark.parametrize("server, driver", CASES, indirect=["server"], scope="session",
                                   ids=[f"{kind}-{driver}" for kind, driver in CASES])(function)


@pytest.mark.long(short=6)
@cases
def test_the_same_directly_and_through(server, gate, driver):
    command = COMMANDS[driver]()
    ways = {"directly": server.port, "through": gate.port}
    relays = {way: relay.Relay(port) for way, port in ways.items()}
    begun = {way: start(command, port, relays[way].port) for way, port in ways.items()}
    said = {}
    for way, process in begun.items():
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (way, out[-2000:], err[-3000:])
        said[way] = json.loads(out)
    assert said["through"] == said["directly"]
    there = [topic for topic in TOPICS if (driver, topic) not in NOT_THERE]
    assert [topic for topic in there if not TOPICS[topic](said["through"].get(topic, ""))] == [], said
    assert set(said["through"]) == set(there)
    for way, one in relays.items():
        if "compression" in there:  # 3 MB of text
            taken = one.take()
            assert taken and all(len(sent) + len(got) < 300000 for sent, got in taken), way
        one.close()


def waiting(server):
    return server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%dr1ver%' "
                      "AND user = 'lab_service'")[0][0]


@pytest.mark.long
def test_killed_while_they_wait(server, gate):
    """Two processes of each driver that wait for a lock are killed, one that goes directly and one through silogate:
    the server forgets all of them."""
    holder = server.root()
    with holder.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('dr1ver', 5)")
    drivers = [driver for kind, driver in CASES if kind == server.name]
    processes = []
    try:
        for count in range(0, len(drivers), 3):  # so many start at the same time
            for driver in drivers[count:count + 3]:
                command = COMMANDS[driver]()
                processes += [(driver, start(command, port, port, "hang")) for port in (server.port, gate.port)]
            assert places.wait_for(lambda: waiting(server) == len(processes), 120), \
                [(driver, process.poll()) for driver, process in processes]
        begun = time.monotonic()
        ports = [server.port, gate.port]
        assert len(processes) == len(ports) * len(drivers)
    finally:
        for _, process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert places.wait_for(lambda: waiting(server) == 0), "a lock is still waited for"
    print(f"{server.name}: all are gone after {time.monotonic() - begun:.1f} s")
    holder.close()
