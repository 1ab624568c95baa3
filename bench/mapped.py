"""What it costs that a statement names a table that has moved: point selects whose name is mapped in place, beside the
same that name the table where it stands. Called by bench/run."""
import subprocess

from harness import places

NEW = "bench_moved"


def ini(bench, port, server, folder, moves):
    text = bench.policy(port, server.port, folder)
    mine = f"database = {bench.DATABASE}\nowns = {bench.DATABASE}.*\n"
    if not moves:
        return text.replace(mine, f"database = {NEW}\nalias = {bench.DATABASE}\nowns = {NEW}.*\n")
    (folder / "password").write_text(f"{bench.PASSWORD}\n")
    return (text.replace("[upstream:main]\n", f"[upstream:main]\naccount = {bench.USER}_account\n"
                                              f"account_password_file = {folder}/password\n")
            .replace(mine, mine + f"owns = {NEW}.*\n")
            + f"\n[move:points]\nservice = bench\ntable = {bench.DATABASE}.sbtest1\nto = {NEW}\nhold = 5s\n")


def target(bench, name, server, folder, moves):
    def command(port):
        path = folder / f"{name}.ini"
        path.write_text(ini(bench, port, server, folder, moves))
        return [bench.BUILD / "silogate", "run", "-c", path]
    return bench.Target(name, command)


def move(bench, folder, *options):
    defaults = folder / "mover.cnf"
    defaults.write_text(f"[client]\nuser = {bench.USER}_account\npassword = {bench.PASSWORD}\n")
    return subprocess.run([bench.BUILD / "silogate", "move", "points", "-c", folder / "silogate_mapped.ini",
                           f"--defaults-file={defaults}", *options], capture_output=True, text=True, timeout=120)


def measure(bench, server, folder, report):
    account = f"{bench.USER}_account"
    server.sql(f"CREATE DATABASE {NEW}", f"CREATE USER {account}@'%' IDENTIFIED BY '{bench.PASSWORD}'",
               f"GRANT ALL ON *.* TO {account}@'%' WITH GRANT OPTION")
    mapped = target(bench, "silogate_mapped", server, folder, True)
    targets = [mapped]
    moved = False
    try:
        if not places.wait_for(lambda: " seen " in move(bench, folder, "--status").stdout, 30):
            raise RuntimeError("the move's section is not followed")
        done = move(bench, folder)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        moved = True
        targets.insert(0, target(bench, "silogate", server, folder, False))
        for mode, option in (("text", "--db-ps-mode=disable"), ("prepared", "--db-ps-mode=auto")):
            report[f"mapped_{mode}"] = bench.points(targets, 8, option)
            bench.show(f"point selects on a table that has moved, {mode}, 8 connections", report[f"mapped_{mode}"],
                       ["cpu_us", "qps", "p99_ms"], "silogate")
    finally:
        if moved:
            move(bench, folder, "--back")
        for one in targets:
            one.stop()
