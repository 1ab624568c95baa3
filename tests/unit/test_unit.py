"""Each cmocka program of tests/unit is one case."""
import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / os.environ.get("SILOGATE_BUILD", "build")
SOURCES = sorted((TOP / "tests/unit").glob("*/test_*.c"))


@pytest.mark.parametrize("source", SOURCES, ids=[f"{s.parent.name}/{s.stem}" for s in SOURCES])
def test_unit(source):
    program = BUILD / "tests/unit" / source.parent.name / source.stem
    if not program.exists():
        pytest.fail(f"{program} is not built: run make unit")
    done = subprocess.run([program], cwd=TOP, capture_output=True, text=True, timeout=900,
                          errors="replace")
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("[       OK ]")]
        # A sanitizer's report at the end must not hide which check failed.
        checks = [line for line in lines[:-60] if line.startswith(("[  ERROR", "[   LINE", "[  FAILED"))]
        pytest.fail("\n".join(checks + lines[-60:]) + f"\nexit {done.returncode}; alone: {program}",
                    pytrace=False)
