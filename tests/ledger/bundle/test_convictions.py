"""Conviction blocks: judged as the court does, and what convicts nobody is said to be false."""

from pathlib import Path

import pytest
from support.bundles import Staged, calldata

from ledger.bundle.check import check_bundle
from ledger.bundle.convictions import block_of
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleScope
from ledger.court.calldata import refute_call
from ledger.court.search import accused_of, find_point
from ledger.errors import Malformed
from ledger.events.records import Form
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean

SCOPE = BundleScope("conviction", 1)


def lied(rule: Rule | None = None) -> Staged:
    staged = Staged(5, rule=rule, limits=Admission(3, 1000, 1 << 20, 1 << 28))
    staged.open_round()
    for member in range(5):
        staged.submit(member)
    staged.open_updates(0, 2, 3)
    staged.publish_another_value()
    return staged


def refutation(staged: Staged) -> bytes:
    facts, aggregate = staged.facts, staged.round.aggregates[-1]
    point = find_point(facts, aggregate, staged.files.fetch)
    assert point is not None
    return calldata("court", *_call(staged, point))


def _call(staged: Staged, point: object) -> tuple[object, ...]:
    call = refute_call(accused_of(staged.facts, staged.round.aggregates[-1]), point)  # type: ignore[arg-type]
    return (call.function, *call.arguments)


def judged(staged: Staged, folder: Path, *blocks: bytes) -> BundleVerdict:
    path = folder / "convictions.car"
    path.write_bytes(staged.bundle(SCOPE, blocks))
    return check_bundle(path)


@pytest.mark.parametrize("rule", [WeightedMean(), Median(), TrimmedMean(1)], ids=["mean", "median", "trimmed"])
def test_a_false_value_convicts_who_signed_it(rule: Rule, tmp_path: Path) -> None:
    staged = lied(rule)
    block = refutation(staged)
    staged.attest(1, 2)
    found = judged(staged, tmp_path, block)
    (one,) = found.findings
    assert (found.verdict, found.checked["CONVICTION"]) == ("REFUTED", 1)
    assert (one.check, one.code, one.round, one.attempt, one.value) == ("CONVICTION", "VALUE", 1, 1, 5)
    assert int(one.actual) == int(one.expected) + 1
    assert one.who == tuple(sorted((staged.keys[i] for i in range(3)), key=str.lower))


def test_of_an_attempt_that_failed_it_is_caught(tmp_path: Path) -> None:
    staged = lied()
    block = refutation(staged)
    staged.attest(1, 2, 3, form=Form.OTHER)
    found = judged(staged, tmp_path, block)
    assert [(one.check, one.code) for one in found.findings] == [("CAUGHT", "VALUE")]
    assert found.verdict == "VERIFIED"


def test_what_is_bent_or_of_another_claim_convicts_nobody(tmp_path: Path) -> None:
    staged = lied()
    block = refutation(staged)
    bent = block[:-10] + bytes([block[-10] ^ 1]) + block[-9:]
    other = refutation(lied(Median()))
    found = judged(staged, tmp_path, bent, block[:-1], other, b"")
    assert [(one.code, one.value) for one in found.findings] == [("FALSE", place) for place in range(4)]
    assert (found.verdict, found.checked["CONVICTION"]) == ("UNKNOWN", 0)


def test_the_court_s_transaction_is_taken_at_its_word(tmp_path: Path) -> None:
    staged = lied()
    facts, aggregate = staged.facts, staged.round.aggregates[-1]
    point = find_point(facts, aggregate, staged.files.fetch)
    _, *arguments = _call(staged, point)
    staged.send(3, "court", "refute", *arguments)
    assert staged.round.aggregates[0].outcome is not None
    path = staged.write(tmp_path / "rounds.car")
    found = check_bundle(path)
    codes = [(one.check, one.code) for one in found.findings]
    assert ("REPLAY", "UNCOUNTED") in codes
    assert ("CAUGHT", "ROOT") in codes


def test_a_file_that_is_no_conviction_is_refused() -> None:
    block = refutation(lied())
    assert block_of(block) == block
    with pytest.raises(Malformed):
        block_of(b"something else")
