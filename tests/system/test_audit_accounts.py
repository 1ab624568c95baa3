"""silogate audit --sql: the server's own privileges made equal to the policy. The SQL is run on both servers,
then each service does directly, object by object, exactly what the policy allows; a second run prints
nothing; and the way back restores what was."""
import json
import re

import pymysql
import pytest

from harness import gate as gates, places, servers

DENIED = (1044, 1142, 1143, 1227, 1370, 1410)


def audit(path, *options):
    done = gates.run("audit", "-c", path, *options)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def statements(text, back=False):
    """The statements, or their way back from the last to the first."""
    found = [line.removeprefix("-- back: ") for line in text.splitlines()
             if line.startswith("-- back: ") == back and (back or not line.startswith("--"))]
    return list(reversed(found)) if back else found


def grants(server, users):
    """All that is granted, as the server tells it."""
    found = {}
    for user, host in server.sql("SELECT user, host FROM mysql.user"):
        if user in users:
            rows = server.sql(f"SHOW GRANTS FOR '{user}'@'{host}'")
            found[user, host] = sorted(row[0].split(" IDENTIFIED BY ")[0] for row in rows)
    if server.dialect == "mysql":
        found["default roles"] = sorted(server.sql("SELECT * FROM mysql.default_roles"))
    return found


def ini_of(example, server, tmp_path, *changes):
    text = gates.example(places.TOP / "examples" / example / "proxy.ini")
    for section, key, *values in (("upstream:main", "address", f"unix:{server.socket}"),
                                  ("upstream:main", "account", "root"), *changes):
        text = gates.change(text, section, key, *values)
    path = tmp_path / "proxy.ini"
    path.write_text(text)
    return path


PROBES = [  # privileges are checked; nothing is changed
    ("table", "SELECT 1 FROM {} LIMIT 0"), ("table", "DELETE FROM {} LIMIT 0"),
    ("table", "INSERT INTO {0} SELECT * FROM {0} LIMIT 0"),
    ("table", "CREATE TABLE IF NOT EXISTS {} (probe INT)"), ("PROCEDURE", "CALL {}()"),
    ("FUNCTION", "SELECT {}()"),
]


def objects(server, schemas):
    listed = ", ".join(f"'{one}'" for one in schemas)
    tables = server.sql("SELECT table_schema, table_name, 'table' FROM information_schema.tables"
                        f" WHERE table_schema IN ({listed})")
    routines = server.sql("SELECT routine_schema, routine_name, routine_type FROM information_schema.routines"
                          f" WHERE routine_schema IN ({listed})")
    return [*tables, *routines]


def compare(server, path, users, schemas):
    """[(user, statement, allowed by the policy, let through by the server)] where the two differ."""
    texts = [probe.format(f"`{schema}`.`{name}`") for schema, name, kind in objects(server, schemas)
             for wanted, probe in PROBES if wanted == kind]
    assert len(texts) > 20
    dialect = ["--dialect", server.dialect]
    wrong = []
    for user in users:
        done = gates.run("explain", "-c", path, "--user", user, "--json", "--null", *dialect,
                         input="\0".join(texts) + "\0")
        # of a CALL, the first: on MariaDB `a.b()` may also mean a package in the current database
        verdicts = [next(iter(one["objects"]), one)["verdict"] == "allow"
                    for one in map(json.loads, done.stdout.splitlines())]
        assert len(verdicts) == len(texts), done.stderr
        connection = pymysql.connect(unix_socket=server.socket, user=user, autocommit=False,
                                     password=servers.password(user))
        with connection.cursor() as cursor:
            for text, allowed in zip(texts, verdicts):
                try:
                    cursor.execute(text)
                    passed = True
                except pymysql.Error as error:
                    passed = error.args[0] not in DENIED
                if passed != allowed:
                    wrong.append((user, text, allowed, passed))
        connection.rollback()
        connection.close()
    return wrong


def apply(server, texts):
    for text in texts:
        server.sql(text)


@pytest.fixture
def medport(server):
    users = ["hospital_service", "ems_service", "center_service"]
    server.load(places.TOP / "examples/medport/schema.sql")
    for user in users:
        server.sql(f"CREATE USER {user}@'%' IDENTIFIED BY '{servers.password(user)}'",
                   f"GRANT ALL ON *.* TO {user}@'%'")
    yield server, users
    server.sql(*[f"DROP USER {user}@'%'" for user in users],
               *[f"DROP DATABASE {name}" for name in ("medport_hospital", "medport_ems", "medport_center")])


def round_trip(server, path, users, schemas):
    before = grants(server, users)
    made = audit(path, "--sql")
    texts = statements(made)
    assert texts and len(statements(made, back=True)) == len(texts)
    # what is new comes before what goes
    kinds = [text.split()[0] for text in texts]
    assert kinds == sorted(kinds) and set(kinds) == {"GRANT", "REVOKE"}
    apply(server, texts)
    try:
        assert compare(server, path, users, schemas) == []
        assert audit(path, "--sql") == ""
        findings = [json.loads(line) for line in audit(path, "--json").splitlines()]
        assert not [one for one in findings if one["finding"] == "account"]
    finally:
        apply(server, statements(made, back=True))
    assert grants(server, users) == before
    assert audit(path, "--sql") == made


def test_nilecare(server, tmp_path):
    path = ini_of("nilecare", server, tmp_path)
    users = [line.split("=")[1].strip() for line in path.read_text().splitlines() if line.startswith("user")]
    server.sql("CREATE PROCEDURE nilecare.billing_p() DO 1",
               "CREATE FUNCTION clinical_data.clinical_f() RETURNS INT DETERMINISTIC RETURN 1")
    schemas = [row[0] for row in server.sql(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'nilecare%'"
        " OR schema_name IN ('clinical_data', 'business_operations')")]
    try:
        round_trip(server, path, users, schemas)
    finally:
        server.sql("DROP PROCEDURE nilecare.billing_p", "DROP FUNCTION clinical_data.clinical_f")


def test_medport(medport, tmp_path):
    """From ALL ON *.* for everybody, as it is there."""
    server, users = medport
    path = ini_of("medport", server, tmp_path)
    assert any("ON *.*" in text for text in statements(audit(path, "--sql")))
    round_trip(server, path, users, ["medport_hospital", "medport_ems", "medport_center"])


SCHEMA = ["CREATE DATABASE gr_front", "CREATE DATABASE gr_back", "CREATE DATABASE gr_other",
          "CREATE TABLE gr_front.own (id INT)", "CREATE TABLE gr_back.names (id INT, note INT)",
          "CREATE TABLE gr_back.people (id INT, note INT)", "CREATE VIEW gr_front.v AS SELECT 1 AS one",
          "CREATE PROCEDURE gr_back.p() DO 1", "CREATE PROCEDURE gr_front.p() DO 1",
          *[f"CREATE TABLE gr_other.t{n} (id INT)" for n in range(3)]]
INI = """
[policy]
mode = block
unowned = block
[upstream:main]
address = unix:{socket}
account = root
[service:front]
user = gr_front_service
database = gr_front
owns = gr_front.*
owns = gr_other.t1
reads = gr_back.names
[service:back]
user = gr_back_service
owns = gr_back.*
owns = gr_other.*
"""
# What an account may have got in its years, on both servers: (statements, what the audit names too much)
CHAIN = 20  # of roles in roles
STRANGE = [
    (["GRANT SELECT ON `gr\\_%`.* TO {u}"], ("gr\\_%.*", "SELECT")),
    (["GRANT INSERT ON gr_back.* TO {u}"], ("gr_back.*", "INSERT")),
    (["GRANT SELECT (id), UPDATE (note) ON gr_back.people TO {u}"], ("gr_back.people (id)", "SELECT")),
    (["GRANT DELETE ON gr_back.names TO {u}"], ("gr_back.names", "DELETE")),
    (["GRANT EXECUTE ON PROCEDURE gr_back.p TO {u}"], ("PROCEDURE gr_back.p", "EXECUTE")),
    (["GRANT SELECT ON gr_front.* TO {u} WITH GRANT OPTION"], ("gr_front.*", "GRANT OPTION")),
    (["GRANT PROCESS, FILE ON *.* TO {u}"], ("*.*", "PROCESS, FILE")),
    (["GRANT LOCK TABLES ON gr_back.* TO {u}"], None),
    (["CREATE ROLE gr_role", "GRANT SELECT ON gr_back.* TO gr_role", "GRANT gr_role TO {u}"],
     ("gr_back.*", "SELECT")),
    (["CREATE ROLE gr_inner", "CREATE ROLE gr_role", "GRANT UPDATE ON gr_other.* TO gr_inner",
      "GRANT gr_inner TO gr_role", "GRANT gr_role TO {u}"], ("gr_other.*", "UPDATE")),
    (["GRANT ALL ON *.* TO {u} WITH GRANT OPTION"], ("*.*", None)),
    (["GRANT PROXY ON {b} TO {u}"], ("gr_back_service@%", "PROXY")),
    (["GRANT PROXY ON {b} TO {u} WITH GRANT OPTION"], ("gr_back_service@%", "PROXY")),
    (["CREATE ROLE gr_role", "GRANT SELECT ON gr_back.* TO gr_role", "GRANT gr_role TO {u} WITH ADMIN OPTION"],
     ("gr_back.*", "SELECT")),
    ([*[f"CREATE ROLE gr_chain{n}" for n in range(CHAIN)], "GRANT DELETE ON gr_back.* TO gr_chain0",
      *[f"GRANT gr_chain{n} TO gr_chain{n + 1}" for n in range(CHAIN - 1)], f"GRANT gr_chain{CHAIN - 1} TO {{u}}"],
     ("gr_back.*", "DELETE")),
]
ROLE = ["CREATE ROLE gr_role", "GRANT DELETE ON gr_back.* TO gr_role"]
MARIADB = [(["GRANT DELETE ON gr_back.* TO PUBLIC"], ("gr_back.*", "DELETE")),
           (["GRANT BINLOG ADMIN ON *.* TO {u}"], ("*.*", "BINLOG ADMIN")),
           ([*ROLE, "GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role FOR {u}"], ("gr_back.*", "DELETE")),
           ([*ROLE, "GRANT gr_role TO PUBLIC"], ("gr_back.*", "DELETE")),
           ([*ROLE, "CREATE ROLE gr_inner", "GRANT gr_role TO gr_inner", "GRANT gr_inner TO PUBLIC",
             "GRANT gr_role TO {u}"], ("gr_back.*", "DELETE"))]
MYSQL = [(["GRANT BACKUP_ADMIN ON *.* TO {u}"], ("*.*", "BACKUP_ADMIN")),
         (["GRANT BACKUP_ADMIN ON *.* TO {u} WITH GRANT OPTION"], ("*.*", "BACKUP_ADMIN")),
         # every account can be a role: who can log in is compared all the same
         (["GRANT DELETE ON gr_back.* TO {u}", "CREATE ROLE gr_role", "GRANT {u} TO gr_role"], ("gr_back.*", "DELETE")),
         (["GRANT DELETE ON gr_back.* TO {b}", "GRANT {b} TO {u}"], ("gr_back.*", "DELETE")),
         ([*ROLE, "CREATE ROLE gr_inner", "GRANT gr_role, gr_inner TO {u}", "SET DEFAULT ROLE gr_role, gr_inner TO {u}"],
          ("gr_back.*", "DELETE")),
         (["SET GLOBAL partial_revokes = ON", "GRANT SELECT, INSERT ON *.* TO {u} WITH GRANT OPTION",
           "REVOKE INSERT ON gr_back.* FROM {u}", "REVOKE SELECT, INSERT ON `mysql`.* FROM {u}"],
          ("*.*", "SELECT, INSERT, GRANT OPTION")),
         ([*ROLE, "GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role TO {u}"], ("gr_back.*", "DELETE")),
         ([*ROLE, "SET PERSIST mandatory_roles = 'gr_role'"], ("gr_back.*", "DELETE")),
         ([*ROLE, "CREATE ROLE `gr in,ner`@`h`", "GRANT gr_role TO {u}", "GRANT gr_role TO `gr in,ner`@`h`",
           "SET PERSIST mandatory_roles = 'gr_gone, `gr in,ner`@`h`,\"gr_role\"@''%'''",
           "SET GLOBAL activate_all_roles_on_login = ON"], ("gr_back.*", "DELETE")),
         (["SET GLOBAL partial_revokes = ON", "GRANT SELECT ON *.* TO {u}", "REVOKE SELECT ON gr_other.* FROM {u}",
           "REVOKE SELECT ON mysql.* FROM {u}"], ("*.*", "SELECT"))]


USERS = ("gr_front_service", "gr_back_service")


@pytest.fixture(scope="module")
def silos(server, tmp_path_factory):
    server.sql(*SCHEMA)
    path = tmp_path_factory.mktemp("silos") / "proxy.ini"
    path.write_text(INI.format(socket=server.socket))
    yield server, path
    server.sql(*[f"DROP DATABASE IF EXISTS {one}" for one in ("gr_front", "gr_back", "gr_other")],
               *[f"DROP USER IF EXISTS {user}@'%'" for user in USERS])


@pytest.mark.long(short=2)
@pytest.mark.parametrize("which", range(len(STRANGE) + max(len(MARIADB), len(MYSQL))))
def test_strange_rights(silos, which):
    server, path = silos
    cases = STRANGE + (MARIADB if server.dialect == "mariadb" else MYSQL)
    if which < len(cases):
        strange(server, path, *cases[which])


def forget(server):
    """Accounts and roles, and what makes roles of everybody's."""
    if server.dialect == "mysql":
        server.sql("SET GLOBAL mandatory_roles = ''", "RESET PERSIST IF EXISTS mandatory_roles",
                   "SET GLOBAL activate_all_roles_on_login = OFF")
        server.sql("DROP ROLE IF EXISTS `gr in,ner`@`h`")
    server.sql(*[f"DROP USER {user}@'%'" for user in USERS], "DROP ROLE IF EXISTS gr_role",
               "DROP ROLE IF EXISTS gr_inner", *[f"DROP ROLE IF EXISTS gr_chain{n}" for n in range(CHAIN)])


def strange(server, path, given, excess):
    server.sql(*[f"CREATE USER {user}@'%' IDENTIFIED BY '{servers.password(user)}'" for user in USERS])
    try:
        server.sql(*[text.format(u="gr_front_service@'%'", b="gr_back_service@'%'") for text in given])
        found = [json.loads(line) for line in audit(path, "--json").splitlines()]
        account, = [one for one in found if one.get("account") == "gr_front_service@%"]
        rights = [(one["on"], one["privileges"]) for one in account["excess"]]
        if excess and excess[1]:
            assert excess in rights, rights
        elif excess:
            assert excess[0] in [on for on, _ in rights]
        before = grants(server, USERS)
        made = audit(path, "--sql")
        apply(server, statements(made))
        assert compare(server, path, USERS, ["gr_front", "gr_back", "gr_other"]) == []
        assert audit(path, "--sql") == ""
        apply(server, statements(made, back=True))
        assert grants(server, USERS) == before
    finally:
        forget(server)
        if "partial_revokes" in given[0]:
            server.sql("SET GLOBAL partial_revokes = OFF")
        if "PUBLIC" in given[0] and server.sql("SELECT 1 FROM mysql.db WHERE user = 'PUBLIC'"):
            server.sql("REVOKE DELETE ON gr_back.* FROM PUBLIC")


ALMOST_ALL = """
[policy]
mode = block
unowned = block
[upstream:main]
address = unix:{socket}
account = root
[service:front]
user = gr_front_service
owns = *.*
[service:back]
user = gr_back_service
owns = gr_back.*
"""


def test_a_partial_revoke_is_of_its_privileges(silos, tmp_path):
    """Without INSERT in another's database, SELECT there is still too much; without both, nothing is."""
    server, _ = silos
    if server.dialect != "mysql":
        return
    path = tmp_path / "proxy.ini"
    path.write_text(ALMOST_ALL.format(socket=server.socket))
    server.sql("SET GLOBAL partial_revokes = ON",
               *[f"CREATE USER {user}@'%' IDENTIFIED BY '{servers.password(user)}'" for user in USERS])
    front = f"{USERS[0]}@'%'"

    def excess():
        found = [json.loads(line) for line in audit(path, "--json").splitlines()]
        return [(right["on"], right["privileges"]) for one in found if one.get("account") == "gr_front_service@%"
                for right in one["excess"]]

    try:
        server.sql(f"GRANT SELECT, INSERT ON *.* TO {front}", f"REVOKE INSERT ON gr_back.* FROM {front}",
                   *[f"REVOKE SELECT, INSERT ON {name}.* FROM {front}" for name in ("mysql", "sys", "performance_schema")])
        assert excess() == [("*.*", "SELECT")]
        server.sql(f"REVOKE SELECT ON gr_back.* FROM {front}")
        assert excess() == []
    finally:
        forget(server)
        server.sql("SET GLOBAL partial_revokes = OFF")


ALL = "SET GLOBAL activate_all_roles_on_login = ON"
MANDATORY = "SET PERSIST mandatory_roles = 'gr_role'"
WAYS = [  # how a role comes to an account; and is what it may do there from login on?
    (None, ["GRANT gr_role TO {u}"], False),
    ("mariadb", ["GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role FOR {u}"], True),
    ("mariadb", ["CREATE ROLE gr_inner", "GRANT gr_role TO gr_inner", "GRANT gr_inner TO {u}",
                 "SET DEFAULT ROLE gr_inner FOR {u}"], True),
    ("mariadb", ["CREATE ROLE gr_inner", "GRANT gr_role TO {u}", "GRANT gr_inner TO {u}",
                 "SET DEFAULT ROLE gr_inner FOR {u}"], False),
    ("mariadb", ["GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role FOR {u}", "REVOKE gr_role FROM {u}"], False),
    ("mariadb", ["GRANT gr_role TO PUBLIC"], True),
    ("mysql", ["GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role TO {u}"], True),
    ("mysql", ["GRANT gr_role TO {u}", "SET DEFAULT ROLE gr_role TO {u}", "SET DEFAULT ROLE NONE TO {u}"], False),
    ("mysql", ["GRANT gr_role TO {u}", ALL], True),
    ("mysql", [ALL], False),
    ("mysql", [MANDATORY], True),
    ("mysql", [MANDATORY, "GRANT gr_role TO {u}", "SET DEFAULT ROLE NONE TO {u}"], True),
    ("mysql", [MANDATORY, ALL], True),
]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("which", range(len(WAYS)))
def test_what_a_role_gives_at_login(silos, which):
    """What the audit takes for there is what the account can do once it has logged in, and no more: what is
    there is not granted once more, what is only by SET ROLE is."""
    server, path = silos
    kind, given, at_login = WAYS[which]
    if kind not in (None, server.dialect):
        return
    server.sql(*[f"CREATE USER {user}@'%' IDENTIFIED BY '{servers.password(user)}'" for user in USERS],
               "CREATE ROLE gr_role", "GRANT SELECT, REFERENCES ON gr_back.names TO gr_role")
    try:
        server.sql(*[text.format(u="gr_front_service@'%'") for text in given])
        connection = pymysql.connect(unix_socket=server.socket, user=USERS[0], password=servers.password(USERS[0]))
        with connection.cursor() as cursor:
            try:
                cursor.execute("SELECT 1 FROM gr_back.names")
                passed = True
            except pymysql.Error as error:
                assert error.args[0] in DENIED
                passed = False
        connection.close()
        assert passed == at_login
        made = audit(path, "--sql")
        names = [text for text in statements(made) if "`names`" in text and "gr_front_service" in text]
        assert bool(names) != at_login, made
        apply(server, statements(made))
        assert compare(server, path, USERS, ["gr_front", "gr_back", "gr_other"]) == []
        assert audit(path, "--sql") == ""
    finally:
        forget(server)


def test_own_account(server, tmp_path):
    """The SQL makes it, locked; with a password it reads all that root does, and then nothing is left to do."""
    path = ini_of("nilecare", server, tmp_path, ("upstream:main", "account", "gate_own"),
                  ("upstream:main", "account_password_file", tmp_path / "password"))
    (tmp_path / "password").write_text("its secret\n")
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nuser = root\n")
    made = audit(path, "--defaults-file", file, "--sql")
    own = [text for text in statements(made) if "gate_own" in text]
    assert own and own == statements(made)[:len(own)] and "its secret" not in made
    assert re.search(r"(?m)^-- .*ALTER USER 'gate_own'@'%' IDENTIFIED BY '\.\.\.' ACCOUNT UNLOCK;$", made)
    apply(server, own)
    try:
        server.sql("ALTER USER gate_own IDENTIFIED BY 'its secret' ACCOUNT UNLOCK")
        assert "gate_own" not in audit(path, "--sql")
        as_root, as_own = [[{key: value for key, value in json.loads(line).items() if key != "ts"}
                            for line in audit(path, "--json", *more).splitlines()]
                           for more in (["--defaults-file", file], [])]
        assert as_own == as_root
        apply(server, [text for text in statements(made, back=True) if "gate_own" in text])
        assert not server.sql("SELECT 1 FROM mysql.user WHERE user = 'gate_own'")
    finally:
        server.sql("DROP USER IF EXISTS gate_own")


@pytest.mark.long
def test_rehearsal(server, tmp_path, make_gate):
    """What a REVOKE would have refused is what the log of the gate says; the rest was not used."""
    gate = make_gate(server)
    connection = gate.connect("billing_service")
    with connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute("SELECT mrn FROM clinical_data.patients LIMIT 1")
        cursor.execute("UPDATE nilecare.payments SET status = status LIMIT 1")
    connection.close()
    gate.violations(4)
    path = ini_of("nilecare", server, tmp_path)
    found = [json.loads(line) for line in audit(path, "--json", "--log", gate.violations_file).splitlines()]
    billing = next(one for one in found if one.get("account") == "billing_service@%")
    refused = {one["on"]: one["refused"] for one in billing["excess"]}
    assert refused["clinical_data.*"].startswith("3 statements, last 2")
    assert refused["nilecare.*"].startswith("1 statement, last 2")
    assert refused["business_operations.*"].startswith("unused from 2")
    made = audit(path, "--sql", "--log", gate.violations_file)
    assert "on clinical_data.*: 3 statements" in made
    assert statements(made) == statements(audit(path, "--sql"))
    empty = tmp_path / "empty"
    empty.write_text("")
    assert gates.run("audit", "-c", path, "--log", empty).returncode == 2
    assert gates.run("audit", "-c", path, "--log", tmp_path / "none").returncode == 2
    (tmp_path / "packed").write_bytes(b"\xfd7zXZ\x00" + bytes(range(256)))
    done = gates.run("audit", "-c", path, "--log", tmp_path / "packed")
    assert done.returncode == 2 and "is packed; unpack it with xz" in done.stderr
