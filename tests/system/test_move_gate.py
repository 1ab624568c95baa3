"""What a session behind silogate sees of moves beside its plain statements: reloads in the middle of a hold, statements
that were prepared before, an instance that has missed the hold."""
import time

import pytest

from harness import gate as gates, places
from test_moves import NEW, OLD, Load, make_scene  # noqa: F401: the fixture


def slow_step(server, step, seconds):
    """The mover stays for so long where it notes the step in its journal."""
    server.sql("DROP TRIGGER IF EXISTS silogate.slow",
               "CREATE TRIGGER silogate.slow BEFORE INSERT ON silogate.journal FOR EACH ROW"
               f" BEGIN IF NEW.step = '{step}' THEN DO SLEEP({seconds}); END IF; END")


def control(gate):
    """Turns silogate's control socket on, by its file; for the next start."""
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)


@pytest.mark.parametrize("step", ["announced", "switching"])
def test_a_reload_and_an_override_do_not_end_a_hold(make_scene, step):
    """The door was opened by either while the mover went on: clients saw the tables go."""
    scene = make_scene()
    gate = scene.gate
    control(gate)
    gate.stop()
    gate.start()
    assert places.wait_for(scene.is_followed, 15), gate.log()
    slow_step(scene.server, step, 1)
    other = "[move:another]\nservice = payment\ntable = mv_old.payments\nto = mv_new\nalias = none\n[move:tables]"
    with Load(scene) as load:
        time.sleep(0.5)
        for options, place in (((), NEW), (("--back",), OLD)):
            mover = scene.start_move(*options)
            assert places.wait_for(lambda: scene.server.sql(
                "SELECT 1 FROM information_schema.processlist WHERE state = 'User sleep'"), 20), mover.communicate()
            # another section before the one that moves: its place in the file is another
            gate.reload(ini=gate.ini.replace("[move:tables]", other) if not options else
                        gate.ini.replace(other, "[move:tables]"))
            done = gates.run("ctl", "-c", gate.path, "mode", "payment", "log", "--for", "1s")
            assert done.returncode == 0, done.stderr
            out, errors = mover.communicate(timeout=60)
            assert mover.returncode == 0, out + errors + gate.log()[-2000:]
            assert scene.stand_in(place)
            # the configuration that has waited is in force then
            assert places.wait_for(lambda: scene.move("--status").returncode == 0 and scene.is_followed(), 10)
            time.sleep(1.5)  # the override is over
    load.check()
