"""TLS on the client's leg, the upstream's plain: what a point select, a login and a large result cost, and
how much memory a session holds, beside MySQL Router and, where given, ProxySQL. Part `tls` of bench/run."""
import os
import re
import shutil
import ssl
import subprocess
import time

from harness import places, wire

LOGINS = 200
SSL_REQUEST = b"\x85\xae\xff\x01\x00\x00\x00\x01\x2d" + bytes(23)


def certificates(folder):
    """Certificates for all, and a client's under the names that sysbench looks for."""
    made = folder / "certificates"
    subprocess.run([places.TOP / "tests/certificates", made], check=True)
    for name, source in (("client-key.pem", "billing.key"), ("client-cert.pem", "billing.pem"),
                         ("cacert.pem", "ca.pem")):
        shutil.copy(made / source, made / name)
    return made


def silogate(run, upstream, folder, made, kind):
    """`kind`: server (EC P-256) or rsa."""
    def command(port):
        text = run.policy(port, upstream, folder)
        text += f"\n[tls]\ncertificate = {made}/{kind}.pem\nkey = {made}/{kind}.key\n"
        text = text.replace("[upstream:main]\n", "[upstream:main]\ntls = off\n")
        ini = folder / f"secure-{kind}.ini"
        ini.write_text(text)
        return [run.BUILD / "silogate", "run", "-c", ini]
    return run.Target("silogate EC" if kind == "server" else "silogate RSA", command)


def router(run, upstream, folder, made):
    def command(port):
        (folder / "secure-router.conf").write_text(
            f"[DEFAULT]\nlogging_folder={folder}\nruntime_folder={folder}\ndata_folder={folder}\n"
            f"plugin_folder={places.MYSQL_ROOT}/usr/lib/mysqlrouter/plugin\n[routing:a]\n"
            f"bind_address=127.0.0.1\nbind_port={port}\ndestinations=127.0.0.1:{upstream}\n"
            "routing_strategy=first-available\nprotocol=classic\nclient_ssl_mode=REQUIRED\n"
            f"client_ssl_cert={made}/rsa.pem\nclient_ssl_key={made}/rsa.key\n"
            "server_ssl_mode=DISABLED\n")
        command = places.mysql_program("mysqlrouter")
        command[2] += "".join(f":{places.MYSQL_ROOT}/usr/lib/{name}"
                              for name in ("mysqlrouter/private", "mysql-router"))
        return command + ["-c", folder / "secure-router.conf"]
    try:
        return run.Target("router RSA", command)
    except (RuntimeError, FileNotFoundError):
        return None


def proxysql(run, upstream, folder, made):
    def command(port):
        store = folder / "secure-proxysql"
        store.mkdir()
        for name, source in (("proxysql-cert.pem", "rsa.pem"), ("proxysql-key.pem", "rsa.key"),
                             ("proxysql-ca.pem", "ca.pem")):
            shutil.copy(made / source, store / name)
        (folder / "secure-proxysql.cnf").write_text(
            f'datadir="{store}"\nadmin_variables={{mysql_ifaces="127.0.0.1:{places.free_port()}"}}\n'
            f'mysql_variables={{threads=1 interfaces="127.0.0.1:{port}" monitor_enabled=false '
            f'have_ssl=true}}\nmysql_servers=({{address="127.0.0.1" port={upstream}}})\n'
            f'mysql_users=({{username="{run.USER}" password="{run.PASSWORD}" default_hostgroup=0 '
            f'max_connections=5000}})\n')
        return [os.environ["PROXYSQL"], "-f", "--initial", "-c", folder / "secure-proxysql.cnf"]
    return run.Target("proxysql RSA", command) if os.environ.get("PROXYSQL") else None


class Secure(wire.Wire):
    """A client over TLS; `session`: of an earlier one, to be resumed."""

    def __init__(self, port, context, session=None):
        super().__init__(port)
        self.greet()
        self.capabilities |= wire.SSL
        self.send(SSL_REQUEST)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost", session=session)

    def _authenticate(self, password, nonce):
        """caching_sha2_password's full authentication (MySQL Router's) is the password itself here."""
        while True:
            payload = self.receive()
            if payload[0] == 0:
                return payload
            if payload[0] == 0xff:
                raise wire.Error(payload)
            if payload[0] == 0xfe:
                plugin, nonce = payload[1:].split(b"\0", 1)
                self.send(wire.SCRAMBLES[plugin.decode()](password, nonce.rstrip(b"\0")))
            elif payload == b"\x01\x04":
                self.send(password.encode() + b"\0")


def context_of(made):
    context = ssl.create_default_context(cafile=made / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # a ticket that is there after the handshake
    return context


def logged_in(run, target, context, session=None):
    client = Secure(target.port, context, session)
    client.login(run.USER, run.DATABASE, password=run.PASSWORD)
    return client


def logins(run, target, made, resumed):
    context, session = context_of(made), None
    if resumed:
        first = logged_in(run, target, context)
        session = first.socket.session
        first.close()
    before, start, reused = target.cpu(), time.monotonic(), 0
    for _ in range(LOGINS):
        client = logged_in(run, target, context, session)
        reused += client.socket.session_reused
        client.quit()
    spent = time.monotonic() - start
    return {"cpu_us": (target.cpu() - before) / 1000 / LOGINS, "logins_s": LOGINS / spent,
            "resumed": reused / LOGINS}


def bulk(run, target, made):
    client = logged_in(run, target, context_of(made))
    before, start = target.cpu(), time.monotonic()
    client.command(client.query_bytes(
        f"SELECT REPEAT('x', 990) FROM sbtest1 a, sbtest1 b LIMIT {run.BULK // 1000}"))
    got, tail = 0, b""
    while not run.ends_result(tail):
        chunk = client.socket.recv(1 << 20)
        if not chunk:
            raise RuntimeError(f"{target.name} closed in mid-result")
        got += len(chunk)
        tail = (tail + chunk)[-11:]
    spent = time.monotonic() - start
    client.close()
    return {"MB_s": got / spent / 1e6, "cpu_ms": (target.cpu() - before) / 1e6}


def idle(run, target, made, count=300):
    context = context_of(made)
    first = [logged_in(run, target, context) for _ in range(20)]
    before = target.rss()
    sessions = [logged_in(run, target, context) for _ in range(count)]
    time.sleep(0.5)
    used = (target.rss() - before) / count
    for one in first + sessions:
        one.close()
    return {"bytes": used}


def storm(run, server, folder, made, kind):
    """Point selects of 8 connections without TLS, while 8 others do nothing but log in with full handshakes: at
    another silogate, which only takes the same time of the machine, and at this one, on the same thread."""
    here = silogate(run, server.port, folder, made, kind)
    elsewhere = silogate(run, server.port, folder, made, kind)
    results = {}
    try:
        for _ in range(run.ROUNDS):
            for name, at in (("quiet", None), ("storm elsewhere", elsewhere), ("storm here", here)):
                storming = at and subprocess.Popen(
                    ["sysbench", run.TOP / "bench/logins.lua", "--db-driver=mysql", "--mysql-host=127.0.0.1",
                     f"--mysql-port={at.port}", f"--mysql-user={run.USER}",
                     f"--mysql-password={run.PASSWORD}", f"--mysql-db={run.DATABASE}", "--mysql-ssl=on",
                     "--threads=8", f"--time={round(run.SECONDS) + 1}", "run"], cwd=made, text=True,
                    stdout=subprocess.PIPE, preexec_fn=places.end_with_us)
                if storming:
                    time.sleep(0.5)
                one = run.sysbench(here, "oltp_point_select", 8, "--db-ps-mode=disable", *run.TABLE)
                one["logins_s"] = 0
                if storming:
                    found = re.search(r"transactions:\s+\d+\s+\(([\d.]+) per sec", storming.communicate()[0])
                    one["logins_s"] = float(found.group(1))
                results.setdefault(name, []).append(one)
    finally:
        here.stop()
        elsewhere.stop()
    return run.medians(results)


def measure(run, server, folder, report):
    made = certificates(folder)
    makers = (lambda: silogate(run, server.port, folder, made, "server"),
              lambda: silogate(run, server.port, folder, made, "rsa"),
              lambda: router(run, server.port, folder, made),
              lambda: proxysql(run, server.port, folder, made))
    targets = [target for target in (make() for make in makers) if target]
    parts = (
        ("tls_logins_full", "logins with a full handshake, one after the other",
         ["cpu_us", "logins_s", "resumed"], lambda target: logins(run, target, made, False)),
        ("tls_logins_resumed", "logins that ask to be resumed", ["cpu_us", "logins_s", "resumed"],
         lambda target: logins(run, target, made, True)),
        ("tls_bulk", "100 MB result over TLS", ["MB_s", "cpu_ms"],
         lambda target: bulk(run, target, made)))
    try:
        report["tls_point_8"] = run.points(targets, secure=made)
        run.show("point selects over TLS, text, 8 connections", report["tls_point_8"],
                 ["cpu_us", "qps", "p99_ms"], targets[-1].name)
        for key, title, columns, one in parts:
            report[key] = run.rounds(targets, one)
            run.show(title, report[key], columns, targets[-1].name)
        for kind, name in (("server", "EC"), ("rsa", "RSA")):
            key = f"tls_storm_{kind}"
            report[key] = storm(run, server, folder, made, kind)
            run.show(f"point selects without TLS beside a storm of handshakes, {name}", report[key],
                     ["p99_ms", "p95_ms", "qps", "logins_s"], "storm elsewhere")
        report["tls_idle"] = {target.name: run.patiently(lambda one: idle(run, one, made), target)
                              for target in targets}
        run.show("memory of an idle TLS session", report["tls_idle"], ["bytes"], targets[-1].name)
    finally:
        for target in targets:
            target.stop()
