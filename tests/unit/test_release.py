"""What whoever takes it into a company looks for: one version everywhere, one licence, and the pages that say how it is
changed, reported to and contributed to."""
import re
import subprocess

from harness import places

TOP = places.TOP


def text(path):
    return (TOP / path).read_text()


def test_one_version():
    version = re.search(r"(?m)^VERSION := (\d+\.\d+\.\d+)$", text("Makefile"))[1]
    said = subprocess.run([places.SILOGATE, "version"], capture_output=True, text=True, timeout=60).stdout
    assert said.startswith(f"silogate {version}\n")
    assert re.findall(r"(?m)^## (\S+)", text("CHANGELOG.md"))[0] == version
    assert text("packaging/debian/changelog").startswith(f"silogate ({version}) ")
    for manifest in ("silogate.yaml", "sidecar.yaml"):
        assert set(re.findall(r"image: silogate:(\S+)", text(f"packaging/kubernetes/{manifest}"))) == {version}


def test_one_licence():
    """By its identifier; its text is the distribution's."""
    assert "SPDX-License-Identifier: Apache-2.0" in text("README.md")
    copyright_ = text("packaging/debian/copyright")
    assert set(re.findall(r"(?m)^License: (\S+)", copyright_)) == {"Apache-2.0"}
    assert "/usr/share/common-licenses/Apache-2.0" in copyright_
    assert "Apache-2.0" in text("CONTRIBUTING.md")
    tracked = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert not [one for one in tracked if re.search(r"(?i)(^|/)(licen[cs]e|copying)", one)]


def test_the_pages_are_there_and_short():
    for page, words in (("CHANGELOG.md", ["MAJOR.MINOR.PATCH"]), ("SECURITY.md", ["privately", "working days"]),
                        ("CONTRIBUTING.md", ["make test", ".ci/run", "72 characters"]),
                        ("docs/deploy.md", ["## Upgrading", "## Managed servers", "**not tried**", "RDS", "Aurora",
                                            "Cloud SQL", "replica", "KILL", "Ubuntu"])):
        found = text(page)
        assert not [word for word in words if word not in found], page
        assert len(found.split()) < 2000, page
