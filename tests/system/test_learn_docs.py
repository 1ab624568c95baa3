"""docs/learn.md, docs/explain.md and docs/policy-tests.md are true: their commands are run on the logs of tests/learn/ and on
NileCare's files, and what they print is what the pages show. SILOGATE_WRITE_DOCS=1 writes them anew with
what came."""
import shutil
import subprocess

import pytest

from harness import places, typed

MIGRATIONS = {  # of billing's, on the page about explain
    "V1__patient_name.sql": "ALTER TABLE nilecare.invoices ADD patient_name VARCHAR(200);\n",
    "V2__patient_name.sql": "UPDATE nilecare.invoices i JOIN clinical_data.patients p ON p.id = i.patient_id\n"
                            "  SET i.patient_name = p.last_name WHERE i.status <> 'void';\n"}


@pytest.fixture
def folder(tmp_path):
    for name in ("proxy.ini", "policy.test"):
        shutil.copy(places.TOP / "examples/nilecare" / name, tmp_path / name)
    for name in ("general.log", "slow.log", "digests.tsv"):
        shutil.copy(places.TOP / f"tests/learn/mysql-{name}", tmp_path / name)
    (tmp_path / "migrations").mkdir()
    for name, text in MIGRATIONS.items():
        (tmp_path / "migrations" / name).write_text(text)
    typed.link(tmp_path, "silogate", places.SILOGATE.resolve())
    with open(tmp_path / "violations.jsonl", "w") as out:
        subprocess.run([places.SILOGATE, "learn", "general", "-c", "proxy.ini", "general.log"], cwd=tmp_path,
                       stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=60)
    return tmp_path


@pytest.mark.parametrize("name, commands", [("learn.md", 2), ("policy-tests.md", 3), ("explain.md", 4)])
def test_every_command_of_the_page(folder, name, commands):
    typed.check(name, folder, commands)
