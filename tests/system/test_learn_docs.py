"""docs/learn.md and docs/policy-tests.md are true: their commands are run on the logs of tests/learn/ and on
NileCare's files, and what they print is what the pages show. SILOGATE_WRITE_DOCS=1 writes them anew with
what came."""
import os
import re
import shutil
import subprocess

import pytest

from harness import places

BLOCK = re.compile(r"```\n(\$ .*?)```\n", re.DOTALL)


def masked(text):
    text = re.sub(r"policy [0-9a-f]{8} instead of [0-9a-f]{8}", "policy 0 instead of 0", text)
    return re.sub(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d", r"0000-00-00\g<1>00:00", text)


@pytest.fixture
def folder(tmp_path):
    for name in ("proxy.ini", "policy.test"):
        shutil.copy(places.TOP / "examples/nilecare" / name, tmp_path / name)
    for name in ("general.log", "slow.log", "digests.tsv"):
        shutil.copy(places.TOP / f"tests/learn/mysql-{name}", tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/silogate").symlink_to(places.SILOGATE.resolve())
    with open(tmp_path / "violations.jsonl", "w") as out:
        subprocess.run([places.SILOGATE, "learn", "general", "-c", "proxy.ini", "general.log"], cwd=tmp_path,
                       stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=60)
    return tmp_path


@pytest.mark.parametrize("name, commands", [("learn.md", 2), ("policy-tests.md", 3)])
def test_every_command_of_the_page(folder, name, commands):
    path = places.TOP / "docs" / name
    environment = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}")
    status = 0

    def block(found):
        nonlocal status
        out = ""
        for command in re.findall(r"(?m)^\$ (.*)$", found[1]):
            if command == "echo $?":
                out += f"$ {command}\n{status}\n"
                continue
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, text=True, timeout=60,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            status = done.returncode
            out += f"$ {command}\n" + re.sub(r"(?m) +$", "", done.stdout)
        return f"```\n{out}```\n"

    page = path.read_text()
    came, count = BLOCK.subn(block, page)
    assert count >= commands
    if "SILOGATE_WRITE_DOCS" in os.environ:
        path.write_text(came)
    assert masked(came) == masked(page)
