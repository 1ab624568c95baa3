"""Many services with many violating queries, on one server: what pages, counts and memory are looked at
with. The services' silos are databases that need not exist: what is blocked never gets there, and what
the server itself refuses has violated all the same."""
import random

from . import gate as gates, wire


class Crowd:
    """`services` users `crowd_N` that all the server knows, and an ini for them."""

    def __init__(self, server, services, admin=None, changes=(), blocked=3, stored=False):
        """Each `blocked`-th service is in block mode. `admin`: an address of its own. `stored`: with databases,
        things in them that reach over silos, an account that sees them, a witness and moves to come."""
        self.names = NAMES[:services] if services <= len(NAMES) else \
            [f"{NAMES[i % len(NAMES)]}{i // len(NAMES) or ''}" for i in range(services)]
        self.server = server
        server.sql(*[f"CREATE USER IF NOT EXISTS 'crowd_{name}'@'%' IDENTIFIED BY 'crowd'"
                     for name in self.names])
        lines = ["[proxy]", "workers = 2", "unknown_user = reject", "default_upstream = main",
                 "[policy]", "mode = log", "unowned = log", "[upstream:main]"]
        for i, name in enumerate(self.names):
            lines += [f"[service:{name}]", f"user = crowd_{name}", "upstream = main",
                      f"owns = {name}_db.*"] + (["mode = block"] if i % blocked == 1 else [])
        lines += ["[grant:crowd-first]", f"service = {self.names[0]}", f"on = {self.names[1]}_db.shared",
                  "access = read", "until = 2099-12-31", "ticket = NC-17"]
        more = [("proxy", "admin", admin)] if admin else []
        if stored:
            server.sql(*self.stored())
            more += [("upstream:main", "account", "crowd_account"), ("upstream:main", "witness", "200ms")]
            for name in self.names[2:5]:
                lines += [f"[move:{name}-ledger]", f"service = {name}", f"table = {name}_db.ledger",
                          f"to = {name}_new", "hold = 2s"]
        self.gate = gates.Gate(server, ini="\n".join(lines) + "\n", changes=[*more, *changes])

    def stored(self):
        """The statements that make a view of each service over another's table, triggers, foreign keys and a
        routine. What the server needs for a witness is there where it is MariaDB."""
        made = ["CREATE USER IF NOT EXISTS crowd_account@'%'", "GRANT ALL ON *.* TO crowd_account@'%'"]
        if self.server.name == "mariadb":
            made.append("INSTALL PLUGIN IF NOT EXISTS metadata_lock_info SONAME 'metadata_lock_info'")
        there = {name for name, in self.server.sql("SELECT schema_name FROM information_schema.schemata")}
        names = [name for name in self.names if f"{name}_db" not in there]  # those of another crowd stay
        for name in names:
            made += [f"CREATE DATABASE {name}_db", f"GRANT ALL ON *.* TO 'crowd_{name}'@'%'"]
            made += [f"CREATE TABLE {name}_db.{table} (id INT PRIMARY KEY, ref INT) ENGINE=InnoDB"
                     for table in ("shared", "ledger", "beds")]
        for name in names:
            i = self.names.index(name)
            other, third = self.names[(i + 1) % len(self.names)], self.names[(i + 3) % len(self.names)]
            made.append(f"CREATE VIEW {name}_db.v_{other}_ledger_of_the_last_thirty_days AS SELECT id FROM {other}_db.ledger")
            if i % 3 == 0:
                made.append(f"CREATE TRIGGER {name}_db.beds_after_insert AFTER INSERT ON {name}_db.beds FOR EACH ROW"
                            f" INSERT INTO {third}_db.ledger VALUES (NEW.id, 1)")
            if i % 4 == 1:
                made.append(f"ALTER TABLE {name}_db.ledger ADD CONSTRAINT fk_{name}_{third} FOREIGN KEY (ref)"
                            f" REFERENCES {third}_db.beds (id) ON DELETE CASCADE")
            if i % 5 == 2:
                made.append(f"CREATE PROCEDURE {name}_db.nightly() DELETE FROM {third}_db.shared")
        return made

    def free(self):
        """What `stored` needs to be undone besides its databases."""
        if self.server.name == "mariadb":
            self.server.sql("UNINSTALL PLUGIN IF EXISTS metadata_lock_info")

    def hold_what_is_granted_no_more(self):
        """A session whose transaction outlives its grant: what a witness finds. The connection, to be kept."""
        service, owner = self.names[1], self.names[0]  # in block mode
        grant = [("grant:while", "service", service), ("grant:while", "on", f"{owner}_db.shared"),
                 ("grant:while", "access", "read")]
        before = self.gate.ini
        self.gate.reload(*grant)
        one = wire.connect(self.gate.port, f"crowd_{service}", password="crowd", database=None)
        one.query("START TRANSACTION")
        one.query(f"SELECT * FROM {owner}_db.shared")
        self.gate.reload(ini=before)
        return one

    def statements(self, count, seed=1, most=40):
        """`count` pairs (service, statement) of as many different queries, unevenly many of each edge, and
        how often each is to be sent."""
        chance = random.Random(seed)
        for number in range(count):
            user = self.names[min(int(chance.expovariate(4) * len(self.names)), len(self.names) - 1)]
            owners = [name for name in self.names if name != user]
            owner = owners[int(chance.random() ** 2.2 * len(owners))]
            table = TABLES[int(chance.random() ** 1.5 * len(TABLES))]
            other = chance.choice(owners)
            shape = chance.randrange(8)
            word = f"c{number:04d}"
            statement = (
                f"SELECT id, {word} FROM {owner}_db.{table} WHERE id = 4711",
                f"SELECT t.id, t.{word}, o.status FROM {owner}_db.{table} t JOIN {other}_db.orders o "
                f"ON o.ref = t.id WHERE t.created_at > '2026-01-01' ORDER BY o.created_at DESC LIMIT 50",
                f"UPDATE {owner}_db.{table} SET {word} = 'paid', updated_at = NOW() WHERE id IN (1, 2, 3)",
                f"INSERT INTO {owner}_db.{table} (id, {word}) VALUES (1, 'x'), (2, 'y')",
                f"SELECT COUNT(*) AS {word} FROM {owner}_db.{table}",
                f"DELETE FROM {owner}_db.{table} WHERE {word} < 17",
                f"SELECT {word} FROM nobody_db.{table}",
                f"SELECT a.{word} FROM {owner}_db.{table} a WHERE EXISTS (SELECT 1 FROM {other}_db.ledger "
                f"WHERE ref = a.id) AND a.kind IN ('in', 'out', 'held')",
            )[shape]
            yield user, statement, 1 + int(chance.random() ** 6 * most)

    def send(self, count, seed=1, most=40):
        """Sends them all; the number of statements that violated."""
        connections, sent = {}, 0
        for user, statement, times in self.statements(count, seed, most):
            if user not in connections:
                connections[user] = wire.connect(self.gate.port, f"crowd_{user}", password="crowd",
                                                 database=None, attributes=(
                                                     (b"program_name", f"{user}-api".encode()),))
            for _ in range(times):
                try:
                    connections[user].query(f"{statement} /*route='%2F{user}%2F%3Aid'*/")
                except wire.Error:
                    pass  # the server's or silogate's
            sent += times
        for connection in connections.values():
            connection.close()
        return sent


NAMES = ("auth", "billing", "payment", "business", "appointment", "clinical", "facility", "lab",
         "medication", "cds", "inventory", "hl7", "main", "reporting")
TABLES = ("patients", "invoices", "encounters", "users", "orders", "results", "stock", "ledger", "beds")
