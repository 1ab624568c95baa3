"""Several [move:] sections, and triggers that name tables of each other's: whatever the order of moves, there and back,
each trigger names what is there."""
import random
import subprocess

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

SECTIONS = {"tables": "t0", "others": "u0", "thirds": "w0"}


def trigger(table, reads):
    """It logs each row once, and reads other tables."""
    return (f"CREATE TRIGGER {table}_tr AFTER INSERT ON {table} FOR EACH ROW INSERT INTO lg (w, a)"
            f" SELECT '{table[0]}', NEW.number + 0 * COUNT(*) FROM {reads}")


def sections(alias):
    more = "".join(f"[move:{name}]\nservice = billing\ntable = {OLD}.{table[0]}*\nto = {NEW}\nhold = 10s\nalias = {alias}\n"
                   for name, table in SECTIONS.items() if name != "tables")
    owns = "".join(f"owns = {OLD}.{letter}*\n" for letter in ("u", "w", "lg"))
    return INI.replace("hold = 10s", f"hold = 10s\nalias = {alias}").replace("owns = mv_new.*\n", "owns = mv_new.*\n" + owns) + more


def call(scene, name, *options):
    return subprocess.run([str(places.SILOGATE), "move", name, "-c", str(scene.gate.path), f"--defaults-file={scene.defaults}",
                           *options], capture_output=True, text=True, timeout=120)


def moved(scene, name, *options):
    told = call(scene, name, *options)
    assert told.returncode == 0, (name, options, told.stdout + told.stderr)


def plant(scene, *triggers):
    with scene.server.root() as root, root.cursor() as cursor:
        cursor.execute(f"USE {OLD}")
        for sql in ("CREATE TABLE lg (n INT AUTO_INCREMENT PRIMARY KEY, w VARCHAR(5), a INT) ENGINE=InnoDB",
                    "CREATE TABLE u0 LIKE t0", "CREATE TABLE w0 LIKE t0", *triggers):
            cursor.execute(sql)
    scene.server.sql(f"GRANT TRIGGER ON {OLD}.* TO mv_billing@'%'", f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    assert places.wait_for(lambda: all(" seen " in call(scene, name, "--status").stdout for name in SECTIONS))


def texts(server):
    """The triggers' texts, without the old place, which a name without a database means."""
    found = {}
    for schema, name in server.sql("SELECT TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE"
                                   f" TRIGGER_SCHEMA IN ('{OLD}', '{NEW}')"):
        text = server.sql(f"SHOW CREATE TRIGGER {schema}.{name}")[0][2]
        found[name] = text.replace(f"`{OLD}`.", "").replace(f"{OLD}.", "").replace("`", "")
    return found


class Writer:
    """One session through silogate: each table is written once, and has had each of its triggers fire once."""

    def __init__(self, scene, client):
        self.scene, self.cursor, self.number = scene, client.cursor(), 0

    def write(self, *tables):
        for table in tables:
            self.number += 1
            self.cursor.execute(f"INSERT INTO {table} (client, number) VALUES (1, {self.number})")
            self.cursor.execute(f"SELECT w FROM lg WHERE a = {self.number}")
            assert self.cursor.fetchall() == ((table[0],),), table


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["view", "none"])
def test_sections_in_any_order(make_scene, alias):  # noqa: F811
    scene = make_scene(tables=1, ini=sections(alias))
    plant(scene, trigger("t0", f"u0 JOIN {OLD}.w0"), *([trigger("u0", f"{OLD}.t0 JOIN w0"), trigger("w0", f"t0 JOIN {OLD}.u0 u")]
                                                         if alias == "view" else []))
    before, chance, there = texts(scene.server), random.Random(11), dict.fromkeys(SECTIONS, False)
    written = ["t0", "u0", "w0"] if alias == "view" else ["t0"]
    with scene.connect() as client:
        writer = Writer(scene, client)
        writer.write(*written)
        for step in range(14):
            name = chance.choice(list(SECTIONS))
            if step >= 11:
                name = list(SECTIONS)[step - 11]
                if not there[name]:
                    continue
            told = call(scene, name, *(["--back"] if there[name] else []))
            if told.returncode == 0:
                there[name] = not there[name]
            else:  # the trigger that is left behind is named
                assert alias == "none" and f"t0_tr names {OLD}.{SECTIONS[name]}" in told.stdout, told.stdout + told.stderr
            writer.write(*written)
    assert not any(there.values()) and texts(scene.server) == before


@pytest.mark.long
def test_a_trigger_that_names_a_table_of_another_section(make_scene):  # noqa: F811
    """The mover wrote the other table's new place into its text, which was gone when that table went back."""
    scene = make_scene(tables=1, ini=sections("view"))
    plant(scene, trigger("t0", "u0"))
    before = texts(scene.server)
    with scene.connect() as client:
        writer = Writer(scene, client)
        for name, *options in (("others",), ("tables",), ("others", "--back"), ("others",), ("tables", "--back"),
                               ("others", "--back")):
            moved(scene, name, *options)
            writer.write("t0")
    assert texts(scene.server) == before


def test_a_trigger_that_would_name_nothing(make_scene):  # noqa: F811
    """Of a table that stays, with the new place or the alias in its text: the call is refused, and says which."""
    scene = make_scene(tables=1, ini=sections("view"))
    plant(scene)
    moved(scene, "others")
    with scene.connect() as client:
        client.cursor().execute(trigger("t0", "u0"))
        writer = Writer(scene, client)
        for options in (("--back", "--dry-run"), ("--back",)):
            told = call(scene, "others", *options)
            assert told.returncode == 1 and f"trigger {OLD}.t0_tr names {NEW}.u0" in told.stdout, told.stdout + told.stderr
            writer.write("t0")
        scene.server.sql(f"USE {OLD}", "DROP TRIGGER t0_tr", trigger("t0", "u0"))
        told = call(scene, "others", "--finish", "--unused-for", "0s")
        assert told.returncode == 1 and f"trigger {OLD}.t0_tr names {OLD}.u0" in told.stdout, told.stdout + told.stderr
        writer.write("t0")
        moved(scene, "others", "--back")
        writer.write("t0")
        moved(scene, "others")
        moved(scene, "others", "--back", "--accept-unmapped")
        scene.server.sql(f"USE {OLD}", "DROP TRIGGER t0_tr", trigger("t0", f"{NEW}.u0"))
        with pytest.raises(pymysql.err.ProgrammingError):
            writer.write("t0")
        moved(scene, "tables")  # it names where the table is
        writer.write("t0")


def test_variables_of_packages(make_scene):  # noqa: F811
    """MariaDB empties them wherever a view is made or dropped; the dry run says so."""
    scene = make_scene(tables=1)
    assert "package bodies" not in scene.move("--dry-run").stdout
    if scene.server.dialect != "mariadb":
        return
    with scene.server.root() as root, root.cursor() as cursor:
        for sql in ("SET sql_mode = 'ORACLE'", f"CREATE PACKAGE {OLD}.pk AS FUNCTION f RETURN INT; END",
                    f"CREATE PACKAGE BODY {OLD}.pk AS n INT := 0; FUNCTION f RETURN INT AS BEGIN RETURN n; END; END"):
            cursor.execute(sql)
    assert "the server has 1 package bodies" in scene.move("--dry-run").stdout
