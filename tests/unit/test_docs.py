"""The pages point at what is there: files, calls and their options, make targets, keys, metrics."""
import functools
import pathlib
import re
import subprocess

import pytest

from harness import places

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("examples/*/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    broken = [target for target in targets
              if "://" not in target and not (page.parent / target).exists()]
    assert not broken


def code(page):
    """The page's lines of code: blocks and what stands in backticks."""
    text = page.read_text()
    blocks = re.findall(r"```.*?```", text, re.S)
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    return [line for block in blocks for line in block.split("\n")] + re.findall(r"`([^`\n]+)`", rest)


@functools.cache
def help_of(subcommand):
    done = subprocess.run([places.SILOGATE, subcommand, "--help"], capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else None


CALLED = [page for page in PAGES if "silogate" in "\n".join(code(page))]


@pytest.mark.parametrize("page", CALLED, ids=lambda page: str(page.relative_to(TOP)))
def test_calls_and_options_exist(page):
    wrong = []
    for line in code(page):
        for subcommand, rest in re.findall(r"(?:^|[/(|$]|&& )silogate ([a-z]+)\b([^|;#>]*)", line):
            known = help_of(subcommand)
            options = re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest)
            wrong += [line] if known is None else [f"{option}: {line}" for option in options if option not in known]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.M))
    named = {name for line in code(page) for name in re.findall(r"^(?:sudo )?make (?:-\S+ )*([a-z-]+)(?![a-z/-])", line)}
    assert named <= targets


NO_METRICS = {"session", "moving_trial"}  # a connection attribute, a table
SERVERS_OWN = {"lower_case_table_names", "long_query_time"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_keys_and_metrics_exist(page):
    reference = (TOP / "docs/policy.md").read_text()
    keys = set(re.findall(r"`(?:\[[a-z:]+\] )?([a-z_]+) = ", page.read_text())) - SERVERS_OWN
    assert not {key for key in keys if f"`{key}`" not in reference}
    source = "".join(file.read_text() for file in TOP.glob("admin/*.c"))
    names = set(re.findall(r"\bsilogate_([a-z0-9_]+)", page.read_text())) - NO_METRICS
    assert not {name for name in names if not re.search(rf'"(?:silogate_)?{re.sub("_(bucket|sum|count)$", "", name)}"', source)}
