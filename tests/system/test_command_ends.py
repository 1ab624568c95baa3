"""Where one command ends and the next begins, and which answer belongs to which: silogate and the
server have to agree, whatever a client does to bring them apart."""
import resource
import time

import pytest

from harness import places, wire

# Without session tracking silogate has only the order of the answers to go by.
UNTRACKED = wire.USUAL & ~wire.SESSION_TRACK


def frame(sequence, payload):
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def query(statement):
    return frame(0, b"\x03" + statement.encode())


@pytest.fixture
def auth(silogate):
    """A session in `block`."""
    connection = wire.connect(silogate.port, "auth_service", database="nilecare_auth",
                              capabilities=UNTRACKED)
    yield connection
    connection.close()


def outcomes(connection, count):
    """For each command its first value, its error's number, or "closed" for all that is left."""
    found = []
    for _ in range(count):
        try:
            answer = connection.answers()[-1]
            found.append(answer.rows[0][0] if isinstance(answer, wire.Results) else "ok")
        except wire.Error as error:
            found.append(error.code)
        except wire.Closed:
            return found + ["closed"]
    return found


@pytest.mark.parametrize("sequence", [0, 1, 3, 77])
def test_a_packet_out_of_order_in_a_local_file(server, auth, sequence):
    """Both servers end the file there and take what follows for commands."""
    auth.query("CREATE TEMPORARY TABLE inf (v VARCHAR(2000))")
    auth.command(auth.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE inf"))
    assert auth.receive() == b"\xfbx"
    mark = server.mark()
    auth.raw(frame(sequence, b"abc\n") + query("DELETE FROM clinical_data.patients WHERE 'm1rk'"))
    assert auth.receive()[1:3] == b"\x84\x04"  # 1156
    assert auth.closed()
    assert "m1rk" not in server.log(mark)


def test_a_local_file_of_many_packets(auth):
    """Sequence ids go round after 255."""
    auth.query("CREATE TEMPORARY TABLE inf (v VARCHAR(2000))")
    auth.command(auth.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE inf"))
    auth.receive()
    for number in range(600):
        auth.send(b"line %d\n" % number)
    auth.send(b"")
    assert auth.answer().affected == 600


@pytest.mark.long(short=3)
@pytest.mark.parametrize("sequence", [0, 2, 9])
def test_a_continuation_out_of_order(server, auth, sequence):
    statement, _, _ = auth.prepare("SELECT LENGTH(?)")
    body = auth.execute_bytes(statement, ["x" * (17 << 20)])
    evil = b"\x03DELETE FROM clinical_data.patients WHERE 'm1rk'"
    mark = server.mark()
    try:
        auth.raw(frame(0, body[:wire.MAX]) + frame(sequence, evil) + frame(0, evil))
    except OSError:
        pass  # closed already
    assert auth.closed()
    assert "m1rk" not in server.log(mark)


@pytest.mark.parametrize("command", [b"\x19", b"\x19\x01\0", b"\x18\x01\0\0\0", b"\x18\x01\0\0\0\0"],
                         ids=["empty close", "short close", "no parameter", "half a parameter"])
def test_a_malformed_command_without_an_answer(server, auth, command):
    """MySQL answers it with an error: taken for the next command's, all answers would be off by one,
    and silogate would think that a USE has failed which has not."""
    auth.raw(frame(0, command) + query("SELECT 1 FROM no_such_table") + query("USE information_schema") +
             query("SELECT DATABASE()"))
    assert outcomes(auth, 3)[-1] == "closed"


def test_statements_that_are_none(auth):
    """COM_STMT_CLOSE and COM_STMT_SEND_LONG_DATA have no answer, also for an id that nobody knows."""
    for command in (b"\x19\x77\0\0\0", b"\x18\x77\0\0\0\0\0abc"):
        auth.raw(frame(0, command) + query("SELECT 1 FROM no_such_table") + query("SELECT 'two'"))
        assert outcomes(auth, 2) == [1146, "two"]


def test_com_field_list_and_com_init_db_after_half_a_command(server, make_gate):
    """What of a command has run before it failed is asked, also before a command without SQL."""
    gate = make_gate(server, ("service:lab", "mode", "block"),
                     ("service:lab", "owns", "nilecare_lab.*", "nilecare.lab_*"))
    connection = wire.connect(gate.port, "lab_service", database="nilecare_lab",
                              capabilities=UNTRACKED)
    with pytest.raises(wire.Error) as failed:
        connection.query("SET @a = 1; USE nilecare; SELECT 1 FROM no_such_table")
    assert failed.value.code in (1142, 1146)
    if failed.value.code == 1142:  # the server's own refusal or silogate's: only a server's moves us
        with pytest.raises(wire.Error):
            connection.query("SET @a = 1; USE nilecare; SELECT no_such_function_at_all(1)")
    connection.command(b"\x04invoices\0")
    with pytest.raises(wire.Error) as refused:
        connection.answers()
    assert refused.value.code in (1142, 1047), refused.value  # 1047: the server has lost the command
    assert connection.query("SELECT DATABASE()")[0].rows == [["nilecare"]]
    connection.quit()


def test_a_blocked_execution_in_pieces_is_one_violation(mariadb, make_gate):
    gate = make_gate(mariadb)
    connection = wire.connect(gate.port, "lab_service", database="")
    statement, _, _ = connection.prepare("SELECT ? FROM clinical_data.patients")
    gate.reload(("service:lab", "mode", "block"))
    gate.settle()
    connection.sequence = 0
    data = connection.frame(connection.execute_bytes(statement, ["x" * 500]))
    for at in range(0, len(data), 20):
        connection.raw(data[at:at + 20])
        time.sleep(0.002)
    with pytest.raises(wire.Error) as refused:
        connection.answers(binary=True)
    assert refused.value.code == 1142
    assert [one["action"] for one in gate.settle()] == ["blocked"]
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    connection.quit()


@pytest.mark.parametrize("command, code", [(b"\x7f", 1047), (b"\x17\x77\0\0\0\0\0\0\0\0", 1243)],
                         ids=["unknown commands", "unknown statements"])
def test_more_refused_commands_than_one_turn_answers(auth, command, code):
    """Sent at once, with nothing behind them: all are answered."""
    auth.raw(frame(0, command) * 12000)
    for _ in range(12000):
        assert int.from_bytes(auth.receive()[1:3], "little") == code
    assert auth.query("SELECT 'after'")[0].rows == [["after"]]


def test_prepared_statements_have_a_bound(mariadb, make_gate):
    """1461 in a session that never closes any, also where the server would take more."""
    before = mariadb.sql("SELECT @@max_prepared_stmt_count")[0][0]
    mariadb.sql("SET GLOBAL max_prepared_stmt_count = 100000", "SET GLOBAL general_log = 0")
    try:
        gate = make_gate(mariadb)
        connection = wire.connect(gate.port, "lab_service")
        made = 0
        with pytest.raises(wire.Error) as full:
            while made < 20000:
                connection.raw(frame(0, b"\x16DO 1") * 100)
                for _ in range(100):
                    statement, _, _ = connection.prepared()
                    made += 1
        assert full.value.code == 1461 and made == 16382
        for _ in range(99 - made % 100):
            assert connection.receive()[1:3] == b"\xb5\x05"
        connection.command(b"\x19" + statement.to_bytes(4, "little"))
        connection.prepare("DO 2")
        connection.quit()
    finally:
        mariadb.sql(f"SET GLOBAL max_prepared_stmt_count = {before}", "SET GLOBAL general_log = 1")


def test_out_of_file_descriptors(mariadb, make_gate):
    """Clients that cannot be served are refused or wait; the loop does not spin meanwhile, and serves on."""
    gate = make_gate(mariadb, ("proxy", "workers", "1"))
    connection = wire.connect(gate.port, "lab_service")
    limit = gate.files() + 4
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (limit, limit * 100))
    waiting = [wire.Stream(wire.socket.create_connection(("127.0.0.1", gate.port)))
               for _ in range(20)]
    before = cpu(gate)
    time.sleep(2)
    assert cpu(gate) - before < 0.1  # seconds of the processor; a loop that spins takes all there are
    assert connection.query("SELECT 'served'")[0].rows == [["served"]]
    for one in waiting:
        one.close()
    assert places.wait_for(lambda: greeted(gate.port))
    connection.quit()
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (limit * 100, limit * 100))


def greeted(port):
    try:
        one = wire.Wire(port).greet()
        one.close()
        return True
    except (OSError, wire.Closed, wire.Error):
        return False


def cpu(gate):
    with open(f"/proc/{gate.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
