"""Words, comments, quotes and names: what the server reads and silogate might not."""
from .steps import READ, Query, maybe, ok

TRICKS = {
    "plain": [Query(READ)],
    "quoted": [Query("SELECT word FROM `vault`.`secrets`")],
    "blanks around the dot": [Query("SELECT word FROM vault . secrets")],
    "comments around the dot": [Query("SELECT word FROM vault/**/./**/secrets")],
    "executable comment": [Query("SELECT 1 /*! , word FROM vault.secrets */")],
    "executable comment, versioned": [Query("SELECT 1 /*!50000 , word FROM vault.secrets */")],
    "executable comment, a version of the other dialect": [
        Query("SELECT word FROM thief.own /*!50701 UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*!100100 UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*M! UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*M!100100 UNION SELECT word FROM vault.secrets */", None)],
    "executable comment in pieces": [Query("SELECT word FROM /*!vault*/./*!secrets*/")],
    "a comment that is none": [Query("SELECT 5--(SELECT word FROM vault.secrets)+0"),
                               Query("SELECT word FROM thief.own--\x01\n UNION SELECT word FROM vault.secrets")],
    "a nested comment": [Query("SELECT 1 /*!99999 /* */ */ /*! UNION SELECT word FROM vault.secrets */")],
    "carriage return ends no comment": [Query("SELECT 1 # \r\n UNION SELECT word FROM vault.secrets")],
    "a mebibyte of comment before it": [Query("SELECT /*" + "x" * (1 << 20) + "*/ word FROM vault.secrets")],
    "ANSI_QUOTES makes a string a name": [ok("SET sql_mode = 'ANSI_QUOTES'"),
                                          Query('SELECT "a /* " , word FROM vault.secrets -- " */')],
    "backslashes": [Query(r"SELECT '\'', word FROM vault.secrets -- '"), Query(r"SELECT '\\', word FROM vault.secrets -- '")],
    "an introducer": [Query(b"SELECT _gbk'\xbf\\', word FROM vault.secrets -- '", None)],
    "names from keywords": [Query("SELECT word FROM vault.secrets AS `select`"), Query("SELECT`word`FROM`vault`.`secrets`"),
                            Query("SELECT 1.word FROM vault.secrets"), Query("SELECT word FROM vault.secrets PARTITION (p0)"),
                            Query("SELECT .5word FROM vault.secrets"), Query("SELECT N'a'word FROM vault.secrets"), Query("SELECT 1e1FROM vault.secrets")],
    "hints": [Query("SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ word FROM vault.secrets"), Query("SELECT word FROM vault.secrets USE INDEX (PRIMARY)"),
              Query("SELECT word FROM vault.secrets FOR UPDATE"), Query("SELECT word FROM vault.secrets LOCK IN SHARE MODE")],
    "other letter case": [Query("sElEcT wOrD fRoM vault.secrets"), Query("SELECT word FROM VAULT.SECRETS", None)],
    "a zero byte": [Query(b"SELECT word\0 FROM vault.secrets"), Query(b"SELECT '\0', word FROM vault.secrets"), Query(b"SELECT 1\0; SELECT word FROM vault.secrets")],
    # A hint is read by a lexer of its own, which knows quotes; it ends at the first */ all the same.
    "a hint with a quoted end of comment": [
        maybe("SELECT /*+ QB_NAME(`a*/ 1 -- `) */ word FROM vault.secrets"),
        maybe("SELECT /*+ SET_VAR(max_execution_time='*/ 1 -- ') */ word FROM vault.secrets"),
        maybe("SELECT /*+ SET_VAR(time_zone=\"*/ 1 -- \") */ word FROM vault.secrets"),
        maybe("SELECT /*+ NO_MERGE(@`a*/ 1 -- `) */ word FROM vault.secrets"),
        maybe("INSERT /*+ QB_NAME(`a*/ INTO own VALUES (30, 'x') -- `) */ INTO own SELECT 31, word FROM vault.secrets"),
        maybe("(SELECT /*+ QB_NAME(`a*/ 1) -- `) */ word FROM vault.secrets)"),
        maybe("SELECT /*+ nonsense `*/ word FROM vault.secrets -- ` */"),
        Query("SELECT /*+ QB_NAME(`a`) */ word FROM vault.secrets")],
    "executable comments about each version": [
        maybe(f"SELECT word FROM thief.own {start}{tail}")
        for start in ("/*!90703", "/*!90704", "/*!90705", "/*!090704", "/*!090705", "/*!080400", "/*!99999", "/*!50699", "/*!50700",
                      "/*!50701", "/*!100000", "/*!101118", "/*!101119", "/*!101120", "/*M!50700", "/*M!99999", "/*M!101119",
                      "/*M!101120", "/*!00001", "/*!0000", "/*!1", "/*!", "/*! 99999", "/*!999999", "/*!9999999", "/*M", "/*m!")
        for tail in (" UNION SELECT word FROM vault.secrets */", "UNION SELECT word FROM vault.secrets */",
                     " -- */ UNION SELECT word FROM vault.secrets", " WHERE 1 /* */ UNION SELECT word FROM vault.secrets */",
                     " /* */ */ UNION SELECT word FROM vault.secrets", " '*/ UNION SELECT word FROM vault.secrets -- '*/")],
    "comments that are not closed": [
        Query(READ + tail) for tail in ("/*", " /*!", "--", "#", " -- ", " -- \0", " */", ";\0", ";--")] + [
        Query("SELECT 1 /*! UNION SELECT word FROM vault.secrets"), Query("SELECT 1 /*!50000 UNION SELECT word FROM vault.secrets")],
    "names that look like something else": [
        Query(f"SELECT word FROM {name}") for name in (
            "vault.1e5", "vault . 1e5", "`vault`.1e5", "vault.`1e5`", "vault.`a.b`", "vault.`a``b`", "vault.größe", "`vault`.`größe` größe",
            "(vault.größe)")] + [Query("TABLE vault.größe"), Query("SELECT größe.word FROM vault.größe")],
    "names of other spellings": [
        maybe(b"SELECT word FROM " + (name if isinstance(name, bytes) else name.encode())) for name in (
            "vault.`secrets `", "`vault `.secrets", 'vault."secrets"', "`../vault/secrets`", "`#mysql50#../vault/secrets`", "`#mysql50#vault`.secrets",
            "vault.`#mysql50#secrets`", "`vault/secrets`", "`thief/../vault`.secrets", "vault.`@0073ecrets`", "vault.secrets😀", "vault.`GRÖßE`",
            "vault.grosse", b"vault.gr\xf6\xdfe", b"vault.secrets\xff", b"vault\xff.secrets", ".secrets", "vault..secrets", "def.vault.secrets",
            "`vault.secrets`", "vault.secrets@x", "\u00a0vault.secrets", b"\xa0vault.secrets", "\u3000vault.secrets", b"\x0bvault.secrets\x0c",
            b"vault.secrets\x1a", b"vault.secrets\x7f", "vault.`a?b`", "vault.`a😀b`", b"vault.`a\xffb`")],
    "braces": [Query("SELECT word FROM {oj own o LEFT JOIN vault.secrets s ON 1}"), Query(f"SELECT {{d ({READ})}}"), Query(f"SELECT {{anything ({READ})}}"),
               Query("SELECT {fn vault.tell()}"), Query("SELECT {d vault.tell()}"), Query(f"SELECT * FROM {{x ({READ})}} d"), maybe("SELECT word FROM {vault.secrets}")],
    "variables of all spellings": [
        maybe(f"SELECT {variable}, ({READ})") for variable in ("@`a`", "@'a'", '@"a"', "@``", "@", "@a.b", "@@version", "@@`version`", "@@session . version")] + [
        maybe("SELECT @a:=word FROM vault.secrets"), maybe("SELECT @`a':=`:=word FROM vault.secrets")],
    "dollars": [maybe(f"SELECT {text}") for text in (
        "$$ $$, word FROM vault.secrets", "$$ FROM own -- $$, word FROM vault.secrets", "$a$ '$a$, word FROM vault.secrets -- '",
        "1 AS $$, word FROM vault.secrets -- $$", "$ä$ ' $ä$, word FROM vault.secrets -- '", "1 a$b$, word FROM vault.secrets -- $b$")],
}
