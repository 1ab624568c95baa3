"""include and ${NAME} as somebody calls them: 60 files of 60 services, files that may not be read, links that go in
circles, files in files. The rest, line by line: tests/unit/config/test_include.c."""
import os
import re
import shutil
import subprocess

import pytest

from harness import places

HEAD = "[proxy]\nadmin = off\nlisten = 127.0.0.1:1\ninclude = conf.d/*.ini\n[upstream:main]\naddress = 127.0.0.1:1\n"


def call(folder, *words, user=None, environment=None, program=places.SILOGATE):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=120, cwd=folder,
                          user=user, extra_groups=[] if user else None, env=dict(os.environ, **environment or {}))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "proxy.ini").write_text(HEAD)
    return tmp_path


def service(name, more=""):
    return f"[service:{name}]\nuser = {name}_user\ndatabase = {name}\nowns = {name}.*\nmode = block\n{more}"


def said(done):
    """FILE:LINE of each line, without the folder, and all of it."""
    return re.findall(r"(?m)^(?:\S+Z error )?((?:conf\.d/)?[\w.-]+:\d+): ", done.stderr), done.stderr


def test_sixty_files_of_sixty_services(folder):
    for team in range(60):
        (folder / f"conf.d/{team:02}.ini").write_text("".join(
            service(f"t{team}s{one}", f"[grant:t{team}s{one}]\nservice = t{team}s{one}\naccess = read\n"
                    f"on = t{(team + 1) % 60}s{one}.rates\n") for one in range(60)))
    done = call(folder, "check", "-c", "proxy.ini")
    assert done.returncode == 0 and "3600 services, 3600 patterns, 3600 grants: fine" in done.stdout, done
    (folder / "q.sql").write_text("SELECT * FROM t1s7.rates;\nSELECT * FROM t2s7.rates;\n")
    done = call(folder, "explain", "-c", "proxy.ini", "--user", "t0s7_user", "--json", "q.sql")
    assert re.findall(r'\],"verdict":"(\w+)","reason":"(\w+)"', done.stdout) == [
        ("allow", "granted"), ("block", "foreign")], done
    # two teams with mistakes: each is named by its file and line, and in order
    for team, line in ((17, "moed = log"), (42, "owns = t3s3.*")):
        path = folder / f"conf.d/{team:02}.ini"
        path.write_text(path.read_text() + f"[service:late{team}]\nuser = late{team}\n{line}\n")
    for words in (("check",), ("run",)):
        places_, text = said(call(folder, *words, "-c", "proxy.ini"))
        assert places_ == ["conf.d/17.ini:543", "conf.d/42.ini:543"], text
    assert "line 31 of " in text and "conf.d/03.ini" in text


def test_files_that_may_not_be_read(folder):
    user = 65534 if os.geteuid() == 0 else None
    for one in (folder, *folder.parents):
        if user and one.stat().st_uid == 0 and "pytest" in str(one):
            one.chmod(0o755)
    program = folder / "silogate"  # where that user finds it, too
    shutil.copy(places.SILOGATE, program)
    for name in ("a", "b"):
        (folder / f"conf.d/{name}.ini").write_text(service(name))
    (folder / "conf.d/a.ini").chmod(0)
    found, text = said(call(folder, "check", "-c", "proxy.ini", user=user, program=program))
    assert found == ["proxy.ini:4"] and "conf.d/a.ini cannot be read: Permission denied" in text
    (folder / "conf.d/a.ini").chmod(0o644)
    assert call(folder, "check", "-c", "proxy.ini", user=user, program=program).returncode == 0
    (folder / "conf.d").chmod(0o311)  # may be entered, not listed
    try:
        found, text = said(call(folder, "check", "-c", "proxy.ini", user=user, program=program))
        assert found == ["proxy.ini:4"] and "the folder cannot be read: Permission denied" in text
    finally:
        (folder / "conf.d").chmod(0o755)


def test_links(folder):
    """In a circle, to nowhere, to proxy.ini itself, and to a file that is there by another name."""
    conf = folder / "conf.d"
    (conf / "a.ini").write_text(service("a"))
    for name, to, wanted in (("loop.ini", "loop.ini", "Too many levels of symbolic links"),
                             ("none.ini", "missing.ini", "No such file"),
                             ("self.ini", "../proxy.ini", "is read already"), ("twin.ini", "a.ini", "is read already")):
        (conf / name).symlink_to(to)
        found, text = said(call(folder, "check", "-c", "proxy.ini"))
        assert found == ["proxy.ini:4"] and f"conf.d/{name}" in text and wanted in text, (name, text)
        (conf / name).unlink()
    os.link(conf / "a.ini", conf / "b.ini")
    found, text = said(call(folder, "check", "-c", "proxy.ini"))
    assert found == ["proxy.ini:4"] and "conf.d/b.ini is read already" in text


def test_files_in_files_are_not_read(folder):
    """So there is no depth and no circle: a file that is included names no others, whatever it says."""
    conf = folder / "conf.d"
    (conf / "a.ini").write_text(service("a"))
    (conf / "deep.ini").write_text("[proxy]\ninclude = *.ini\ninclude = deeper/*.ini\n")
    (conf / "deeper").mkdir()
    (conf / "deeper/b.ini").write_text("nonsense\n")
    found, text = said(call(folder, "check", "-c", "proxy.ini"))
    assert found == ["conf.d/deep.ini:1"] and "[proxy] stands in a file that is included" in text


def test_many_patterns(folder):
    """Relative to the ini's folder, wherever it is called from; absolute; with each sign that a pattern knows."""
    for name in ("team-a", "team-b", "other"):
        (folder / f"conf.d/{name}.ini").write_text(service(name.replace("-", "")))
    (folder / "proxy.ini").write_text(HEAD.replace(
        "include = conf.d/*.ini", f"include = conf.d/team-[ab].ini\ninclude = {folder}/conf.d/othe?.ini"))
    for where, name in ((folder, "proxy.ini"), ("/", folder / "proxy.ini")):
        done = call(where, "check", "-c", name)
        assert done.returncode == 0 and "3 services" in done.stdout, done
    (folder / "proxy.ini").write_text(HEAD.replace("conf.d", "${SILOGATE_TEAMS}"))
    done = call(folder, "check", "-c", "proxy.ini", environment={"SILOGATE_TEAMS": "conf.d"})
    assert done.returncode == 0 and "3 services" in done.stdout, done
    found, text = said(call(folder, "check", "-c", "proxy.ini"))
    assert found == ["proxy.ini:4"] and "the environment has no SILOGATE_TEAMS" in text
