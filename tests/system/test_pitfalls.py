"""What broke for users of other proxies: each test bears the name of the report it comes from."""
import ssl
import threading
import time

import pytest

from harness import places, wire

SERVICE = "auth_service"


@pytest.fixture
def auth(silogate):
    """A session in `block`, of a service that owns something."""
    connection = wire.connect(silogate.port, SERVICE)
    yield connection
    connection.close()


def blocked(server, connection, statement, codes=(1044, 1142, 1227, 1370)):
    """The statement is refused by silogate and nothing of it reaches the server."""
    mark = server.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query(statement)
    assert refused.value.code in codes, f"{statement}: {refused.value}"
    assert refused.value.state == "42000", f"{statement}: {refused.value}"
    assert statement[:20] not in server.log(mark), statement
    return refused.value


# ---- transparency


def test_proxysql_1783_3993_use_and_create_in_one_command(server, silogate):
    """Never an OK for a statement that did not run."""
    connection = wire.connect(silogate.port, "lab_service")
    answers = connection.query("USE nilecare_lab; CREATE TABLE IF NOT EXISTS in_one (id INT)")
    assert len(answers) == 2
    assert server.sql("SELECT COUNT(*) FROM information_schema.tables"
                      " WHERE table_schema = 'nilecare_lab' AND table_name = 'in_one'") == ((1,),)
    connection.query("DROP TABLE nilecare_lab.in_one")
    connection.quit()


def test_proxysql_833_local_infile_is_the_clients_file(silogate, tmp_path):
    """The file is asked of the client, also where one of that name lies beside silogate."""
    path = tmp_path / "rows"
    path.write_text("beside\n")
    connection = wire.connect(silogate.port, "lab_service")
    connection.query("CREATE TEMPORARY TABLE inf (v VARCHAR(20))")
    connection.command(connection.query_bytes(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE inf"))
    connection.answer(infile=b"client\n")
    assert connection.query("SELECT v FROM inf")[0].rows == [["client"]]
    connection.quit()


def test_proxysql_3880_3887_4637_prepare_and_execute_sent_together(mariadb, make_gate):
    """One by one and in bulk."""
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, SERVICE, extended=wire.MARIADB_BULK)
    connection.query("CREATE TEMPORARY TABLE bulk (id INT)")

    def together(statement, execution):
        out = b""
        for payload in (b"\x16" + statement, execution):
            connection.sequence = 0
            out += connection.frame(payload)
        connection.raw(out)
        connection.prepared()
        return connection.answers(binary=True)[0]

    rows = b"\0\x07\0\0\0" + b"\0\x08\0\0\0"
    for number in range(1, 20):
        found = together(b"SELECT COUNT(*) FROM auth_users WHERE id <> ?",
                         connection.execute_bytes(0xffffffff, ["x"]))
        assert len(found.rows) == 1
        together(b"INSERT INTO bulk VALUES (?)", b"\xfa\xff\xff\xff\xff\x80\0\x03\0" + rows)
        assert connection.query("SELECT COUNT(*) FROM bulk")[0].rows == [[str(2 * number)]]
    connection.quit()


def test_proxysql_4618_change_user_with_caching_sha2_password(mysql, make_gate):
    gate = make_gate(mysql)
    connection = wire.connect(gate.port, SERVICE)
    for user in ("lab_service", SERVICE, "cds_service"):
        mysql.forget_passwords()
        connection.change_user(user, "")
        assert connection.query("SELECT CURRENT_USER()")[0].rows == [[f"{user}@%"]]
    connection.quit()


def test_vitess_5201_13089_reset_by_change_user_or_reset_connection(auth):
    for reset in (lambda: auth.change_user(SERVICE), lambda: auth.ok(b"\x1f")):
        auth.query("SET @kept = 1")
        reset()
        assert auth.query("SELECT @kept")[0].rows == [[None]]
        assert auth.query("SELECT COUNT(*) FROM auth_users")[0].rows == [["3"]]


@pytest.mark.parametrize("deprecate", [True, False])
def test_proxysql_3756_3780_deprecate_eof_is_the_same_on_both_legs(silogate, deprecate):
    capabilities = wire.USUAL if deprecate else wire.USUAL & ~wire.DEPRECATE_EOF
    connection = wire.connect(silogate.port, SERVICE, capabilities=capabilities)
    statement, _, _ = connection.prepare("SELECT id, email FROM auth_users WHERE id <> ?")
    for _ in range(3):
        assert len(connection.query("SELECT id, email FROM auth_users")[0].rows) == 3
        assert len(connection.execute(statement, ["x"])[0].rows) == 3
        assert len(connection.query("SELECT 1; SELECT id FROM auth_users; DO 1")) == 3
    connection.quit()


def test_proxysql_4047_mariadb_extended_metadata_on_both_legs(mariadb, make_gate):
    """Extended types (here json) are told alike with and without silogate."""
    gate = make_gate(mariadb)
    extended = 1 << 35
    seen = []
    for port in (mariadb.port, gate.port):
        connection = wire.connect(port, SERVICE, extended=extended, database="nilecare_auth")
        seen.append(connection.query("SELECT old_values, id FROM auth_audit_logs")[0].columns)
        connection.quit()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("attributes", [
    b"\0\x01",  # none
    b"\x01\x01" + b"\0" + b"\x01" + b"\xfe\0" + wire.lenenc("name") + wire.lenenc("SELECT 1 -- "),
    b"\x01\x01" + b"\x01" + b"\x01" + b"\x06\0" + wire.lenenc("null"),
], ids=["none", "text", "null"])
def test_acra_728_query_attributes_shift_the_text(mysql, make_gate, attributes):
    gate = make_gate(mysql)
    connection = wire.connect(gate.port, SERVICE, capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    connection.query_bytes = lambda text: b"\x03" + attributes + text.encode()
    blocked(mysql, connection, "SELECT * FROM clinical_data.patients")
    assert connection.query("SELECT COUNT(*) FROM auth_users")[0].rows == [["3"]]
    connection.quit()


def test_acra_653_null_integer_parameter(auth):
    statement, _, _ = auth.prepare("SELECT ? IS NULL")
    auth.command(b"\x17" + statement.to_bytes(4, "little") + b"\0\x01\0\0\0\x01\x01\x08\0")
    assert len(auth.answers(binary=True)[0].rows) == 1
    assert auth.query("SELECT 1")[0].rows == [["1"]]


def test_proxysql_1738_no_backslash_escapes_flag(server, auth):
    """The client is told, and the gate reads the text as the server does."""
    auth.query("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'")
    assert auth.ok(b"\x0e").status & wire.NO_BACKSLASH_ESCAPES
    # without escapes the string ends at the second quote, and what follows is SQL
    blocked(server, auth, "SELECT '\\' , (SELECT mrn FROM clinical_data.patients LIMIT 1) -- '")
    auth.query("SET SESSION sql_mode = ''")
    assert auth.query("SELECT '\\' , (SELECT mrn FROM clinical_data.patients) -- '")[0].rows


def test_proxysql_5621_session_tracking(auth):
    ok = auth.query("USE information_schema")[0]
    assert (1, b"\x12information_schema") in ok.changes()
    auth.query("SET SESSION session_track_system_variables = '*'")
    assert any(kind == 0 for kind, _ in auth.query("SET SESSION sql_mode = ''")[0].changes())


def test_proxysql_1017_988_use_of_a_missing_schema_fails_at_once(auth):
    with pytest.raises(wire.Error) as refused:
        auth.query("USE no_such_schema")
    assert refused.value.code in (1044, 1049)
    assert auth.query("SELECT DATABASE()")[0].rows == [["nilecare_auth"]]


def test_router_queries_over_16_mb(server, auth):
    blocked(server, auth, "SELECT '" + "x" * (17 << 20) + "' FROM clinical_data.patients")
    assert auth.query("SELECT LENGTH('" + "x" * (17 << 20) + "')")[0].rows == [[str(17 << 20)]]


def test_router_unclosed_comment(server, auth):
    for statement in ("SELECT 1 /* unclosed", "/*", "/*!", "/*!50000 SELECT 1", "SELECT 1 /*/"):
        with pytest.raises(wire.Error):
            auth.query(statement)
        assert auth.query("SELECT 1")[0].rows == [["1"]]


def test_router_empty_passwords(server, make_gate):
    gate = make_gate(server, ("service:auth", "user", SERVICE, "empty_user"))
    connection = wire.connect(gate.port, "empty_user")
    assert connection.query("SELECT CURRENT_USER()")[0].rows == [["empty_user@%"]]
    connection.quit()


def test_router_dollar_quoted_strings(mysql, make_gate):
    gate = make_gate(mysql)
    connection = wire.connect(gate.port, SERVICE)
    blocked(mysql, connection, "SELECT 1 FROM clinical_data.patients WHERE mrn = $$x$$")
    connection.quit()


def test_router_clients_without_session_track(silogate):
    """Where the server does not tell of it, USE is followed all the same."""
    connection = wire.connect(silogate.port, "lab_service", database="nilecare_lab",
                              capabilities=wire.USUAL & ~wire.SESSION_TRACK)
    connection.query("USE nilecare")
    silogate.settle()
    connection.query("SELECT COUNT(*) FROM invoices")
    record, = silogate.settle()
    assert record["objects"][0]["schema"] == "nilecare" and record["owners"] == ["billing"]
    connection.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("kind", ["server", "rsa"])
def test_router_ecc_certificates(mysql, make_gate, certificates, kind):
    """"No RSA certificate": a login that needs RSA for its password, or TLS, works with a certificate
    of either kind."""
    gate = make_gate(mysql, ("tls", "certificate", certificates / f"{kind}.pem"),
                     ("tls", "key", certificates / f"{kind}.key"))
    for context in (ssl.create_default_context(cafile=certificates / "ca.pem"), None):
        mysql.forget_passwords()
        connection = gate.connect("lab_service", ssl=context)
        with connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_USER()")
            assert cursor.fetchall() == (("lab_service@%",),)
        connection.close()


def test_shardingsphere_8909_4904_2303_proxysql_3247_5368_opening_statements_of_tools(silogate):
    """What mycli, DataGrip, DBeaver, MySQL Workbench and connectors send first is no violation."""
    connection = wire.connect(silogate.port, "auth_service")
    for statement in (
            "/* mysql-connector-java */SELECT @@session.auto_increment_increment AS a, @@version",
            "SELECT @@version_comment LIMIT 1", "SHOW VARIABLES LIKE 'lower_case_%'",
            "SET NAMES utf8mb4", "SET character_set_results = NULL", "SET autocommit=1",
            "SET SQL_SAFE_UPDATES=1", "SELECT current_user()", "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "/* ping */ SELECT 1",
            "/* ping */", "SELECT DATABASE(), USER() LIMIT 1", "SHOW ENGINES", "SHOW PLUGINS",
            "SHOW DATABASES", "SELECT CONNECTION_ID()", "SET SESSION sql_mode='STRICT_TRANS_TABLES'",
            "SHOW COLLATION", "SHOW CHARACTER SET", "SHOW WARNINGS", "SHOW TABLES",
            "SELECT TABLE_NAME FROM information_schema.tables WHERE table_schema = DATABASE()",
            "SET SESSION net_write_timeout=600", "SELECT @@session.transaction_isolation",
            "SHOW FULL TABLES", "SHOW CREATE TABLE auth_users", "SET @@SESSION.SQL_MODE = ''"):
        try:
            connection.query(statement)
        except wire.Error as error:
            assert error.code in (1193, 1065), f"{statement}: {error}"  # the server's own answer
    connection.quit()
    assert not [one for one in silogate.violations() if one["action"] == "blocked"]


# ---- policy holes that were found elsewhere


@pytest.mark.parametrize("statement", [
    "UPDATE clinical_data.patients SET phone = ''", "DELETE FROM clinical_data.patients",
    "REPLACE INTO clinical_data.patients (mrn) VALUES ('x')",
    "SELECT 1 UNION SELECT mrn FROM clinical_data.patients",
    "SELECT (SELECT mrn FROM clinical_data.patients LIMIT 1)",
    "INSERT INTO auth_roles (name) SELECT mrn FROM clinical_data.patients",
    "CREATE TABLE copy AS SELECT * FROM clinical_data.patients",
    "ALTER TABLE clinical_data.patients ADD x INT", "DROP TABLE clinical_data.patients",
    "CREATE INDEX i ON clinical_data.patients (phone)",
])
def test_acra_table_lists_that_see_only_select_and_insert(server, auth, statement):
    blocked(server, auth, statement)


@pytest.mark.parametrize("statement", [
    "DO (SELECT COUNT(*) FROM clinical_data.patients)", "CALL nilecare_lab.anything()",
    "REPAIR TABLE clinical_data.patients", "OPTIMIZE TABLE clinical_data.patients",
    "LOAD DATA LOCAL INFILE 'x' INTO TABLE clinical_data.patients",
    "CREATE TABLE copy SELECT * FROM clinical_data.patients",
    "CREATE VIEW v AS SELECT * FROM clinical_data.patients",
    "EXPLAIN SELECT * FROM clinical_data.patients",
    "SHOW TABLES WHERE (SELECT COUNT(*) FROM clinical_data.patients) > 0",
    "SET @x = (SELECT MAX(mrn) FROM clinical_data.patients)",
    "SELECT nilecare_lab.some_function()",
])
def test_vitess_ghsa_w6mx_2f8x_pqf4_21053_21139_21134(server, auth, statement):
    blocked(server, auth, statement)


def test_vitess_ghsa_mv22_c3rp_c6m4_cte_hides_the_real_table(server, silogate):
    connection = wire.connect(silogate.port, SERVICE)
    blocked(server, connection, "WITH invoices AS (SELECT * FROM nilecare.invoices)"
                                " SELECT * FROM invoices")
    connection.quit()


def test_vitess_16542_cte_is_no_table(auth):
    rows = auth.query("WITH patients AS (SELECT 7 AS n) SELECT n FROM patients")[0].rows
    assert rows == [["7"]]


def test_vitess_9747_two_tables_in_one_statement(server, auth):
    for statement in ("SELECT 1 FROM auth_users a, clinical_data.patients p",
                      "SELECT 1 FROM clinical_data.patients p, auth_users a",
                      "DELETE a FROM auth_users a JOIN clinical_data.patients p"):
        blocked(server, auth, statement)


def test_proxysql_2421_qualified_names_are_not_judged_by_the_current_schema(server, auth):
    blocked(server, auth, "SELECT * FROM clinical_data.auth_users")
    assert auth.query("SELECT COUNT(*) FROM nilecare_auth.auth_users")[0].rows == [["3"]]


def test_proxysql_3493_use_behind_a_comment(server, silogate):
    connection = wire.connect(silogate.port, "business_service")
    connection.query("/* c */ USE nilecare")
    silogate.settle()
    connection.query("SELECT COUNT(*) FROM invoices")
    record, = silogate.settle()
    assert record["owners"] == ["billing"]
    connection.quit()


def test_proxysql_2258_text_of_prepare(server, auth):
    blocked(server, auth, "PREPARE s FROM 'SELECT * FROM clinical_data.patients'")
    blocked(server, auth, "SET @q = 'SELECT * FROM clinical_data.patients'; PREPARE s FROM @q")


@pytest.mark.parametrize("statement", [
    "SELECT /*!1*/ FROM auth_users", "SELECT 1 /*! FROM clinical_data.patients */",
    "SELECT 1 /*!50000 FROM clinical_data.patients */",
    "SELECT 1 FROM auth_users, /*!50000 clinical_data.*/ patients",
])
def test_executable_comments_are_no_comments(server, auth, statement):
    if "clinical" in statement:
        blocked(server, auth, statement)
    else:
        assert auth.query(statement)[0].rows == [["1"]] * 3


def test_mariadb_executable_comments(mariadb, make_gate):
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, SERVICE)
    blocked(mariadb, connection, "SELECT 1 /*M! FROM clinical_data.patients */")
    blocked(mariadb, connection, "SELECT 1 /*M!100000 FROM clinical_data.patients */")
    connection.quit()


@pytest.mark.parametrize("padding", [1100, 2100, 5000, 100000])
def test_long_comments_and_statements_are_read_to_the_end(server, auth, padding):
    blocked(server, auth, f"SELECT 1 /* {'x' * padding} */ FROM clinical_data.patients")
    blocked(server, auth, f"SELECT '{'x' * padding}' FROM clinical_data.patients")


def test_maxscale_ansi_quotes_functions_variables_union_with(server, auth):
    auth.query("SET SESSION sql_mode = 'ANSI_QUOTES'")
    blocked(server, auth, 'SELECT * FROM clinical_data."patients"')
    blocked(server, auth, 'SELECT * FROM "clinical_data"."patients"')
    auth.query("SET SESSION sql_mode = ''")
    assert auth.query('SELECT "clinical_data.patients"')[0].rows == [["clinical_data.patients"]]
    blocked(server, auth, "SELECT CONCAT((SELECT mrn FROM clinical_data.patients LIMIT 1))")
    blocked(server, auth, "SELECT @x := mrn FROM clinical_data.patients")
    blocked(server, auth, "WITH x AS (SELECT mrn FROM clinical_data.patients) SELECT * FROM x")


@pytest.mark.parametrize("statement", [
    "SELECT 1 FROM auth_users WHERE email REGEXP '^a' OR NOT is_active",
    "SELECT COUNT(DISTINCT id) FROM auth_users GROUP BY role HAVING COUNT(*) > 0 ORDER BY 1 DESC",
    "SELECT CASE WHEN TRUE THEN 1 ELSE 2 END FROM auth_users u LEFT JOIN auth_devices d USING (id)",
    "INSERT INTO auth_roles (name) VALUES ('t') ON DUPLICATE KEY UPDATE name = VALUES(name)",
    "SELECT id FROM auth_users FORCE INDEX (PRIMARY) WHERE id IN (SELECT user_id FROM auth_devices)",
    "SELECT ROW_NUMBER() OVER (PARTITION BY role ORDER BY id) FROM auth_users",
    "DELETE d FROM auth_devices d LEFT JOIN auth_users u ON u.id = d.user_id WHERE u.id = 'x'",
    "SELECT CAST('1' AS UNSIGNED), INTERVAL(1, 2), DATE_ADD(NOW(), INTERVAL 1 DAY) FROM auth_users",
    "SELECT EXTRACT(YEAR FROM created_at), TRIM(BOTH ' ' FROM email) FROM auth_users",
    "SELECT JSON_EXTRACT(new_values, '$.a') FROM auth_audit_logs",
    "SELECT id FROM auth_users FOR UPDATE",
])
def test_maxscale_mxs_3021_2992_4290_legal_statements_are_not_refused(auth, statement):
    auth.query(statement)


def test_a_block_names_its_rule_and_its_reason(server, auth):
    error = blocked(server, auth, "SELECT * FROM clinical_data.patients")
    for word in ("auth", "read", "patients", "clinical", "mode"):
        assert word in error.message


# ---- cost


def test_proxysql_3822_5006_no_store_without_a_bound(silogate):
    """Ten thousand different statements, allowed and logged, leave no trace in memory."""
    connection = wire.connect(silogate.port, "billing_service")

    def load(count):
        for number in range(count):
            connection.query(f"SELECT {number} AS c{number} FROM invoices LIMIT 0")
            if number % 10 == 0:
                connection.query(f"SELECT mrn AS c{number} FROM clinical_data.patients LIMIT 0")

    load(2000)
    before = silogate.rss()
    load(8000)
    assert silogate.rss() - before < 16 * 1024
    connection.quit()
    silogate.violations()


def test_shardingsphere_8517_results_are_not_buffered(server, silogate):
    """A client that does not read: silogate stops reading too, and grows by no more than its
    buffers."""
    connection = wire.connect(silogate.port, "lab_service")
    before = silogate.rss()
    connection.command(connection.query_bytes(
        "SELECT REPEAT('x', 1000000) FROM information_schema.columns LIMIT 200"))
    time.sleep(1)
    grown = silogate.rss() - before
    assert len(connection.answers()[0].rows) == 200
    assert grown < 24 * 1024
    connection.quit()


def test_small_frames_are_not_held_back(silogate):
    """TCP_NODELAY on both legs: many small round trips do not cost 40 ms each."""
    connection = wire.connect(silogate.port, "lab_service")
    statement, _, _ = connection.prepare("SELECT ?")
    took = []
    for _ in range(200):
        start = time.monotonic()
        connection.execute(statement, ["x"])
        took.append(time.monotonic() - start)
    assert sorted(took)[50] < 0.04  # each frame that is held back costs at least that
    connection.quit()


# ---- operations


def test_proxysql_1119_1893_4955_scanners_and_empty_passwords(silogate):
    """Garbage before the login ends that connection alone."""
    for data in (b"", b"\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01", b"\xff" * 500,
                 b"\x01\0\0\x01\0", b"\0\0\0\x01", b"\xff\xff\xff\x01" + b"a" * 1000,
                 b"\x24\0\0\x01" + b"\0" * 36, b"\x25\0\0\x05" + b"\xff" * 37):
        scanner = wire.Stream(wire.socket.create_connection(("127.0.0.1", silogate.port)))
        scanner.raw(data)
        scanner.socket.shutdown(wire.socket.SHUT_WR)
        assert scanner.closed(), data
        scanner.close()
    connection = wire.connect(silogate.port, "lab_service")
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    connection.quit()


def test_haproxy_2692_2934_scanners_never_block_the_host(server, make_gate):
    """What dies before its login never reaches the server, so the server counts nothing against
    silogate's host."""
    server.sql("SET GLOBAL max_connect_errors = 3")
    aborted = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'"
    try:
        gate = make_gate(server)
        assert places.wait_for(lambda: server.threads() == 0)  # silogate's own look at its start is counted
        before = server.sql(aborted)[0][1]
        for _ in range(20):
            scanner = wire.socket.create_connection(("127.0.0.1", gate.port))
            scanner.recv(200)
            scanner.close()
            half = wire.socket.create_connection(("127.0.0.1", gate.port))
            half.sendall(b"\x20\0\0\x01\x85")
            half.close()
        connection = wire.connect(gate.port, "lab_service")
        assert connection.query("SELECT 1")[0].rows == [["1"]]
        connection.quit()
        assert server.sql(aborted)[0][1] == before
    finally:
        server.sql("SET GLOBAL max_connect_errors = 100")


def test_sessions_do_not_wait_for_each_other(silogate):
    """A session that sleeps holds up nobody, although one thread serves them all."""
    sleeper = wire.connect(silogate.port, "lab_service")
    sleeper.command(sleeper.query_bytes("SELECT SLEEP(60)"))
    done = []

    def work():
        connection = wire.connect(silogate.port, "lab_service")
        for number in range(50):
            done.append(connection.query(f"SELECT {number}")[0].rows)
        connection.quit()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert len(done) == 200
    killer = wire.connect(silogate.port, "lab_service")
    killer.query(f"KILL {sleeper.thread}")  # it still sleeps, or this is an error
    killer.quit()
    sleeper.close()
