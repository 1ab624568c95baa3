"""XA transactions that are prepared belong to the service whose session has prepared them: any of its sessions ends
them, as transaction managers do from another connection; nobody else does. The server itself would let any account."""
import contextlib

import pymysql
import pytest

from harness import gate, places, wire

INI = """[proxy]
workers = 2
{more}
[policy]
mode = block
administration = block
unowned = block
[log]
repeat = 0
[upstream:main]
[service:spy]
user = xa_spy
upstream = main
database = xa_own
owns = xa_own.*
[service:vault]
user = xa_vault
upstream = main
database = xa_vault
owns = xa_vault.*
"""
NO_SUCH = 1397  # XAER_NOTA


@pytest.fixture(scope="module")
def prepared(server):
    server.sql("DROP DATABASE IF EXISTS xa_vault", "DROP DATABASE IF EXISTS xa_own", "CREATE DATABASE xa_vault",
               "CREATE DATABASE xa_own", "CREATE TABLE xa_vault.t (id INT PRIMARY KEY)",
               "CREATE TABLE xa_own.t (id INT PRIMARY KEY)",
               *(text for user in ("xa_spy", "xa_vault") for text in (
                   f"DROP USER IF EXISTS {user}@'%'", f"CREATE USER {user}@'%' IDENTIFIED BY '{user}-secret'",
                   f"GRANT ALL ON *.* TO {user}@'%'")))
    yield server
    server.sql("DROP DATABASE xa_vault", "DROP DATABASE xa_own", "DROP USER xa_spy@'%'", "DROP USER xa_vault@'%'")


@pytest.fixture(scope="module")
def blocking(prepared):
    with gate.running(prepared, ini=INI.format(more="")) as one:
        yield one


def login(one, user="xa_spy", **options):
    return wire.connect(one.port, user, user.replace("spy", "own"), password=f"{user}-secret", **options)


def refused(client, text):
    with pytest.raises(wire.Error) as error:
        client.query(text)
    assert error.value.code == 1227 and "silogate" in str(error.value), error.value
    return str(error.value)


def prepare(client, xid, row, table="xa_own.t"):
    for text in (f"XA START {xid}", f"INSERT INTO {table} VALUES ({row})", f"XA END {xid}", f"XA PREPARE {xid}"):
        client.query(text)


def end(client, text):
    """Once the server has noticed that the session of its PREPARE is gone."""
    def ended():
        try:
            client.query(text)
        except wire.Error as error:
            assert error.code == NO_SUCH, error
            return False
        return True

    places.wait_for(ended, 60)


def rows(server, table="xa_own.t"):
    with contextlib.closing(server.root()) as root, root.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("started, ended", [
    ("'one'", "'one'"), ("'one', 'b', 7", "'one','b',0x7"), ("'a-1'", "0x612d31"),
    ("0x616263,0x0102,0x1234", "x'616263',X'0102',4660"), ("'x', '', 1", "'x'")])
def test_another_session_of_the_service_ends_it(prepared, blocking, started, ended):
    first, victim = login(blocking), login(blocking, "xa_vault")
    prepare(first, started, 1)
    assert "prepared" in refused(victim, f"XA ROLLBACK {ended}")
    first.quit()
    refused(victim, f"XA COMMIT {started}")
    second = login(blocking)
    refused(second, "XA COMMIT 'none of them'")
    end(second, f"XA COMMIT {ended}")
    assert rows(prepared) == [1]
    refused(second, f"XA COMMIT {ended}")
    refused(second, "XA RECOVER")
    second.query("DELETE FROM xa_own.t")
    second.quit()
    victim.quit()


@pytest.mark.parametrize("started, prepared_as, ended", [
    ("'s'", "0x73", "'s'"), ("'s'", "'s','',9", "'s'"), ("'s','',9", "'s'", "'s','',9"), ("b'01110011'", "'s'", "0b1110011")])
def test_one_of_several_spellings_is_over(prepared, blocking, started, prepared_as, ended):
    """However it is written, and whatever its format, it is one transaction to the server. Once it is over it can be
    another's, whose end is not for whoever still has a spelling left."""
    spy, victim = login(blocking), login(blocking, "xa_vault")
    spellings = {started, prepared_as, ended, "'s'", "'s','',9", "'s','',1", "0x73", "b'1110011'"}
    for text in (f"XA START {started}", "INSERT INTO xa_own.t VALUES (20)", f"XA END {started}"):
        spy.query(text)
    if prepared.name == "mariadb" or "9" not in started + prepared_as:  # MySQL compares the format here
        spy.query(f"XA PREPARE {prepared_as}")
        spy.query(f"XA ROLLBACK {prepared_as}")
    else:
        spy.query(f"XA PREPARE {started}")
        spy.query(f"XA ROLLBACK {started}")
    prepare(victim, "'s'", 20, "xa_vault.t")
    for text in sorted(spellings):
        refused(spy, f"XA ROLLBACK {text}")
    victim.quit()
    for text in sorted(spellings):
        refused(spy, f"XA COMMIT {text}")
    spy.quit()
    victim = login(blocking, "xa_vault")
    end(victim, "XA ROLLBACK 's'")
    victim.quit()


def test_an_error_that_tells_of_the_end(prepared, blocking):
    """MariaDB says XA_RBROLLBACK of a transaction that has changed nothing: it is over, and the next of its identifier
    may be another's."""
    first, second = login(blocking), login(blocking)
    for text in ("XA START 'rb'", "DO 1", "XA END 'rb'", "XA PREPARE 'rb'"):
        first.query(text)
    first.quit()
    told = None

    def ended():
        nonlocal told
        told = None
        try:
            second.query("XA ROLLBACK 'rb'")
        except wire.Error as error:
            told = error.code
        return told != NO_SUCH

    assert places.wait_for(ended, 60) and told == (1402 if prepared.name == "mariadb" else None)
    with contextlib.closing(prepared.root()) as other, other.cursor() as cursor:
        for text in ("XA START 'rb'", "INSERT INTO xa_vault.t VALUES (31)", "XA END 'rb'", "XA PREPARE 'rb'"):
            cursor.execute(text)
        refused(second, "XA COMMIT 'rb'")
        refused(second, "XA ROLLBACK 'rb'")
        cursor.execute("XA ROLLBACK 'rb'")
    second.quit()


def test_what_is_prepared_in_another_spelling(prepared, blocking):
    """One that silogate cannot read: the spelling of the START is not the session's any more, or it would end another's
    of the same identifier later."""
    spy = login(blocking)
    for text in ("XA START 's7'", "INSERT INTO xa_own.t VALUES (30)", "XA END 's7'", r"XA PREPARE 's\7'"):
        spy.query(text)
    if prepared.name == "mysql":  # MariaDB lets nobody else end it before its session has gone
        prepared.sql("XA ROLLBACK 's7'")
        victim = login(blocking, "xa_vault")
        prepare(victim, "'s7'", 30, "xa_vault.t")
    refused(spy, "XA ROLLBACK 's7'")
    spy.quit()
    if prepared.name == "mysql":
        end(victim, "XA ROLLBACK 's7'")
        victim.quit()
        return

    def ended():
        try:
            prepared.sql("XA ROLLBACK 's7'")
        except pymysql.Error:
            return False
        return True

    assert places.wait_for(ended, 60)


@pytest.mark.parametrize("texts", [
    ["XA START 'late'", "INSERT INTO xa_vault.t VALUES (21)", "XA END 'late'; XA PREPARE 'late'"],
    ["DO 1; XA START 'late'; INSERT INTO xa_vault.t VALUES (21); XA END 'late'; XA PREPARE 'late'"]])
def test_what_another_starts_is_nobody_elses(prepared, blocking, texts):
    """The spy's own has come to its end past silogate; the server gives its identifier to the next."""
    spy, victim = login(blocking), login(blocking, "xa_vault")
    prepare(spy, "'late'", 21)
    spy.quit()

    def ended():
        try:
            prepared.sql("XA ROLLBACK 'late'")
        except pymysql.Error:
            return False
        return True

    assert places.wait_for(ended, 60)
    for text in texts:
        victim.query(text)
    spy = login(blocking)
    refused(spy, "XA ROLLBACK 'late'")
    victim.query("XA ROLLBACK 'late'")
    victim.quit()
    spy.quit()


def test_it_is_known_over_a_reload(prepared, blocking):
    first, second = login(blocking), login(blocking)
    prepare(first, "'r'", 2)
    blocking.reload(ini=blocking.ini + "[service:third]\nupstream = main\nowns = third.*\n")
    first.quit()
    end(second, "XA ROLLBACK 'r'")
    assert rows(prepared) == []
    second.quit()


def test_the_session_itself_ends_it(blocking):
    client = login(blocking)
    prepare(client, "'mine', 'b', 7", 3)
    client.query("XA ROLLBACK 'mine', 'b', 7")
    refused(client, "XA ROLLBACK 'mine', 'b', 7")
    for text in ("XA START 'x'", "XA END 'x'", "XA COMMIT 'x' ONE PHASE"):
        client.query(text)
    refused(client, "XA COMMIT 'x'")
    client.quit()


def test_whose_it_was_is_not_whose_it_is(prepared, blocking):
    """One that is over, whose identifier is another service's by now: by none of the sessions that had to do with it."""
    first, second, victim = login(blocking), login(blocking), login(blocking, "xa_vault")
    statement = None
    if prepared.name == "mariadb":
        first.query("XA START 'twice'")
        statement = first.prepare("XA ROLLBACK 'twice'")[0]
        first.query("XA END 'twice'")
        first.query("XA ROLLBACK 'twice'")
    prepare(first, "'twice'", 4)
    if prepared.name == "mysql":  # MariaDB leaves it to the session as long as that lives
        second.query("XA ROLLBACK 'twice'")
    else:
        first.query("XA ROLLBACK 'twice'")
    prepare(victim, "'twice'", 5, "xa_vault.t")
    for client in (first, second):
        for text in ("XA ROLLBACK 'twice'", "XA COMMIT 'twice'", "XA ROLLBACK 0x7477696365"):
            refused(client, text)
    if statement is not None:
        with pytest.raises(wire.Error) as error:
            first.execute(statement)
        assert error.value.code == 1227
    victim.query("XA COMMIT 'twice'")
    assert rows(prepared, "xa_vault.t") == [5]
    victim.query("DELETE FROM xa_vault.t")
    for client in (first, second, victim):
        client.quit()


def test_none_that_waits_first(blocking):
    """Behind another statement of the same command it could be somebody else's when its turn comes."""
    first, second = login(blocking), login(blocking, capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    prepare(first, "'later'", 6)
    refused(second, "DO 1; XA ROLLBACK 'later'")
    first.query("XA ROLLBACK 'later'")
    first.quit()
    second.quit()


def test_several_in_one_command(prepared, blocking):
    """Known to the session alone, and ended by it."""
    client = login(blocking, capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    client.query("XA START 'm'; INSERT INTO xa_own.t VALUES (7); XA END 'm'; XA PREPARE 'm'")
    client.query("XA ROLLBACK 'm'")
    refused(client, "XA ROLLBACK 'm'")
    assert rows(prepared) == []
    client.quit()


def test_a_prepare_that_fails_makes_nothing_ones_own(blocking):
    victim, client = login(blocking, "xa_vault"), login(blocking)
    prepare(victim, "'theirs'", 8, "xa_vault.t")
    for text in ("XA PREPARE 'theirs'", "XA START 'theirs'"):
        with pytest.raises(wire.Error):
            client.query(text)
    refused(client, "XA ROLLBACK 'theirs'")
    victim.query("XA ROLLBACK 'theirs'")
    victim.quit()
    client.quit()


def test_what_is_only_prepared_says_nothing(prepared, blocking):
    """PREPARE of an XA PREPARE, in SQL or by the binary protocol, has not run it."""
    victim, client = login(blocking, "xa_vault"), login(blocking)
    prepare(victim, "'claimed'", 12, "xa_vault.t")
    for text in ("PREPARE s FROM \"XA PREPARE 'claimed'\"", "PREPARE s FROM \"XA COMMIT 'claimed'\"", "EXECUTE s",
                 "CREATE PROCEDURE xa_own.p() XA PREPARE 'claimed'", "SET STATEMENT max_statement_time = 9 FOR XA PREPARE 'claimed'",
                 "EXECUTE IMMEDIATE \"XA PREPARE 'claimed'\"", "EXPLAIN XA PREPARE 'claimed'",
                 "BEGIN NOT ATOMIC XA PREPARE 'claimed'; END"):
        with contextlib.suppress(wire.Error):
            client.query(text)
        refused(client, "XA ROLLBACK 'claimed'")
    with contextlib.suppress(wire.Error):
        client.prepare("XA PREPARE 'claimed'")
    refused(client, "XA ROLLBACK 'claimed'")
    victim.query("XA COMMIT 'claimed'")
    assert rows(prepared, "xa_vault.t") == [12]
    victim.query("DELETE FROM xa_vault.t")
    victim.quit()
    client.quit()


def test_bytes_that_depend_on_a_character_set(blocking):
    """Such a one is its session's alone."""
    first, second = login(blocking), login(blocking)
    first.query("SET character_set_connection = utf16")
    prepare(first, "'wide'", 9)
    refused(second, "XA ROLLBACK 'wide'")
    refused(second, "XA ROLLBACK 0x0077006900640065")
    first.query("XA ROLLBACK 'wide'")
    first.quit()
    second.quit()


def test_another_process_does_not_know_it(prepared, blocking):
    first = login(blocking)
    prepare(first, "'old'", 10)
    with gate.running(prepared, ini=INI.format(more="")) as another:
        client = login(another)
        assert "XA transaction" in refused(client, "XA ROLLBACK 'old'")
        client.quit()
    first.query("XA ROLLBACK 'old'")
    first.quit()


def test_with_several_instances_it_is_the_session_s(prepared):
    """Another instance may have seen its end, and its identifier in another's hands."""
    with gate.running(prepared, ini=INI.format(more="instance = 1")) as one:
        first, second = login(one), login(one)
        prepare(first, "'i'", 11)
        refused(second, "XA ROLLBACK 'i'")
        first.query("XA ROLLBACK 'i'")
        first.quit()
        second.quit()
