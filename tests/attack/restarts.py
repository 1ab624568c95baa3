"""The attacks with an upstream that is started anew, with another lower_case_table_names and, on MariaDB, without what a
client says of its character set. Of `shared` all is the spy's but a few tables, which are another's in any letters that
the server takes for theirs.

A MySQL keeps its lower_case_table_names for life: there another server takes the place of the first."""
import pymysql

import attack
import silo
from harness import places, servers

VICTIMS = ("patients", "visits", "logm")
INI = silo.INI.replace("owns = secret.*\nowns = shared.*\n", "owns = secret.*\n" + "".join(
    f"owns = shared.{name}\n" for name in VICTIMS)).replace("owns = shared.mine*\n", "owns = shared.*\n")


class RestartSilo(silo.Silo):
    def is_theirs(self, schema, name):
        return schema in self.THEIRS or schema == "shared" and name in VICTIMS

    def quick(self):
        tables = self.ask("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shared' ORDER BY 1")
        return self.sums("secret") + self.sums("shared", [row for row in tables if row[0] in VICTIMS])


class Options:
    options = ()

    def command(self):
        return [*super().command(), *self.options]


ALL = {kind: [type(kind + one.__name__, (Options, one), {}) for one in (servers.KINDS[kind], servers.FOLDING[kind])]
       for kind in servers.KINDS}


class RestartArena(attack.Arena):
    past, share = ("expired", "init", "branches", "restarted", "restarted"), 0.5

    def __init__(self, kind):
        self.kind, self.folding, self.words = kind, True, " restart"
        self.gates, self.silo, self.server, self.silos = {}, None, None, {}
        self.fold, self.options = 0, ["--skip-character-set-client-handshake"] if kind == "mariadb" else []
        try:
            if kind == "mariadb":
                self.server = ALL[kind][0]()
                self.servers, self.server.options = [self.server, self.server], self.options
                self.server.install()
            else:
                self.servers = [one() for one in ALL[kind]]
                self.servers[1].port = self.servers[0].port
                for self.server in reversed(self.servers):
                    self.server.install()
                    if self.server is self.servers[1]:
                        self.server.start()
                        self.silos[1] = RestartSilo(self.server)
                        self.server.stop()
            self.server.start()
            self.silos[0] = self.silo = RestartSilo(self.server)
            self.begin(INI)
        except BaseException:
            self.close()
            raise

    def close(self):
        for one in self.servers:
            self.server = one
            super().close()
            self.gates = {}

    def restart(self, step):
        """So that silogate has last seen it otherwise."""
        self.administrator.undo()
        wanted = step["fold"], step["options"]
        if wanted == (self.fold, self.options):
            self.become(1 - step["fold"], [])
            for one in self.gates.values():
                attack.Spy(one.port, {}, self.silo.files, 0).close()
        self.become(*wanted)

    def become(self, fold, options):
        attack.Arena.restore(self)
        self.server.stop()
        self.fold, self.options = fold, options
        self.server = self.servers[fold]
        self.server.options = [*options, *(["--lower-case-table-names=1"] if fold and self.kind == "mariadb" else [])]
        self.server.start()
        self.silo = self.silos.get(fold, self.silo)
        self.silo.begin()
        self.administrator.silo = self.silo
        for one in self.gates.values():
            assert places.wait_for(lambda: self.can_log_in(one.port), 60), "nobody can log in any more"  # noqa: B023

    def can_log_in(self, port):
        """As the victim; the service's own sessions come first with what they try."""
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="victim", password="victim-Pw1").close()
        except pymysql.Error:
            return False
        return True
