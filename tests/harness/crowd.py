"""Many services with many violating queries, on one server: what pages, counts and memory are looked at
with. The services' silos are databases that need not exist: what is blocked never gets there, and what
the server itself refuses has violated all the same."""
import random

from . import gate as gates, wire


class Crowd:
    """`services` users `crowd_N` that all the server knows, and an ini for them."""

    def __init__(self, server, services, admin=None, changes=(), blocked=3):
        """Each `blocked`-th service is in block mode. `admin`: an address of its own."""
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
        self.gate = gates.Gate(server, ini="\n".join(lines) + "\n", changes=[*more, *changes])

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
