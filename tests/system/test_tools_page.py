"""docs/tools.md is true: each of its commands is run through silogate under the policy of its section, and
needs that policy. Each section's files and accounts are those that the page names."""
import os
import re
import shutil
import subprocess

import pytest

from harness import gate as gates, places, servers

PAGE = (places.TOP / "docs/tools.md").read_text()
SECTIONS = {title: text for title, text in re.findall(r"(?ms)^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE)}
BASE = """[proxy]
listen = 127.0.0.1:1
[upstream:main]
address = 127.0.0.1:1
[log]
violations = stdout
"""
TABLES = ["CREATE TABLE nilecare_lab.entries (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40), amount DECIMAL(9,2))",
          "INSERT INTO nilecare_lab.entries (name, amount) VALUES ('potassium', 4.1), ('é', NULL), ('it''s', 3)",
          "CREATE DEFINER = lab_service@'%' VIEW nilecare_lab.named AS SELECT name FROM nilecare_lab.entries WHERE name IS NOT NULL",
          "CREATE DEFINER = lab_service@'%' TRIGGER nilecare_lab.trimmed BEFORE INSERT ON nilecare_lab.entries FOR EACH ROW SET NEW.name = TRIM(NEW.name)",
          "CREATE DEFINER = lab_service@'%' FUNCTION nilecare_lab.one() RETURNS INT DETERMINISTIC RETURN 1"]


class WithLog:
    """A server with a binary log."""

    copies_example = False

    def command(self):
        kept = [option for option in super().command() if option != "--skip-log-bin"]
        return kept + [f"--log-bin={self.folder}/binlog", "--server-id=1", "--binlog-format=ROW",
                       "--log-bin-trust-function-creators=1"]


class MariaDBWithLog(WithLog, servers.MariaDB):
    pass


class MySQLWithLog(WithLog, servers.MySQL):
    pass


@pytest.fixture(scope="module", params=[MariaDBWithLog, MySQLWithLog], ids=["mariadb", "mysql"])
def source(request):
    server = servers.start_with_example(request.param())
    yield server
    server.remove()


def blocks(text, *kinds):
    return [body for kind, body in re.findall(r"(?ms)^```([a-z ]+)\n(.*?)^```$", text) if kind in kinds]


HAS_MYDUMPER = bool(shutil.which("mydumper"))  # Debian 13 has no such package


def commands(section, dialect):
    return [line for body in blocks(section, "sh", f"sh {dialect}") for line in body.splitlines()
            if HAS_MYDUMPER or not line.startswith(("mydumper ", "myloader "))]


def needing(section, dialect):
    """The section's services that are not in `block`, whose commands need that. Of MariaDB's backups only mydumper does."""
    found = {"backup", "events"} & set(re.findall(r"service:(\w+)", section))
    return found if HAS_MYDUMPER or dialect == "mysql" else found - {"backup"}


def program(folder, name):
    path = folder / "bin" / name
    command = " ".join(f"'{word}'" for word in places.mysql_program(name))
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


@pytest.fixture
def folder(source, tmp_path):
    """Where the commands run: the programs of this server's kind, and nilecare_lab as it was."""
    (tmp_path / "bin").mkdir()
    for name in ("mysql", "mysqldump", "mysqlbinlog") if source.dialect == "mysql" else ():
        program(tmp_path, name)
    (tmp_path / "entries.tsv").write_text("100\tglucose\t5.5\n")
    source.sql("DROP DATABASE IF EXISTS nilecare_lab", "CREATE DATABASE nilecare_lab CHARACTER SET utf8mb4", *TABLES,
               "GRANT ALL ON nilecare_lab.* TO lab_service@'%'")
    return tmp_path


def set_up(source, section, change=lambda ini: ini):
    """The section's proxy.ini, and its users, who have their accounts."""
    ini = change("".join(blocks(PAGE[:PAGE.index("\n## ")], "ini") + blocks(section, "ini")))
    users = re.findall(r"(?m)^user = (\w+)", ini)
    for user in users[1:]:
        source.sql(f"DROP USER IF EXISTS {user}@'%'", f"CREATE USER {user}@'%' IDENTIFIED BY '{servers.password(user)}'")
    source.sql("DO 0", *[line for body in blocks(section, "sql", f"sql {source.dialect}") for line in body.strip().split(";\n")])
    return BASE + ini, users


def run_section(source, make_gate, folder, section, change=lambda ini: ini):
    """The commands' results, and the gate."""
    ini, users = set_up(source, section, change)
    gate = make_gate(source, ini=ini)
    for user in users:
        (folder / f"{user.removesuffix('_service')}.cnf").write_text(
            f"[client]\nhost=127.0.0.1\nport={gate.port}\nuser={user}\npassword={servers.password(user)}\n")
    environment = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", HOME=str(folder))
    done = []
    for line in commands(section, source.dialect):
        done.append(subprocess.run(["bash", "-c", line], cwd=folder, env=environment, text=True, timeout=120,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        if done[-1].returncode:
            break
    for user in users[1:]:
        source.sql(f"DROP USER {user}@'%'")
    return done, gate


@pytest.mark.long
def test_every_command(source, make_gate, folder):
    """They end well, leave the violations that the page says, and have done what they are for: a dump holds the
    tables, the load's row is there, the restored table is the same, the new column too, and the binary log's reader
    got its events."""
    rows = source.sql("SELECT name, amount FROM nilecare_lab.entries ORDER BY id")
    accounts = source.sql("SELECT user FROM mysql.user ORDER BY 1")
    for title, section in SECTIONS.items():
        done, gate = run_section(source, make_gate, folder, section)
        assert done and not [(one.args[2], one.stdout) for one in done if one.returncode]
        gate.stop()
        seen = gate.events("violation")
        assert not [one for one in seen if one["reason"] not in ("administration", "system")], title
        logged = {one["service"] for one in seen if one["action"] == "logged"}
        assert logged == needing(section, source.dialect), title
    assert source.sql("SELECT user FROM mysql.user ORDER BY 1") == accounts
    for name in ("lab.sql", "with_position.sql"):
        text = (folder / name).read_text()
        assert "potassium" in text and text.rstrip().split("\n")[-1].startswith("-- Dump completed")
    assert re.search(r"(MASTER|SOURCE)_LOG_FILE='binlog", (folder / "with_position.sql").read_text())
    dumped = [path.read_text() for path in (folder / "out").glob("nilecare_lab.entries*.sql")]
    assert any("potassium" in text for text in dumped) == HAS_MYDUMPER
    assert re.search(r"(?i)table_map", (folder / "events.txt").read_text(errors="replace"))
    came = source.sql("SELECT name, amount, paid FROM nilecare_lab.entries ORDER BY id")
    assert [row[:2] for row in came] == [*rows, ("glucose", came[-1][1])] and came[-1][1] == 5.5
    assert source.sql("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = 'nilecare_lab'"
                      ) == (("trimmed",),)


@pytest.mark.parametrize("title", [title for title in SECTIONS if "mode = log" in SECTIONS[title]])
def test_the_policy_is_needed(source, make_gate, folder, title):
    """In `block` the same command is refused."""
    if not needing(SECTIONS[title], source.dialect):
        pytest.skip("no mydumper: Debian 13 has none")
    done, gate = run_section(source, make_gate, folder, SECTIONS[title], lambda ini: ini.replace("mode = log\n", ""))
    assert done[-1].returncode
    gate.stop()
    assert {one["action"] for one in gate.events("violation")} == {"blocked"}


def test_a_reader_of_changes(source, make_gate, folder):
    """It gets the same rows directly and through silogate, under the policy of its section."""
    ini, users = set_up(source, SECTIONS[next(title for title in SECTIONS if "Debezium" in title)])
    gate = make_gate(source, ini=ini)
    got = []
    for port in (source.port, gate.port):
        source.sql("TRUNCATE nilecare_lab.entries")
        with subprocess.Popen(["node", str(places.TOP / "tests/harness/drivers/changes.js"), str(port), users[1],
                               servers.password(users[1])], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, NODE_PATH=str(places.NODE_MODULES))) as reader:
            try:
                assert reader.stdout.readline() == "ready\n"
                source.sql("INSERT INTO nilecare_lab.entries (name, amount) VALUES ('glucose', 5.5), ('é', NULL)",
                           "DELETE FROM nilecare_lab.entries WHERE name = 'é'",
                           "INSERT INTO nilecare_lab.entries (name) VALUES ('end')")
                got.append(reader.communicate(timeout=60)[0])
                assert reader.returncode == 0
            finally:
                reader.kill()
    source.sql(f"DROP USER {users[1]}@'%'")
    assert got[0] == got[1]
    assert got[0].splitlines() == ['{"id":1,"name":"glucose","amount":"5.50"}', '{"id":2,"name":"é","amount":null}',
                                   '{"id":3,"name":"end","amount":null}']
