"""docs/learn.md is true: its commands are run on the logs of tests/learn/, and what they print is what the
page shows. SILOGATE_WRITE_DOCS=1 writes the page anew with what came."""
import os
import re
import shutil
import subprocess

from harness import places

PAGE = places.TOP / "docs/learn.md"
BLOCK = re.compile(r"```\n(\$ .*?)```\n", re.DOTALL)


def masked(text):
    return re.sub(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d", r"0000-00-00\g<1>00:00", text)


def test_every_command_of_the_page(tmp_path):
    shutil.copy(places.TOP / "examples/nilecare/proxy.ini", tmp_path / "proxy.ini")
    for name in ("general.log", "slow.log", "digests.tsv"):
        shutil.copy(places.TOP / f"tests/learn/mysql-{name}", tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/silogate").symlink_to(places.SILOGATE.resolve())
    environment = dict(os.environ, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")

    def block(found):
        out = ""
        for command in re.findall(r"(?m)^\$ (.*)$", found[1]):
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, text=True, timeout=60,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            out += f"$ {command}\n" + re.sub(r"(?m) +$", "", done.stdout)
        return f"```\n{out}```\n"

    page = PAGE.read_text()
    came, count = BLOCK.subn(block, page)
    assert count >= 2
    if "SILOGATE_WRITE_DOCS" in os.environ:
        PAGE.write_text(came)
    assert masked(came) == masked(page)
