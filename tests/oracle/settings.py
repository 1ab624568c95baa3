#!/usr/bin/python3
"""Which of a server's own variables change what a text reads? Each that a session may set is set to
values of every kind, and texts that are sensitive are sent before and after: names, temporary tables,
quotes, comments, backslashes, functions. silogate must know all that make a difference (sql/set.c)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from servers import Server  # noqa: E402
from wire import Connection, Lost  # noqa: E402

VALUES = ("0", "1", "5", "99999", "''", "'x'", "'latin1'", "'ON'", "'OFF'", "'other'", "DEFAULT", "NULL")
SETUP = ("SET autocommit = 1", "CREATE DATABASE other", "CREATE DATABASE own", "CREATE TABLE other.x AS SELECT 'real' w",
         "CREATE TABLE own.x AS SELECT 'own' w", "CREATE FUNCTION own.f1 () RETURNS INT DETERMINISTIC RETURN 1")
SESSION = ("USE own", "CREATE TEMPORARY TABLE other.x AS SELECT 'temporary' w")
TEXTS = (b"SELECT * FROM other.x", b"SELECT * FROM x", b"SELECT * FROM X", b"SELECT DATABASE()", b"SELECT \"a\", 'b\\'c', 'd'",
         b"SELECT 1 /*!50000 + 1 */ /*!99998 + 5 */", b"SELECT LENGTH('\xbf\\') -- '", b"SELECT 1 AS `a`, f1()",
         b"WITH x AS (SELECT 'cte' w) SELECT * FROM x", b"SELECT 5--1", b"SELECT abs (1), count (*)", b"SELECT [w] FROM x")
KNOWN = {"character_set_client", "character_set_connection", "collation_connection", "sql_mode", "pseudo_thread_id", "server_id"}
# Answers that do not come for want of leave, memory or rows, or with none.
REFUSES = {"max_join_size", "max_session_mem_used", "sql_select_limit", "use_secondary_engine"}


def answers(connection):
    found = []
    for text in TEXTS:
        connection.rows = []
        found.append((connection.query(text)[0], [bytes(row) for row in connection.rows]))
    return found


def session(server):
    connection = Connection(server.socket, "root")
    for text in SESSION:
        connection.must(text)
    return connection


def differs(server, variable, value, usual):
    connection = session(server)
    try:
        return not connection.query(f"SET SESSION {variable} = {value}".encode())[0] and answers(connection) != usual
    except (Lost, OSError):
        if server.fell():
            server.start()
        return False
    finally:
        connection.close()


def ask(dialect):
    """-> (variables, those that make a difference)"""
    with Server(dialect) as server:
        admin = Connection(server.socket, "root")
        for text in SETUP:
            admin.must(text)
        usual = answers(session(server))
        variables = [row[0] for row in admin.values("SHOW SESSION VARIABLES")]
        return variables, {variable for variable in variables
                           if any(differs(server, variable, value, usual) for value in VALUES)}


def main():
    unknown = set()
    for dialect in ("mysql", "mariadb"):
        variables, found = ask(dialect)
        print(f"{dialect}, settings: {len(variables)} variables; what a text reads is changed by {', '.join(sorted(found & KNOWN))}"
              f"; not known to: {', '.join(sorted(found - KNOWN - REFUSES)) or 'none'}", flush=True)
        unknown |= found - KNOWN - REFUSES
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
