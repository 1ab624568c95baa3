"""The mariadb or mysql command line, the first argument (its command as JSON): see Client.java. It has no
timeout of its own: that is the server's."""
import json
import os
import re
import signal
import subprocess
import sys
import time

COMMAND, PORT, PACKED, USER, PASSWORD, DATABASE, *HANG = sys.argv[1:]
COMMAND = json.loads(COMMAND)
IS_MYSQL = COMMAND[-1].endswith("/mysql")
out = {}


def command(*options, port=PORT):
    return [*COMMAND, "--no-defaults", "-h127.0.0.1", f"-P{port}", f"-u{USER}", "-N", "-B",
            "--max-allowed-packet=128M", *(["--get-server-public-key"] if IS_MYSQL else []), *options, DATABASE]


def environment(password=PASSWORD):
    return dict(os.environ, MYSQL_PWD=password)


def run(text, *options, password=PASSWORD, **more):
    """(what it prints, the error's number)."""
    done = subprocess.run(command(*options, **more), input=text, capture_output=True, text=True, timeout=100,
                          env=environment(password))
    error = re.search(r"ERROR (\d+)", done.stderr)
    return done.stdout.strip(), error[1] if error else ""


def one(text, *options, **more):
    printed, error = run(text, *options, **more)
    assert not error, error
    return printed


def topic(name, what):
    try:
        out[name] = what()
    except Exception as error:
        out[name] = f"failed: {error!r}"


def in_time(begun):
    return "in time, " if time.monotonic() - begun < 40 else "late, "


def timeout():
    limit = "SET max_statement_time = 1" if "MariaDB" in one("SELECT VERSION()") else "SET max_execution_time = 1000"
    begun = time.monotonic()
    printed, _ = run(f"{limit}; SELECT SLEEP(60); SELECT 'alive'", "--force")
    return in_time(begun) + printed.split()[-1]


def cancel():
    """Ctrl-C: it opens a second connection and kills the query of the first."""
    begun = time.monotonic()
    process = subprocess.Popen(command("--unbuffered", "--force"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=environment())
    process.stdin.write(f"SELECT GET_LOCK('asleep {PORT}', 0) + SLEEP(60);\nSELECT 'alive';\n")
    process.stdin.flush()
    while one(f"SELECT IS_FREE_LOCK('asleep {PORT}')") == "1":
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=100)
    return in_time(begun) + printed.split()[-1]


def compression():
    found = set()
    for option in ["--compression-algorithms=zlib", "--compression-algorithms=zstd"] if IS_MYSQL else ["--compress"]:
        answer = one("SELECT REPEAT('z', 1000000); SELECT LENGTH('" + "w" * 2000000 + "')", option, port=PACKED)
        found.add("%d %s" % (len(answer.split()[0]), answer.split()[1]))
    return " or ".join(found)


def main():
    if HANG:
        one("SELECT GET_LOCK('dr1ver', 600)")
        return
    topic("login", lambda: one("SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())"))
    topic("refused", lambda: run("", password="wrong")[1])
    topic("error", lambda: run("SELECT nothing FROM nowhere_at_all")[1])
    topic("big", lambda: "%s %d" % (one("SELECT CONCAT('u', LENGTH('" + "x" * (17 << 20) + "'))"),
                                    len(one("SELECT REPEAT('y', 20000000)"))))
    topic("timeout", timeout)
    topic("cancel", cancel)
    topic("compression", compression)
    print(json.dumps(out))


main()
