"""The installed unit under a real systemd: a manager of its own (systemd --user) in a mount namespace with cgroups and
/run of its own, so that nothing of the machine's is touched. Start, reload, an upgrade, its failures, stop."""
import os
import re
import shutil
import subprocess

import pytest

from harness import places, wire

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "systemctl")))
                       or not os.path.exists("/lib/systemd/systemd"), reason="needs root and systemd"),
    pytest.mark.skipif(places.is_sanitized(), reason="the unit confines what a sanitizer needs"),
]

# In the namespace; $1 is the cgroup's name.
BEGIN = """
mount -t tmpfs none /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run || exit 1
mkdir "/sys/fs/cgroup/$1" && echo $$ >"/sys/fs/cgroup/$1/cgroup.procs" || exit 1
mkdir -p /run/systemd/system /run/user/systemd/user /run/test && chmod 700 /run/user
export XDG_RUNTIME_DIR=/run/user XDG_CONFIG_HOME=/run/user/config HOME=/run/user
exec /lib/systemd/systemd --user
"""


class Manager:
    def __init__(self, folder):
        self.folder = folder
        self.cgroup = f"silogate-test-{os.getpid()}"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", BEGIN, "begin", self.cgroup], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=places.end_with_us)

    def run(self, *words, text=None):
        return subprocess.run(["nsenter", "--mount", "-t", str(self.process.pid), *map(str, words)], input=text, timeout=120,
                              capture_output=True, text=True, env=dict(os.environ, XDG_RUNTIME_DIR="/run/user"))

    def ctl(self, *words):
        return self.run("systemctl", "--user", *words)

    def put(self, path, text):
        """The file as a whole, so that what runs from it goes on."""
        assert self.run("sh", "-c", f"mkdir -p $(dirname {path}); cat >{path}.new && mv {path}.new {path}",
                        text=text).returncode == 0

    def program(self):
        """As a package does: the new file takes the old one's name."""
        assert self.run("sh", "-c", f"cp {self.folder}/opt/gate/bin/silogate /run/test/silogate.new && "
                        "mv /run/test/silogate.new /run/test/silogate").returncode == 0

    def show(self):
        told = self.ctl("show", "silogate", "-p", "MainPID,ActiveState,StatusText,NRestarts,Result,Type").stdout
        return dict(line.split("=", 1) for line in told.splitlines())

    def main(self):
        return int(self.show()["MainPID"])

    def said(self):
        return self.run("cat", "/run/test/log").stdout

    def end(self):
        self.ctl("kill", "-s", "KILL", "silogate")
        self.process.terminate()
        self.process.wait(30)
        # Its cgroup is that of the machine's hierarchy: no empty folder is left there.
        subprocess.run(["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /sys/fs/cgroup; mount -t cgroup2 none "
                        f"/sys/fs/cgroup; sleep 0.2; find /sys/fs/cgroup/{self.cgroup} -depth -type d -delete"],
                       capture_output=True, timeout=30)


@pytest.fixture
def manager(tmp_path, mariadb):
    made = Manager(tmp_path)
    try:
        if not places.wait_for(lambda: made.process.poll() is not None or
                               made.run("test", "-S", "/run/user/systemd/private").returncode == 0, 30, 0.2) or \
                made.process.poll() is not None:
            pytest.skip("no manager of systemd's can be started here")
        done = subprocess.run(["make", "-s", f"BUILD={places.BUILD.relative_to(places.TOP)}", f"DESTDIR={tmp_path}",
                               "PREFIX=/opt/gate", "-o", f"{places.SILOGATE.relative_to(places.TOP)}", "install"],
                              cwd=places.TOP, capture_output=True, text=True, timeout=120,
                              env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")})
        assert done.returncode == 0, done.stderr
        unit = (tmp_path / "opt/gate/lib/systemd/system/silogate.service").read_text()
        # The manager of a user can be no other user; all else is as it is installed.
        unit = re.sub(r"(?m)^(User|Group|ProtectHome)=.*\n", "", unit).replace("/opt/gate/bin", "/run/test")
        unit = unit.replace("/etc/silogate/proxy.ini", "/run/test/proxy.ini")
        made.port, admin = places.free_port(), places.free_port()
        made.ini = "\n".join([
            "[proxy]", f"listen = 127.0.0.1:{made.port}", f"admin = 127.0.0.1:{admin}", "drain_timeout = 20s",
            "max_connections = 500", "control = unix:/run/user/silogate/control.sock", "[policy]", "mode = log", "[log]",
            "violations = stdout", "[upstream:main]", f"address = 127.0.0.1:{mariadb.port}", "[service:lab]",
            "user = lab_service", "upstream = main", "database = nilecare", ""])
        made.put("/run/test/proxy.ini", made.ini)
        made.put("/run/user/systemd/user/silogate.service", unit)
        made.put("/run/user/systemd/user/silogate.service.d/log.conf",
                 "[Service]\nStandardOutput=append:/run/test/out\nStandardError=append:/run/test/log\n")
        made.program()
        made.ctl("daemon-reload")
        yield made
    finally:
        made.end()


def test_the_unit_in_its_life(manager):
    started = manager.ctl("start", "silogate")
    assert started.returncode == 0, (started.stderr, manager.said())
    first = manager.main()
    told = manager.show()  # it is ready when the start is over
    assert told["ActiveState"] == "active" and told["Type"].startswith("notify") and "policy" in told["StatusText"], told
    session = wire.connect(manager.port, "lab_service")
    session.query("BEGIN")

    # reload: what is good holds, what is not is refused and told to whoever asked
    manager.put("/run/test/proxy.ini", manager.ini.replace("mode = log", "mode = block"))
    assert manager.ctl("reload", "silogate").returncode == 0
    assert places.wait_for(lambda: "reload: /run/test/proxy.ini is in force" in manager.said())
    manager.put("/run/test/proxy.ini", manager.ini + "[nonsense]\n")
    assert manager.ctl("reload", "silogate").returncode != 0
    assert manager.show()["ActiveState"] == "active" and manager.main() == first

    # an upgrade with that file comes to nothing
    manager.ctl("kill", "-s", "USR2", "--kill-whom=main", "silogate")
    assert places.wait_for(lambda: "the successor has ended with status 2; this silogate goes on" in manager.said())
    assert manager.show()["ActiveState"] == "active" and manager.main() == first
    assert session.query("SELECT 1")[0].rows == [["1"]]

    # and with a good one the unit is the new process's, and the old one drains in it
    manager.put("/run/test/proxy.ini", manager.ini)
    manager.program()
    manager.ctl("kill", "-s", "USR2", "--kill-whom=main", "silogate")
    assert places.wait_for(lambda: manager.main() != first, 30, 0.2), manager.said()
    second = manager.main()
    assert manager.show()["ActiveState"] == "active"
    assert os.readlink(f"/proc/{second}/exe") == "/run/test/silogate"
    assert session.query("SELECT 2")[0].rows == [["2"]]
    other = wire.connect(manager.port, "lab_service")
    assert other.query("SELECT 3")[0].rows == [["3"]]
    listed = manager.run("/run/test/silogate", "ctl", "-c", "/run/test/proxy.ini", "sessions").stdout
    assert str(first) in listed and str(second) in listed, listed
    session.query("COMMIT")
    assert places.wait_for(lambda: not os.path.exists(f"/proc/{first}"), 60, 0.2)
    told = manager.show()
    assert (told["ActiveState"], told["MainPID"], told["NRestarts"]) == ("active", str(second), "0"), told
    assert manager.ctl("reload", "silogate").returncode == 0  # the new one's

    # killed, it comes back; stopped, it ends well
    os.kill(second, 9)
    assert places.wait_for(lambda: manager.main() not in (0, second) and manager.show()["ActiveState"] == "active", 30, 0.2)
    assert places.wait_for(lambda: places.port_open(manager.port))
    assert manager.ctl("stop", "silogate").returncode == 0
    told = manager.show()
    assert (told["ActiveState"], told["Result"]) == ("inactive", "success"), told
    for one in (session, other):
        one.close()
