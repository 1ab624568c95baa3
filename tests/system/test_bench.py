"""`make bench` to its end: a peer that fails is an empty cell with its reason, everything else is printed and written
as it comes, and SECONDS and ROUNDS are what the docs say. sysbench and the peers are stand-ins."""
import json
import os
import re
import subprocess

import pytest

from harness import places

SYSBENCH = """#!/usr/bin/python3
import re, socket, sys
given = dict(one.lstrip("-").split("=", 1) for one in sys.argv if "=" in one)
open("{folder}/calls", "a").write(given.get("time", "none") + "\\n")
with socket.create_connection(("127.0.0.1", int(given["mysql-port"])), 30) as server:
    if not server.recv(1):
        sys.exit("FATAL: unable to connect, aborting...")
print("   1.000 |****  100\\n    total:  100\\n    transactions: 5 (2.50 per sec.)\\n"
      "    queries: 100 (50.00 per sec.)\\n    avg: 1.00\\n    99th percentile: 2.00")
"""
HAPROXY = """#!/usr/bin/python3
import re, socket, sys
if "-v" in sys.argv:
    sys.exit("HAProxy version 0")
port = int(re.search(r"bind 127.0.0.1:(\\d+)", open(sys.argv[-1]).read())[1])
listening = socket.create_server(("127.0.0.1", port))
while True:
    listening.accept()[0].close()  # as a peer that refuses every login
"""


def write(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.long
def test_peers_that_fail_are_empty_cells(tmp_path):
    programs, build = tmp_path / "programs", tmp_path / "build"
    programs.mkdir()
    build.mkdir()
    write(programs / "sysbench", SYSBENCH.format(folder=tmp_path))
    write(programs / "haproxy", HAPROXY)
    ends = write(programs / "proxysql", "#!/bin/sh\necho no such option >&2\nexit 1\n")
    (places.BUILD / "servers").mkdir(exist_ok=True)
    for name in ("silogate", "servers"):
        (build / name).symlink_to(places.BUILD / name)
    done = subprocess.run(
        [places.TOP / "bench/run"], capture_output=True, text=True, timeout=300,
        env=dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", SILOGATE_BUILD=str(build), SECONDS="2.5",
                 ROUNDS="2", PARTS="write,idle", ONLY="floor,silogate,haproxy,proxysql", PROXYSQL=str(ends)))
    assert done.returncode == 0, done.stdout + done.stderr
    # each round silogate and the floor once, and whoever fails three times; sysbench takes whole seconds
    assert (tmp_path / "calls").read_text().split() == ["none"] + ["2"] * (2 * (1 + 1 + 3))
    written = json.loads((build / "bench.json").read_text())
    assert written["machine"]["seconds"] == 2.5 and written["machine"]["rounds"] == 2
    assert written["read_write_8"]["silogate"]["tps"] == 2.5 and written["read_write_8"]["haproxy"] is None
    assert "has closed the connection" in written["failed"]["haproxy"]  # the last reason
    assert "does not listen" in written["failed"]["proxysql"]
    assert written["idle"]["silogate"]["bytes"] > 0 and written["idle"]["haproxy"] is None
    empty = re.findall(r"(?m)^  (haproxy|proxysql) +-( +-)* +(\S.*)", done.stdout)
    assert [(name, re.search("unable to connect|closed|not listen", why)[0]) for name, _, why in empty] == [
        ("haproxy", "unable to connect"), ("proxysql", "not listen"), ("haproxy", "closed"), ("proxysql", "not listen")]
    assert "2 rounds of 2.5 s" in done.stdout


@pytest.mark.parametrize("argument, code", [("--help", 0), ("-h", 0), ("logins", 2)])
def test_an_argument_measures_nothing(tmp_path, argument, code):
    done = subprocess.run([places.TOP / "bench/run", argument], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, PATH="/usr/bin", SILOGATE_BUILD=str(tmp_path)))
    assert done.returncode == code
    assert "PARTS=points,bulk" in (done.stderr if code else done.stdout)
    assert not list(tmp_path.iterdir())
