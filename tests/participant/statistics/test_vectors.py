"""Frozen answers, sums and noise of analyses: what was told stays what is told."""

import json
from fractions import Fraction

import msgspec
import numpy as np
from support.vectors import FOLDER, script

from ledger.formats.merkle import root_of
from ledger.jobs.analysis import Analysis, check_question
from ledger.masks.secret import Secret
from ledger.statistics.answers import answer
from ledger.statistics.table import answer_of, integers_of, totals
from participant.privacy.discrete import DiscreteGaussian
from participant.privacy.randomness import Randomness

SAID = json.loads((FOLDER / "statistics.json").read_text(encoding="utf-8"))
MAKE = script("make_statistics")


def test_nothing_of_the_file_changes() -> None:
    assert (FOLDER / "statistics.json").read_text(encoding="utf-8") == MAKE.text()


def test_answers_make_the_roots_and_the_sums_that_the_file_has() -> None:
    analysis = msgspec.convert(SAID["analysis"], Analysis)
    check_question(analysis)
    updates = []
    for party in SAID["parties"]:
        assert answer(analysis, MAKE.counted(party["rows"])) == party["answer"]
        integers = integers_of(analysis, party["answer"])
        assert root_of(np.array(integers, "<i4").tobytes()).hex() == party["root"]
        assert answer_of(analysis, integers) == party["answer"]
        updates.append(integers)
    model = [(2 * sum(values) + 3) // 6 for values in zip(*updates, strict=True)]
    assert root_of(np.array(model, "<i4").tobytes()).hex() == SAID["model"]["root"]
    sums = {
        name: [sum(each) for each in zip(*(party["answer"][name] for party in SAID["parties"]), strict=True)]
        for name in SAID["model"]["sums"]
    }
    assert totals(analysis, model, 3) == sums == SAID["model"]["sums"]


def test_noise_follows_from_its_seed() -> None:
    for said in SAID["draws"]:
        source = DiscreteGaussian(Randomness(Secret(bytes.fromhex(said["seed"]))).take)
        assert [source.draw(Fraction(said["variance"])) for _ in said["values"]] == said["values"]
