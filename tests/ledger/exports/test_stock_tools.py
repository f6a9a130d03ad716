"""The exports by the stock tools of each format, in processes that have no network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.consortia.voters import Council
from support.stock import BILL, DSSE, LINEAGE, STATEMENT, alone, stock

from ledger.exports.envelope import PAYLOAD, parse, payload_of
from ledger.formats.digest import decode


def model_signing(exports: Path, *options: object) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("model_signing")
    if not tool.exists():
        pytest.skip("model_signing is not installed: a stock validator of the group dev")
    named = ("--signature", exports / "model.sig", "--public_key", exports / "export-key.pem")
    return alone(tool, "verify", "key", exports / "release", *named, *options)


def test_securesystemslib_verifies_the_envelope(exports: Path) -> None:
    stock(DSSE, exports / "training.intoto.json", exports / "export-key.pem", module="securesystemslib")


def test_in_toto_validates_the_statement_and_keeps_every_figure(exports: Path) -> None:
    stock(STATEMENT, exports / "training.intoto.json", module="in_toto_attestation")


def test_model_signing_verifies_the_files(exports: Path) -> None:
    done = model_signing(exports)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lie", ["changed", "added", "removed"])
def test_model_signing_sees_other_files(exports: Path, tmp_path: Path, lie: str) -> None:
    copied = tmp_path / "exports"
    shutil.copytree(exports, copied)
    card = copied / "release" / "README.md"
    if lie == "changed":
        card.write_bytes(card.read_bytes() + b" ")
    elif lie == "added":
        (copied / "release" / "more").write_bytes(b"")
    else:
        card.unlink()
    assert model_signing(copied).returncode == 1


def test_cyclonedx_validates_the_bill(exports: Path) -> None:
    stock(BILL, exports / "model.cdx.json", module="cyclonedx")


def test_prov_reads_the_lineage(exports: Path) -> None:
    stock(LINEAGE, exports / "lineage.prov.json", module="prov")


def test_the_statement_has_no_number(released: Council, exports: Path) -> None:
    envelope = parse((exports / "training.intoto.json").read_bytes())
    said = decode(payload_of(envelope, "the envelope"), dict, "the statement")
    found: list[object] = [said]
    while found:
        one = found.pop()
        assert isinstance(one, str | list | dict), one
        found += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    assert envelope.payload_type == PAYLOAD
    final = released.trial.state.rounds[2].final
    assert said["predicate"]["claim"] == final.claim.hex()
    assert [one["weight"] for one in said["predicate"]["updates"]] == [
        str(update.weight) for update in released.trial.state.rounds[2].sorted_updates()
    ]
