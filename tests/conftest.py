"""Fixtures for the tests on real servers: one server of each kind for the whole run, each in a folder
of its own on free ports; everything ends with the run, also when a test fails or the run is stopped.
"""
import gc
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import built, clients, counts, gate, places, servers, short  # noqa: E402

_servers = {}


def _server(kind):
    if kind not in _servers:
        _servers[kind] = servers.new(kind)
    return _servers[kind]


def pytest_configure(config):
    """Being stopped is no reason to leave anything running."""
    config.addinivalue_line("markers", "long: not in the short form (harness/short.py)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.disable()  # thousands of tests are made, and none of them is garbage


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_unconfigure(config):
    for server in _servers.values():
        server.remove()
    _servers.clear()


# What takes longest (SLOWEST=40 lists it) begins first: run beside others, none of these files is left at the end.
LONGEST = [f"test_{name}.py" for name in (
    "hold_certain", "unit", "takeover_files", "generations", "bypass", "moves_stored", "moves_given_up",
    "moves_grants", "moves", "moves_faults", "takeover", "unread_logs", "instances", "move_backup", "hanging",
    "kill_instances", "boundary", "slow_readers", "attack", "ends", "grants_end", "moves_refused", "drivers",
    "reload", "large_ends", "crossings", "overrides_over", "login", "move_begin", "hold", "witness", "no_trace",
    "move_sections", "moves_gone", "oracle", "moving", "throttle", "faults", "move_placeholder", "move_quiet",
    "allocations", "move_kept", "move_gate", "pitfalls", "move_readlock", "kill_asked", "left_behind", "move_left",
    "move_named", "database", "audit_accounts", "moves_many", "evidence_pages", "compression", "examples", "audit", "store",
    "move_orms", "moves_rights", "applications", "other_ways", "long_lists", "control", "legs", "move_tools", "moves_hanging",
    "replication", "tls_matrix", "learn", "moved", "moves_killed", "tools", "vanish", "upgrades", "health", "threads",
    "soak")]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if not any("[" in argument for argument in config.args):
        items[:], left = short.select(items)
        config.hook.pytest_deselected(items=left)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_runtest_logreport(report):
    """A failing test says how to run it alone."""
    if report.failed:
        report.sections.append(
            ("run it alone", f"/usr/bin/python3 -m pytest -q -p no:cacheprovider '{report.nodeid}'"))


def pytest_generate_tests(metafunc):
    """`server` is each kind of server; with `client`, each client that it lets in."""
    if "client" in metafunc.fixturenames:
        pairs = [(kind, client) for kind in servers.KINDS for client in clients.ALL
                 if kind in client.servers]
        metafunc.parametrize("server, client", pairs, indirect=["server"], scope="session",
                             ids=[f"{kind}-{client.name}" for kind, client in pairs])
    elif "server" in metafunc.fixturenames and not any(
            "server" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")):
        metafunc.parametrize("server", list(servers.KINDS), indirect=True, scope="session")


@pytest.fixture(scope="module", autouse=True)
def _restored():
    """No module meets what another has left behind."""
    yield
    for one in _servers.values():
        one.restore()


@pytest.fixture(scope="session")
def server(request):
    """Each kind of server, with NileCare's example loaded."""
    return _server(request.param)


@pytest.fixture(scope="session")
def mariadb():
    return _server("mariadb")


@pytest.fixture(scope="session")
def mysql():
    return _server("mysql")


@pytest.fixture(scope="session")
def secure_mariadb(certificates):
    """A MariaDB with a certificate. MySQL makes one by itself."""
    if "secure" not in _servers:
        _servers["secure"] = servers.start_with_example(servers.SecureMariaDB(certificates))
    return _servers["secure"]


@pytest.fixture(scope="session")
def certificates():
    """The folder that tests/certificates fills: a private CA, certificates and keys, good and bad."""
    folder = places.scratch("tls")
    subprocess.run([places.TOP / "tests/certificates", folder], check=True, timeout=60)
    yield folder
    places.remove(folder)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """names(address, ...): what each name that ends in ".test" resolves to from now on, for a silogate that is
    started from here on; none: it is not known; "hang": the name server gives no answer."""
    if places.is_sanitized():
        pytest.skip("a sanitizer wants to be the first library")

    def build(path):
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", path, source], check=True, timeout=60)

    source, file = places.TOP / "tests/harness/resolve_names.c", tmp_path / "names"
    monkeypatch.setenv("LD_PRELOAD", str(built.once("resolve_names.so", [source], build)))
    monkeypatch.setenv("RESOLVE_NAMES", str(file))

    def resolve(*addresses):
        (tmp_path / "new").write_text("".join(f"{address}\n" for address in addresses))
        (tmp_path / "new").rename(file)

    return resolve


@pytest.fixture
def make_gate():
    """make_gate(upstream, changes...): a silogate of the test's own. At the end it has to drain,
    exit 0 and leave no word of a sanitizer."""
    made = []

    def make(upstream, *changes, ini=None, start=True):
        one = gate.Gate(upstream, ini=ini, changes=changes)
        made.append(one)
        return one.start() if start else one

    yield make
    try:
        for one in made:
            one.stop()
    finally:
        for one in made:
            one.remove()


@pytest.fixture(scope="module")
def _shared_gate(server):
    """One silogate for the tests of a module that leave the policy as it is."""
    with gate.running(server) as one:
        yield one


@pytest.fixture
def silogate(_shared_gate):
    """The module's silogate with NileCare's policy, its violations read up to here. At its end log, report,
    API, metrics and pages have to count the same; with SILOGATE_FORM=all after each test."""
    assert _shared_gate.process.poll() is None, _shared_gate.log()[-3000:]
    _shared_gate.settle()
    yield _shared_gate
    if short.FORM == "all":
        counts.agree(_shared_gate)
