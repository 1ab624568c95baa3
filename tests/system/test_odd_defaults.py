"""A server whose defaults would cut silogate's own questions short, refuse them, or never commit what it writes: audit
says the same as before, tables move, an override is kept there."""
import json
import subprocess

import pytest

from harness import gate, places, servers
from test_moves import INI, NEW, OLD, Scene

DEFAULTS = ["autocommit = 0", "completion_type = 2", "sql_select_limit = 1", "sql_safe_updates = 1", "max_join_size = 1",
            "sql_big_selects = 0", "group_concat_max_len = 4", "wait_timeout = 2", "lc_messages = 'fr_FR'",
            "time_zone = '-11:00'", "default_storage_engine = 'MyISAM'", "sql_auto_is_null = 1",
            "character_set_server = 'utf16'", "transaction_read_only = 1", "transaction_isolation = 'SERIALIZABLE'"]
OWN = {"mariadb": ["max_statement_time = 0.001", "sql_mode = 'ORACLE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
                   "tx_read_only = 1", "tx_isolation = 'SERIALIZABLE'"],
       "mysql": ["max_execution_time = 1", "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
                 "sql_require_primary_key = 1", "show_create_table_verbosity = 1", "print_identified_with_as_hex = 1"]}


@pytest.fixture(params=["mariadb", "mysql"])
def odd(request):
    """The server, and what makes it odd."""
    one = servers.KINDS[request.param]()
    try:
        one.install()
        one.start()
        yield one, [*(DEFAULTS if request.param == "mysql" else DEFAULTS[:-2]), *OWN[request.param]]
    finally:
        one.remove()


def audit(scene):
    done = subprocess.run([str(places.SILOGATE), "audit", "-c", str(scene.gate.path), "--json",
                           f"--defaults-file={scene.defaults}"], capture_output=True, text=True, timeout=60)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    for finding in findings:
        del finding["ts"]
        for changing in ("threads", "ours"):
            finding.pop(changing, None)
    return done.returncode, done.stderr, sorted(map(str, findings))


def ask(server, statement):
    limit = "max_execution_time" if server.name == "mysql" else "max_statement_time"
    return server.sql(f"SET SESSION {limit} = 0, sql_big_selects = 1, sql_select_limit = 99", statement)


@pytest.mark.long
def test_odd_defaults_change_nothing(odd, make_gate, tmp_path):
    server, defaults = odd
    scene = Scene(server, make_gate, tmp_path, ini="[proxy]\ncontrol = unix:{password}.control\n" + INI)
    server.sql("CREATE VIEW mv_old.v AS SELECT * FROM mv_old.payments",
               "CREATE TRIGGER mv_old.tr AFTER INSERT ON mv_old.t0 FOR EACH ROW INSERT INTO mv_old.audit VALUES ('x')")
    before = audit(scene)
    assert len(before[2]) > 5, before
    scene.gate.stop()
    server.sql(*(f"SET GLOBAL {default}" for default in defaults))
    scene.gate.start()
    assert audit(scene) == before
    assert places.wait_for(scene.is_followed, 60), scene.gate.log()
    for options, place in (((), NEW), (("--back",), OLD)):
        moved = scene.move(*options)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        standing = dict(ask(server, "SELECT table_name, table_schema FROM information_schema.tables WHERE table_schema"
                                    f" IN ('{OLD}', '{NEW}') AND table_type = 'BASE TABLE' AND table_name LIKE 't%'"))
        assert standing == {f"t{i}": place for i in range(scene.tables)}
    told = gate.run("ctl", "--socket", f"{tmp_path}/password.control", "mode", "payment", "log", "--for", "1h")
    assert told.returncode == 0, told.stderr
    assert ask(server, "SELECT service, undone_by FROM silogate.overrides") == (("payment", None),)
