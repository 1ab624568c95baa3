"""The tools that come with the servers, and Node's pool, at work through silogate: whole dumps out and in,
load generators, connections that break and are made anew. The service owns what they touch and is in
`block`: what silogate did not understand would be refused.

`make test` takes the load generators' least; `make soak` takes more of it."""
import os
import subprocess

import pytest

from harness import gate as gates, places, servers

LONG = "SILOGATE_SOAK" in os.environ
SCRIPTS = ("oltp_delete", "oltp_insert", "oltp_point_select", "oltp_read_only", "oltp_read_write",
           "oltp_update_index", "oltp_update_non_index", "oltp_write_only", "select_random_points",
           "select_random_ranges")


def ini(user):
    """One service that owns all of NileCare's, the copies and the tools' own tables. The tools look into
    the server's own schemas and variables, which is administration."""
    owned = ("nilecare.*", "nilecare_*.*", "clinical_data.*", "business_operations.*", "copy_*.*",
             "mysqlslap.*", "sbtest.*")
    return f"""[proxy]
listen = 127.0.0.1:1
admin = off
[policy]
mode = block
unowned = block
administration = log
undetermined = block
[upstream:main]
address = 127.0.0.1:1
[log]
violations = stdout
[service:tools]
user = {user}
upstream = main
""" + "".join(f"owns = {one}\n" for one in owned)


@pytest.fixture
def tools(server, make_gate):
    """silogate for a user that may do all, and what the command line tools need to log in."""
    user = server.extra_users[0]
    gate = make_gate(server, ini=ini(user))
    gate.user = user
    gate.login = ["--no-defaults", "-h127.0.0.1", f"-P{gate.port}", f"-u{user}"]
    if server.dialect == "mysql":
        gate.login.append("--get-server-public-key")
    yield gate
    assert not [one for one in gate.events("violation") if one["action"] == "blocked"]


def tool(server, name):
    """MySQL's own tool for MySQL, MariaDB's for MariaDB."""
    if server.dialect == "mysql":
        return places.mysql_program(f"mysql{name}")
    return [f"mariadb{'-' if name else ''}{name}"]


def run(command, user, **options):
    done = subprocess.run(command, capture_output=True, timeout=300,
                          env=dict(os.environ, MYSQL_PWD=servers.password(user)), **options)
    assert done.returncode == 0, (done.stderr + done.stdout)[-3000:].decode("utf-8", "replace")
    return done.stdout


def names(server, table, schema):
    return [name for name, in server.sql(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"
        f" AND table_type = '{table}' ORDER BY 1")]


@pytest.mark.long
def test_all_of_nilecare_out_and_in(server, tools):
    """Each database goes out with the dump tool, with its views and triggers, and comes in as another
    with the same tables, and equal checksums."""
    server.sql("INSERT INTO nilecare.lab_results (order_id, value) VALUES"
               " ('x', 'é \\\\ \\' \\0 ☃'), ('y', NULL)")
    schemas = [one for one, in server.sql(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'nilecare%'"
        " OR schema_name IN ('clinical_data', 'business_operations') ORDER BY 1")]
    options = ["--no-tablespaces", "--routines", "--events", "--single-transaction", "--hex-blob"]
    if server.dialect == "mysql":
        options.append("--set-gtid-purged=OFF")
    tables = 0
    try:
        for schema in schemas:
            server.sql(f"CREATE DATABASE copy_{schema}")
            out = run([*tool(server, "dump"), *tools.login, *options, schema], tools.user)
            if server.dialect == "mariadb":  # it keeps a trigger's text as written, with its database
                out = out.replace(b" clinical_data.", b" copy_clinical_data.")
            run([*tool(server, ""), *tools.login, f"copy_{schema}"], tools.user, input=out)
            for kind in ("BASE TABLE", "VIEW"):
                assert names(server, kind, schema) == names(server, kind, f"copy_{schema}")
            for table in names(server, "BASE TABLE", schema):
                sums = [server.sql(f"CHECKSUM TABLE {one}{schema}.{table}")[0][1]
                        for one in ("", "copy_")]
                assert sums[0] == sums[1] and sums[0] is not None, f"{schema}.{table}"
                tables += 1
        triggers = dict(server.sql("SELECT trigger_schema, COUNT(*) FROM information_schema.triggers"
                                   " WHERE trigger_schema LIKE '%clinical_data' GROUP BY 1"))
        assert triggers["clinical_data"] == triggers["copy_clinical_data"] == 2
        assert tables > 70
    finally:
        server.sql("DELETE FROM nilecare.lab_results WHERE order_id IN ('x', 'y')",
                   *[f"DROP DATABASE IF EXISTS copy_{schema}" for schema in schemas])


def test_mysqlslap(server, tools):
    """Its own mixed load; each text of its own making ends in a NUL, which silogate once refused."""
    run([*tool(server, "slap"), *tools.login, "--auto-generate-sql", "--concurrency=4",
         "--auto-generate-sql-load-type=mixed", "--auto-generate-sql-add-autoincrement",
         "--auto-generate-sql-execute-number=100", f"--iterations={20 if LONG else 2}"], tools.user)
    assert tools.metrics().total("commands_total", outcome="refused") == 0


def sysbench(tools, script, what, *options):
    return run(["sysbench", script, "--db-driver=mysql", "--mysql-host=127.0.0.1", "--threads=4",
                f"--mysql-port={tools.port}", f"--mysql-user={tools.user}", "--time=0",
                f"--mysql-password={servers.password(tools.user)}", "--mysql-db=sbtest",
                "--tables=2", "--table-size=500", f"--events={20000 if LONG else 40}", *options, what],
               tools.user).decode()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("prepared", ["auto", "disable"])
def test_sysbench(server, tools, prepared):
    """The whole OLTP set, with prepared statements and without."""
    server.sql("DROP DATABASE IF EXISTS sbtest", "CREATE DATABASE sbtest")
    mode = f"--db-ps-mode={prepared}"
    try:
        sysbench(tools, "oltp_read_write", "prepare", mode)
        for script in SCRIPTS:
            out = sysbench(tools, script, "run", mode)
            assert "total number of events" in out and "FATAL" not in out, f"{script}: {out}"
        sysbench(tools, "oltp_read_write", "cleanup", mode)
        sysbench(tools, "bulk_insert", "prepare", mode)
        sysbench(tools, "bulk_insert", "run", mode)
    finally:
        server.sql("DROP DATABASE sbtest")
    assert tools.metrics().total("commands_total", outcome="refused") == 0


POOL = """
  const pool = require('mysql2/promise').createPool({host: '127.0.0.1', port: %d,
    user: 'billing_service', password: 'billing_service-secret', database: 'nilecare',
    connectionLimit: 20, waitForConnections: true});
  const lost = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ER_QUERY_INTERRUPTED'];
  async function ask(i, tries) {
    try {
      const [rows] = i %% 2
        ? await pool.execute('SELECT ? + 0 AS n, COUNT(*) AS c FROM invoices', [i])
        : await pool.query('SELECT ' + i + ' AS n, COUNT(*) AS c FROM invoices');
      return Number(rows[0].n) === i && Number(rows[0].c) === 2;
    } catch (error) {
      // 2013: what silogate answers in the place of a server that has gone
      if (!tries || !(lost.includes(error.code) || error.fatal || error.errno === 2013)) throw error;
      return ask(i, tries - 1);
    }
  }
  async function round() {
    const right = await Promise.all(Array.from({length: 400}, (_, i) => ask(i, 5)));
    console.log(right.filter(Boolean).length);
  }
  (async () => {
    await round();
    for await (const line of require('readline').createInterface({input: process.stdin})) {
      await round();
    }
    await pool.end();
  })().catch((e) => { console.log(e.code, e.errno, e.message); process.exit(1); });
"""


@pytest.mark.long
def test_mysql2_pool(server, silogate):
    """Node's pool as NileCare's services use it: 20 connections, query and execute mixed; when all its
    connections are killed on the server it makes new ones and prepares anew."""
    with subprocess.Popen(["node", "-e", POOL % silogate.port], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, NODE_PATH=str(places.NODE_MODULES))) as node:
        try:
            assert node.stdout.readline() == "400\n"
            for _ in range(3):
                before = silogate.metrics().total("sessions_accepted_total")
                killed = server.sql("SELECT id FROM information_schema.processlist"
                                    " WHERE user = 'billing_service'")
                assert len(killed) > 1
                for number, in killed:
                    server.sql(f"KILL {number}")
                node.stdin.write("again\n")
                node.stdin.flush()
                assert node.stdout.readline() == "400\n"
                assert silogate.metrics().total("sessions_accepted_total") > before
            node.stdin.close()
            assert node.wait(30) == 0
        finally:
            node.kill()
            errors = node.stderr.read()
    assert not errors, errors
