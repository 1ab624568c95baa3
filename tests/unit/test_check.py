"""silogate check, as a user calls it: exit status, and one line a problem on the right stream."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SILOGATE = TOP / os.environ.get("SILOGATE_BUILD", "build") / "silogate"
GOOD = "[upstream:main]\naddress = 127.0.0.1:3307\n[service:a]\nuser = a\nowns = s.*\n"


def check(*arguments):
    return subprocess.run([SILOGATE, "check", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, errors="replace")


@pytest.fixture
def ini(tmp_path):
    def write(text):
        path = tmp_path / "proxy.ini"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_fine(ini):
    path = ini(GOOD + "[grant:g]\nservice = a\non = t.x\naccess = read\n")
    done = check("-c", path)
    assert done.returncode == 0
    assert done.stdout == (f"{path}: 1 service, 1 pattern, 1 grant: fine\n"
                           "1 service in log; what still changes for clients:\n"
                           "  [proxy] unknown_user = reject, the default: users of no service are refused\n")
    assert done.stderr == ""


def test_what_still_changes_in_log(ini, tmp_path):
    """Each thing by its place; of services in other modes nothing is said."""
    passing = ini("[proxy]\nunknown_user = pass\n" + GOOD)
    assert check("-c", passing).stdout.splitlines()[1:] == ["1 service in log; what still changes for clients:",
                                                            "  nothing"]
    authority = tmp_path / "ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", tmp_path / "key",
                    "-out", authority], check=True, capture_output=True, timeout=60)
    path = ini(GOOD + "database = s\ncertificate_name = a.internal\n[service:b]\nuser = b\nmode = block\ndatabase = t\n"
               "[edge:a->b]\nmode = block\n[edge:b->a]\nmode = log\n"
               f"[tls]\nclient_ca = {authority}\nclient = required\n"
               "[policy]\nmode = log\nundetermined = block\nunowned = block\nadministration = block\n")
    assert check("-c", path).stdout.splitlines()[1:] == [
        "1 service in log; what still changes for clients:",
        "  [proxy] unknown_user = reject, the default: users of no service are refused",
        "  [tls] client = required, line 18: clients without TLS are refused",
        "  [policy] undetermined = block, line 21: what cannot be determined is refused",
        "  [policy] unowned = block, line 22: what nobody owns is refused",
        "  [policy] administration = block, line 23: statements on the server are refused",
        "  database, of 1 of them: sessions that name none, or an alias, begin there",
        "  [service:a] certificate_name, line 7: clients without that certificate are refused",
        "  [edge:a->b] mode = block, line 12: what crosses there is refused"]
    for mode in ("block", "off"):
        assert len(check("-c", ini(GOOD + f"mode = {mode}\n")).stdout.splitlines()) == 1


def test_the_example_is_fine():
    done = check("-c", TOP / "proxy.ini")
    assert (done.returncode, done.stderr) == (0, "")


def test_warnings_do_not_fail(ini):
    path = ini(GOOD + "[grant:g]\nservice = a\non = t.x\naccess = read\nuntil = 2001-01-01\n")
    done = check("--config", path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith("fine, with 1 warning")
    assert done.stderr.startswith(f"{path}:10: warning: [grant:g] has expired")


def test_every_problem_in_the_order_of_lines(ini):
    path = ini(GOOD + "colour = red\n[service:b]\nuser = a\nowns = s.*\nowns = one.two.three\n"
               "[edge:a->c]\nmode = blokc\n[tls]\ncertificate = missing.pem\nkey = missing.key\n")
    done = check("-c", path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [int(line.split(":")[1]) for line in lines] == [6, 8, 9, 10, 11, 12, 14, 15]
    for line, part in zip(lines, ["no key 'colour'", "user a belongs", "belongs to [service:a]",
                                  "more than one dot", "there is no [service:c]",
                                  "did you mean block?", "missing.pem cannot be read",
                                  "missing.key cannot be read"]):
        assert line.startswith(f"{path}:") and part in line and ";" in line


def test_every_problem_of_what_is_read_after_other_errors(ini):
    """Suites and curves are read by the TLS library, and a grant's patterns after its service."""
    path = ini(GOOD + "[grant:g]\nservice = nobody\non = t.x\non = nodot\naccess = read\n"
               "[tls]\ncertificate = auto\ncipher_suites = nosuch\ncurves = nosuch\n")
    done = check("-c", path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [int(line.split(":")[1]) for line in lines] == [7, 9, 13, 14]
    for line, part in zip(lines, ["there is no [service:nobody]", "no dot", "nosuch", "nosuch"]):
        assert part in line and ";" in line


def test_a_wrong_day_is_not_told_as_a_past_one(ini):
    path = ini(GOOD + "[grant:g]\nservice = a\non = t.x\naccess = read\nuntil = 2001-02-30\n")
    done = check("-c", path)
    assert done.returncode == 2
    assert [line.split(":", 2)[1] for line in done.stderr.splitlines()] == ["10"]


def test_files_that_are_no_certificates(ini, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing of the kind\n")
    path = ini(GOOD + "[tls]\ncertificate = empty.pem\nkey = empty.pem\n")
    done = check("-c", path)
    assert done.returncode == 2
    assert re.match(rf"{re.escape(str(path))}:[78]: ", done.stderr)


@pytest.mark.parametrize("bytes_", [b"", b"\0" * 5000, b"x" * 100000, b"[proxy]\nlisten = " + b"1" * 500])
def test_what_is_no_ini(ini, bytes_):
    path = ini(bytes_)
    done = check("-c", path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert all(re.match(rf"{re.escape(str(path))}:\d+: ", line) for line in done.stderr.splitlines())


def test_run_tells_as_much_as_check(ini):
    path = ini(GOOD + "[proxy]\nlisten = nowhere\n[edge:a->c]\nmode = block\n")
    done = subprocess.run([SILOGATE, "run", "-c", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    said = [re.sub(r"^\S+Z error ", "", line) for line in done.stderr.splitlines()]  # it is a log: with time and level
    assert said == check("-c", path).stderr.splitlines()
    assert [line.split(":")[1] for line in said] == ["7", "8"]


def test_no_file(tmp_path):
    done = check("-c", tmp_path / "none.ini")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path}/none.ini:1: cannot be opened")


@pytest.mark.parametrize("arguments", [[], ["-c"], ["-x"], ["proxy.ini"], ["-c", "a.ini", "b.ini"]])
def test_misuse(arguments):
    done = check(*arguments)
    assert done.returncode == 2
    assert "usage: silogate check -c FILE" in done.stderr
    assert done.stdout == ""


def test_help_and_keys():
    done = check("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage:") and done.stderr == ""
    done = check("--keys")
    assert done.returncode == 0 and "| `max_command` | `64M` | yes |" in done.stdout


@pytest.mark.parametrize("argument, starts", [("--version", "silogate "), ("version", "silogate "),
                                              ("--help", "usage: "), ("help", "usage: ")])
def test_what_everybody_tries_first(argument, starts):
    done = subprocess.run([SILOGATE, argument], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(starts)
