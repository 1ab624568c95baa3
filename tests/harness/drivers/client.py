"""PyMySQL or MySQLdb (libmariadb), the first argument; SQLAlchemy has the pool: see Client.java."""
import importlib
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy

KIND, PORT, PACKED, USER, PASSWORD, DATABASE, *HANG = sys.argv[1:]
driver = importlib.import_module(KIND)
out = {}


def connect(port=PORT, password=PASSWORD, **more):
    return driver.connect(host="127.0.0.1", port=int(port), user=USER, password=password, database=DATABASE, **more)


def one(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        rows = cursor.fetchall()
        return rows[0][0] if rows else None


def topic(name, what):
    try:
        out[name] = what()
    except Exception as error:
        out[name] = f"failed: {error!r}"


def refused(what):
    try:
        what()
        return "let in"
    except driver.Error as error:
        return str(error.args[0])


def ended(connection, after):
    begun = time.monotonic()
    try:
        one(connection, "SELECT SLEEP(60)")
    except driver.Error:
        pass  # that is what an end is
    return ("in time, " if time.monotonic() - begun < 40 else "late, ") + one(after, "SELECT 'alive'")


def cancel(connection):
    def kill():
        time.sleep(1)
        one(connect(), f"KILL QUERY {connection.thread_id()}")
    killer = threading.Thread(target=kill)
    killer.start()
    how = ended(connection, connection)
    killer.join()
    return how


def compression():
    packed = connect(PACKED, compress=True)
    length = one(packed, "SELECT LENGTH('" + "w" * 2000000 + "')")
    return f"{len(one(packed, 'SELECT REPEAT(0x7a, 1000000)'))} {length}"


def pool(connection):
    name = "pymysql" if KIND == "pymysql" else "mysqldb"
    engine = sqlalchemy.create_engine(f"mysql+{name}://{USER}:{PASSWORD}@127.0.0.1:{PORT}/{DATABASE}", pool_size=4,
                                      max_overflow=0, pool_pre_ping=True)

    def job(text):
        with engine.connect() as taken:
            return taken.execute(sqlalchemy.text(text)).scalar()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(job, ["SELECT 'good'"] * 12))
        number = job("SELECT CONNECTION_ID()")
        while refused(lambda: one(connection, f"KILL {number}")) == "let in":
            time.sleep(0.02)  # until there is no such thread
        found += list(threads.map(job, ["SELECT 'good'"] * 12))
    engine.dispose()
    return f"{found.count('good')} of 24"


def main():
    connection = connect()
    if HANG:
        one(connection, "SELECT GET_LOCK('dr1ver', 600)")
        return
    topic("login", lambda: one(connection, "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())"))
    topic("refused", lambda: refused(lambda: connect(password="wrong")))
    topic("error", lambda: refused(lambda: one(connection, "SELECT nothing FROM nowhere_at_all")))
    topic("big", lambda: "%s %d" % (one(connection, "SELECT CONCAT('u', LENGTH('" + "x" * (17 << 20) + "'))"),
                                    len(one(connection, "SELECT REPEAT('y', 20000000)"))))
    topic("timeout", lambda: ended(connect(read_timeout=1), connection))
    topic("cancel", lambda: cancel(connection))
    if KIND != "pymysql":
        topic("compression", compression)
    topic("pool", lambda: pool(connection))
    print(json.dumps(out))


main()
