"""An undo that meets a takeover."""
import json
import threading
import time

import pytest

from harness import gate as gates, places
from test_takeover import generations  # noqa: F401: the fixture


@pytest.mark.long(short=4)
@pytest.mark.parametrize("late", [n / 250 for n in range(12)])
def test_an_undo_during_a_takeover_is_recorded_once(mariadb, generations, late):  # noqa: F811
    """Also where the successor has read the override already, and leads only after the undo."""
    line = generations(mariadb)
    gate = line.gate
    gate.uncounted = "one log is written by all of them"

    def ctl(*words):
        return gates.run("ctl", "-c", gate.path, "--json", *words)

    ids = [json.loads(ctl("allow", "billing", "on", "clinical_data.nothing", "access", "read", "--for", "10m").stdout)["id"]
           for _ in range(2)]
    done = []
    timer = threading.Timer(late, lambda: done.extend(ctl("undo", one) for one in ids))
    timer.start()
    line.upgrade()
    timer.join()
    assert [one.returncode for one in done] == [0, 0], done
    assert json.loads(ctl("overrides").stdout)["overrides"] == []
    assert places.wait_for(lambda: len(gate.events("override")) >= 4, 30)
    time.sleep(.3)
    assert [one["action"] for one in gate.events("override")] == ["begun"] * 2 + ["undone"] * 2
