"""Private servers for the oracle, apart from those of the other tests: without a network, in memory
where that can be, syncing nothing, and begun anew when a statement makes them fall. All is gone when the
`with` ends, and the process with us, however we end."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import places  # noqa: E402
from wire import Connection, Lost  # noqa: E402

COMMON = ["--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
          "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M", "--event-scheduler=OFF",
          "--max-connections=20", "--local-infile=1", "--autocommit=0", "--sql-mode=",
          "--automatic-sp-privileges=OFF", "--lower-case-table-names=0", "--max-allowed-packet=64M",
          "--table-definition-cache=2000", "--lock-wait-timeout=3", "--innodb-lock-wait-timeout=2",
          "--innodb-stats-persistent=OFF", "--skip-stack-trace"]
MYSQL = ["--mysqlx=OFF", "--performance-schema=OFF", "--log-error-verbosity=1"]
MARIADB = ["--aria-pagecache-buffer-size=16M", "--max-statement-time=5", "--skip-core-file"]


class Server:
    """with Server("mariadb") as server: ... server.socket"""

    def __init__(self, dialect):
        self.dialect = dialect
        self.process = None
        self.folder = None

    @staticmethod
    def available(dialect):
        try:
            program = "mysqld" if dialect == "mysql" else "mariadbd"
            return os.path.exists(Server._program(dialect, program)[-1])
        except (FileNotFoundError, StopIteration):
            return False

    @staticmethod
    def _program(dialect, name):
        return places.mysql_program(name) if dialect == "mysql" else places.mariadb_program(name)

    def __enter__(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="sg-oracle-", dir=memory)
        self.socket = self.folder + "/s"
        self.log = self.folder + "/log"
        try:
            self._install()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _arguments(self):
        found = ["--no-defaults", f"--datadir={self.folder}/data"]
        if self.dialect == "mysql":
            root = places.MYSQL_ROOT
            found += [f"--basedir={root}/usr", f"--lc-messages-dir={root}/usr/share/mysql",
                      f"--character-sets-dir={root}/usr/share/mysql/charsets",
                      f"--plugin-dir={root}/usr/lib/mysql/plugin"]
        else:
            found += places.mariadb_folders()
        return found + (["--user=root"] if os.geteuid() == 0 else [])

    def _install(self):
        if self.dialect == "mysql":
            command = places.mysql_program("mysqld") + self._arguments() + ["--initialize-insecure"]
        elif places.MARIADB_FOLDER:
            places.mariadb_install(places.mariadb_program("mariadbd") + self._arguments(), self.folder + "/data")
            return
        else:
            command = ["mariadb-install-db", "--auth-root-authentication-method=normal",
                       "--skip-test-db", "--force", f"--tmpdir={self.folder}",
                       *self._arguments()]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=300)

    def start(self):
        mysql = self.dialect == "mysql"
        program = self._program(self.dialect, "mysqld" if mysql else "mariadbd")
        arguments = [*self._arguments(), f"--socket={self.socket}", f"--pid-file={self.folder}/pid",
                     f"--secure-file-priv={self.folder}", f"--tmpdir={self.folder}", *COMMON,
                     *(MYSQL if mysql else MARIADB)]
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*places.WITH_US, *program, *arguments], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        for _ in range(1200):
            if os.path.exists(self.socket):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log, errors="replace") as log:
            raise RuntimeError(f"{self.dialect} did not start:\n{log.read()[-2000:]}")

    def fell(self):
        """Has it crashed? Servers do, on statements of a kind: WITH RECURSIVE in SHOW ... WHERE."""
        try:  # one that writes down its stack accepts, and says nothing until it is gone
            Connection(self.socket, "root").socket.close()
        except (OSError, Lost):
            self.process.wait(60)
        return self.process.poll() is not None

    def renew(self):
        """Begins with nothing: some statements leave behind what no DROP takes away."""
        self._stop()
        shutil.rmtree(self.folder + "/data")
        self._install()
        self.start()

    def _stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __exit__(self, *_):
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)
