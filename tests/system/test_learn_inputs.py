"""silogate learn on what people give it as files: pipes, lines that end as on Windows, files that are no file, that are
cut or that grow. What can be read is read whole; what cannot is told of with exit status 2, and nothing hangs."""
import gzip
import json
import os
import subprocess
import threading

import pytest

from harness import gate as gates, places, wire

INI = places.TOP / "examples/nilecare/proxy.ini"
LOGS = places.TOP / "tests/learn"
KINDS = [("general", "general.log"), ("slow", "slow.log"), ("digests", "digests.tsv"), ("digests", "digests.json")]
FILES = [(kind, f"{server}-{name}") for server in ("mysql", "mariadb") for kind, name in KINDS]


def records(text):
    """What was learned; without the time of a file that has none."""
    found = [json.loads(line) for line in text.splitlines()]
    return sorted((one["reason"], one["digest"] or "", one["count"], one["service"] or "", one["database"] or "")
                  for one in found)


def learn(kind, *files, **options):
    return gates.run("learn", kind, "-c", INI, *files, **options)


@pytest.mark.parametrize("kind, name", FILES)
def test_a_pipe_is_read_whole(kind, name, tmp_path):
    """What a shell gives for <(zcat log.gz): it can be read once, from its start."""
    expected = learn(kind, LOGS / name)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((LOGS / name).read_bytes()))
    writer.start()
    try:
        done = learn(kind, pipe)
    finally:
        os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
        writer.join()
    assert done.returncode == 0, done.stderr
    assert records(done.stdout) == records(expected.stdout) != []
    by_shell = subprocess.run(["bash", "-c", f'"{places.SILOGATE}" learn {kind} -c "{INI}" <(cat "{LOGS / name}")'],
                              capture_output=True, text=True, timeout=60)
    assert records(by_shell.stdout) == records(expected.stdout)


@pytest.mark.parametrize("kind, name", FILES)
def test_lines_that_end_as_on_windows(kind, name, tmp_path):
    expected = learn(kind, LOGS / name)
    path = tmp_path / "log"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + (LOGS / name).read_bytes().replace(b"\n", b"\r\n"))
        done = learn(kind, path)
        assert (done.returncode, records(done.stdout)) == (0, records(expected.stdout)), done.stderr
        counted = [run.stderr.splitlines()[1:3] for run in (done, expected)]
        assert counted[0] == counted[1]


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in KINDS}))
def test_what_is_no_log(kind, tmp_path):
    """Exit status 2 and the reason, in every case."""
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zeros").write_bytes(bytes(1 << 20))
    (tmp_path / "binary").write_bytes(os.urandom(1 << 18))
    (tmp_path / "utf16").write_bytes((LOGS / "mysql-general.log").read_text().encode("utf-16"))
    (tmp_path / "empty.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    for name, why in (("empty", "no"), ("zeros", ""), ("binary", ""), ("utf16", ""), ("empty.gz", "no"),
                      ("one", "Too many levels"), ("missing", "No such file"), (".", "is a folder")):
        done = learn(kind, tmp_path / name, timeout=60)
        assert done.returncode == 2 and done.stdout == "" and why in done.stderr, (name, done.stderr)


@pytest.mark.parametrize("kind, name", FILES[:3])
def test_a_compressed_file_that_is_cut(kind, name, tmp_path):
    """What came before the cut is learned, and the exit status says that it is not all."""
    whole = records(learn(kind, LOGS / name).stdout)
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress((LOGS / name).read_bytes())[:-9])
    done = learn(kind, path)
    assert done.returncode == 2 and "ends too soon" in done.stderr
    assert set(one[:2] for one in records(done.stdout)) <= set(one[:2] for one in whole)


def test_a_log_that_grows(tmp_path):
    """A server goes on to write: what is there is learned, and it ends."""
    path = tmp_path / "general.log"
    text = (LOGS / "mysql-general.log").read_bytes()
    path.write_bytes(text)
    over = threading.Event()

    def write():
        with open(path, "ab") as to:
            while not over.wait(0.001):
                to.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = learn("general", path, timeout=120)
    finally:
        over.set()
        writer.join()
    learned, whole = [{one[1] for one in records(text)} for text in (
        done.stdout, learn("general", LOGS / "mysql-general.log").stdout)]
    assert done.returncode == 0 and learned >= whole


def test_a_field_list_as_the_servers_write_it(server, tmp_path):
    """The table, a blank and the wildcard, which may be empty."""
    server.sql("CREATE TABLE nilecare.`payments of old` (id INT)")
    mark, path = server.mark(), tmp_path / "log"
    try:
        session = wire.connect(server.port, "billing_service", capabilities=wire.USUAL & ~wire.DEPRECATE_EOF)
        for command in (b"invoices\0", b"payments\0", b"payments\0%", b"payments of old\0"):
            session.command(b"\x04" + command)
            while session.receive()[0] != 0xfe:
                pass
        session.quit()
        path.write_text(server.log(mark))
    finally:
        server.sql("DROP TABLE nilecare.`payments of old`")
    done = learn("general", path)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    named = [(one["kind"], one["objects"][0]["name"], one["count"]) for one in found]
    assert {name for _, name, _ in named} == {"payments", "payments of old"}, (named, done.stderr)
    assert {kind for kind, *_ in named} == {"field_list"} and sum(count for *_, count in named) == 3
