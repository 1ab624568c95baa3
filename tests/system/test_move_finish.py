"""silogate move --finish: the aliases are dropped when nobody uses them, and the operator is told what is not known."""
import pytest

from harness import places
from test_moves import make_scene  # noqa: F401: the fixture
from test_moves_refused import refused, scene  # noqa: F401: the fixture


@pytest.mark.long
def test_unmapped(scene):  # noqa: F811
    """What goes to the alias is listed, refused for a day, and can be accepted; --finish asks for it too."""
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("SHOW TABLES")
    assert places.wait_for(lambda: "were seen in the last day" in scene.move("--dry-run").stdout)
    told = refused(scene)
    assert "--status lists them, --accept-unmapped leaves them to the alias" in told, told
    assert "1 times: a list of what stands in a database" in scene.move("--status").stdout
    assert scene.move("--accept-unmapped").returncode == 0
    early = scene.move("--finish")
    assert early.returncode == 1 and "the tables moved" in early.stdout, early.stdout
    assert "statements went to the views" in early.stdout and "say --unused-for" in early.stdout
    scene.server.sql("UPDATE silogate.journal SET at = at - INTERVAL 3 DAY")
    with scene.server.root() as root, root.cursor() as past:
        past.execute("TRUNCATE performance_schema.events_statements_summary_by_digest")  # it has no room for ever
        past.execute("SELECT COUNT(*) FROM mv_old.t1")
        used = scene.move("--finish")
        assert used.returncode == 1 and "mv_old.t1 was used" in used.stdout, used.stdout
        past.execute("TRUNCATE performance_schema.events_statements_summary_by_digest")
        past.execute("SELECT COUNT(*) FROM mv_new.t1")
    done = scene.move("--finish", "--unused-for", "2d")
    assert done.returncode == 0, done.stdout + done.stderr
    views = scene.server.sql("SELECT COUNT(*) FROM information_schema.views WHERE table_schema = 'mv_old'")
    assert int(views[0][0]) == 0
    assert scene.move("--back").returncode == 0


OFF = (("setup_consumers", "NAME = 'statements_digest'"),
       ("setup_instruments", "NAME = 'statement/sql/select'"),
       ("setup_actors", "TRUE"))


@pytest.mark.long
def test_what_digests_do_not_tell(scene, server):  # noqa: F811
    """The alias was dropped without a word, though it had been used."""
    scene.server.sql("CREATE TABLE mv_old.tables (id INT)")
    assert scene.move().returncode == 0
    digests = "performance_schema.events_statements_summary_by_digest"

    def told(seconds):
        return scene.move("--finish", "--dry-run", "--unused-for", f"{seconds}s").stdout

    with scene.server.root() as root, root.cursor() as past:
        past.execute(f"TRUNCATE {digests}")
        past.execute("SELECT 1")
        assert "a shorter time than --unused-for" in told(3600)
        assert places.wait_for(lambda: "a shorter time than --unused-for" not in told(1))
        before = told(3600)
        assert "mv_old.tables otherwise" in before and "t1 otherwise" not in before
        assert "max_digest_length" not in before and "setup_consumers" not in before
        assert ("no digests of executions" in before) == (server.dialect == "mariadb")
        past.execute("SELECT " + ", ".join(f"'a' AS a{i}" for i in range(130)) + " FROM mv_old.t1")
        assert "longer than max_digest_length" in told(3600)
        for table, which in OFF:
            past.execute(f"UPDATE performance_schema.{table} SET ENABLED = 'NO' WHERE {which}")
            try:
                assert "does not count all statements" in told(3600)
            finally:
                past.execute(f"UPDATE performance_schema.{table} SET ENABLED = 'YES' WHERE {which}")
        past.execute(f"TRUNCATE {digests}")


@pytest.mark.long
def test_digests_that_the_server_has_no_room_for(scene):  # noqa: F811
    """A use of the alias is then in none of them, and nothing was said."""
    assert scene.move().returncode == 0
    size, = scene.server.sql("SELECT @@performance_schema_digests_size")[0]
    digests = "performance_schema.events_statements_summary_by_digest"
    with scene.server.root() as root, root.cursor() as past:
        past.execute(f"TRUNCATE {digests}")
        assert "no room for all digests" not in scene.move("--finish", "--dry-run").stdout
        for number in range(size):
            past.execute(f"SELECT 1 AS a{number}")
        past.execute("SELECT COUNT(*) FROM mv_old.t1")
        told = scene.move("--finish", "--dry-run")
        assert "no room for all digests" in told.stdout, told.stdout
        past.execute(f"TRUNCATE {digests}")
