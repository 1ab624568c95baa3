"""Private servers for the oracle: MariaDB from the system's package, MySQL from a root made by
debootstrap (SILOGATE_MYSQL_ROOT). Each lives in a folder of its own, listens on a Unix socket alone,
syncs nothing to disk, and is gone when the `with` ends."""

import os
import shutil
import subprocess
import tempfile
import time

MYSQL_ROOT = os.environ.get("SILOGATE_MYSQL_ROOT", "/var/tmp/silogate-mysql-root")

COMMON = ["--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
          "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M", "--event-scheduler=OFF",
          "--max-connections=20", "--local-infile=1", "--autocommit=0", "--sql-mode=",
          "--automatic-sp-privileges=OFF", "--lower-case-table-names=0",
          "--max-allowed-packet=64M", "--table-definition-cache=2000", "--lock-wait-timeout=3",
          "--innodb-lock-wait-timeout=2", "--innodb-stats-persistent=OFF"]
MYSQL = ["--mysqlx=OFF", "--skip-stack-trace", "--performance-schema=OFF", "--authentication-policy=*",
         "--log-error-verbosity=1", "--innodb-use-fdatasync=ON"]
MARIADB = ["--aria-pagecache-buffer-size=16M", "--max-statement-time=5", "--plugin-maturity=unknown", "--skip-stack-trace",
           "--skip-core-file"]


class Server:
    """with Server("mariadb") as server: ... server.socket"""

    def __init__(self, dialect):
        self.dialect = dialect
        self.process = None
        self.folder = None
        self.mounted = False

    @staticmethod
    def available(dialect):
        if dialect == "mysql":
            return os.path.exists(MYSQL_ROOT + "/usr/sbin/mysqld") and os.geteuid() == 0
        return os.path.exists("/usr/sbin/mariadbd")

    def __enter__(self):
        self.root = MYSQL_ROOT if self.dialect == "mysql" else ""
        base = "/dev/shm" if not self.root and os.path.isdir("/dev/shm") else self.root + "/var/tmp"
        self.folder = tempfile.mkdtemp(prefix="silogate-oracle-", dir=base)
        os.chmod(self.folder, 0o755)
        self.inside = self.folder[len(self.root):]
        self.socket = self.folder + "/s"
        self.log = self.folder + "/log"
        if self.root:  # in memory, as the other: MySQL syncs each definition to the disk
            self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "silogate-oracle", self.folder],
                                          check=False, stderr=subprocess.DEVNULL).returncode == 0
        try:
            self._install()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _arguments(self):
        return ["--no-defaults", f"--datadir={self.inside}/data", "--user=root"]

    def start(self):
        mysql = self.dialect == "mysql"
        program = "/usr/sbin/mysqld" if mysql else "/usr/sbin/mariadbd"
        arguments = [*self._arguments(), f"--socket={self.inside}/s", f"--pid-file={self.inside}/pid",
                     f"--secure-file-priv={self.inside}",
                     f"--tmpdir={self.inside}", *COMMON, *(MYSQL if mysql else MARIADB)]
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._command([program] + arguments), stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        self._wait()

    def fell(self):
        """Has it crashed? Servers do, on statements of a kind: WITH RECURSIVE in SHOW ... WHERE."""
        for _ in range(20):
            if self.process.poll() is not None:
                return True
            time.sleep(0.05)
        return False

    def _command(self, command):
        return (["chroot", self.root] if self.root else []) + command

    def _install(self):
        if self.dialect == "mysql":
            command = self._command(["/usr/sbin/mysqld", *self._arguments(), "--initialize-insecure"])
        else:
            command = ["mariadb-install-db", "--auth-root-authentication-method=normal",
                       "--skip-test-db", *self._arguments()]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def _wait(self):
        for _ in range(600):
            if os.path.exists(self.socket):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        with open(self.log, errors="replace") as log:
            raise RuntimeError(f"{self.dialect} did not start:\n{log.read()[-2000:]}")

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
