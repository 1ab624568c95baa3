"""A file that cannot be read: each subcommand says `FILE:LINE: what is wrong; what to write instead` and exits 2."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SILOGATE = TOP / os.environ.get("SILOGATE_BUILD", "build") / "silogate"
INI = """[upstream:main]
address = 127.0.0.1:1
[service:a]
user = a
owns = s.*
database = s
"""
CASES = [  # {ini}, {missing}, {folder} and {empty} are paths
    "check -c {missing}", "check -c {folder}", "run -c {missing}", "suggest -c {missing} {empty}",
    "explain -c {missing} --user a {empty}", "explain -c {ini} --user a {missing}",
    "explain -c {ini} --user a {folder}", "explain -c {ini} --user a {utf16}", "explain -c {ini} --user a {gone}",
    "explain -c {ini} --user a --json {empty} {missing}", "report {missing}", "report {folder}",
    "report --json {empty} {missing}", "suggest {missing}", "suggest -c {ini} {folder}", "test -c {ini} {missing}",
    "test -c {ini} {folder}", "test -c {ini} --against {missing} {empty}", "test -c {ini} --against {ini} {missing}",
    "learn general -c {ini} {missing}", "learn slow -c {ini} {folder}", "learn digests -c {ini} {empty}",
    "learn explain -c {ini} --user a {missing}", "audit -c {ini} --defaults-file {missing}",
    "audit -c {ini} --defaults-file {folder}", "audit -c {ini}", "audit -c {ini} nobody",
    "move m -c {ini} --defaults-file {missing}", "move m -c {ini} --defaults-file {empty}", "ctl -c {ini} sessions",
]


@pytest.mark.parametrize("case", CASES)
def test_form(case, tmp_path):
    files = {"ini": tmp_path / "proxy.ini", "missing": tmp_path / "missing", "folder": tmp_path / "folder",
             "empty": tmp_path / "empty", "utf16": tmp_path / "utf16", "gone": tmp_path / "gone"}
    files["ini"].write_text(INI)
    files["folder"].mkdir()
    files["empty"].touch()
    files["utf16"].write_text("SELECT 1", encoding="utf-16")
    files["gone"].symlink_to(files["missing"])
    done = subprocess.run([SILOGATE, *case.format(**files).split()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    said = [re.sub(r"^\S+Z error ", "", line) for line in done.stderr.splitlines()]  # run's is a log: with time and level
    assert said and all(re.fullmatch(r"[^:]+:\d+: .+; .+", line) for line in said[:1]), done.stderr
