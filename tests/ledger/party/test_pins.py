"""One name for each kind of file: what is kept under it is found under it, by every role."""

import re
from pathlib import Path

import pytest

from ledger.formats.cid import RAW, Cid
from ledger.jobs.scores import CommittedSet
from ledger.party import pins
from ledger.rounds.facts import Base

ROOT = Path(__file__).parents[3]
DIGEST = bytes(range(32))
EVIDENCE = CommittedSet(cid="b", root="ab" * 32, samples=1, shape=(1,), classes=2, layers=())

NAMES = {
    "job": (pins.job_pin(DIGEST), f"job/{DIGEST.hex()}"),
    "initial": (pins.initial_pin(DIGEST), f"initial/{DIGEST.hex()}"),
    "model": (pins.model_pin(3, 7), "model/3/7"),
    "base": (pins.base_pin(3, Base(7, DIGEST, Cid(RAW, DIGEST))), "model/3/7"),
    "first base": (pins.base_pin(3, Base(0, DIGEST, Cid(RAW, DIGEST))), f"initial/{DIGEST.hex()}"),
    "update": (pins.update_pin(3, 7, 2), "update/3/7/2"),
    "receipts": (pins.receipts_pin(1, 7, 2), "receipts/1/7/2"),
    "set": (pins.set_pin(EVIDENCE), f"set/{'ab' * 32}"),
    "report": (pins.report_pin(DIGEST), f"report/{DIGEST.hex()}"),
    "reason": (pins.reason_pin(DIGEST), f"reason/{DIGEST.hex()}"),
}


@pytest.mark.parametrize(("made", "expected"), NAMES.values(), ids=NAMES.keys())
def test_each_kind_of_file_has_its_name(made: str, expected: str) -> None:
    assert made == expected


def test_no_other_module_spells_a_name() -> None:
    kinds = {name.split("/")[0] for name, _ in NAMES.values()}
    spelt = re.compile(rf"""["']({"|".join(kinds)})/\{{""")
    packages = ("ledger", "participant", "aggregator", "web", "demo")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py") if path.name != "pins.py"]
    assert len(files) > 100
    assert [str(path) for path in files if spelt.search(path.read_text())] == []
