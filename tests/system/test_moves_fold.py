"""silogate move where names compare without case (lower_case_table_names = 1), and databases with odd names."""
import os
import pathlib

import pytest

from harness import gate, servers
from test_moves import INI, NEW, OLD, Scene


class Folding(servers.MariaDB):
    def command(self):
        return super().command() + ["--lower-case-table-names=1"]


class FoldingMySQL(servers.MySQL):
    def install(self):
        self.initialize()

    def _base(self):
        return super()._base() + ["--lower-case-table-names=1"]


@pytest.mark.parametrize("kind", [Folding] + ([FoldingMySQL] if os.environ.get("SILOGATE_LONG") else []))
def test_names_without_case(kind, tmp_path):
    server, gates = kind(), []

    def make_gate(upstream, **options):
        gates.append(gate.Gate(upstream, **options).start())
        return gates[-1]

    try:
        server.install()
        server.start()
        ini = INI.replace("table = mv_old.t*", "table = MV_Old.T*").replace("to = mv_new", "to = Mv_New")
        scene = Scene(server, make_gate, pathlib.Path(tmp_path), ini=ini)
        server.sql("CREATE TRIGGER mv_old.Tr BEFORE INSERT ON MV_OLD.T1 FOR EACH ROW SET NEW.note = 'tr'",
                   "CREATE PROCEDURE mv_old.P() SELECT COUNT(*) FROM MV_OLD.T1")
        for options, place in (((), NEW), (("--back",), OLD), ((), NEW)):
            moved = scene.move(*options)
            assert moved.returncode == 0, moved.stdout + moved.stderr
            assert scene.stand_in(place)
            assert ("routine mv_old.P" in moved.stdout) == (place == NEW)  # its text has the old name
            with scene.connect() as client, client.cursor() as cursor:
                cursor.execute("INSERT INTO MV_old.T1 (client, number) VALUES (1, %d)" % len(options))
                cursor.execute("SELECT mV_OLD.t1.NOTE FROM T1 WHERE number = %d" % len(options))
                assert cursor.fetchall()[0] == ("tr",)
                cursor.execute("TRUNCATE t1")
        for used in ("MV_OLD.T0", "mv_old.t0"):
            server.sql("TRUNCATE performance_schema.events_statements_summary_by_digest", f"SELECT COUNT(*) FROM {used}")
            assert "t0 was used" in scene.move("--finish", "--unused-for", "1h").stdout.lower()
    finally:
        for one in gates:
            one.stop()
        server.remove()
