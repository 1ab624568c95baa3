"""Sessions to which something happens past silogate: passwords that expire, an upstream whose init_connect and settings
an administrator changes, XA transactions of both services under identifiers in every spelling, and a server that is
started anew with other letter case. programs.Maker has these as well."""

# Those without a backslash or a backtick of ASCII's, and others.
CONNECTION = ("swe7", "sjis", "swe7", "sjis", "swe7", "sjis", "gbk", "big5", "cp932", "gb18030", "latin1", "utf8mb4", "utf8mb3", "koi8r", "hebrew", "dec8", "euckr")
# Words that make a statement tell of the one before it, so that silogate does not ask before it.
TELLING = ("/* error */ {}", "{} /* row_count */", "{} -- warnings", "{} #found_rows\n")
XIDS = (b"x{n}", b"x{n}", b"x{n}", b"x{n}", b"\0x{n}", b"x{n}\0", b"x{n}\xff", b"\xe9x{n}", b"x{n}\\", b"x{n}'", b"x{n} ", b"X{n}",
        b"x{n}" + b"g" * 56, b"\xbf\\x{n}", b"x{n}[]", b"{n}")


class Behind:
    def telling(self, text):
        """Bytes or text."""
        words = self.pick(TELLING)
        return words.encode().replace(b"{}", text) if isinstance(text, bytes) else words.replace("{}", text)

    def lossy(self):
        """A text that becomes a value, and then a statement: its letters are those of character_set_connection."""
        t = self.table().encode("latin-1", "ignore")
        text = self.pick(b'SELECT name "\\" FROM ' + t + b' -- " FROM own.patients', b"SELECT '\\', name FROM " + t + b" -- ' FROM own.patients",
                         b'SELECT 1 "a\\" , name FROM ' + t + b' #"', b"SELECT name `~` FROM own.patients -- `~` FROM " + t,
                         b"SELECT 1 AS `'`, name FROM own.a -- ' FROM " + t, self.ambiguous(), self.ambiguous())
        quoted = b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
        ways = [[b"PREPARE p FROM " + quoted, "EXECUTE p"], [b"SET @q = " + quoted, "PREPARE p FROM @q", "EXECUTE p"],
                [b"SET @q = CONCAT(" + quoted + b", '')", "PREPARE p FROM @q", "EXECUTE p"]]
        if self.mariadb:
            ways += [[b"EXECUTE IMMEDIATE " + quoted], [b"SET @q = " + quoted, "EXECUTE IMMEDIATE @q"]]
        return self.pick(ways)

    def body(self):
        """What is done in a session of which silogate can be wrong."""
        body = self.pick(self.ambush, self.ambush, self.ambush, self.lossy, self.lossy, self.lossy, self.reread, self.cover, self.moved_in,
                         self.plain, self.unqualified)()
        if self.chance(0.25):
            body = [self.telling(one) if isinstance(one, (str, bytes)) else one for one in body]
        return body

    def unqualified(self):
        return self.ending(self.pick("SELECT name FROM patients", "SELECT * FROM visits", "DELETE FROM visits WHERE id = 2",
                                     "SELECT canary()", "INSERT INTO own.sink SELECT 1, name FROM visits"))

    # What an administrator sets

    def init_connect(self):
        mode, charset = self.pick("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", ""), self.pick(CONNECTION)
        return self.pick(f"SET sql_mode = '{mode}'", f"SET NAMES {charset}", f"SET character_set_client = {charset}",
                         f"SET character_set_connection = {charset}", f"SET character_set_connection = {charset}",
                         f"SET collation_connection = {charset}_bin", f"SET collation_connection = {self.pick('swe7_swedish_ci', 'sjis_japanese_ci', 'cp932_bin')}",
                         f"SET NAMES utf8mb4; SET character_set_connection = {charset}", "USE secret", "USE shared", "USE own2", "SET @any = 1",
                         f"SET character_set_connection = {charset}, sql_mode = '{mode}'", "",
                         f"SET NAMES {charset}; USE secret", "SET autocommit = 0", "SET @q = 'SELECT name FROM secret.visits'",
                         "PREPARE p FROM 'SELECT name FROM secret.visits'",
                         "CREATE TEMPORARY TABLE own.a (id INT, name VARCHAR(60))")

    def administrator(self):
        """Settings that a new connection, a reset or a change of user finds."""
        charset = self.pick(CONNECTION)
        init = "SET GLOBAL init_connect = '" + self.init_connect().replace("'", "''") + "'"
        texts = self.pick([init], [init], [init], [f"SET GLOBAL sql_mode = '{self.pick('ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES', '')}'"],
                          [f"SET GLOBAL character_set_server = {charset}"],
                          [f"SET GLOBAL character_set_client = {charset}", f"SET GLOBAL character_set_connection = {charset}"],
                          [f"SET GLOBAL collation_connection = {charset}_bin"])
        return {"com": "ADMIN", "texts": texts + ([init] if self.chance(0.4) else [])}

    def again(self):
        """The session begins anew, in one of the ways there are."""
        return self.pick([{"com": "LOGIN"}] * 3 + [{"com": "RESET_CONNECTION"}, {"com": "CHANGE_USER", "text": "own"},
                                                   {"com": "CHANGE_USER", "text": "own", "charset": self.pick("utf8mb4", "gbk", "sjis")}])

    def connection(self):
        """The connection's character set is not the client's."""
        self.flags["untracked"] = self.chance(0.7)
        setting = "character_set_connection = " + self.pick("swe7", "swe7", "swe7", *CONNECTION)
        steps = [{"com": "ADMIN", "texts": [self.pick(f"SET GLOBAL init_connect = 'SET {setting}'", f"SET GLOBAL {setting}"),
                                            *(["SET GLOBAL character_set_server = swe7"] if self.chance(0.3) else [])]}, self.again()]
        if self.chance(0.4):
            steps += [self.pick("SET character_set_client = utf8mb4", "SELECT 1", {"com": "RESET_CONNECTION"})]
        return steps + self.lossy()

    def halves(self):
        """(what an administrator sets, body): a backslash is half of a character there."""
        charset = self.pick("gbk", "sjis", "big5", "cp932", "gb18030")
        lead = b"\x95" if charset in ("sjis", "cp932") else b"\xbf" if charset != "big5" else b"\xa4"
        t = self.table().encode("latin-1", "ignore")
        setting = {"com": "ADMIN", "texts": [f"SET GLOBAL {name} = {charset}" for name in
                                             ("character_set_server", "character_set_client", "character_set_connection")]}
        return setting, self.ending(self.pick(b"SELECT '" + lead + b"\\', name FROM " + t + b" -- ' FROM own.patients",
                                              b"SELECT '" + lead + b"\\' AS a, name FROM " + t + b" #'"))

    def init(self):
        if self.chance(0.3):
            return self.connection()
        steps = [self.administrator(), {"com": "LOGIN"}] if self.chance(0.8) else []
        for _ in range(1 + self.random.randrange(3)):
            if self.chance(0.15):
                setting, body = self.halves()
                steps += [setting, self.again(), *body]
                continue
            if self.chance(0.5):
                steps += [self.administrator()]
            if self.chance(0.6):
                steps += [self.again()]
            if self.chance(0.3):
                steps += [self.pick("SET character_set_client = utf8mb4", "SET sql_mode = ''", "SELECT 1", "SHOW WARNINGS")]
            steps += self.body()
        return steps

    # Passwords that have expired

    def new_password(self):
        word = self.pick("spy-Pw1", "spy-Pw1", "other-Pw2")
        ways = [f"ALTER USER CURRENT_USER() IDENTIFIED BY '{word}'", f"ALTER USER spy@'%' IDENTIFIED BY '{word}'"]
        if self.mariadb:
            ways += [f"SET PASSWORD = PASSWORD('{word}')", f"SET PASSWORD FOR spy@'%' = PASSWORD('{word}')",
                     f"SET PASSWORD FOR CURRENT_USER() := PASSWORD('{word}')", f"/* error */ SET PASSWORD = PASSWORD('{word}')"]
        else:
            ways += [f"SET PASSWORD = '{word}'", f"ALTER USER USER() IDENTIFIED BY '{word}' REPLACE 'spy-Pw1'",
                     f"SET PASSWORD = '{word}' REPLACE 'spy-Pw1'", f"SET PASSWORD := '{word}'", f"/* error */ SET PASSWORD = '{word}'"]
        return self.pick(ways)

    def expired(self):
        """Only this session sets the password anew: what an administrator sets does not end it."""
        self.flags.update(administration=True, multi=self.chance(0.6))
        expire = {"com": "ADMIN", "texts": ["ALTER USER spy@'%' PASSWORD EXPIRE"]}
        login = {"com": "LOGIN", "expired": self.chance(0.9)}
        if self.chance(0.3):
            login["database"] = self.pick("", "own2", "secret", "secret\0", "secret ", "Secret", "old")
        steps = [self.administrator() for _ in range(self.random.randrange(3))]
        body = self.body()
        if self.chance(0.3):
            setting, body = self.halves()
            steps = [setting]
        steps += [expire, login] if self.chance(0.8) else [login, expire, self.pick({"com": "RESET_CONNECTION"}, {"com": "LOGIN", "expired": True},
                                                                                    {"com": "CHANGE_USER", "text": "own"})]
        before = [self.pick("SELECT 1", "SELECT name FROM own.a", "SHOW WARNINGS", "DO 0", "SET NAMES gbk", "USE secret",
                            "SET sql_mode = 'ANSI_QUOTES'", {"com": "PREPARE", "text": b"SELECT name FROM patients"},
                            {"com": "RESET_CONNECTION"}, {"com": "INIT_DB", "text": "secret"}, {"com": "CHANGE_USER", "text": "own"},
                            self.administrator()) for _ in range(self.random.randrange(3))]
        password = self.new_password()
        if self.flags["multi"] and self.chance(0.4):
            body = [one for one in body if isinstance(one, (str, bytes))] or self.unqualified()
            texts = [one.encode("latin-1", "ignore") if isinstance(one, str) else one for one in body if isinstance(one, (str, bytes))]
            return steps + before + [b"; ".join([password.encode(), *texts])] + self.body()
        if self.chance(0.1):
            password = {"com": "STMT", "text": password}
        return steps + before + [password] + body

    # XA transactions

    def written(self, data, odd=True):
        """Bytes in one of the ways SQL writes them (or might)."""
        hexadecimal, bits = data.hex(), "".join(f"{byte:08b}" for byte in data)
        ways = [f"x'{hexadecimal}'", f"X'{hexadecimal.upper()}'", f"0x{hexadecimal or '00'}", f"b'{bits}'", f"0b{bits or '0'}"]
        if bits:
            ways += [f"b'{bits.lstrip('0') if data[0] else bits}'", f"B'{bits}'"]
        if hexadecimal[:1] == "0" and data[0]:
            ways += [f"0x{hexadecimal[1:]}"]
        if data.isascii() and b"\0" not in data:
            text = data.decode()
            plain = text.replace("\\", "\\\\")
            ways += [f"'{plain}'".replace("'", "''")[1:-1] if "'" in text else f"'{plain}'"] * 3
            ways += ["'" + "".join("\\" + c if c in "gxX'\\" else c for c in text) + "'"]
            if odd and self.chance(0.15):  # what no server takes, or does it?
                ways = [f'"{plain}"', f"_latin1'{plain}'", f"N'{plain}'", f"'{plain[:2]}' '{plain[2:]}'"]
        return self.pick(ways)

    def identifier(self, first, second, number, odd=True):
        text = self.written(first, odd)
        if second or number is not None or self.chance(0.3):
            text += self.pick(",", " , ", ",/**/") + self.written(second, odd)
        if number is not None:
            text += f", {self.pick(str(number), hex(number), '0' + str(number))}"
        return text

    def branches(self):
        """Both services' transactions under the same identifiers, each in spellings of its own."""
        mark = str(self.random.randrange(1 << 40)).encode()
        firsts = [one.replace(b"{n}", mark)[:64] for one in self.random.sample(XIDS, 2)]
        seconds = [self.pick(b"", b"", b"b", b"\0", b"\xff", b"q" * 64) for _ in firsts]
        parts = list(zip(firsts, seconds))

        def any_of(odd=True):
            first, second = self.pick(parts[:1] * 3 + parts)
            return self.identifier(first, second, self.pick(None, None, 1, 7, 0), odd)

        def own():
            """A transaction of the spy's, begun and brought to an end, or half."""
            same, spelling = self.chance(0.4), any_of()
            spell = (lambda: spelling) if same else any_of
            texts = [f"XA START {spell()}", self.pick("DELETE FROM own.a WHERE id = 99", "INSERT INTO own.sink VALUES (4, 'xa')", "DO 1"),
                     f"XA END {spell()}"]
            ends = self.pick([f"XA PREPARE {spell()}", f"XA ROLLBACK {spell()}"], [f"XA PREPARE {spell()}", f"XA COMMIT {spell()}"],
                             [f"XA COMMIT {spell()} ONE PHASE"], [f"XA ROLLBACK {spell()}"], [f"XA PREPARE {spell()}"], [],
                             [f"XA PREPARE {spell()}", {"com": "RESET_CONNECTION"}], [f"XA PREPARE {spell()}", {"com": "LOGIN"}],
                             [f"XA PREPARE {spell()}", {"com": "LOGIN"}, f"XA ROLLBACK {spell()}"])
            texts += ends
            if self.multi and self.chance(0.3) and all(isinstance(one, str) for one in texts):
                cut = self.random.randrange(len(texts))
                texts = texts[:cut] + ["; ".join(texts[cut:])]
            return texts

        def theirs():
            """Nobody ends the spy's own past silogate: whose an identifier is after that, silogate cannot know."""
            do = self.pick("prepare", "prepare", "prepare", "end")
            return {"com": "THEIRS", "do": do, "xid": any_of(odd=False),
                    "by": "victim" if do == "end" else self.pick("victim", "victim", "root"), "stays": self.chance(0.3)}

        def end():
            text = self.pick(f"XA ROLLBACK {any_of()}", f"XA COMMIT {any_of()}", f"XA ROLLBACK {any_of()}", f"XA COMMIT {any_of()} ONE PHASE",
                             f"XA START {any_of()} {self.pick('JOIN', 'RESUME')}", "XA RECOVER", f"XA PREPARE {any_of()}",
                             f"XA START {any_of()}", f"XA END {any_of()} {self.pick('', 'SUSPEND', 'SUSPEND FOR MIGRATE')}")
            if self.multi and self.chance(0.2):
                text = self.pick(f"DO 1; {text}", f"{text}; DO 1")
            return self.ending(text) if self.chance(0.3) else [text]

        steps = own() if self.chance(0.8) else []
        for _ in range(2 + self.random.randrange(5)):
            steps += self.pick([theirs()], [theirs()], end(), end(), end(), own(), self.state())
        known = [one for one in steps if isinstance(one, str) and one.startswith("XA START ") and ";" not in one]
        steps += [theirs()] + [f"XA {self.pick('ROLLBACK', 'COMMIT')} {one.split(' ', 2)[2]}" for one in known[-3:]] + end()
        return steps

    # A server that is started anew

    def case(self, text):
        """Letters of names in another case."""
        for name in ("patients", "visits", "logm", "shared"):
            if self.chance(0.6):
                text = text.replace(name, self.pick(name.upper(), name.capitalize(), name[:-1] + name[-1].upper()))
        return text

    def restarted(self):
        """The upstream comes again and compares the letters of names in another way."""
        payload = self.case(self.fill(self.pick(
            "SELECT name FROM {t}", "SELECT name AS status FROM {t}", "SELECT a.name, FOUND_ROWS() FROM own.a a, {t}", "DELETE FROM {t}",
            "UPDATE {t} SET n = ROW_COUNT()", "INSERT INTO own.sink SELECT id, name FROM {t}", "TRUNCATE {t}", "DROP TABLE {t}",
            "SELECT * FROM own.a UNION SELECT * FROM {t}", "ALTER TABLE {t} COMMENT 'warning'", "LOCK TABLES {t} READ", "HANDLER {t} OPEN",
            "SET @stolen = (SELECT MAX(name) FROM {t} LIMIT 1)"),
            t=self.pick("shared.patients", "shared.visits", "shared.logm", "`shared`.`patients`", "secret.patients")))
        quiet = {"com": "ADMIN", "texts": ["SET GLOBAL init_connect = 'SET @any = 1'"]}
        steps = [quiet, {"com": "LOGIN"}, "SELECT 1"] if self.chance(0.7) else []
        steps += [{"com": "RESTART", "fold": self.pick(0, 1, 1), "options": self.pick([[]] + [["--skip-character-set-client-handshake"]])
                   if self.mariadb else []}]
        if self.chance(0.7):
            steps += [quiet]
        if self.chance(0.3):
            steps += [self.administrator()]
        login = {"com": "LOGIN"}
        if self.chance(0.3):
            self.flags["administration"] = True
            steps += [{"com": "ADMIN", "texts": ["ALTER USER spy@'%' PASSWORD EXPIRE"]}]
            login["expired"] = True
            behind = [self.new_password()] if self.chance(0.7) else []
            if behind and self.chance(0.3):
                return steps + [login, {"com": "PREPARE", "text": payload.encode()}, *behind, {"com": "EXECUTE"}]
            if behind and self.flags.get("multi"):
                return steps + [login, f"{behind[0]}; {payload}"] + self.ending(payload)
            return steps + [login] + behind + self.ending(payload)
        if self.chance(0.3):
            payload = self.telling(payload)
        steps += [login] + self.ending(payload)
        for _ in range(self.random.randrange(3)):
            steps += [{"com": "LOGIN"}] + (self.ending(payload) if self.chance(0.5) else self.body())
        return steps
