"""Many services with many violating queries, on one server: what pages, counts and memory are looked at
with. The services' silos are databases that need not exist: what is blocked never gets there, and what
the server itself refuses has violated all the same."""
import json
import random
import re

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


def counted(gate, *logs):
    """What the five places say: {place: ({(service, owner): (logged, blocked)}, violations)}."""
    metrics, told = gate.metrics(), {}
    edges = {}
    for (service, owner, action), count in metrics.by(
            "edge_statements_total", "service", "owner", "action").items():
        logged, blocked = edges.get((service, owner), (0, 0))
        edges[service, owner] = (logged + count * (action == "log"), blocked + count * (action == "block"))
    told["metrics"] = ({k: v for k, v in edges.items() if v != (0, 0)}, metrics.total("violations_total"))
    matrix = json.loads(gate.get("/api/matrix")[2])
    totals = json.loads(gate.get("/api/")[2])
    told["api"] = ({(e["service"] or "", e["owner"]): (e["log"], e["block"]) for e in matrix
                    if e["log"] + e["block"]}, totals["violations"])
    told["pages"] = (read_matrix(gate.get("/")[2]), read_tiles(gate.get("/")[2]))
    told["log"] = read_log(gate.records())
    report = json.loads(gates.run("report", "--json", *(logs or [gate.violations_file])).stdout)
    told["report"] = ({(none(e["service"]), e["owner"]): (e["statements"] - e["blocked"], e["blocked"])
                       for e in report["edges"]}, report["statements"])
    return told


def none(service):
    return "" if service in (None, "(no service)") else service


def read_log(records):
    """Out of the records themselves, by docs/violations.md: each owner of what is not allowed, once."""
    edges, violations = {}, 0
    for one in records:
        if one["event"] != "violation":
            continue
        violations += one["count"]
        owners = {o["owner"] or ("(system)" if o["reason"] == "system" else "(unowned)")
                  for o in one["objects"] if o["verdict"] != "allow"}
        if one["reason"] == "administration":
            owners.add("(server)")
        elif one["reason"] == "undetermined" or not owners:
            owners.add("(undetermined)")
        for owner in owners:
            key = (one["service"] or "", owner)
            logged, blocked = edges.get(key, (0, 0))
            edges[key] = (logged + one["count"] * (one["action"] == "logged"),
                          blocked + one["count"] * (one["action"] == "blocked"))
    return edges, violations


def read_matrix(text):
    """The numbers of the page's matrix, with all their digits."""
    edges = {}
    for service, owner, *numbers in re.findall(
            r'title="([^"]*?) reaches into ([^"]*?): ([\d,]+) statements, ([\d,]+) blocked'
            r'(?:, ([\d,]+) in mode off)?"', text):
        count, blocked, allowed = (int(number.replace(",", "") or 0) for number in numbers)
        edges[none(service), owner] = (count - blocked - allowed, blocked)
    return {edge: counts for edge, counts in edges.items() if counts != (0, 0)}


def read_tiles(text):
    return sum(int(re.search(rf"<li><b>([\d,]+)</b>{word}</li>", text).group(1).replace(",", ""))
               for word in ("logged", "blocked"))


def differences(told):
    """What does not agree with the log: for an assertion's message."""
    edges, violations = told["log"]
    wrong = []
    for place, (other, total) in told.items():
        if total != violations:
            wrong.append(f"{place}: {total} violations, the log has {violations}")
        for key in sorted(set(edges) | set(other)):
            if edges.get(key) != other.get(key):
                wrong.append(f"{place}: {key} {other.get(key)}, the log has {edges.get(key)}")
    return wrong
