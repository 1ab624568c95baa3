#!/usr/bin/python3
"""Records the logs that stand beside this file out of real servers: a load of NileCare's services, with
all that the formats of logs are tricky about. Run it again for another version of a server; what
silogate makes of them is in expected.txt (tests/system/test_learn.py says how to write that anew)."""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pymysql  # noqa: E402
from pymysql.constants import CLIENT  # noqa: E402

from harness import places, servers, wire  # noqa: E402

HERE = pathlib.Path(__file__).parent
HISTORY = ("SELECT SQL_TEXT, DIGEST_TEXT, CURRENT_SCHEMA, PROCESSLIST_USER FROM"
           " performance_schema.events_statements_history JOIN performance_schema.threads USING (THREAD_ID)"
           " WHERE PROCESSLIST_USER = 'payment_service'")
DIGESTS = "SELECT * FROM performance_schema.events_statements_summary_by_digest"


def connect(server, user, database=None, flags=0):
    return pymysql.connect(host="127.0.0.1", port=server.port, user=user, database=database,
                           password=servers.password(user), autocommit=True, client_flag=flags)


def run(connection, *statements):
    for statement in statements:
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                while cursor.nextset():
                    pass
            except pymysql.Error:
                pass  # that a statement fails is in no log


def load(server):
    billing = connect(server, "billing_service", "nilecare", CLIENT.MULTI_STATEMENTS)
    clinical = connect(server, "clinical_service")
    run(billing, "SELECT id, status FROM invoices WHERE patient_id = 'x'",
        "SELECT *\n  FROM clinical_data.patients\n\n WHERE id = 'a\nb\t5 Query\tc'",
        "SELECT * FROM clinical_data.patients WHERE id = 7",
        "SELECT 1; SELECT email FROM nilecare_auth.auth_users WHERE id='7'; SELECT 2",
        "SELECT 1 ; ; ", "GARBAGE x", "SELECT 'unclosed")
    run(clinical, "SELECT 1", "USE nilecare", "UPDATE invoices SET status='paid' WHERE id='nope'")
    clinical.select_db("clinical_data")
    run(clinical, "SELECT last_name FROM patients LIMIT 1",
        "PREPARE s FROM 'SELECT * FROM nilecare.payments WHERE id=? AND status <> ''it''''s'''",
        "SET @x='q'", "EXECUTE s USING @x", "EXECUTE s USING @x", "DEALLOCATE PREPARE s",
        "PREPARE bad FROM 'SELECT FROM'")
    if server.name == "mariadb":
        run(clinical, "EXECUTE IMMEDIATE 'SELECT 5 FROM nilecare.payments'",
            "BEGIN NOT ATOMIC SELECT 6 FROM nilecare.payments; END")
    run(clinical, "BEGIN", "INSERT INTO nilecare.payments (id, reference) VALUES ('p1', 'r')",
        "UPDATE nilecare.invoices SET status = 'paid' WHERE id = 'i1'", "ROLLBACK",
        "SET SESSION sql_mode = 'ANSI_QUOTES'", 'SELECT "id" FROM nilecare."payments"',
        "SET SESSION sql_mode = ''", "CREATE TEMPORARY TABLE nilecare.lab_orders2 (a INT)",
        "SELECT * FROM nilecare.lab_orders2", "DROP TEMPORARY TABLE nilecare.lab_orders2")
    billing.ping()
    billing.close()
    for database, password in (("nodb", "billing_service-secret"), (None, "wrong")):
        try:
            pymysql.connect(host="127.0.0.1", port=server.port, user="billing_service", password=password,
                            database=database)
        except pymysql.Error:
            pass
    payment = wire.connect(server.port, "payment_service")
    number, _, _ = payment.prepare("SELECT status FROM invoices WHERE invoice_number = ? AND id IN (?, ?)")
    for values in (("a'b\n2", "x", "y"), ("INV-1", None, "z"), ("INV-1", "u", "v")):
        payment.execute(number, values)
    payment.query("SELECT COUNT(*), NOW() FROM nilecare.invoices WHERE id IN (1,2,3) AND status IS NULL")
    payment.query("SELECT id FROM `invoices` WHERE status <> 'paid' AND id > -5 LIMIT 3, 4")
    root = server.root()
    run(root, "CREATE USER foo@'%' IDENTIFIED BY 'pw-secret'", "DROP USER foo@'%'")
    server.sql("FLUSH LOGS")
    run(clinical, "SELECT 'after the flush' FROM nilecare.charge_master")
    return [clinical, payment, root]


def plain(text, server):
    """Without what is this machine's."""
    text = re.sub(r"^\S*/(mysqld|mariadbd), ", r"/usr/sbin/\1, ", text, flags=re.M)
    text = re.sub(r"^Tcp port: \d+  Unix socket: \S*", "Tcp port: 3306  Unix socket: /run/mysqld.sock", text,
                  flags=re.M)
    return text.replace(str(server.folder), "/var/lib/mysql")


def label(server):
    """SILOGATE_MARIADB names a MariaDB 11 (scripts/test-unstable unpacks one)."""
    return server.name + ("11" if server.name == "mariadb" and places.MARIADB_FOLDER else "")


def record(server):
    slow = server.folder / "slow.log"
    server.sql("UPDATE performance_schema.setup_consumers SET enabled = 'YES' WHERE name LIKE '%statements%'",
               f"SET GLOBAL slow_query_log_file = '{slow}'", "SET GLOBAL long_query_time = 0",
               "SET GLOBAL slow_query_log = 1")
    if server.name == "mariadb":
        server.sql("SET GLOBAL log_slow_verbosity = 'query_plan,explain,innodb'")
    else:
        server.sql("SET GLOBAL log_slow_extra = 1")
    server.sql("TRUNCATE performance_schema.events_statements_summary_by_digest", "FLUSH LOGS")
    mark = server.mark()
    head = server.log_file.read_text(errors="replace").splitlines(keepends=True)[:3]
    time.sleep(1.1)  # MariaDB writes the time where it is another
    open_connections = load(server)
    for name, query in (("history", HISTORY), ("digests", DIGESTS)):
        done = subprocess.run(["mariadb", "--no-defaults", "-uroot", f"-S{server.socket}", "-B", "-e", query],
                              stdout=subprocess.PIPE, check=True)
        (HERE / f"{label(server)}-{name}.tsv").write_text(plain(done.stdout.decode(), server))
    rows = server.root(cursorclass=pymysql.cursors.DictCursor)
    with rows.cursor() as cursor:
        cursor.execute(DIGESTS)
        (HERE / f"{label(server)}-digests.json").write_text(
            "".join(json.dumps(row, default=str) + "\n" for row in cursor.fetchall()))
    text = server.log(mark)
    text = "".join(head) + text[:text.rindex("\n") + 1]
    (HERE / f"{label(server)}-general.log").write_text(plain(text, server))
    (HERE / f"{label(server)}-slow.log").write_text(plain(slow.read_text(), server))
    for one in open_connections:
        one.close()


def main():
    for kind in sys.argv[1:] or servers.KINDS:
        server = servers.new(kind)
        try:
            record(server)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
