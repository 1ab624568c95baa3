"""A spy's session that plays steps and keeps all it hears. A step is a text (COM_QUERY) or {"com": NAME, ...}:

    INIT_DB, FIELD_LIST, CHANGE_USER (text: database; charset; user), RESET_CONNECTION, SET_OPTION (on),
    STMT (prepare and execute text), PREPARE, EXECUTE (the last, or `at`: which one), STMT_PIPE (both without waiting),
    LONG (text as the first parameter's data), RESET, CLOSE (of the last statement), FETCH, BULK (MariaDB's, of the last),
    ATTR (text with a query attribute), SPLIT (text in small TCP segments), PIPE (several texts at once),
    RELOAD (grant: with the grant for a while or without; the test does it), QUERY
    LOGIN (user, database, expired: it can be told to set a new password), ADMIN, THEIRS, RESTART: the test does these

Texts are str, or bytes where they are no UTF-8. In the corpus' texts {FILES} is a folder the server may write in, {N} a
number of this run, {PAD:n} n times x, {SP:n} n spaces, {REP:n:text} n times text, {VERSION} the server's version as an
executable comment has it, {ABOVE} the next one."""
import re
import struct
import time

from harness import wire
from silo import PASSWORD

# The errors that a refusal has: the server's own for what a privilege lacks, and silogate's.
REFUSED = {1142, 1143, 1044, 1045, 1227, 1370, 1235, 1047, 1410, 1698}
CHARSETS = {"utf8mb4": 45, "latin1": 8, "gbk": 28, "sjis": 13, "cp932": 95, "big5": 1, "gb18030": 248, "utf8mb3": 33,
            "ujis": 12, "euckr": 19, "gb2312": 24, "ascii": 11, "binary": 63, "latin2": 9, "cp1251": 51, "swe7": 10,
            "utf8": 33, "greek": 25, "hebrew": 16, "koi8r": 7, "cp850": 4, "latin5": 30, "latin7": 41, "eucjpms": 97,
            "cp1250": 26, "tis620": 18, "macce": 38, "macroman": 39, "cp852": 40, "cp866": 36, "dec8": 3, "hp8": 6,
            "keybcs2": 37, "koi8u": 22, "armscii8": 32, "geostd8": 92, "cp1256": 57, "cp1257": 59}


def collation(name):
    return CHARSETS[name]


# What a statement echoes of its parameter must be what was sent for this execution.
SENT = re.compile(rb"<L\d+>")


class Spy(wire.Wire):
    """`flags` as the corpus has them."""

    def __init__(self, port, flags=(), files="/nowhere", number=0, user="spy", release=0):
        flags = dict(flags or {})
        capabilities = wire.USUAL if flags.get("ends") else wire.USUAL & ~wire.DEPRECATE_EOF
        capabilities |= {"zlib": wire.COMPRESS, "zstd": wire.ZSTD}.get(flags.get("compress"), 0)
        if flags.get("metadata"):
            capabilities |= wire.OPTIONAL_METADATA
        if flags.get("untracked"):
            capabilities &= ~wire.SESSION_TRACK
        if not flags.get("multi"):
            capabilities &= ~wire.MULTI_STATEMENTS
        if flags.get("attr"):
            capabilities |= wire.QUERY_ATTRIBUTES
        if flags.get("expired"):
            capabilities |= wire.EXPIRED_PASSWORDS
        super().__init__(port, capabilities)
        self.heard, self.flags, self.files, self.number = bytearray(), flags, files, number
        self.user_name, self.statements, self.release = user, [], release
        self.sent, self.wrong = {}, False  # see SENT
        if flags.get("claims"):  # capabilities, offered or not
            self.greet().offered |= flags["claims"]
            self.capabilities |= flags["claims"]
        self.login(user, flags.get("database", "own"), f"{user}-Pw1", collation=collation(flags.get("charset", "utf8mb4")))
        self.heard.clear()

    def receive(self):
        payload = super().receive()
        if hasattr(self, "heard"):
            self.heard += payload
        return payload

    def text(self, text):
        if isinstance(text, bytes):
            return text
        text = text.replace("{FILES}", self.files).replace("{N}", str(self.number))
        text = text.replace("{VERSION}", str(self.release)).replace("{ABOVE}", str(self.release + 1))
        text = re.sub(r"\{PAD:(\d+)\}", lambda m: "x" * int(m[1]), text)
        text = re.sub(r"\{SP:(\d+)\}", lambda m: " " * int(m[1]), text)
        text = re.sub(r"\{REP:(\d+):(.*?)\}", lambda m: m[2] * int(m[1]), text)
        return text.encode("latin-1" if self.flags.get("raw") else "utf-8")

    def answers(self, binary=False):
        found = []
        while True:
            found.append(self.answer(binary, self.flags.get("infile", "901\tlocal\n").encode()))
            if not found[-1].status & wire.MORE_RESULTS:
                return found

    def play(self, step):
        """Raises wire.Error where the step ends in an error."""
        if not isinstance(step, dict):
            step = {"com": "QUERY", "text": step}
        getattr(self, "do_" + step["com"].lower())(step, self.text(step.get("text", "")))

    def do_query(self, _, text):
        self.query(text)

    def do_init_db(self, _, text):
        self.ok(b"\x02" + text)

    def do_reset_connection(self, *_):
        self.ok(b"\x1f")

    def do_set_option(self, step, _):
        self.ok(b"\x1b" + struct.pack("<H", 0 if step["on"] else 1))

    def do_field_list(self, _, text):
        self.command(b"\x04" + text + b"\0")
        while True:
            payload = self.receive()
            if payload[:1] == b"\xff":
                raise wire.Error(payload)
            if payload[:1] == b"\xfe" and len(payload) < 9:
                return

    def do_stmt(self, step, text):
        self.do_prepare(step, text)
        self.do_execute(step, text)

    def do_prepare(self, _, text):
        self.command(b"\x16" + text)
        statement, _, parameters = self.prepared()
        self.statements.append((statement, parameters))

    def do_execute(self, step, _):
        statement, parameters = self.statement(step)
        cursor, sent = step.get("cursor", 0), self.sent.pop(statement, [])
        answers = self.execute(statement, [None] * parameters, cursor)
        if rows := getattr(answers[0], "rows", None):
            self.wrong |= b"<L" in rows[0] + b"".join(sent) and SENT.findall(rows[0]) != SENT.findall(b"".join(sent))
        if cursor:
            self.do_fetch(step)

    def statement(self, step):
        if not self.statements:
            raise wire.Error(b"\xff\xda\x04#HY000no statement")  # its PREPARE was refused
        return self.statements[step.get("at", -1) % len(self.statements)]

    def do_fetch(self, step, _=b""):
        self.command(b"\x1c" + struct.pack("<II", self.statement(step)[0], 100))
        while True:
            payload = self.receive()
            if payload[:1] == b"\xff":
                raise wire.Error(payload)
            if payload[:1] == b"\xfe" and len(payload) < 0xffff:
                return

    def do_reset(self, step, _):
        self.sent.pop(self.statement(step)[0], None)
        self.ok(b"\x1a" + struct.pack("<I", self.statement(step)[0]))

    def do_close(self, step, _):
        self.command(b"\x19" + struct.pack("<I", self.statement(step)[0]))  # has no answer

    def do_long(self, step, text):
        if SENT.match(text):
            self.sent.setdefault(self.statement(step)[0], []).append(text)
        self.command(b"\x18" + struct.pack("<IH", self.statement(step)[0], 0) + text)  # has no answer

    def do_bulk(self, step, text):
        """One row, each parameter `text`."""
        statement, parameters = self.statement(step)
        if not parameters:
            raise wire.Error(b"\xff\xda\x04#HY000no parameter")
        self.command(b"\xfa" + struct.pack("<IH", statement, 128) + b"\xfd\0" * parameters
                     + (b"\0" + wire.lenenc(text)) * parameters)
        self.answers()

    def do_stmt_pipe(self, _, text):
        self.command(b"\x16" + text)
        self.sequence = 0
        self.send(b"\x17" + struct.pack("<IBI", 0xffffffff, 0, 1))
        error = None
        try:
            self.prepared()
        except wire.Error as said:
            error = said
        try:
            self.answers(binary=True)
        finally:
            if error:
                raise error

    def do_attr(self, step, text):
        value = wire.lenenc(self.text(step.get("value", "x")))
        name = wire.lenenc(self.text(step.get("name", "a")))
        self.command(b"\x03\x01\x01\x00\x01\xfd\x00" + name + value + text)
        self.answers()

    def do_pipe(self, step, _):
        texts = [self.text(one) for one in step["texts"]]
        self.raw(b"".join(struct.pack("<I", len(one) + 1)[:3] + b"\0\x03" + one for one in texts))
        error = None
        for _ in texts:
            try:
                self.answers()
            except wire.Error as said:
                error = error or said
        if error:
            raise error

    def do_split(self, step, text):
        raw, size = struct.pack("<I", len(text) + 1)[:3] + b"\0\x03" + text, step.get("size", 7)
        for at in range(0, len(raw), size):
            self.raw(raw[at:at + size])
            time.sleep(0.001)
        self.answers()

    def do_change_user(self, step, text):
        user = step.get("user", "spy")
        self.change_user(user, text, PASSWORD if user == "spy" else f"{user}-Pw1",
                         collation=collation(step.get("charset") or self.flags.get("charset", "utf8mb4")))
        self.user_name = user
