"""Pages of docs/ whose commands are typed and whose output is what came: blocks that begin with "$ ".
SILOGATE_WRITE_DOCS=1 writes a page anew with what came."""
import os
import re
import subprocess

from . import places

BLOCK = re.compile(r"```\n(\$ .*?)```\n", re.DOTALL)


def masked(text):
    """Without what differs from one run to the next."""
    text = re.sub(r"policy [0-9a-f]{8} instead of [0-9a-f]{8}", "policy 0 instead of 0", text)
    text = re.sub(r"MySQL \d+\.\d+\.\d+\S*,", "MySQL 0,", text)
    return re.sub(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d(:\d\dZ)?", r"0000-00-00\g<1>00:00", text)


def link(folder, name, target):
    """`name` is a command of those who type in `folder`."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).symlink_to(target)


def check(name, folder, commands):
    """Types each command of docs/NAME in `folder`, at least `commands` blocks of them, and compares."""
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
