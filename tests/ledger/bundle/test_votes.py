"""Votes on members, and the claim that an aggregator signs: what does not follow is refused, and nobody is blamed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.bundles import Staged
from support.corpus import decided, undecided
from support.corpus.bounds import other_openings
from support.corpus.scene import Case, Draw
from support.corpus.unknown import named_too_often, other_openings_after_a_gap, votes_after_a_gap
from support.corpus.voting import Voting
from support.worlds.signing import key

from ledger.bundle import write
from ledger.bundle.check import check_bundle
from ledger.bundle.findings import LISTED, BundleFindings, BundleVerdict, found
from ledger.bundle.form import MAX_RAW, BundleEntry, BundleScope, parse_page
from ledger.chain import rlp
from ledger.errors import Malformed, UsageError

NOT_DECIDED = [
    undecided.forged_majority,
    undecided.stranger_executes,
    undecided.vote_of_no_member,
    undecided.vote_twice,
    undecided.not_in_time,
    undecided.executed_again,
]
NOT_SIGNED = [undecided.signed_vote_bent, undecided.vote_said_unsigned]


def read(case: Case, folder: Path) -> BundleVerdict:
    path = folder / "it.car"
    path.write_bytes(case.data)
    return check_bundle(path)


@pytest.mark.parametrize("make", NOT_DECIDED)
def test_what_members_did_not_decide_is_refused(make: Callable[[Draw], Case], tmp_path: Path) -> None:
    (one,) = read(make(Draw("not decided", 1)), tmp_path).findings
    assert (one.check, one.code, one.who) == ("BUNDLE", "REFUSED", ())


@pytest.mark.parametrize("make", NOT_SIGNED)
def test_a_vote_that_its_member_did_not_sign_is_the_bundle_s_fault(
    make: Callable[[Draw], Case], tmp_path: Path
) -> None:
    (one,) = read(make(Draw("not signed", 1)), tmp_path).findings
    assert (one.check, one.who) == ("BUNDLE", ())
    assert one.code in ("SIGNATURE", "REFUSED")


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_is_counted_as_the_contract_counts_it(seed: int, tmp_path: Path) -> None:
    verdict = read(decided.votes_relayed(Draw("relayed", seed)), tmp_path)
    assert (verdict.verdict, verdict.findings) == ("VERIFIED", ())


@pytest.mark.parametrize("seed", range(3))
def test_other_openings_than_were_signed_blame_nobody(seed: int, tmp_path: Path) -> None:
    """A party that commits twice and a writer had an honest aggregator REFUTED while it signed no openings."""
    verdict = read(other_openings(Draw("other openings", seed)), tmp_path)
    assert [(one.code, one.who) for one in verdict.findings] == [("REFUSED", ())]
    verdict = read(other_openings_after_a_gap(Draw("other openings", seed)), tmp_path)
    assert verdict.verdict == "UNKNOWN"
    assert {one.code for one in verdict.findings} == {"GAP", "UNREPLAYED", "EMPTY"}


@pytest.mark.parametrize("seed", range(2))
def test_what_a_gap_hides_of_a_decision_is_passed_over(seed: int, tmp_path: Path) -> None:
    verdict = read(votes_after_a_gap(Draw("votes", seed)), tmp_path)
    passed = {key for one in verdict.findings if one.code == "UNREPLAYED" for key in one.who}
    assert (verdict.verdict, key(9) in passed) == ("UNKNOWN", True)


@pytest.mark.parametrize(("seed", "codes"), [(0, ["BYTES"]), (1, ["MISSING"] * 3), (2, ["MISSING"] * 3 + ["BYTES"])])
def test_rounds_that_name_too_much_are_not_judged(seed: int, codes: list[str], tmp_path: Path) -> None:
    verdict = read(named_too_often(Draw("named", seed)), tmp_path)
    assert [one.code for one in verdict.findings] == codes
    for one in verdict.findings:
        if one.code == "BYTES":
            assert int(one.actual) > int(one.expected) > 1 << 26


def test_a_verdict_lists_so_many_findings_of_a_kind() -> None:
    findings = BundleFindings()
    for place in [*range(LISTED + 3), 0]:
        findings.add(found("REPLAY", "GAP", value=place))
    for place in range(LISTED):
        findings.add(found("REPLAY", "UNREPLAYED", value=place))
    more, *listed = findings.in_order()
    assert (more.code, more.value, more.actual) == ("MORE", 3, "REPLAY GAP")
    assert [one.value for one in listed] == [*range(LISTED), *range(LISTED)]


@pytest.mark.parametrize(("bound", "what"), [("MAX_KEYS", "keys"), ("MAX_ENTRIES", "transactions")])
def test_what_no_reader_takes_is_not_written(bound: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged().honest_round()
    monkeypatch.setattr(write, bound, 3)
    with pytest.raises(UsageError, match=f"no room for more {what}") as error:
        staged.bundle()
    assert error.value.advice is not None
    assert "--until" in error.value.advice


def test_a_conviction_that_is_given_twice_is_written_once(tmp_path: Path) -> None:
    staged, scope = Staged().honest_round(), BundleScope("conviction", 1)
    path = tmp_path / "twice.car"
    path.write_bytes(staged.bundle(scope, [b"one", b"two", b"one"]))
    assert [(one.code, one.value) for one in check_bundle(path).findings] == [("FALSE", 0), ("FALSE", 1)]
    with pytest.raises(UsageError, match="so many convictions"):
        staged.bundle(scope, [bytes([number]) for number in range(65)])


def test_a_transaction_and_its_points_have_a_most() -> None:
    def page(raw: int, y: int) -> bytes:
        return rlp.enclose(BundleEntry(11, 11, 0, bytes(y), bytes(raw)).encode())

    assert len(parse_page(page(MAX_RAW, 32 * 682), 1)) == 1
    for raw, y in ((MAX_RAW + 1, 32), (1, 32 * 683), (1, 33), (1, 0), (0, 32)):
        with pytest.raises(Malformed):
            parse_page(page(raw, y), 1)


def test_a_member_that_came_by_vote_lies_and_is_named(tmp_path: Path) -> None:
    scene = Voting(Draw("admitted", 0), 3)
    scene.admit(key(9), 1, 2)
    scene.collect(3).publish(3, root=b"\7" * 32)
    scene.attest(0, 1)
    verdict = read(scene.case(), tmp_path)
    assert verdict.verdict == "REFUTED"
    assert set(verdict.findings[0].who) == {scene.keys[0], scene.keys[1], key(9)}
