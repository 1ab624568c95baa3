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
