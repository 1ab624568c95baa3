"""What decides how a text is read, switched in every way that may or may not work: sql_mode and the
character set. Behind each come texts that read the secret under one of two SQL states and are harmless under
the other: whoever believes in the wrong one lets it out."""
from .steps import ChangeUser, Command, Execute, Login, Prepare, Query, maybe, ok

SECRET = "(SELECT word FROM vault.secrets)"
# The secret comes where `"` quotes a name; where it quotes a string; where a backslash escapes nothing;
# where it escapes.
MODES = [
    maybe(rf'SELECT 1 AS "\", {SECRET} -- "'),
    maybe(rf'SELECT 1 AS "\" FROM own AS ", {SECRET} -- "'),
    maybe(rf"SELECT '\', {SECRET} -- '"),
    maybe(rf"SELECT '\' , ' , {SECRET} -- '"),
    maybe('SELECT word FROM "vault"."secrets"'), maybe("SELECT word FROM [vault].[secrets]"),
]


def letters(lead):
    """The same for a character set of which `lead` starts a character of two bytes, and for all others."""
    secret = SECRET.encode()
    return [maybe(b"SELECT '" + lead + b"\\', " + secret + b" -- '"),
            maybe(b"SELECT '" + lead + b"\\' , ' , " + secret + b" -- '"),
            maybe(b"SELECT 1 AS `" + lead + b"``, " + secret + b" -- `"),
            maybe(b"SELECT 1 AS `" + lead + b"` , " + secret + b" -- `"),
            maybe(b"SELECT '" + lead + b"', " + secret + b" -- '"),
            maybe(b"SELECT 1 AS " + lead + b"`, " + secret + b" -- `")]


LETTERS = letters(b"\xbf") + letters(b"\x83")
FAILS = "@x = (SELECT 1 UNION SELECT 2)"
ANSI = "sql_mode = 'ANSI_QUOTES'"

# A name for each way, and its steps; then come all of MODES and LETTERS.
WAYS = {
    "none": [],
    "ANSI_QUOTES by name": [ok(f"SET {ANSI}")],
    "ANSI_QUOTES by number": [ok("SET sql_mode = 4")],
    "by bits": [maybe("SET sql_mode = 1 << 2")],
    "by bits beside what is set": [maybe("SET sql_mode = @@sql_mode | 4")],
    "by a hex string": [maybe("SET sql_mode = 0x414E53495F51554F544553")],
    "by expression": [maybe("SET sql_mode = CONCAT('ANSI', '_QUOTES')")],
    "by subquery": [maybe("SET sql_mode = (SELECT 'ANSI_QUOTES')")],
    "by literals side by side": [maybe("SET sql_mode = 'ANSI_' 'QUOTES'")],
    "by introducer": [maybe("SET sql_mode = _utf8mb4'ANSI_QUOTES'")],
    "behind SET NAMES": [maybe(f"SET NAMES utf8mb4, {ANSI}")],
    "in every scope": [maybe("SET LOCAL sql_mode = 'ANSI_QUOTES'"), maybe("SET @@session.`sql_mode` := 'ANSI_QUOTES'")],
    "with a quoted name": [maybe("SET `sql_mode` = ANSI_QUOTES")],
    "away again": [ok(f"SET {ANSI}"), ok("SET sql_mode = ''")],
    "to the default": [ok(f"SET {ANSI}"), maybe("SET sql_mode = DEFAULT")],
    "to the global one": [ok(f"SET {ANSI}"), maybe("SET sql_mode = @@global.sql_mode")],
    "a mode that implies it": [maybe("SET sql_mode = 'MSSQL'")],
    "the mode of another database": [maybe("SET sql_mode = 'ORACLE'")],
    "out of a variable": [ok("SET @m = 'ANSI_QUOTES'"), maybe("SET sql_mode = @m")],
    "out of a variable that another way has set": [ok("SET @m = ''"), maybe("SELECT 'ANSI_QUOTES' INTO @m"), maybe("SET sql_mode = @m")],
    "NO_BACKSLASH_ESCAPES": [ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")],
    "both": [ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")],
    "in the same command": [maybe(f"SET {ANSI}; SELECT 1")],
    "in a command that fails behind it": [maybe(f"SET {ANSI}; SELECT nonsense")],
    "in a SET that fails behind it": [maybe(f"SET {ANSI}, {FAILS}")],
    "in a SET that fails before it": [maybe(f"SET {FAILS}, {ANSI}")],
    "a character set in a SET that fails": [maybe(f"SET character_set_client = gbk, {FAILS}")],
    "names in a SET that fails": [maybe(f"SET NAMES gbk, {FAILS}")],
    "prepared in the protocol": [Prepare(f"SET {ANSI}", None)],
    "prepared in the protocol, and failing": [Prepare(f"SET {ANSI}, {FAILS}", None)],
    "prepared in the protocol, and run later": [Prepare(f"SET {ANSI}", None, later=True), ok("SET sql_mode = ''"), Execute()],
    "prepared in SQL": [maybe("PREPARE s FROM 'SET sql_mode = ''ANSI_QUOTES'''"), maybe("EXECUTE s")],
    "immediate": [maybe("EXECUTE IMMEDIATE 'SET sql_mode = ''ANSI_QUOTES'''")],
    "in a procedure": [maybe(f"CREATE PROCEDURE thief.m () SET {ANSI}"), maybe("CALL thief.m()")],
    "in a procedure that fails": [maybe(f"CREATE PROCEDURE thief.m2 () BEGIN SET {ANSI}; SET NAMES gbk; SELECT nonsense; END"),
                                  maybe("CALL thief.m2()")],
    "in a function": [maybe(f"CREATE FUNCTION thief.mf () RETURNS INT DETERMINISTIC BEGIN SET {ANSI}; RETURN 1; END"),
                      maybe("SELECT thief.mf()")],
    "in a block": [maybe(f"BEGIN NOT ATOMIC SET {ANSI}; END")],
    "in a block that fails": [maybe(f"BEGIN NOT ATOMIC SET {ANSI}; SET NAMES gbk; SELECT nonsense; END")],
    "in a block, prepared": [maybe("BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'SET sql_mode = ''ANSI_QUOTES'''; END")],
    "for a statement": [maybe(f"SET STATEMENT {ANSI} FOR SELECT 1"), maybe(f"SET STATEMENT {ANSI} FOR SELECT nonsense")],
    "for a statement that sets it": [maybe(f"SET STATEMENT sql_mode = '' FOR SET {ANSI}"),
                                     maybe(f"SET STATEMENT max_statement_time = 5 FOR SET {ANSI}")],
    "in a hint": [maybe("SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ 1")],
    "in a comment": [maybe(f"/*! SET {ANSI} */"), maybe(f"SET /*!99999 nothing, */ {ANSI}")],
    "rolled back": [ok("START TRANSACTION"), ok(f"SET {ANSI}"), ok("ROLLBACK")],
    "then the session reset": [ok(f"SET {ANSI}"), maybe("SET NAMES gbk"), Command(b"\x1f", "reset", True)],
    "then the user changed": [ok(f"SET {ANSI}"), ChangeUser()],
    "gbk": [maybe("SET NAMES gbk")],
    "gbk, one way": [maybe("SET character_set_client = gbk")],
    "gbk by number": [maybe("SET character_set_client = 28")],
    "gbk by expression": [maybe("SET character_set_client = CONCAT('g', 'bk')")],
    "gbk by literals side by side": [maybe("SET character_set_client = 'g' 'bk'")],
    "gbk by CHARACTER SET": [maybe("SET CHARACTER SET gbk")],
    "gbk by CHARSET": [maybe("SET CHARSET 'gbk'")],
    "gbk out of another variable": [maybe("SET character_set_results = gbk"), maybe("SET character_set_client = @@character_set_results")],
    "gbk out of a user's variable": [ok("SET @c = 'gbk'"), maybe("SET @@character_set_client = @c")],
    "gbk with a collation of another": [maybe("SET NAMES gbk COLLATE latin1_bin")],
    "gbk and back": [maybe("SET NAMES gbk"), maybe("SET NAMES DEFAULT")],
    "gbk and back, by default": [maybe("SET NAMES gbk"), maybe("SET character_set_client = DEFAULT")],
    "gbk and back, by CHARACTER SET": [maybe("SET NAMES gbk"), maybe("SET CHARACTER SET DEFAULT")],
    "gbk for a statement": [maybe("SET STATEMENT character_set_client = gbk FOR SELECT 1")],
    "gbk in a block": [maybe("BEGIN NOT ATOMIC SET NAMES gbk; END")],
    "gbk in a procedure": [maybe("CREATE PROCEDURE thief.g () SET NAMES gbk"), maybe("CALL thief.g()")],
    "gbk in the same command": [maybe("SET NAMES gbk; SELECT 1")],
    "gbk prepared in the protocol": [Prepare("SET NAMES gbk", None)],
    "gbk for the connection alone": [maybe("SET character_set_connection = gbk")],
    "gb18030": [maybe("SET NAMES gb18030")],
    "big5": [maybe("SET character_set_client = 1")],
    "sjis": [maybe("SET NAMES sjis")],
    "cp932": [maybe("SET NAMES cp932")],
    "binary": [maybe("SET NAMES binary")],
    "swe7": [maybe("SET NAMES swe7")],
    "utf16, utf32, ucs2": [maybe("SET NAMES utf16"), maybe("SET character_set_client = utf32"), maybe("SET NAMES ucs2")],
    "none that there is": [maybe("SET NAMES nonsense"), maybe("SET character_set_client = 9999")],
}
for name, collation in (("big5", 1), ("swe7", 10), ("sjis", 13), ("gbk", 28), ("ucs2", 35), ("utf16", 54),
                        ("utf32", 60), ("cp932", 95), ("gb18030", 248), ("a number that is none", 199)):
    WAYS[f"{name} at the login"] = [Login(collation=collation)]
    WAYS[f"{name} with the user changed"] = [ChangeUser(collation=collation)]

TRICKS = {f"state: {way}": [*steps, *MODES, *LETTERS] for way, steps in WAYS.items()}
TRICKS["an introducer does not change where a string ends"] = [
    maybe(introducer + b"'" + text + b" -- '") for text in (b"\xbf\\', word FROM vault.secrets", b"\0\\', word FROM vault.secrets")
    for introducer in (b"SELECT _gbk", b"SELECT _sjis", b"SELECT _utf16", b"SELECT _ucs2 ", b"SELECT _utf32", b"SELECT N")]
TRICKS["a mode and the query, in one"] = [
    Query("SET sql_mode = 'ANSI_QUOTES'; SELECT word FROM \"vault\".\"secrets\""),
    Query("SET sql_mode = CONCAT('ANSI', '_QUOTES'); SELECT word FROM \"vault\".\"secrets\"")]
# The servers leave the status flag as the routine has set it, and sql_mode as it was.
TRICKS["a flag that a routine leaves behind"] = [
    ok("CREATE PROCEDURE thief.calm () SET sql_mode = ''"), ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
    ok("CALL thief.calm()"), *MODES]
TRICKS["a mode that is told and over"] = [
    ok("SET session_track_system_variables = '*'"), ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
    ok("SET STATEMENT sql_mode = '' FOR DO 1"), *MODES]
