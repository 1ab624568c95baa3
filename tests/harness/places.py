"""Where things are, and small tools for files, ports and waiting."""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / os.environ.get("SILOGATE_BUILD", "build")
SILOGATE = BUILD / "silogate"
MYSQL_ROOT = pathlib.Path(os.environ.get("SILOGATE_MYSQL_ROOT", "/var/tmp/silogate-mysql-root"))
# A MariaDB unpacked there is used in place of the machine's own; it runs on the libraries of MYSQL_ROOT.
MARIADB_FOLDER = os.environ.get("SILOGATE_MARIADB")
NODE_MODULES = pathlib.Path(os.environ.get("SILOGATE_NPM", TOP / "tests/system/.npm")) / "node_modules"

# Nobody here is trusted for what the machine's own certificate authorities say, and OpenSSL reads all of them for each
# connection that a client makes: more than silogate needs for all else of a start.
os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = os.devnull


def mysql_program(name):
    """The command line of a program of the MySQL root: through that root's own loader and libraries,
    so neither chroot nor root's rights are needed."""
    for folder in ("usr/sbin", "usr/bin"):
        path = MYSQL_ROOT / folder / name
        if path.exists():
            libraries = f"{MYSQL_ROOT}/usr/lib/x86_64-linux-gnu:{MYSQL_ROOT}/usr/lib/mysql/private"
            return [str(MYSQL_ROOT / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries,
                    str(path)]
    raise FileNotFoundError(f"{name} is not in {MYSQL_ROOT}: run scripts/deps test")


def mariadb_program(name):
    """The command line of a program of MariaDB's."""
    if not MARIADB_FOLDER:
        return [shutil.which(name) or f"/usr/sbin/{name}"]
    folder = pathlib.Path(MARIADB_FOLDER)
    path = next(path for path in (folder / "usr/sbin" / name, folder / "usr/bin" / name) if path.exists())
    libraries = ":".join(f"{root}/usr/lib/x86_64-linux-gnu" for root in (folder, MYSQL_ROOT))
    return [str(MYSQL_ROOT / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, str(path)]


def mariadb_folders():
    """The options that say where a server of MARIADB_FOLDER finds what is its own."""
    if not MARIADB_FOLDER:
        return []
    usr = f"{MARIADB_FOLDER}/usr"
    return [f"--basedir={usr}", f"--lc-messages-dir={usr}/share/mariadb",
            f"--character-sets-dir={usr}/share/mariadb/charsets", f"--plugin-dir={usr}/lib/mysql/plugin"]


def mariadb_install(command, data):
    """What mariadb-install-db does, for a server of MARIADB_FOLDER, whose libraries that script would not
    find: `command` starts the server, `data` is its folder."""
    share = pathlib.Path(MARIADB_FOLDER) / "usr/share/mariadb"
    (pathlib.Path(data) / "mysql").mkdir(parents=True)
    text = b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
    text += b"".join((share / f"mariadb_{name}.sql").read_bytes() for name in (
        "system_tables", "performance_tables", "system_tables_data"))
    subprocess.run(command + ["--bootstrap", "--enforce-storage-engine=", "--general-log=0"],
                   input=text, check=True, capture_output=True, timeout=300)


def mariadb_environment():
    """For programs of the machine's own that use MariaDB's client library: that of MARIADB_FOLDER."""
    if not MARIADB_FOLDER:
        return {}
    libraries = f"{MARIADB_FOLDER}/usr/lib/x86_64-linux-gnu"
    return {"LD_LIBRARY_PATH": libraries, "MARIADB_PLUGIN_DIR": f"{libraries}/libmariadb3/plugin"}


def is_sanitized():
    """Is silogate built with a sanitizer?"""
    symbols = subprocess.run(["nm", "-D", SILOGATE], capture_output=True, check=True).stdout
    return b"__asan_init" in symbols or b"__tsan_init" in symbols


_libc = ctypes.CDLL(None)


def end_with_us():
    """In a new process: it is killed when the tests' own process is, however that ends."""
    _libc.prctl(1, signal.SIGKILL)


# The same before a command: Python does not copy itself for a process without a preexec_fn, which takes ten times as long.
WITH_US = ["setpriv", "--pdeathsig", "KILL"]


def scratch(name):
    """A new folder that only this run uses; whoever asks removes it. The path is short, as Unix
    sockets need it."""
    return pathlib.Path(tempfile.mkdtemp(prefix=f"sg-{name}-"))


MEMORY = pathlib.Path("/dev/shm")
# What has to stay free there, and on the whole machine, after a server that is large has come and grown.
MEMORY_LEFT, MACHINE_LEFT = 1 << 30, 3 << 30


def memory_scratch():
    """A new folder in memory, or None where there is little room. A run that was killed leaves its folders: they
    bear its process's number, and the next run removes them."""
    try:
        room = os.statvfs(MEMORY)
        available = int(re.search(r"MemAvailable: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024
        for old in MEMORY.glob("sg-data-*"):
            if not pathlib.Path("/proc", old.name.split("-")[2]).exists():
                remove(old)
        if room.f_bavail * room.f_frsize < MEMORY_LEFT or available < MACHINE_LEFT:
            return None
        return pathlib.Path(tempfile.mkdtemp(prefix=f"sg-data-{os.getpid()}-", dir=MEMORY))
    except OSError:
        return None


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


PORTS = range(10000, 30000)  # below those that the kernel gives to whoever connects or binds to 0


def free_port():
    """A port that no other test of this machine is given soon: one in a row that all processes share. A
    silogate that meets another's port shares it (SO_REUSEPORT), and each has some of the other's clients."""
    with open(os.path.join(tempfile.gettempdir(), f"silogate-tests-{os.geteuid()}.port"), "a+") as row:
        fcntl.flock(row, fcntl.LOCK_EX)
        row.seek(0)
        last = int(row.read() or os.getpid() % len(PORTS) + PORTS[0])
        for port in [*range(last + 1, PORTS[-1]), *PORTS]:
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    continue
            row.truncate(0)
            row.write(str(port))
            return port
    raise RuntimeError("no port is free")


def wait_for(what, seconds=45, every=0.02):
    """Calls `what` until it returns something true, which is returned; None after `seconds`: long enough
    for a machine that does ten things at once. How long something takes is not asked here."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > end:
            return found or None
        time.sleep(every)


def _stands(thread):
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] in "TtXZ"
    except FileNotFoundError:
        return True


def stop(pid):
    """SIGSTOP, and every thread stands: after kill(2) alone others of the process may run on for a while."""
    os.kill(pid, signal.SIGSTOP)
    assert wait_for(lambda: all(map(_stands, pathlib.Path(f"/proc/{pid}/task").iterdir())), 60)


@contextlib.contextmanager
def stopped(pid):
    """The process stands still meanwhile."""
    try:
        stop(pid)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def is_read(connected):
    """Has the process at the other end of a TCP socket read all that was sent?"""
    def name(address):
        return "%08X:%04X" % (int.from_bytes(socket.inet_aton(address[0]), "little"), address[1])
    mine, theirs = name(connected.getsockname()), name(connected.getpeername())
    with open("/proc/net/tcp") as file:
        waiting = {tuple(line[1:3]): line[4].split(":") for line in map(str.split, file)}
    return int(waiting[mine, theirs][0], 16) == 0 and int(waiting[theirs, mine][1], 16) == 0


def open_files(pid):
    """Where a process's descriptors lead; one that is closed while they are listed is left out."""
    found = []
    for one in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(one))
    return found


def listens(pid):
    """Has the process a TCP socket on which clients may connect?"""
    with open("/proc/net/tcp") as file:
        listening = {f"socket:[{line[9]}]" for line in map(str.split, file) if line[3] == "0A"}
    return not listening.isdisjoint(open_files(pid))


def port_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        return True
    except OSError:
        return False
