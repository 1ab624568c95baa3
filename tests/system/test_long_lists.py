"""Lists of more names than silogate looks at in one go (mariadb-dump's LOCK TABLES, mariadb-check, DROP TABLE): judged
in batches, as one statement. The service may do everything as far as the server is concerned."""
import subprocess

import pymysql
import pytest

from harness import gate, places

INI = """[proxy]
[policy]
mode = block
undetermined = block
unowned = block
administration = block
[log]
repeat = 0
[upstream:main]
[service:lists]
user = lists_service
upstream = main
database = many
owns = many.*
[service:vault]
user = vault_service
upstream = main
owns = vault.*
"""
COUNT = 2101


@pytest.fixture(scope="module")
def many(server):
    """On MariaDB the tables are there; they are 2,101 of MEMORY, which are quickly made."""
    server.sql("DROP DATABASE IF EXISTS many", "DROP DATABASE IF EXISTS vault", "CREATE DATABASE many",
               "CREATE DATABASE vault", "CREATE TABLE vault.t (id INT)", "CREATE TABLE many.real_one (id INT)",
               "DROP USER IF EXISTS lists_service@'%'", "CREATE USER lists_service@'%' IDENTIFIED BY 'lists_service-secret'",
               "GRANT ALL ON *.* TO lists_service@'%'")
    if server.name == "mariadb":
        server.sql(*(f"CREATE TABLE many.t{i} (id INT) ENGINE=MEMORY" for i in range(COUNT)))
    yield server
    server.sql("DROP DATABASE many", "DROP DATABASE vault", "DROP USER lists_service@'%'")


@pytest.fixture(scope="module")
def lists(many):
    with gate.running(many, ini=INI) as one:
        yield one


def names(last="t0"):
    return ", ".join([*(f"no{i}" for i in range(2500)), last])


def connect(one, **options):
    return one.connect("lists_service", "many", password="lists_service-secret", **options)


@pytest.mark.long
def test_tools_that_name_every_table(lists, server):
    """One CHECK TABLE of all, one LOCK TABLES of all: both tools' own."""
    if server.name != "mariadb":
        pytest.skip("MariaDB's tools, before MariaDB")
    account = ["--no-defaults", "-h127.0.0.1", f"-P{lists.port}", "-ulists_service", "-plists_service-secret"]
    check = subprocess.run([*places.mariadb_program("mariadb-check"), *account, "many"], capture_output=True, text=True,
                           timeout=120)
    assert check.returncode == 0 and check.stderr == ""
    assert check.stdout.count("many.t") == COUNT
    dump = subprocess.run([*places.mariadb_program("mariadb-dump"), *account, "--lock-tables", "--no-data", "many"],
                          capture_output=True, text=True, timeout=120)
    assert dump.returncode == 0 and dump.stderr == ""
    assert dump.stdout.count("CREATE TABLE `t") == COUNT
    assert lists.violations(0) == []


def test_what_its_last_name_is_decides(lists):
    session = connect(lists)
    try:
        with session.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {names()[:-4]}")
            cursor.execute(f"CHECK TABLE {names('real_one')}")
            assert len(cursor.fetchall()) >= 2501
            for text in (f"DROP TABLE IF EXISTS {names('vault.t')}", f"DROP TABLE IF EXISTS vault.t, {names('real_one')}",
                         f"CHECK TABLE {names('vault.t')}", f"LOCK TABLES {names('vault.t').replace(',', ' READ,')} READ",
                         f"FLUSH TABLES {names('vault.t')}"):
                with pytest.raises(pymysql.Error) as refused:
                    cursor.execute(text)
                assert refused.value.args[0] in (1142, 1227), text[:30]
            cursor.execute("SELECT COUNT(*) FROM real_one")
    finally:
        session.close()
    records = lists.violations(5)
    assert len(records) == 5
    assert sum("vault" in repr(record["objects"]) for record in records) >= 4


def test_a_temporary_table_in_a_later_batch(lists):
    session = connect(lists)
    try:
        with session.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE vault.t (id INT)")
            cursor.execute("SELECT * FROM vault.t")
            cursor.execute(f"DROP TEMPORARY TABLE IF EXISTS {names('vault.t')}")
            with pytest.raises(pymysql.Error) as refused:
                cursor.execute("SELECT * FROM vault.t")
            assert refused.value.args[0] == 1142
    finally:
        session.close()
