"""What clients see of a takeover that comes at an unlucky moment for them."""
import contextlib
import time

import pymysql
import pytest

from test_takeover import generations  # noqa: F401


@pytest.mark.parametrize("autocommit", [False, None], ids=["the driver sends a SET", "it sends nothing"])
def test_clients_that_have_just_logged_in(mariadb, generations, autocommit):  # noqa: F811
    """Their first statement is answered, also where the driver has sent one of its own before; then they are told to
    go as all others are."""
    line = generations(mariadb, ("proxy", "drain_timeout", "4s"), ("proxy", "workers", "2"))
    came = []
    for _ in range(16):
        came.append((line.gate.connect("lab_service", autocommit=autocommit), time.monotonic()))
    line.upgrade()
    early, gone = [], []
    for client, since in came:
        time.sleep(max(0, since + .8 - time.monotonic()))
        late = time.monotonic() > since + 1  # this machine is too slow
        try:
            client.cursor().execute("SELECT 1")
        except pymysql.Error as error:
            (gone if late else early).append(error.args[0])
    assert not early
    for client, _ in came:
        with contextlib.suppress(pymysql.InterfaceError):  # it was late
            with pytest.raises(pymysql.OperationalError) as told:
                while True:
                    client.cursor().execute("SELECT 1")
                    time.sleep(.05)
            gone.append(told.value.args[0])
    assert gone == [1053] * len(came)
    assert line.old[-1].wait(30) == 0
