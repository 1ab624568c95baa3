"""docs/audit.md is true: its commands are typed before a MySQL with NileCare's example, and what they print is
what the page shows. SILOGATE_WRITE_DOCS=1 writes it anew with what came."""
import shlex
import subprocess

import pytest

from harness import gate as gates, places, typed


@pytest.fixture
def folder(mysql, tmp_path):
    """A DBA's: the policy, an option file, and the log of what services did."""
    (tmp_path / "proxy.ini").write_text(gates.change(gates.example(), "upstream:main", "address", f"unix:{mysql.socket}"))
    (tmp_path / "my.cnf").write_text(f"[client]\nuser = root\n[mysql]\nsocket = {mysql.socket}\n")
    typed.link(tmp_path, "silogate", places.SILOGATE.resolve())
    (tmp_path / "bin/mysql").write_text(f'#!/bin/sh\nexec {shlex.join(places.mysql_program("mysql"))} "$@"\n')
    (tmp_path / "bin/mysql").chmod(0o755)
    with open(tmp_path / "violations.jsonl", "w") as out:
        subprocess.run([places.SILOGATE, "learn", "general", "-c", "proxy.ini", places.TOP / "tests/learn/mysql-general.log"],
                       cwd=tmp_path, stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=60)
    return tmp_path


def test_every_command_of_the_page(folder):
    typed.check("audit.md", folder, 6)
