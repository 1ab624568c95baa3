"""Where names compare without case (lower_case_table_names = 1) the servers fold letters beyond ASCII as well: a Kelvin
sign is a k, the Turkish capital I with its dot an i. Whatever name a server takes for another's, it does not pass."""
import os

import pytest

from harness import gate, servers, wire

SECRET = "f0ld-c4n4ry"
INI = gate.spying("fold_spy", "bank.*", "iklim.*", unowned="log", administration="log")
NAMES = {"kelvin": ("bank", "ban\u212a"), "upper": ("bank", "BANK"), "kelvin and upper": ("bank", "B\u0041N\u212a"),
         "dot": ("iklim", "\u0130KL\u0130M"), "one dot": ("iklim", "\u0130klim"), "turkish": ("iklim", "IKL\u0130M"),
         "combining": ("iklim", "i\u0307klim")}


@pytest.fixture(scope="module", params=["mariadb"] + (["mysql"] if os.environ.get("SILOGATE_LONG") else []))
def folding(request):
    server = servers.FOLDING[request.param]()
    try:
        server.install()
        server.start()
        server.sql(*(text for database in ("bank", "iklim", "own") for text in (
            f"CREATE DATABASE {database}", f"CREATE TABLE {database}.t (id INT, name VARCHAR(60))",
            f"INSERT INTO {database}.t VALUES (1, '{'own' if database == 'own' else SECRET}')")),
                   "CREATE USER fold_spy@'%' IDENTIFIED BY 'fold_spy-secret'", "GRANT ALL ON *.* TO fold_spy@'%'")
        with gate.running(server, ini=INI) as one:
            yield server, one
    finally:
        server.stop()
        server.remove()


def login(port, database="own", **options):
    return wire.connect(port, "fold_spy", database, password="fold_spy-secret", **options)


def heard(client, step):
    """What a step and a look at `t` behind it bring; an error is its text."""
    found = ""
    for one in (step, lambda: client.query("SELECT name FROM t"), lambda: client.query("SHOW TABLES")):
        try:
            found += repr([answer.rows for answer in one() or ()])
        except wire.Error as error:
            found += str(error)
    return found


def steps(client, database, name):
    encoded = name.encode()
    return {
        "COM_INIT_DB": lambda: client.ok(b"\x02" + encoded) and None,
        "USE": lambda: client.query(b"USE `" + encoded + b"`"),
        "bare": lambda: client.query(b"SELECT name FROM " + encoded + b".t"),
        "quoted": lambda: client.query(b"SELECT name FROM `" + encoded + b"`.t"),
        "write": lambda: client.query(b"UPDATE `" + encoded + b"`.t SET name = 'gone'"),
        "prepared": lambda: client.execute(client.prepare(f"SELECT name FROM `{name}`.t")[0]),
        "drop": lambda: client.query(b"DROP TABLE `" + encoded + b"`.t"),
    }


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_folds(folding, name, tracked):
    """Also where the server does not tell which database it has entered."""
    server, one = folding
    database, spelt = NAMES[name]
    for step in steps(None, database, spelt):
        client = login(one.port, capabilities=wire.USUAL if tracked else wire.USUAL & ~wire.SESSION_TRACK)
        found = heard(client, steps(client, database, spelt)[step])
        assert SECRET not in found, (step, found)
        client.quit()
    with pytest.raises(wire.Error):
        login(one.port, spelt).query("SELECT name FROM t")
    assert server.sql(f"SELECT name FROM {database}.t") == ((SECRET,),)
    client = login(one.port)
    assert client.query("SELECT name FROM OWN.T")[0].rows == [["own"]]
    client.quit()


def test_the_server_takes_them_for_another_s(folding):
    """Without silogate some of these names do reach it: the test above tries something."""
    server, _ = folding
    taken = set()
    for name, (database, spelt) in NAMES.items():
        client = login(server.port)
        if SECRET in heard(client, steps(client, database, spelt)["COM_INIT_DB"]):
            taken.add(name)
        client.quit()
    assert {"upper", "kelvin", "dot"} <= taken, taken
