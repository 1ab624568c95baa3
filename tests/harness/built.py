"""Client programs that the tests compile: by one worker while the others wait, and only where a source
is newer. Without that, one worker runs what another is just linking."""
import fcntl
import os
import subprocess

from . import places


def once(name, sources, build):
    """`tests/harness/NAME` in the build folder, made by `build(path)` where it is older than a source."""
    product = places.BUILD / "tests/harness" / name
    product.parent.mkdir(parents=True, exist_ok=True)
    done = product.with_name(product.name + ".built")
    with open(product.with_name(product.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(source.stat().st_mtime for source in sources)
        if not done.exists() or done.stat().st_mtime < newest:
            build(product)
            done.touch()
    return product


def java(name, options=()):
    """The folder of the classes of drivers/NAME.java."""
    source = places.TOP / f"tests/harness/drivers/{name}.java"

    def build(folder):
        folder.mkdir(exist_ok=True)
        subprocess.run(["javac", *options, "-d", folder, source], check=True, timeout=120)
    return once(f"java-{name}", [source], build)


def go(name):
    """The program of drivers/NAME.go, with Debian's packages of Go sources. The first time Go compiles its own library, too:
    a minute of two processors that have nothing else to do."""
    source = places.TOP / f"tests/harness/drivers/{name}.go"

    def build(program):
        subprocess.run(["go", "build", "-o", program, source], check=True, timeout=1200,
                       env=dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="-mod=mod",
                                GOCACHE=str(places.BUILD / "tests/harness/go-cache")))
    return once(f"{name}-go", [source], build)
