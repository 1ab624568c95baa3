"""What a trick is made of. Each step runs on the thief's session and may give back another session that
takes its place."""
import struct

from harness import wire

READ = "SELECT word FROM vault.secrets"


class Query:
    """A COM_QUERY. `allowed`: True where it touches nothing of the other's and so may reach the server,
    None where that depends on the server or on what came of the steps before."""

    def __init__(self, text, allowed=False):
        self.text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        self.allowed = allowed

    def run(self, client):
        client.command(client.query_bytes(self.text))
        drain(client)


class Command(Query):
    """Any other command; its text is what the server's log must not have."""

    def __init__(self, payload, text, allowed=False):
        super().__init__(text, allowed)
        self.payload = payload

    def run(self, client):
        client.command(self.payload)
        if self.payload[:1] == b"\x04":  # COM_FIELD_LIST: definitions without a count before them
            while client.receive()[0] not in (0xfe, 0xff):
                pass
        elif self.payload[:1] == b"\x09":  # COM_STATISTICS: a text and nothing else
            client.receive()
        else:
            drain(client)


class Together(Query):
    """Several COM_QUERY sent at once, before any answer."""

    def __init__(self, *texts, allowed=False):
        super().__init__(texts[-1], allowed)
        self.texts = texts

    def run(self, client):
        client.raw(b"".join(struct.pack("<I", len(text) + 1)[:3] + b"\0\x03" + text.encode()
                            for text in self.texts))
        for _ in self.texts:
            drain(client)


class Prepare(Query):
    """COM_STMT_PREPARE, and COM_STMT_EXECUTE where it was accepted; with `later`, where a step Execute
    says so."""

    def __init__(self, text, allowed=False, later=False):
        super().__init__(text, allowed)
        self.later = later

    def run(self, client):
        client.command(b"\x16" + self.text)
        try:
            client.last, _, _ = client.prepared()
        except wire.Error:
            client.last = None
            return
        if not self.later:
            Execute().run(client)


class Execute(Query):
    """COM_STMT_EXECUTE of what was prepared last."""

    def __init__(self):
        super().__init__("", True)

    def run(self, client):
        if client.last is not None:
            client.command(client.execute_bytes(client.last))
            drain(client, True)


class Login(Query):
    """Another session, with a collation of its own, other capabilities, or another database."""

    def __init__(self, **how):
        super().__init__("", True)
        self.how = how

    def run(self, client):
        return client.again(**self.how)


class ChangeUser(Query):
    """COM_CHANGE_USER to oneself."""

    def __init__(self, database="thief", collation=45):
        super().__init__("", True)
        self.database, self.collation = database, collation

    def run(self, client):
        try:
            client.change_user("thief_service", self.database, "thief_service-secret", collation=self.collation)
        except wire.Error:
            pass


def drain(client, binary=False):
    try:
        client.answers(binary)
    except wire.Error:
        pass


def ok(text):
    return Query(text, True)


def maybe(text):
    return Query(text, None)
