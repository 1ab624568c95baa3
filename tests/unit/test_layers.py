"""scripts/check-layers: silent over this tree, and it says so when a file breaks a rule."""
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def layers(tree):
    done = subprocess.run([TOP / "scripts/check-layers"], cwd=tree, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def tree(tmp_path):
    """The headers and sources alone: enough to be checked, and no repository."""
    for path in TOP.glob("*/**/*.[ch]"):
        if path.relative_to(TOP).parts[0].startswith(("build", "tests", "bench", ".")):
            continue
        to = tmp_path / path.relative_to(TOP)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    (tmp_path / "docs").mkdir()
    shutil.copy(TOP / "docs/architecture.md", tmp_path / "docs")
    return tmp_path


def test_this_tree_keeps_the_rules(tree):
    assert layers(TOP) == (0, [])
    assert layers(tree) == (0, [])


@pytest.mark.long(short=6)
@pytest.mark.parametrize("file, text, said", [
    ("sql/odd.c", '#include "policy/policy.h"\n', "sql/odd.c:1: sql/ may not include policy/policy.h"),
    ("violations/odd.c", '#include "base/text.h"\n#include "sql/analyze.h"\n',
     "violations/odd.c:2: violations/ may not include sql/analyze.h"),
    ("sql/lexer/odd.h", '#  include "sql/parser.h"\n', "sql/lexer/odd.h:1: sql/lexer/ may not include sql/parser.h"),
    ("proxy/odd.c", "#include <mbedtls/ssl.h>\n", "proxy/odd.c:1: proxy/ may not include mbedtls/ssl.h"),
    ("protocol/odd.c", "#include <mysql.h>\n", "protocol/odd.c:1: protocol/ may not include mysql.h"),
    ("tls/odd.c", "#include <openssl/ssl.h>\n", "tls/odd.c:1: tls/ may not include openssl/ssl.h"),
    ("utilities/odd.c", "", "utilities/odd.c: its folder is no room of docs/architecture.md"),
    ("base/odd.c", "\n" * 501, "base/odd.c: 501 lines; 500 is the most: split it by subject"),
    ("scripts/odd", "#!/bin/sh\n" + "\n" * 500, "scripts/odd: 501 lines; 500 is the most: split it by subject"),
])
def test_a_broken_rule_is_told(tree, file, text, said):
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert layers(tree) == (1, [said])
