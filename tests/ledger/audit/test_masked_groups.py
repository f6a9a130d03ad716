"""The audit of masked jobs with groups: each lie by name, nobody else, and honest rounds of which it says no more."""

import pytest
from support.worlds import mask_groups
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.mask_lies import LIAR
from support.worlds.world import NAMES, open_matters

from ledger.audit.report import Check
from ledger.chain.evidence.check import check


@pytest.mark.parametrize("rule", [None, "some groups are too small"])
def test_honest_rounds_blame_nobody(rule: str | None) -> None:
    world = mask_groups.begun().honest_round()
    away = min(min(world.groups, key=len)) if rule else min(max(world.groups, key=len))
    world.honest_round(set(range(7)) - {away})
    report = world.audit()
    assert (report.right.answer, report.lies.answer, open_matters(report)) == ("yes", "none", [])
    assert report.passed[Check.MASKS] > 20


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        (mask_groups.garbage, "RANGE, value number 0 is not a multiple of the weight"),
        (mask_groups.too_large, "RANGE, value number 7 is 2147483647, at most 1048576"),
        (mask_groups.wrong_group, "RANGE, value number 0 is not a multiple of the weight"),
    ],
)
def test_a_bad_sum_names_its_group_and_convicts_its_author(lie, says: str) -> None:  # type: ignore[no-untyped-def]
    world = lie()
    group = mask_groups.group_of_liar(world)
    number, report = world.groups.index(group) + 1, world.audit()
    (found,) = report.lies.list
    assert (found.who, found.check, found.evidence.statement) == (NAMES[LIAR], Check.MASKS, "commitUpdate")
    assert says in found.why
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
    what = {one.what for one in open_matters(report)}
    assert f"the sum of group {number} in round 1/1" in what
    shown = {statement.signer for statement in report.rests_on if statement.statement == "open"}
    assert shown <= {world.keys[member] for member in group}
    for statement in (*(one.evidence for one in report.lies.list), *report.rests_on):
        check(statement, ADDRESSES, CHAIN)


def test_a_set_by_other_groups_is_the_lie_of_those_who_agreed() -> None:
    """As if the cast were divided by another seed: a group of two would have a sum of its own."""
    report = mask_groups.set_with_a_group_that_is_too_small().audit()
    why = "a set that a member agreed with is not the one that its receipts lead to"
    assert [(one.who, why in one.why) for one in report.lies.list] == [("east", True), ("south", True)]
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
