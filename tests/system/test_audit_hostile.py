"""silogate audit before catalogues that nobody should have: names with anything in them, views sixty deep or without
what they stand on, definers that are gone, many tables, an account that may not see, a server that ends meanwhile."""
import json
import threading

import pytest

from harness import gate as gates

INI = """
[policy]
mode = block
unowned = block
[upstream:main]
address = unix:{socket}
account = {account}
[service:front]
user = ah_front
owns = ah_front.*
[service:back]
user = ah_back
owns = ah_back.*
"""
ODD = ["a\nb", "\u202etxt.exe", "q'\"<&>`", "\x1b[31mred", "患" * 45, "a b.c", "--", "/*", "\\"]


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


@pytest.fixture
def hostile(server, tmp_path):
    free = ["SET foreign_key_checks = 0", "DROP DATABASE IF EXISTS ah_front", "DROP DATABASE IF EXISTS ah_back",
            "DROP USER IF EXISTS ah_front@'%'", "DROP USER IF EXISTS ah_weak@'localhost'"]
    server.sql(*free, "CREATE DATABASE ah_front", "CREATE DATABASE ah_back", "CREATE TABLE ah_back.t (id INT PRIMARY KEY)",
               "CREATE USER ah_front@'%' IDENTIFIED BY 'x'")
    path = tmp_path / "proxy.ini"
    path.write_text(INI.format(socket=server.socket, account="root"))
    yield server, path
    server.sql(*free)


def found(path):
    done = gates.run("audit", "-c", path, "--json")
    assert done.returncode in (0, 1), done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["name"]: one for one in lines if str(one.get("schema", "")).startswith("ah_")}


@pytest.mark.parametrize("form", ["--text", "--markdown", "--sarif", "--sql"])
def test_names_with_anything_in_them(hostile, form):
    server, path = hostile
    server.sql(*[f"CREATE VIEW ah_front.{quoted(name)} AS SELECT id AS a FROM ah_back.t" for name in ODD])
    assert set(found(path)) == set(ODD)
    done = gates.run("audit", "-c", path, form)
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout.replace("\\u202e", "")
    if form in ("--text", "--markdown"):
        assert sum("ah_back.t" in line for line in done.stdout.splitlines()) == len(ODD)  # no row is broken


def test_views_sixty_deep_and_views_without_a_table(hostile):
    """Each step is a view of its own: the first that touches another's is told of."""
    server, path = hostile
    texts = ["CREATE TABLE ah_front.gone (id INT)", "CREATE VIEW ah_front.lost AS SELECT id FROM ah_front.gone",
             "CREATE VIEW ah_front.lost2 AS SELECT g.id FROM ah_front.gone g JOIN ah_back.t x ON x.id = g.id",
             "CREATE VIEW ah_front.d0 AS SELECT id FROM ah_back.t"]
    texts += [f"CREATE VIEW ah_front.d{n} AS SELECT id FROM ah_front.d{n - 1}" for n in range(1, 60)]
    server.sql(*texts, "DROP TABLE ah_front.gone")
    assert set(found(path)) == {"lost2", "d0"}


def test_definers_that_are_gone(hostile):
    server, path = hostile
    server.sql("CREATE DEFINER = nobody@nowhere VIEW ah_front.v AS SELECT id FROM ah_back.t",
               "CREATE DEFINER = nobody@nowhere PROCEDURE ah_front.p() DELETE FROM ah_back.t",
               "CREATE TABLE ah_front.t (id INT)",
               "CREATE DEFINER = nobody@nowhere TRIGGER ah_front.g AFTER INSERT ON ah_front.t FOR EACH ROW"
               " DELETE FROM ah_back.t")
    assert {name: one["definer"] for name, one in found(path).items()} == dict.fromkeys("vpg", "nobody@nowhere")


def test_an_account_that_may_not_see(hostile):
    """What it lacks is said, with exit status 2 or as undetermined: never "nothing crosses"."""
    server, path = hostile
    server.sql("CREATE VIEW ah_front.v AS SELECT id FROM ah_back.t", "CREATE PROCEDURE ah_front.p() DELETE FROM ah_back.t",
               "CREATE USER ah_weak@localhost IDENTIFIED BY ''")
    path.write_text(INI.format(socket=server.socket, account="ah_weak"))
    done = gates.run("audit", "-c", path)
    assert done.returncode == 2 and "ah_weak" in done.stderr, (done.stdout, done.stderr)
    server.sql("GRANT SELECT ON *.* TO ah_weak@localhost", "GRANT EXECUTE ON ah_front.* TO ah_weak@localhost")
    done = gates.run("audit", "-c", path, "--json")
    assert done.returncode in (1, 2), done.stderr
    if done.returncode == 1:
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        ours = {one["name"]: one for one in lines if str(one.get("schema", "")).startswith("ah_")}
        assert ours["p"]["touches"] or not ours["p"]["determined"]
        assert ours["v"]["touches"] or not ours["v"]["determined"]


def test_a_connection_that_ends_meanwhile(hostile):
    """Killed again and again: an audit is whole, or says that it is not."""
    server, path = hostile
    server.sql(*[f"CREATE PROCEDURE ah_front.p{n}() DELETE FROM ah_back.t" for n in range(60)])
    path.write_text(INI.format(socket=server.socket, account="root"))
    over = threading.Event()

    def kill():
        while not over.wait(0.1):
            for thread, in server.sql("SELECT id FROM information_schema.processlist WHERE info LIKE '%SHOW CREATE%'"
                                      " AND id <> CONNECTION_ID()"):
                try:
                    server.sql(f"KILL {thread}")
                except Exception:  # it has ended by itself
                    pass

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for _ in range(2):
            done = gates.run("audit", "-c", path, "--json")
            assert done.returncode == 2 and "error 20" in done.stderr or len(
                [line for line in done.stdout.splitlines() if '"ah_front"' in line and '"routine"' in line]) == 60
    finally:
        over.set()
        killer.join()
