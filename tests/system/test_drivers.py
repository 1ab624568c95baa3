"""Drivers of other languages, directly and through silogate: login, prepared statements with large
values, large answers, errors, cancel and query timeouts, compression, and a process that is killed while
it waits. All that they see must be the same."""
import json
import os
import signal
import subprocess

import pytest

from harness import built, places, servers

DRIVERS = places.TOP / "tests/harness/drivers"


def java():
    folder = built.java("Client")
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp",
            f"{folder}:/usr/share/java/mariadb-java-client.jar", "Client"]


def go():
    return [str(built.go("client"))]


COMMANDS = {
    "java": java,
    "php": lambda: ["php", "-d", "memory_limit=512M", str(DRIVERS / "client.php")],
    "perl-mysql": lambda: ["perl", str(DRIVERS / "client.pl"), "mysql"],
    "perl-mariadb": lambda: ["perl", str(DRIVERS / "client.pl"), "MariaDB"],
    "ruby": lambda: ["ruby", str(DRIVERS / "client.rb")],
    "go": go,
}


def arguments(port):
    return [str(port), "lab_service", servers.password("lab_service"), "nilecare"]


def environment():
    # Debian's MariaDB library takes a plugin folder from here for caching_sha2_password
    return dict(os.environ, **places.mariadb_environment())


def seen(command, port):
    done = subprocess.run([*command, *arguments(port)], capture_output=True, text=True, timeout=120, env=environment())
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-3000:])
    return json.loads(done.stdout)


@pytest.mark.parametrize("driver", list(COMMANDS))
def test_the_same_directly_and_through(server, silogate, driver):
    command = COMMANDS[driver]()
    directly, through = seen(command, server.port), seen(command, silogate.port)
    assert through == directly
    assert through["cancel"] == "in time" and through["after"] == "alive"


@pytest.mark.parametrize("driver", list(COMMANDS))
def test_killed_while_it_waits(server, silogate, driver):
    holder = server.root()
    with holder.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('dr1ver', 5)")

    def waiting():
        return server.sql("SELECT id FROM information_schema.processlist WHERE info LIKE '%dr1ver%' "
                          "AND user = 'lab_service'")

    process = subprocess.Popen([*COMMANDS[driver](), *arguments(silogate.port), "hang"], env=environment(),
                               stdout=subprocess.DEVNULL, start_new_session=True)
    assert places.wait_for(waiting, 20)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert places.wait_for(lambda: not waiting(), 12), "its lock is still waited for"
    holder.close()
