"""silogate audit on servers with other settings: names in any case (lower_case_table_names = 1), written in each place
in another one, and no event scheduler, where MariaDB shows no events."""
import json

import pytest

import test_audit
from harness import gate as gates, servers


class OtherMariaDB(servers.FoldingMariaDB):
    scheduler = "ON"

    def command(self):
        return super().command() + [f"--event-scheduler={self.scheduler}"]


class OtherMySQL(servers.FoldingMySQL):
    scheduler = "ON"

    def command(self):
        return super().command() + [f"--event-scheduler={self.scheduler}"]


@pytest.fixture(scope="module", params=[OtherMariaDB, OtherMySQL], ids=["mariadb", "mysql"])
def other(request):
    """Made with a scheduler, without which no event can be made; then without."""
    server = request.param()
    try:
        server.install()
        server.start()
        yield server
    finally:
        server.remove()


def test_every_crossing_is_found_in_any_case(other, tmp_path):
    server = other
    test_audit.run(server, test_audit.SCHEMA)
    if server.dialect == "mariadb":
        test_audit.run(server, test_audit.SEQUENCES)
    for text, *_ in test_audit.plants(server):
        test_audit.run(server, text.replace("au_front", "Au_Front"), T="AU_Back.People", S="AU_BACK")
    ini = test_audit.INI.format(address=f"unix:{server.socket}", account="root")
    for old, new in (("owns = au_back.*", "owns = Au_BACK.*"), ("owns = au_front.*", "owns = AU_Front.*"),
                     ("database = au_back", "database = AU_Back"), ("on = au_back.names", "on = au_BACK.NAMES")):
        assert old in ini
        ini = ini.replace(old, new)
    path = tmp_path / "proxy.ini"
    path.write_text(ini)
    users = ["audit_front", "audit_back", "audit_ledger"]
    server.sql(*[f"CREATE USER {user}@'%' IDENTIFIED BY 'x'" for user in users],
               "GRANT SELECT ON AU_BACK.People TO audit_front@'%'", "GRANT ALL ON `AU\\_FRONT`.* TO audit_front@'%'")
    before = found(path)
    assert {(kind, name.lower()) for kind, name, _ in before} >= {
        (plant[1], plant[2].lower()) for plant in test_audit.plants(server)}
    assert {owner for _, _, owner in before} == {"front", "back"}
    lines = [json.loads(line) for line in gates.run("audit", "-c", path, "--json").stdout.splitlines()]
    assert not [one for one in lines if one["finding"] in ("unmatched", "unowned")]
    made = gates.run("audit", "-c", path, "--sql").stdout
    server.sql(*[line.rstrip(";") for line in made.splitlines() if not line.startswith("--")])
    assert made and gates.run("audit", "-c", path, "--sql").stdout == ""
    # and the same without its event scheduler
    server.stop()
    server.scheduler = "DISABLED"
    server.start()
    assert server.sql("SELECT @@event_scheduler") == (("DISABLED",),)
    assert found(path) == before


def found(path):
    done = gates.run("audit", "-c", path, "--json")
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(one["finding"], one["name"], one["owner"]) for one in lines if one.get("verdict") == "block"
            and "touches" in one and one["touches"][0]["owner"] in ("front", "back")}
