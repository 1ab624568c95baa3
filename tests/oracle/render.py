"""Tokens -> text: the white space, comments, letter case and quotes between the tokens of a generated
statement. Tokens are nested lists of str; a plain str is split at blanks into words whose letter case
does not count; Name is an identifier, Raw goes out as it stands, GLUE forbids anything in between."""

WORD = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$@")


class Name(str):
    """An identifier: quoted when it must be, or by chance. `dotted`: stands after a dot."""
    must_quote = False


class Raw(str):
    pass


class Glue(str):
    pass


GLUE = Glue("")

# Words that can not stand as a bare identifier where a table or alias is expected, on either server.
RESERVED = set("""select order group table key two from where index status? interval left right
    straight_join rank rows window lateral system function values call primary database""".split())

COMMENT_TEXTS = ["", " c ", " select * from crm.contacts ", " ' ", ' " ', " ` ", " ware.users ", "*",
                 " ; ", " -- ", " # ", " \\ ", "\n", " /", " don't ", "!", "+ ", " JOIN ware.stock "]


def flatten(tokens, out):
    for token in tokens:
        if isinstance(token, (list, tuple)):
            flatten(token, out)
        elif isinstance(token, (Name, Raw, Glue)):
            out.append(token)
        elif token:
            out.extend(token.split(" "))


class Style:
    """How one statement is written: drawn once, so that most statements look tidy."""

    def __init__(self, rng, dialect, mode):
        self.rng, self.dialect, self.mode = rng, dialect, mode
        self.case = rng.choice(("upper", "upper", "lower", "lower", "mixed", "capital"))
        self.comments = rng.choice((0, 0, 0, 0, 0.02, 0.06, 0.2))
        self.tight = rng.choice((0, 0, 0.5, 0.9))
        self.quote = rng.choice((0, 0, 0.3, 1))
        self.wrap = rng.choice((0, 0, 0, 0, 0.01, 0.03))
        self.ansi = "ANSI" in mode or "MSSQL" in mode or "ORACLE" in mode
        self.brackets = "MSSQL" in mode and dialect == "mariadb"

    def render(self, tokens):
        flat = []
        flatten(tokens, flat)
        out, last, glue, wrapped = [], "", True, 0
        for at, token in enumerate(flat):
            if isinstance(token, Glue):
                glue = True
                continue
            text = self.word(token, last)
            if not glue:
                out.append(self.between(last, text, wrapped))
            if wrapped:
                wrapped -= 1
                if not wrapped:
                    out.append(" */")
            elif self.wrap and not glue and self.rng.random() < self.wrap:
                wrapped = min(self.rng.randint(1, 6), len(flat) - at - 1)
                while wrapped and any(isinstance(t, Glue) for t in flat[at:at + wrapped + 2]):
                    wrapped -= 1
                if wrapped:
                    out.append(self.opener())
            out.append(text)
            last, glue = text, False
        if wrapped:
            out.append(" */")
        return "".join(out)

    def opener(self):
        if self.dialect == "mysql":
            return self.rng.choice(("/*! ", "/*!50110 ", "/*!50701 ", "/*!80000 ", "/*!090000 ",
                                    "/*!00000", "/*!90704 ", "/*!40101\n"))
        return self.rng.choice(("/*! ", "/*!50110 ", "/*M! ", "/*M!100100 ", "/*!100100 ", "/*M!50701 ",
                                "/*!50699 ", "/*!40101\n"))

    def word(self, token, last):
        if isinstance(token, Raw):
            return str(token)
        if isinstance(token, Name):
            return self.identifier(token, last)
        if self.case == "upper":
            return token.upper()
        if self.case == "lower":
            return token.lower()
        if self.case == "capital":
            return token.capitalize()
        return "".join(self.rng.choice((c.upper(), c.lower())) for c in token)

    def identifier(self, name, last):
        plain = all(c in WORD and c not in "$@" or c in "$" for c in name)
        bare = plain and not name[0].isdigit() and name.lower() not in RESERVED
        if last == "." and plain and not name[0].isdigit():
            bare = True  # after a dot any keyword is a name
        if bare and self.rng.random() >= self.quote:
            return str(name)
        if self.brackets and self.rng.random() < 0.3 and "]" not in name:
            return "[" + name + "]"
        if self.ansi and self.rng.random() < 0.5:
            return '"' + name.replace('"', '""') + '"'
        return "`" + name.replace("`", "``") + "`"

    def between(self, left, right, wrapped):
        rng = self.rng
        needed = left[-1] in WORD and right[0] in WORD
        # Signs that would grow together into another token, or begin a comment.
        needed |= left[-1] in "-+*/<>=!|&:#'\"`" and right[0] in "-+*/<>=!|&:#'\"`@"
        needed |= right[0] == "." and left[-1].isdigit() or left[-1] == "." or right[0] == "."
        if left == "." or right == ".":
            needed = False
            if rng.random() > self.comments:
                return ""
            if right[0] not in "`\"[":
                return "" if left == "." else rng.choice(("", "/**/"))
        if not wrapped and self.comments and rng.random() < self.comments:
            return self.comment()
        if not needed and rng.random() < self.tight:
            return ""
        if rng.random() < 0.95:
            return " "
        return rng.choice(("\n", "\t", "  ", " \r\n", "\f", "\v", " \t "))

    def comment(self):
        rng = self.rng
        text = rng.choice(COMMENT_TEXTS)
        kind = rng.randrange(7)
        if kind == 0:
            return " -- " + text.replace("\n", " ") + "\n"
        if kind == 1:
            return " #" + text.replace("\n", " ") + "\n"
        if kind == 2:
            return " --\t" + text.replace("\n", "") + "\n"
        if kind == 3 and text not in ("!", "+ "):
            return rng.choice((" /*!99999", " /*!999999 ")) + " " + text + " */ "
        if kind == 4:
            return " /*!*/ " if self.dialect == "mysql" else " /*! */ "
        if kind == 5 and self.dialect == "mysql":
            return " /*M! " + text.strip("!+ ") + " */ "
        if kind == 6 and self.dialect == "mariadb":
            return " /*!" + rng.choice(("50700", "80013", "99998")) + " , crm.notes */ "
        return " /*" + (text if text not in ("!", "+ ") else " x") + " */ "
