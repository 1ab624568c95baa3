"""What the mover does to make triggers again: in whose settings, and with which text."""
import signal

from harness import places
from test_moves import INI, NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at


def test_an_account_that_was_dropped_meanwhile(make_scene, monkeypatch, server):  # noqa: F811
    """The triggers were tried with their own sql_mode, and MariaDB's GRANT then made the account again, without a password."""
    scene = make_scene(tables=1)
    server.sql(TRIGGERS[0], "DROP USER IF EXISTS mv_gone@'%'", "CREATE USER mv_gone@'%' IDENTIFIED BY 'x-secret'",
               "GRANT SELECT ON mv_old.t0 TO mv_gone@'%'")
    mover = stop_at(scene, monkeypatch, "placed")
    server.sql("DROP USER mv_gone@'%'")
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    try:
        assert not server.sql("SELECT User FROM mysql.user WHERE User = 'mv_gone'")
        assert mover.returncode == 1 and "Nothing has changed" in out, out + errors
    finally:
        server.sql("DROP USER IF EXISTS mv_gone@'%'")


# A client's character set, and a text that has other bytes there than in UTF-8; in the last two with a backslash in it.
CLIENTS = {"latin1": ("cp1252", "é ü ß €"), "cp1251": ("cp1251", "Привет"), "utf8mb4": ("utf8", "é ü ß"),
           "sjis": ("cp932", "表能"), "big5": ("big5", "功許")}


def shown(server):
    """The triggers' names, character sets and texts, as the bytes that the server keeps."""
    with server.root() as client, client.cursor() as cursor:
        cursor.execute("SELECT TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN"
                       f" ('{OLD}', '{NEW}') ORDER BY ACTION_ORDER")
        names = cursor.fetchall()
        cursor.execute("SET character_set_results = NULL")
        client.encoding = "latin1"  # so that each byte is a character
        rows = []
        for schema, name in names:
            cursor.execute(f"SHOW CREATE TRIGGER `{schema}`.`{name}`")
            row = cursor.fetchone()
            rows.append((name, row[1], row[3], row[4], row[2].split("FOR EACH ROW")[1]))
        return rows


def written(scene, number):
    with scene.connect(charset="utf8mb4") as client, client.cursor() as cursor:
        cursor.execute(f"INSERT INTO t0 (client, number, w) VALUES (1, {number}, '')")
        cursor.execute(f"SELECT w FROM t0 WHERE number = {number}")
        return cursor.fetchone()[0]


def create(server, charset, encoding, word, column="w"):
    with server.root() as client, client.cursor() as cursor:
        cursor.execute(f"SET NAMES {charset}")
        cursor.execute(f"CREATE TRIGGER mv_old.by_{charset} BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.{column} ="
                       f" CONCAT(NEW.{column}, '{word}')".encode(encoding))


def test_a_trigger_of_a_client_with_another_character_set(make_scene, monkeypatch, server):  # noqa: F811
    """Its text was sent as UTF-8 and taken for the client's character set: from then on it wrote something else."""
    scene = make_scene(tables=1, ini=INI.replace("hold = 10s", "hold = 1s"))
    server.sql("ALTER TABLE mv_old.t0 ADD w VARCHAR(100) CHARACTER SET utf8mb4")
    for charset, (encoding, word) in CLIENTS.items():
        create(server, charset, encoding, word)
    text, kept = "".join(word for _, word in CLIENTS.values()), shown(server)
    assert len(kept) == len(CLIENTS) and written(scene, 1) == text
    for number, (options, place) in enumerate((((), NEW), (("--back",), OLD), ((), NEW)), 2):
        moved = scene.move(*options)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert scene.stand_in(place) and shown(server) == kept and written(scene, number) == text
    mover = stop_at(scene, monkeypatch, "dropped", "--back")
    mover.kill()
    mover.wait()
    told = scene.move()
    assert told.returncode == 0 and told.stdout.count(": trigger mv_new.") == len(CLIENTS), told.stdout + told.stderr
    assert scene.stand_in(NEW) and shown(server) == kept and written(scene, 9) == text


def test_a_text_that_cannot_be_sent_again_is_refused(make_scene, server):  # noqa: F811
    scene = make_scene(tables=1)
    create(server, "binary", "latin1", "é", "note")
    for options in (["--dry-run"], []):
        told = scene.move(*options)
        assert told.returncode == 1 and "cannot be written as it is in binary" in told.stdout, told.stdout + told.stderr
    assert scene.stand_in(OLD) and len(shown(server)) == 1
