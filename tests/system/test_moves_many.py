"""A move of many tables: what is asked of the server grows with their number, and not with its square."""
import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture


def asked(scene, *options):
    """The questions to information_schema of one call."""
    mark = scene.server.mark()
    told = scene.move("--dry-run", *options)
    assert told.returncode == 0, told.stdout + told.stderr
    return sum("information_schema" in line for line in scene.server.log(mark).splitlines())


@pytest.mark.long
def test_what_is_asked_of_the_catalogue(make_scene):  # noqa: F811
    """For each table nine questions were asked, of which MariaDB answered each by opening all tables and views: a way
    back of 400 tables took 99 s, now 5."""
    few = make_scene(tables=5)
    there, back = asked(few), None
    assert few.move().returncode == 0
    back = asked(few, "--back")
    assert few.move("--back").returncode == 0
    more = 30
    few.server.sql(*(f"CREATE TABLE {OLD}.tmore{i} (id INT PRIMARY KEY) ENGINE=InnoDB" for i in range(more)))
    assert asked(few) - there < 3 * more
    moved = few.move()
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert len(few.standing()) == 5 + more and set(few.standing().values()) == {NEW}
    assert asked(few, "--back") - back < 2 * more
    assert places.wait_for(lambda: few.move("--back").returncode == 0) and set(few.standing().values()) == {OLD}


def test_a_rename_that_would_take_longer_than_the_hold(make_scene):  # noqa: F811
    """A thousand tables stood locked for 21 s, whatever `hold` said."""
    scene = make_scene(tables=80, ini=INI.replace("hold = 10s", "hold = 10ms"))
    told = scene.move()
    if scene.server.name == "mysql":  # MariaDB may take less than 0.1 ms for one
        assert told.returncode == 1 and "of 80 tables" in told.stdout and "longer than the hold" in told.stdout, told.stdout
        assert "move fewer tables by one section, or write hold = " in told.stdout
        assert scene.stand_in(OLD)


def test_rights_by_all_ways(make_scene):  # noqa: F811
    """By the database, by patterns of databases, on tables and columns, of two accounts that differ by case alone; what
    is at the target already is not given again."""
    scene = make_scene(tables=3)
    server = scene.server
    users = ["mv_case", "MV_case"]
    try:
        server.sql(*(f"CREATE USER {user}@'%' IDENTIFIED BY 'x-secret'" for user in users),
                   "GRANT SELECT ON mv_old.t0 TO mv_case@'%'", "GRANT SELECT ON mv_old.t0 TO MV_case@'%'",
                   "GRANT SELECT ON mv_new.* TO mv_case@'%'",
                   "GRANT UPDATE (note), SELECT (id) ON mv_old.t1 TO MV_case@'%' WITH GRANT OPTION",
                   "GRANT INSERT, UPDATE ON `mv\\_ol%`.* TO MV_case@'%'")
        printed = [line.strip().replace("`", "").replace('"', "'") for line in scene.move("--dry-run").stdout.splitlines()
                   if line.startswith("  GRANT")]
        assert "GRANT SELECT, INSERT, UPDATE ON mv_new.t0 TO 'MV_case'@'%'" in printed, printed
        assert not [line for line in printed if "'mv_case'" in line], printed
        assert "GRANT INSERT, UPDATE ON mv_new.t2 TO 'MV_case'@'%'" in printed, printed
        assert "GRANT INSERT, UPDATE ON mv_new.t1 TO 'MV_case'@'%' WITH GRANT OPTION" in printed, printed
        assert "GRANT SELECT (id) ON mv_new.t1 TO 'MV_case'@'%'" in printed, printed
        assert scene.move().returncode == 0
        rights = server.sql("SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA ="
                            " 'mv_new' AND TABLE_NAME = 't0' AND BINARY GRANTEE LIKE BINARY '%V_case%'")
        assert sorted(rights) == [("'MV_case'@'%'", "INSERT"), ("'MV_case'@'%'", "SELECT"), ("'MV_case'@'%'", "UPDATE")]
        again = scene.move("--back")
        assert again.returncode == 0
        # what it had not at the old place, and has now by its rights on the new database, is named
        assert [line.strip() for line in again.stdout.splitlines() if line.startswith("  GRANT")] == [
            f"GRANT SELECT ON `mv_old`.`{table}` TO 'mv_case'@'%'" for table in ("t1", "t2")]
    finally:
        server.sql(*(f"DROP USER IF EXISTS {user}@'%'" for user in users))
