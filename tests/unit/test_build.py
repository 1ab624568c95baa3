"""What the Makefile promises packagers: hardening, their own flags, the same bytes from any folder."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / os.environ.get("SILOGATE_BUILD", "build")


def output(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, **options).stdout


def make(*arguments, folder=TOP, **variables):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "WERROR", "CFLAGS", "BUILD")}
    return output("make", "--no-print-directory", *arguments, cwd=folder, env=dict(environment, **variables))


def test_the_binary_is_hardened():
    program = BUILD / "silogate"
    symbols = output("nm", "-D", program)
    if "__asan_init" in symbols or "__tsan_init" in symbols:
        pytest.skip("a build with a sanitizer is not what is shipped")
    assert "Type:" in (header := output("readelf", "-h", program)) and re.search(r"Type:\s+DYN", header), "no PIE"
    dynamic = output("readelf", "-d", program)
    assert re.search(r"FLAGS_1.*NOW.*PIE", dynamic), "not linked with -z now"
    segments = output("readelf", "-lW", program)
    assert "GNU_RELRO" in segments
    assert re.search(r"GNU_STACK.*RW ", segments), "an executable stack"
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk", symbols.replace("__stack_chk_fail", "")), "no _FORTIFY_SOURCE"


def test_the_packagers_flags_are_added():
    said = make("-n", "BUILD=build-none", "build-none/base/text.o", CPPFLAGS="-DFROM_CPPFLAGS",
                CFLAGS="-O1 -DFROM_CFLAGS", CC="cc")
    compiled = next(line for line in said.splitlines() if "base/text.c" in line)
    assert compiled.startswith("cc ") and compiled.index("FROM_CPPFLAGS") < compiled.index("FROM_CFLAGS")
    assert "-fstack-protector-strong" in compiled and "-Werror" not in compiled
    said = make("-n", "BUILD=build-none", "build-none/silogate", LDFLAGS="-Wl,--as-needed")
    linked = next(line for line in said.splitlines() if " -o build-none/silogate" in line)
    assert "-Wl,--as-needed" in linked and "-Wl,-z,relro" in linked


@pytest.mark.long
def test_the_packagers_level_of_fortify_is_taken(tmp_path):
    """-D_FORTIFY_SOURCE=3 beside a level of ours: each file was compiled with "_FORTIFY_SOURCE redefined"."""
    target = f"{tmp_path}/b/base/error.o"
    for where in ("CPPFLAGS=-D_FORTIFY_SOURCE=3", "CFLAGS=-O2 -Wp,-D_FORTIFY_SOURCE=3"):
        said = make(f"BUILD={tmp_path}/b", target, where, WERROR="1")
        assert "_FORTIFY_SOURCE=3" in said and "_FORTIFY_SOURCE=2" not in said
    assert "_FORTIFY_SOURCE=2" in make(f"BUILD={tmp_path}/b", target)


@pytest.mark.long
def test_other_flags_build_anew(tmp_path):
    one = f"BUILD={tmp_path}/b"
    target = f"{tmp_path}/b/base/error.o"
    make("-s", one, target)
    assert "base/error.c" not in make(one, target)
    assert "base/error.c" in make(one, target, CFLAGS="-O1")


@pytest.mark.long
def test_the_same_source_gives_the_same_bytes(tmp_path):
    made = []
    for name in ("one", "another/folder"):
        folder = tmp_path / name
        for room in ("base", "Makefile"):
            if (TOP / room).is_dir():
                shutil.copytree(TOP / room, folder / room)
            else:
                shutil.copy(TOP / room, folder / room)
        make("-s", "build/base/json.o", "build/base/table.o", folder=folder)
        made.append([(folder / f"build/base/{file}.o").read_bytes() for file in ("json", "table")])
    assert made[0] == made[1]


def test_editors_know_the_flags():
    """clangd reads compile_flags.txt and takes what is relative from its folder, for whichever file is open."""
    flags = (TOP / "compile_flags.txt").read_text().splitlines()
    for file in ("proxy/session.c", "protocol/constants.c", "tests/unit/sql/test_golden.c"):
        output("cc", *flags, "-Werror", "-fsyntax-only", file, cwd=TOP)
    if shutil.which("clangd"):
        checked = subprocess.run(["clangd", "--check=proxy/session.c", "--check-lines=1-2"], cwd=TOP, text=True,
                                 capture_output=True, timeout=300)
        assert checked.returncode == 0, checked.stderr[-3000:]
