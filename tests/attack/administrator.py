"""What happens past silogate while a spy's session is played: settings that an administrator changes, passwords that
expire, and XA transactions of the other service.

    ADMIN (texts: what root runs; what fails is left out), THEIRS (do: prepare or end; xid: as SQL writes it; by: victim
    through silogate, or root past it; stays: its session does), all of which `undo` takes back."""
import struct

import pymysql

from harness import places, wire
from play import Spy
from silo import PASSWORD

SETTINGS = ("init_connect", "sql_mode", "character_set_server", "collation_server", "character_set_client",
            "character_set_connection", "collation_connection", "character_set_database")
COMMANDS = ("ADMIN", "THEIRS")


class Administrator:
    def __init__(self, silo):
        self.silo = silo
        self.settings = {name: self.ask(f"SELECT @@GLOBAL.{name}")[0][0] for name in SETTINGS}
        self.branches, self.others, self.number = set(), [], 0

    def ask(self, text):
        return self.silo.ask(text)

    def tried(self, text):
        try:
            self.ask(text)
        except pymysql.Error:
            return False
        return True

    def play(self, step, port):
        if step["com"] == "ADMIN":
            for text in step["texts"]:
                self.tried(text)
        elif step["do"] == "prepare":
            self.prepare(step, port)
        else:
            self.end(step, port)

    # Others' XA transactions

    def run(self, step, port, texts):
        """As whom the step says; the victim's session, which may have to stay. None where one text fails."""
        if step["by"] == "root":
            other = self.silo.server.root()
            try:
                with other.cursor() as cursor:
                    for text in texts:
                        cursor.execute(text)
                return other
            except pymysql.Error:
                other.close()
                return None
        other = None
        try:
            other = Spy(port, {"database": "secret"}, user="victim")
            other.socket.settimeout(5)
            for text in texts:
                other.query(text)
            return other
        except (wire.Error, wire.Closed, OSError, struct.error):
            if other:
                other.close()
            return None

    def listed(self):
        """(format, gtrid, bqual) of what is prepared."""
        if self.silo.mariadb:
            rows = self.silo.ask("XA RECOVER")
        else:
            rows = self.silo.ask("XA RECOVER CONVERT XID")
        found = set()
        for number, first, second, data in rows:
            if self.silo.mariadb:
                data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
            else:
                data = bytes.fromhex(data[2:])
            found.add((int(number), data[:first], data[first:first + second]))
        return found

    def prepare(self, step, port):
        self.number += 1
        xid, before = step["xid"], self.listed()
        other = self.run(step, port, [f"XA START {xid}", f"INSERT INTO secret.log VALUES ({5000 + self.number}, 'prepared')",
                                      f"XA END {xid}", f"XA PREPARE {xid}"])
        if not other:
            return
        self.others.append(other)
        self.branches |= self.listed() - before
        if not step["stays"]:
            self.leave()

    def end(self, step, port):
        """Its own session, or another of its service."""
        before = self.listed()
        other = self.run(step, port, [f"XA ROLLBACK {step['xid']}"])
        if other:
            other.close()
            self.branches -= before - self.listed()

    def leave(self):
        """And waits: until the server has noticed, MariaDB lets nobody else end what they have prepared."""
        threads = {other.thread_id() for other in self.others if isinstance(other, pymysql.Connection)}
        for other in self.others:
            other.close()
        if self.others:
            places.wait_for(lambda: not any(row[1] == "victim" or row[0] in threads for row in self.ask("SHOW PROCESSLIST")), 30)
        self.others = []

    def missing(self):
        """Those of others that nobody of them has ended."""
        return self.branches - self.listed() if self.branches else set()

    # The end

    def threads(self):
        """Of sessions that are still there. A MySQL that cannot show one's statement shows none of them."""
        try:
            rows = self.ask("SHOW PROCESSLIST")
        except pymysql.Error:
            return []
        return [row[0] for row in rows if row[1] in ("spy", "victim", "weak")]

    def undo(self):
        self.leave()
        for thread in self.threads():
            self.tried(f"KILL {thread}")
        for name, value in self.settings.items():
            self.tried(f"SET GLOBAL {name} = " + ("''" if value in (None, "") else f"'{value}'"))
        self.ask(f"ALTER USER spy@'%' IDENTIFIED BY '{PASSWORD}'")
        self.branches.clear()

        def ended():
            """Some of them may still be a session's that the server is about to end."""
            for number, first, second in self.listed():
                self.tried(f"XA ROLLBACK x'{first.hex()}',x'{second.hex()}',{number}")
            return not self.listed()

        assert places.wait_for(ended, 60, 0.2), self.listed()
