"""Where statements come from: the generator, the golden corpus in tests/sql, and the .test files of
Debian's package mariadb-test, read where the package has put them."""

import functools
import glob
import os
import re

import generate
import walk
from fixture import CURRENT
from generate import Statement

SOURCES = ("generated", "golden", "mariadb-test")
GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sql")
MARIADB_TEST = ("/usr/share/mysql/mysql-test", "/usr/share/mariadb/mariadb-test", "/usr/share/mysql-test")
# What an sql_mode changes, and how much of a run it gets.
MODES = {
    "mysql": [("", 12), ("ANSI_QUOTES", 2), ("NO_BACKSLASH_ESCAPES", 1), ("IGNORE_SPACE", 1), ("PIPES_AS_CONCAT", 1),
              ("ANSI", 1), ("HIGH_NOT_PRECEDENCE", 1)],
    "mariadb": [("", 12), ("ANSI_QUOTES", 2), ("NO_BACKSLASH_ESCAPES", 1), ("IGNORE_SPACE", 1), ("PIPES_AS_CONCAT", 1),
                ("ANSI", 1), ("MSSQL", 1), ("ORACLE", 1)],
}


def batches(source, dialect, seed, count, size):
    """(sql_mode, [Statement]) after (sql_mode, [Statement])."""
    if source.startswith("grammar:"):
        maker = functools.partial(walk.of_file, source.partition(":")[2])
    else:
        maker = {"generated": generated, "golden": golden, "mariadb-test": mariadb_test}[source]
    pending, last = [], ""
    for mode, statement in maker(dialect, seed, count):
        if pending and (mode != last or len(pending) >= size):
            yield last, pending
            pending = []
        pending.append(statement)
        last = mode
    if pending:
        yield last, pending


def generated(dialect, seed, count):
    shares = MODES[dialect]
    whole = sum(share for _, share in shares)
    for mode, share in shares:
        for statement in generate.statements(dialect, seed, count * share // whole, mode):
            yield mode, statement


# ---- mysqltest's files

COMMANDS = set("""append_file assert cat_file change_user character_set chmod connect connection copy_file dec diff_files
    dirty_close disable_abort_on_error disable_connect_log disable_info disable_metadata disable_parsing disable_ps_protocol
    disable_query_log disable_reconnect disable_result_log disable_rpl_parse disable_session_track_info disable_testcase
    disable_warnings disable_cursor_protocol disable_ps2_protocol disable_view_protocol disable_service_connection
    disable_non_blocking_api disable_prepare_warnings disable_column_names disconnect echo enable_abort_on_error
    enable_connect_log enable_info enable_metadata enable_parsing enable_ps_protocol enable_query_log enable_reconnect
    enable_result_log enable_rpl_parse enable_testcase enable_warnings enable_cursor_protocol enable_ps2_protocol
    enable_view_protocol enable_service_connection enable_non_blocking_api enable_prepare_warnings enable_column_names
    end end_timer error eval evalp eval_result exec exec_in_background execw exit file_exists force-cpdir force-rmdir
    horizontal_results if inc let list_files list_files_append_file list_files_write_file lowercase_result mkdir move_file
    optimizer_trace output perl ping query query_attributes query_get_value query_horizontal query_vertical real_sleep
    reap remove_file remove_files_wildcard replace_column replace_numeric_round replace_regex replace_result require
    reset_connection result result_format rmdir save_master_pos send send_eval send_kill send_quit send_shutdown
    sync_slave_with_master sync_with_master send_eval shutdown_server skip skip_if_hypergraph sleep sorted_result
    partially_sorted_result start_timer system sync timer vertical_results wait wait_for_slave_to_stop while write_file
    write_line die enable_session_track_info copy_files_wildcard delimiter source""".split())
RUNS = {"eval", "query", "send", "evalp", "send_eval", "query_vertical", "query_horizontal"}
FILES = {"write_file", "append_file", "perl"}
SKIP = re.compile(rb"sleep\s*\(|benchmark\s*\(|get_lock|password|identified|\bshutdown\b|\$[a-z_]|dbug|debug|wait_for|"
                  rb"\bkill\b|current_user\s*(\(\s*\))?\s*$|crash|max_statement_time|lock_wait|set\s+role|\bsql_mode\b|"
                  rb"alter\s+user|drop\s+user|rename\s+user|master_|~~", re.I)


def mysqltest_statements(data):
    """The SQL of one .test file: ended by the delimiter, less the lines that are mysqltest's own."""
    delimiter, pending, until = b";", b"", None
    for line in data.split(b"\n"):
        if until is not None:
            if line.strip() == until:
                until = None
            continue
        bare = line.strip()
        if not pending.strip():
            if not bare or bare.startswith(b"#"):
                continue
            words = bare.lstrip(b"-").split(None, 2)
            first = words[0].rstrip(b";").split(b"(")[0].lower().decode("latin1") if words else ""
            if bare.startswith(b"--") or first in COMMANDS or bare in (b"}", b"{"):
                if first == "delimiter":
                    delimiter = words[1].removesuffix(delimiter) or b";" if len(words) > 1 else b";"
                elif first in FILES:
                    until = (words[2] if len(words) > 2 else b"EOF").rstrip(b";").split()[0]
                elif first in RUNS and not bare.startswith(b"--"):
                    pending, line = b"", bare[len(words[0]):]
                else:
                    if not bare.startswith(b"--") and not bare.endswith(delimiter) and bare not in (b"}", b"{") \
                            and not bare.endswith((b"{", b"}")):
                        pending = b"~~" + line + b"\n"  # an own command over several lines: to its end
                    continue
                if first not in RUNS:
                    continue
        pending += line + b"\n"
        ends = pending.rstrip()
        if ends.endswith(delimiter):
            text = ends[:-len(delimiter)].strip()
            pending = b""
            if text:
                yield text


def mariadb_test(dialect, seed, count):
    """Statements of both dialects' common ground run on either server; what the server does not know
    gives no verdict."""
    seen, given = set(), 0
    for root in MARIADB_TEST:
        for path in sorted(glob.glob(root + "/**/*.test", recursive=True)):
            if any(part in path for part in ("/columnstore/", "/wsrep", "/galera", "/encryption/", "/mroonga/", "/rocksdb")):
                continue
            with open(path, "rb") as file:
                data = file.read()
            for text in mysqltest_statements(data):
                if not is_utf8(text) or SKIP.search(text) or len(text) > 20000 or b"\0" in text or text in seen:
                    continue
                seen.add(text)
                if (hash_of(text) + seed) % 8 >= 8 * count / 50000:
                    continue
                given += 1
                yield "", Statement(text, os.path.basename(path), True)


def is_utf8(text):
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def hash_of(text):
    value = 2166136261
    for byte in text[:64]:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value >> 7


# ---- the golden corpus

def golden(dialect, seed, count):
    for path in sorted(glob.glob(GOLDEN + "/*.test")):
        yield from golden_file(path, dialect)


def golden_file(path, dialect):
    """A line of SQL, then lines that start with '>'; '# name value' says how what follows is read.
    What is meant for other servers than ours is left out."""
    mode, database, charset, other = "", CURRENT, "utf8mb4", ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().split("\n")
    for at, line in enumerate(lines):
        if line.startswith("#"):
            words = line[1:].split(None, 1)
            value = words[1] if len(words) > 1 else ""
            if words[:1] == ["reset"]:
                mode, database, charset, other = "", CURRENT, "utf8mb4", ""
            elif words[:1] == ["mode"]:
                mode = ",".join(value.replace(",", " ").split())
            elif words[:1] == ["database"]:
                database = value
            elif words[:1] == ["charset"]:
                charset = value
            elif words[:1] == ["dialect"]:
                other = value
            elif words and words[0] in ("version", "fold", "session"):
                charset = "another server"
            continue
        if not line.strip() or line.startswith((">", "\\ ")):
            continue
        if mode == "unknown":
            continue
        if database == CURRENT and charset == "utf8mb4" and other in ("", dialect) and not SKIP.search(line.encode("utf-8", "surrogateescape")):
            yield mode, Statement(line.encode("utf-8", "surrogateescape"), os.path.basename(path), True,
                                  undetermined=any("undetermined" in answer for answer in answers(lines, at)))


def answers(lines, at):
    """What is expected of the SQL in line `at`."""
    for line in lines[at + 1:]:
        if not line.startswith(">"):
            return
        yield line
