"""What works against the server works through silogate, with the same visible result."""
import time

import pytest

from harness import places, wire


@pytest.fixture
def lab(silogate):
    connection = wire.connect(silogate.port, "lab_service")
    yield connection
    connection.close()


def test_greeting_is_the_servers(server, silogate):
    """Version, character set and status are the server's; of the capabilities only what the manual
    lists is missing, and only TLS and compression, which are each leg's own, may be more."""
    direct, through = wire.Wire(server.port).greet(), wire.Wire(silogate.port).greet()
    assert through.version == direct.version
    assert through.charset == direct.charset and through.status == direct.status
    missing = direct.offered & ~through.offered
    assert missing & ~(wire.SSL | wire.COMPRESS | 1 << 4 | 1 << 26 | 1 << 29) == 0, hex(missing)
    assert through.offered & ~direct.offered & ~(wire.SSL | wire.COMPRESS | 1 << 26) == 0
    assert 1 << 30 <= through.thread < 1 << 31
    direct.close()
    through.close()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("size", [17 << 20, 40 << 20])
def test_big_packets_both_ways(server, lab, size):
    """A statement and a row of more than one packet's 16 MB."""
    text = "x" * size
    rows = lab.query(f"SELECT LENGTH('{text}')")[0].rows
    assert rows == [[str(size)]]
    rows = lab.query(f"SELECT REPEAT('y', {size})")[0].rows
    assert len(rows[0][0]) == size
    assert lab.query("SELECT 1")[0].rows == [["1"]]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("size", [0xffffff - 1, 0xffffff, 0xffffff + 1, 2 * 0xffffff])
def test_packets_at_the_border(lab, size):
    """Payloads of just 16 MB end in an empty packet."""
    head = len(lab.query_bytes("SELECT LENGTH('')"))
    rows = lab.query("SELECT LENGTH('" + "x" * (size - head) + "')")[0].rows
    assert rows == [[str(size - head)]]


def test_local_infile(server, silogate, lab, tmp_path):
    """The client's file, in several packets, lands in the table; an empty one too."""
    lab.query("CREATE TEMPORARY TABLE inf (id INT, v VARCHAR(20))")
    content = b"".join(b"%d\tvalue %d\n" % (i, i) for i in range(5000))
    lab.command(lab.query_bytes("LOAD DATA LOCAL INFILE 'the/clients/name' INTO TABLE inf"))
    ok = lab.answer(infile=content)
    assert lab.infile == b"the/clients/name"
    assert ok.affected == 5000 and b"Records: 5000" in ok.info
    assert lab.query("SELECT COUNT(*), MAX(id) FROM inf")[0].rows == [["5000", "4999"]]
    lab.command(lab.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE inf"))
    assert lab.answer(infile=b"").affected == 0
    path = tmp_path / "rows"
    path.write_bytes(content)
    connection = silogate.connect("lab_service", local_infile=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE inf (id INT, v VARCHAR(20))")
        assert cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE inf") == 5000
    connection.close()


def test_local_infile_of_anothers_table_is_blocked(server, silogate):
    connection = wire.connect(silogate.port, "auth_service")
    mark = server.mark()
    with pytest.raises(wire.Error) as refused:
        connection.query("LOAD DATA LOCAL INFILE 'm1rk' INTO TABLE nilecare.lab_tests")
    assert refused.value.code == 1142
    assert "m1rk" not in server.log(mark)
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    connection.quit()


def test_cursor(lab):
    """COM_STMT_EXECUTE with a cursor, COM_STMT_FETCH until the last row, COM_STMT_RESET."""
    statement, _, _ = lab.prepare("SELECT 1 AS n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4")
    for _ in range(2):
        lab.command(lab.execute_bytes(statement, cursor=1))
        count = wire.Reader(lab.receive()).lenenc()
        for _ in range(count):
            lab.receive()
        end = lab._end(lab.receive())
        assert end.status & wire.CURSOR_EXISTS
        rows, status = [], 0
        while not status & wire.LAST_ROW_SENT:
            lab.command(b"\x1c" + statement.to_bytes(4, "little") + (2).to_bytes(4, "little"))
            while True:
                payload = lab.receive()
                if payload[0] == 0xfe and len(payload) < 30:
                    status = lab._end(payload).status
                    break
                rows.append(payload)
        assert len(rows) == 4
        lab.ok(b"\x1a" + statement.to_bytes(4, "little"))
    lab.command(b"\x19" + statement.to_bytes(4, "little"))
    assert lab.query("SELECT 1")[0].rows == [["1"]]


def test_stored_procedure_with_several_results(server, silogate):
    server.sql("DROP PROCEDURE IF EXISTS nilecare_lab.several",
               "CREATE PROCEDURE nilecare_lab.several() BEGIN SELECT 1; SELECT 2, 3; SELECT 4; END")
    connection = wire.connect(silogate.port, "lab_service")
    answers = connection.query("CALL nilecare_lab.several()")
    assert [one.rows for one in answers[:3]] == [[["1"]], [["2", "3"]], [["4"]]]
    assert len(answers) == 4
    statement, _, _ = connection.prepare("CALL nilecare_lab.several()")
    assert len(connection.execute(statement)) == 4
    connection.quit()


def test_long_data(lab):
    """COM_STMT_SEND_LONG_DATA has no answer; what it sent is in the next execution."""
    statement, _, parameters = lab.prepare("SELECT LENGTH(?)")
    for _ in range(3):
        lab.command(b"\x18" + statement.to_bytes(4, "little") + b"\0\0" + b"z" * 100000)
    lab.command(b"\x17" + statement.to_bytes(4, "little") + b"\0\x01\0\0\0" + b"\0\x01\xfc\0")
    row = lab.answers(binary=True)[0].rows[0]
    assert int.from_bytes(row[2:6], "little") == 300000


def test_null_integer_parameter(lab):
    statement, _, _ = lab.prepare("SELECT ? IS NULL, ?")
    lab.command(b"\x17" + statement.to_bytes(4, "little") + b"\0\x01\0\0\0" + b"\x01\x01\x03\0\x03\0"
                + (7).to_bytes(4, "little"))
    assert len(lab.answers(binary=True)[0].rows) == 1
    assert lab.query("SELECT 1")[0].rows == [["1"]]


def test_reset_connection(lab):
    """COM_RESET_CONNECTION forgets variables, temporary tables and prepared statements."""
    lab.query("SET @a = 1; CREATE TEMPORARY TABLE gone (id INT)")
    statement, _, _ = lab.prepare("SELECT 1")
    lab.ok(b"\x1f")
    assert lab.query("SELECT @a, DATABASE()")[0].rows == [[None, "nilecare"]]
    with pytest.raises(wire.Error) as unknown:
        lab.query("SELECT * FROM gone")
    assert unknown.value.code == 1146
    with pytest.raises(wire.Error) as unknown:
        lab.execute(statement)
    assert unknown.value.code == 1243


def test_commands_without_sql(lab):
    assert lab.ok(b"\x0e").status & wire.AUTOCOMMIT  # COM_PING
    lab.command(b"\x09")  # COM_STATISTICS
    assert b"Uptime" in lab.receive()
    lab.ok(b"\x1b\x01\x00")  # COM_SET_OPTION: no more multi-statements
    with pytest.raises(wire.Error) as wrong:
        lab.query("SELECT 1; SELECT 2")
    assert wrong.value.code == 1064
    lab.ok(b"\x1b\x00\x00")
    assert len(lab.query("SELECT 1; SELECT 2")) == 2


@pytest.mark.parametrize("byte", [0x00, 0x05, 0x0b, 0x0f, 0x10, 0x13, 0x14, 0x1d, 0x20, 0x21, 0x7f, 0xf0, 0xfe,
                                  0xff])
def test_command_bytes_without_a_row_are_refused(lab, byte):
    with pytest.raises(wire.Error) as refused:
        lab.ok(bytes([byte]) + b"nonsense")
    assert refused.value.code == 1047
    assert lab.query("SELECT 1")[0].rows == [["1"]]


ADMINISTRATION = {
    "COM_BINLOG_DUMP": b"\x12\x04\0\0\0\0\0\x01\0\0\0", "COM_REGISTER_SLAVE": b"\x15\x01\0\0\0\0\0\0\0",
    "COM_BINLOG_DUMP_GTID": b"\x1e\0\0\x01\0\0\0\0\0\0\0", "COM_SHUTDOWN": b"\x08\0",
    "COM_DEBUG": b"\x0d", "COM_REFRESH": b"\x07\xff", "COM_PROCESS_INFO": b"\x0a",
}


@pytest.mark.parametrize("name", ADMINISTRATION)
def test_replication_and_other_administration(lab, name):
    command = ADMINISTRATION[name]
    with pytest.raises(wire.Error) as refused:
        lab.ok(command)
    assert refused.value.code == 1227
    assert lab.query("SELECT 1")[0].rows == [["1"]]


def test_pipelined_commands_are_answered_in_order(lab):
    """Commands sent before the last answer is complete are judged one by one."""
    out = b""
    for number in range(50):
        lab.sequence = 0
        out += lab.frame(lab.query_bytes(f"SELECT {number}"))
    lab.raw(out)
    for number in range(50):
        assert lab.answers()[0].rows == [[str(number)]]


def test_pipelined_commands_are_judged_one_by_one(server, silogate):
    connection = wire.connect(silogate.port, "auth_service")
    statements = ["SELECT 'one'", "SELECT 'm1rk' FROM clinical_data.patients", "USE nilecare_lab",
                  "SELECT DATABASE()", "SELECT 'm2rk' FROM nilecare.invoices", "SELECT 'five'"]
    mark = server.mark()
    out = b""
    for statement in statements:
        connection.sequence = 0
        out += connection.frame(connection.query_bytes(statement))
    connection.raw(out)
    seen = []
    for _ in statements:
        try:
            seen.append(connection.answers()[0].rows[0][0])
        except wire.Error as error:
            seen.append(error.code)
    assert seen == ["one", 1142, 1044, "nilecare_auth", 1142, "five"]
    assert "m1rk" not in server.log(mark) and "m2rk" not in server.log(mark)
    connection.quit()


def test_split_at_every_byte(lab):
    """The same command in two pieces, at each of its bytes."""
    for at in range(1, len(lab.query_bytes("SELECT 'piece'")) + 4):
        lab.sequence = 0
        data = lab.frame(lab.query_bytes("SELECT 'piece'"))
        lab.raw(data[:at])
        time.sleep(0.001)
        lab.raw(data[at:])
        assert lab.answers()[0].rows == [["piece"]]


def test_query_attributes(mysql, make_gate):
    """The attributes before the text are stepped over, and reach the server."""
    gate = make_gate(mysql, ("service:auth", "mode", "block"))
    connection = wire.connect(gate.port, "auth_service",
                              capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    attributes = (b"\x02\x01" + b"\0" + b"\x01" + b"\xfe\0" + wire.lenenc("traceparent") +
                  b"\xfe\0" + wire.lenenc("other") + wire.lenenc("00-aa-bb-01") + wire.lenenc("x"))
    connection.command(b"\x03" + attributes + b"SELECT COUNT(*) FROM auth_users")
    assert connection.answers()[0].rows == [["3"]]
    connection.command(b"\x03" + attributes + b"SELECT COUNT(*) FROM clinical_data.patients")
    with pytest.raises(wire.Error) as refused:
        connection.answers()
    assert refused.value.code == 1142
    connection.quit()


def test_optional_metadata(mysql, make_gate):
    gate = make_gate(mysql)
    connection = wire.connect(gate.port, "lab_service",
                              capabilities=wire.USUAL | wire.OPTIONAL_METADATA)
    connection.query("SET resultset_metadata = NONE")
    result, = connection.query("SELECT 1, 2")
    assert result.rows == [["1", "2"]] and result.columns == []
    connection.quit()


def test_mariadb_prepare_and_execute_in_one_go(mariadb, make_gate):
    """MariaDB's connectors send PREPARE and EXECUTE of statement -1 together."""
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, "auth_service")
    mark = mariadb.mark()
    for statement, code in (("SELECT COUNT(*) FROM auth_users", None),
                            ("SELECT COUNT(*) FROM clinical_data.patients", 1142)):
        connection.sequence = 0
        out = connection.frame(b"\x16" + statement.encode())
        connection.sequence = 0
        out += connection.frame(connection.execute_bytes(0xffffffff))
        connection.raw(out)
        if code is None:
            connection.prepared()
            assert len(connection.answers(binary=True)[0].rows) == 1
        else:
            with pytest.raises(wire.Error) as refused:
                connection.prepared()
            assert refused.value.code == code
            with pytest.raises(wire.Error):
                connection.answers(binary=True)
        assert connection.query("SELECT 1")[0].rows == [["1"]]
    assert "patients" not in mariadb.log(mark)
    connection.quit()


def test_mariadb_bulk_execute(mariadb, make_gate):
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, "lab_service", extended=wire.MARIADB_BULK)
    connection.query("CREATE TEMPORARY TABLE bulk (id INT)")
    statement, _, _ = connection.prepare("INSERT INTO bulk VALUES (?)")
    rows = b"".join(b"\0" + number.to_bytes(4, "little") for number in range(100))
    connection.command(b"\xfa" + statement.to_bytes(4, "little") + b"\x80\0" + b"\x03\0" + rows)
    connection.answers()
    assert connection.query("SELECT COUNT(*), MAX(id) FROM bulk")[0].rows == [["100", "99"]]
    connection.quit()


def test_mariadb_pipeline_with_a_blocked_statement_in_its_midst(mariadb, make_gate):
    """PREPARE, EXECUTE and bulk execution of statement -1, all sent before the first answer. Behind the
    PREPARE that is blocked, -1 is no statement, least of all the one before it; the rest goes on."""
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, "auth_service", extended=wire.MARIADB_BULK)
    connection.query("CREATE TEMPORARY TABLE bulk (id INT)")
    rows = b"".join(b"\0" + number.to_bytes(4, "little") for number in range(100))
    last = (0xffffffff).to_bytes(4, "little")
    bulk = b"\xfa" + last + b"\x80\0" + b"\x03\0" + rows
    execute = connection.execute_bytes(0xffffffff)
    out, mark = b"", mariadb.mark()
    for payload in (b"\x16INSERT INTO bulk VALUES (?)", bulk,
                    b"\x16DELETE FROM clinical_data.patients WHERE 'm1rk'", execute,
                    b"\x16SELECT COUNT(*) FROM bulk", execute,
                    b"\x03SELECT mrn FROM clinical_data.patients WHERE 'm2rk'", b"\x03SELECT 'last'"):
        connection.sequence = 0
        out += connection.frame(payload)
    connection.raw(out)
    connection.prepared()
    connection.answers()
    for code in (1142, 1243):
        with pytest.raises(wire.Error) as refused:
            connection.answers()
        assert refused.value.code == code
    connection.prepared()
    assert connection.answers(binary=True)[0].rows == [b"\0\0" + (100).to_bytes(8, "little")]
    with pytest.raises(wire.Error) as refused:
        connection.answers()
    assert refused.value.code == 1142
    assert connection.answers()[0].rows == [["last"]]
    log = mariadb.log(mark)
    assert "m1rk" not in log and "m2rk" not in log
    connection.quit()


def test_kill_query_by_silogates_thread_id(server, silogate):
    """The id a client knows of itself is in its greeting; KILL QUERY with it reaches the right thread,
    among the same service's sessions alone."""
    victim = wire.connect(silogate.port, "lab_service")
    killer = wire.connect(silogate.port, "lab_service")
    stranger = wire.connect(silogate.port, "cds_service")
    victim.command(victim.query_bytes("SELECT SLEEP(60)"))
    assert places.wait_for(lambda: server.sql(
        "SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT SLEEP(60)'"))
    with pytest.raises(wire.Error) as refused:
        stranger.query(f"KILL QUERY {victim.thread}")
    assert refused.value.code in (1094, 1095, 1227)
    killer.query(f"KILL QUERY {victim.thread}")
    try:
        assert victim.answers()[0].rows == [["1"]]
    except wire.Error as error:
        assert error.code == 1317
    assert victim.query("SELECT 1")[0].rows == [["1"]]
    for connection in (victim, killer, stranger):
        connection.quit()


@pytest.mark.parametrize("how", ["KILL", "KILL CONNECTION", "COM_PROCESS_KILL"])
def test_kill_connection(silogate, how):
    victim = wire.connect(silogate.port, "lab_service")
    killer = wire.connect(silogate.port, "lab_service")
    if how == "COM_PROCESS_KILL":
        try:
            killer.ok(b"\x0c" + victim.thread.to_bytes(4, "little"))
        except wire.Error as error:
            assert error.code == 1047  # MySQL 9 has lost the command
            killer.query(f"KILL {victim.thread}")
    else:
        killer.query(f"{how} {victim.thread}")
    assert victim.closed()

    def again():
        try:
            killer.query(f"KILL {victim.thread}")
        except wire.Error as error:
            return error.code
        return None

    # A server forgets a thread a moment after it has closed its connection.
    assert places.wait_for(again) == 1094
    killer.quit()


def test_kill_of_who_is_gone(server, make_gate):
    """A victim that has ended meanwhile is told as the server tells it, also where administration is blocked; no
    other's session is, nor a number that another instance could have given."""
    gate = make_gate(server, ("policy", "administration", "block"), ("policy", "mode", "block"))
    victim, killer = [wire.connect(gate.port, "lab_service") for _ in range(2)]
    other = wire.connect(gate.port, "cds_service")
    number = victim.thread

    def refusal(what, *arguments):
        try:
            what(*arguments)
        except wire.Error as error:
            return error.code, error.message
        return None

    gone = (1094, f"Unknown thread id: {number}")
    victim.quit()
    assert places.wait_for(lambda: refusal(killer.query, f"KILL QUERY {number}") == gone, 30)
    assert refusal(killer.query, f"KILL -{(1 << 32) - number}") == gone
    assert refusal(killer.execute, killer.prepare(f"KILL {number}")[0]) == gone
    if server.dialect == "mariadb":
        assert refusal(killer.ok, b"\x0c" + number.to_bytes(4, "little")) == gone
    assert not gate.violations()
    for stranger in (other.thread, number ^ 1 << 24, 1 << 29):
        assert refusal(killer.query, f"KILL {stranger}")[0] == 1227
    assert other.query("SELECT 1")[0].rows == [["1"]]
    assert {one["reason"] for one in gate.violations(3)} == {"administration"}
