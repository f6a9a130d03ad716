"""One test per lie under masks: each is caught by name, with evidence that can be checked; nobody else is blamed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from support.worlds import mask_lies
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.masked import MaskedWorld
from support.worlds.world import open_matters

from ledger.audit.report import Check, Report
from ledger.chain.evidence.check import check
from ledger.history.state import Phase

LIAR = "centre"


@dataclass(frozen=True)
class Told:
    tell: Callable[[], MaskedWorld]
    says: tuple[str, ...]
    """What is said of each lie, in the report's order."""
    statements: tuple[str, ...] = ("setUp",)
    who: tuple[str, ...] = (LIAR,)
    answer: str = "yes"
    state: str = "caught"
    open: tuple[str, ...] = field(default=())
    """What else is told, by how it begins."""
    checks: tuple[Check, ...] = (Check.MASKS,)


VOID = ("the sum of round 1/1", "round 1/1")
SET = "a set that a member agreed with is not the one that its receipts lead to"
LIES = [
    Told(mask_lies.false_self_seed, ("the self seed is not the one of its set-up file",), ("unmask",)),
    Told(mask_lies.false_share, ("its share of a secret of member 0 is not the one that was dealt",), ("unmask",)),
    Told(
        mask_lies.inconsistent_shares_of_a_key, ("the shares that it dealt make another secret",), open=("round 1/1",)
    ),
    Told(
        mask_lies.inconsistent_shares_of_a_seed, ("the shares that it dealt make another secret",), open=("round 1/1",)
    ),
    Told(mask_lies.low_order_point, ("the key of round 1 is a point of low order",)),
    Told(mask_lies.key_of_two_rounds, ("the key of round 3 is that of an earlier round",)),
    Told(mask_lies.key_of_an_earlier_segment, ("a round key was used before",)),
    Told(mask_lies.file_of_another_segment, ("its segment is another",)),
    Told(mask_lies.file_of_another_member, ("its member is another",)),
    Told(mask_lies.file_that_is_cut, ("its length is another",)),
    Told(mask_lies.file_of_other_bytes, ("its format is another",)),
    Told(mask_lies.garbage, ("RANGE, value number 0 is not a multiple of the weight",), ("commitUpdate",), open=VOID),
    Told(mask_lies.too_large, ("RANGE, value number 7 is 2147483647, at most 1048576",), ("commitUpdate",), open=VOID),
    Told(
        mask_lies.false_opening,
        ("is refused: RANGE", "the key that opens is not that of the round"),
        ("commitUpdate", "open"),
        (LIAR, LIAR),
        open=VOID,
    ),
    Told(
        mask_lies.opening_of_another_round,
        ("is refused: RANGE", "the key that opens is not that of the round"),
        ("commitUpdate", "open"),
        (LIAR, LIAR),
        open=VOID,
    ),
    Told(
        mask_lies.set_with_what_has_no_certificate,
        (SET, SET),
        ("proposeSet", "agreeSet"),
        ("east", "south"),
        open=("the turn of east",),
    ),
    Told(mask_lies.set_without_an_update, (SET,), ("proposeSet",), ("east",), open=("the turn of east",)),
    Told(
        mask_lies.set_without_an_update_by_a_majority,
        (SET, SET, SET),
        ("proposeSet", "agreeSet", "agreeSet"),
        ("east", "south", "west"),
        "no",
        "standing",
        ("the turn of east",),
    ),
    Told(
        mask_lies.cast_with_a_refused_file,
        ("its format is another", "has centre: its set-up file is refused", "has centre"),
        ("setUp", "proposeCast", "agreeCast"),
        (LIAR, "east", "south"),
    ),
    Told(
        mask_lies.other_receipts,
        ("it names other receipts than the round's set was agreed with",),
        ("publishAggregate",),
        ("east",),
        "no",
        "pending",
        ("round 1/1",),
    ),
    Told(
        mask_lies.wrong_model,
        ("the published model does not recompute: it differs in 1 of 3 chunks, first in value 300",),
        ("publishAggregate",),
        ("east",),
        "no",
        "pending",
        ("round 1/1",),
        (Check.AGGREGATE,),
    ),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.tell.__name__)
def test_a_lie_under_masks_is_caught_by_name(lie: Told) -> None:
    world = lie.tell()
    report = world.audit()
    found = sorted(report.lies.list, key=lambda one: [lie.statements.index(one.evidence.statement), one.who])
    assert [one.evidence.statement for one in found] == list(lie.statements)
    assert [one.who for one in found] == list(lie.who)
    for one, says in zip(found, lie.says, strict=True):
        assert says in one.why
        assert one.check in lie.checks
    assert (report.right.answer, report.lies.answer) == (lie.answer, lie.state)
    told = {one.what for one in open_matters(report)}
    assert all(any(what.startswith(begins) for begins in lie.open) for what in told), told
    assert all(any(what.startswith(begins) for what in told) for begins in lie.open), told
    evidence_stands(report)


def evidence_stands(report: Report) -> None:
    """Each statement is under the signature that it names, by the file alone."""
    for statement in (*(one.evidence for one in report.lies.list), *report.rests_on):
        check(statement, ADDRESSES, CHAIN)


def test_honest_rounds_with_drop_outs_blame_nobody_and_say_what_was_not_looked_at() -> None:
    world = mask_lies.begun().cast()
    world.honest_round().honest_round((0, 1, 2, 3)).honest_round(silent=[2])
    world.cast(2, (0, 1, 2, 3)).honest_round((0, 1, 2, 3))
    report = world.audit()
    assert (report.right.answer, report.lies.answer, open_matters(report)) == ("yes", "none", [])
    models = [one for one in report.right.claims if one.claim.startswith("model")]
    assert len(models) == 4
    assert {one.note for one in models} == {
        "its updates are masked: RANGE and NORM were looked at of their sum, and of no single one"
    }
    assert report.measured == ()
    assert report.passed[Check.MASKS] > 40


def test_poison_within_the_sums_bounds_is_not_seen() -> None:
    """The limit that masks have against open updates (docs/spec/masks.md, "What masks cost")."""
    report = mask_lies.poison_in_range().audit()
    assert (report.right.answer, report.lies.answer, open_matters(report)) == ("yes", "none", [])


def test_those_that_do_not_open_are_named_and_convicted_without_a_lie() -> None:
    world = mask_lies.silent_liar()
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    owed = {one.what: one.fault for one in open_matters(report) if one.check is Check.MASKS and one.fault}
    assert {what.split(" of ")[1].split(" in ")[0] for what in owed} == {"north", LIAR}
    assert world.judge.convicted(world.round.block).keys() == {0, 4}
    assert world.round.final is not None


def test_packets_that_nobody_can_read_are_named_and_left_out_of_the_next_cast() -> None:
    world = mask_lies.garbage_packets()
    report = world.audit()
    (found,) = [one for one in open_matters(report) if one.check is Check.MASKS]
    assert found.what == f"the packets of {LIAR} for segment 1/1"
    assert found.fault is not None
    assert found.fault.startswith(LIAR)
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    assert world.judge.left_out(world.masks.segments[2]) == {4}


def test_nobody_is_convicted_by_events_that_no_member_has_signed() -> None:
    """A node could have left out what clears the member: what it shows after the last signed head convicts nobody."""
    world = mask_lies.begun().cast().begin().fix_set()
    world.unmask(4, seed=mask_lies.FALSE)
    report = world.audit()
    assert report.lies.answer == "none"
    (found,) = [one for one in open_matters(report) if one.check is Check.MASKS and "self seed" in one.what]
    assert "too few members have signed the history up to there" in found.why
    assert found.fault is None


def test_a_set_up_file_that_is_gone_is_the_fault_of_those_who_agreed() -> None:
    world = mask_lies.begun().cast().honest_round()
    (cid,) = [one for one in world.files.files if one.digest == world.masks.segments[1].setups[2].cid]
    del world.files.files[cid]
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("unknown", "none")
    found = [one for one in open_matters(report) if one.what.startswith("the set-up of south")]
    assert len(found) == 1
    assert "north" in (found[0].fault or "")


def test_nobody_is_to_blame_for_a_cast_with_a_round_key_that_only_its_dealers_earlier_file_shows() -> None:
    """Members that came later have no such file; the dealer said both."""
    world = mask_lies.key_of_an_earlier_segment(cast=range(5))
    report = world.audit()
    assert [(one.evidence.statement, one.who, one.state) for one in report.lies.list] == [("setUp", LIAR, "caught")]
    evidence_stands(report)


def test_a_model_that_nobody_can_have_computed_is_a_lie() -> None:
    """A majority takes a model of a round whose members never unmasked."""
    world = mask_lies.begun().cast().begin(opener=1).fix_set()
    world.unmask(0)
    made = world.files.put(b"something")
    world.publish_unmade(1, root=b"\x07" * 32, cid=made.digest)
    for member in (0, 2):
        world.say(member, mask_lies.AGREE, world.aggregate.claim)
    assert world.round.phase is Phase.FINALISED
    report = world.audit()
    assert (report.right.answer, report.lies.answer) == ("no", "standing")
    (lie,) = report.lies.list
    assert lie.who == "east"
    assert "nobody can have computed it" in lie.why
