"""The options that a subcommand takes, those of its --help, of the manual page and of bash's completion are the same."""
import functools
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from harness import places

COMPLETION = places.TOP / "packaging/completion/silogate.bash"
SUBCOMMANDS = re.findall(r'\{"([a-z]+)",', (places.TOP / "cmd/main.c").read_text())


def run(*words, folder=None):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60, cwd=folder)


def options(text):
    return set(re.findall(r"(?<![a-z-])--[a-z][a-z-]*", text))


@functools.cache
def taken(subcommand):
    """By the table that getopt has."""
    source = (places.TOP / f"cmd/{subcommand}.c").read_text()
    if "STATE_OPTIONS" in source:
        source += (places.TOP / "cmd/state_options.h").read_text()
    return {f"--{name}" for name in re.findall(r'\{\s*\\?\s*"([a-z-]+)",\s*(?:required|no)_argument', source)}


def complete(*words, folder=None):
    """What bash would offer for the last of the words, with the script as it is sourced by a shell."""
    asked = " ".join(f"'{word}'" for word in words)
    done = run("bash", "-c", f"source {COMPLETION}; complete -p silogate >/dev/null || exit 9; "
               f"COMP_WORDS=({places.SILOGATE.resolve()} {asked}); COMP_CWORD={len(words)}; "
               "_silogate; printf '%s\\n' \"${COMPREPLY[@]}\"", folder=folder)
    assert done.returncode == 0 and not done.stderr, done
    return set(done.stdout.split())


def test_subcommands():
    assert len(SUBCOMMANDS) > 8
    assert complete("") == {*SUBCOMMANDS, "--help"}
    assert set(re.findall(r"(?m)^  ([a-z]+)  ", run(places.SILOGATE, "--help").stdout)) == set(SUBCOMMANDS)


@pytest.mark.long(short=4)
@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_options_are_the_same_everywhere(subcommand):
    said = run(places.SILOGATE, subcommand, "--help").stdout
    wanted = taken(subcommand) - {"--help"}
    assert options(said) - {"--help"} == wanted
    assert complete(subcommand, "--") == wanted | {"--help"}
    short = {one for one in complete(subcommand, "-") if not one.startswith("--")}
    assert short == ({"-c"} if "--config" in wanted else set())
    for one in wanted:
        assert complete(subcommand, one) >= {one}


def test_the_manual_page_has_them(tmp_path):
    done = run(places.TOP / "scripts/man", places.SILOGATE.resolve(), "0", tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "silogate.1").read_text().replace("\\-", "-")
    for subcommand in SUBCOMMANDS:
        section = re.search(rf"(?ms)^\.SH {subcommand.upper()}\n(.*?)(?=^\.SH)", page)[1]
        assert options(section) - {"--help"} == taken(subcommand) - {"--help"}


def test_words_behind_a_subcommand(tmp_path):
    (tmp_path / "mine.ini").touch()
    calls = set(re.findall(r"(?m)^  ([a-z]+)\b", run(places.SILOGATE, "ctl", "--help").stdout))
    assert calls > {"sessions", "mode", "reload", "instances"}
    for before in ([], ["-c", "mine.ini"], ["--json"], ["--socket", "/run/x", "--json"]):
        assert complete("ctl", *before, "") == calls, before
    assert complete("ctl", "mode", "", folder=tmp_path) == {"mine.ini"}
    assert complete("learn", "") == complete("learn", "-c", "mine.ini", "") == {"general", "slow", "digests", "explain"}
    assert complete("explain", "--dialect", "") == {"mysql", "mariadb"}
    for words in (["check", "-c", "m"], ["run", "--config", "m"], ["explain", "m"], ["audit", "--log", "m"],
                  ["ctl", "--config", "m"]):
        assert complete(*words, folder=tmp_path) == {"mine.ini"}, words
    assert complete("nonsense", "--") == {"--help"}


@pytest.mark.parametrize("line, wanted", [
    ("ctl mode billing ", {"log", "block"}),
    ("ctl -c x --json mode billing b", {"block"}),
    ("ctl allow billing ", {"on"}),
    ("ctl allow billing on clinical.% ", {"access"}),
    ("ctl allow billing on clinical.% access ", {"read", "write"}),
])
def test_fixed_words_of_ctl(line, wanted):
    assert complete(*line.split(" ")) == wanted


@pytest.mark.parametrize("line", ["ctl mode ", "ctl kill 7 ", "ctl show ", "ctl a/b ", "ctl -c ", "ctl --json -c "])
def test_what_is_free_is_completed_as_a_file(line, tmp_path):
    (tmp_path / "one.ini").write_text("")
    assert complete(*(line + "o").split(" "), folder=tmp_path) == {"one.ini"}


def test_a_tab_at_a_terminal(tmp_path):
    """bash with its readline: a TAB behind the beginning of a subcommand, and of an option."""
    rc = tmp_path / "rc"
    rc.write_text(f"PS1='$ '; PATH={places.SILOGATE.resolve().parent}:$PATH; source {COMPLETION}\n")
    process, terminal = pty.fork()
    if process == 0:
        os.environ["TERM"] = "dumb"
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", str(rc), "-i"])
    seen = b""

    def until(text):
        nonlocal seen
        end = time.monotonic() + 60
        while text not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 4096)
        assert text in seen, seen

    try:
        until(b"$ ")
        os.write(terminal, b"silogate exp\t")
        until(b"silogate explain ")
        os.write(terminal, b"--server\t")
        until(b"silogate explain --server-version ")
    finally:
        os.kill(process, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(process, 0)
