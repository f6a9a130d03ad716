"""What an audit says of rounds whose members are hidden by noise: who lied about it once it opened, and sums that are
too quiet.
"""

import numpy as np
import pytest
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.member_lies import LIAR, VALUES, begun, member_noise, quiet, update, void, words_of
from support.worlds.world import NAMES, open_matters

from ledger.audit.context import ShownBlock
from ledger.audit.report import Check
from ledger.chain.evidence.check import check
from ledger.jobs.members import least_squares


def test_an_honest_job_is_verified_and_nothing_is_open() -> None:
    world = quiet(())
    report = world.audit()
    assert (report.right.answer, report.lies.answer, open_matters(report)) == ("yes", "none", [])


@pytest.mark.parametrize("without", [(0, 1, 2, 3, 4), (1, 2, 3, 4)])
def test_a_sum_without_noise_is_noticed_and_nobody_is_blamed(without: tuple[int, ...]) -> None:
    report = quiet(without).audit()
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    (found,) = open_matters(report)
    assert (found.what, found.check, found.fault) == ("the noise of round 1/1", Check.MASKS, None)
    assert "less noise than the job says" in found.why


def test_one_of_five_that_adds_none_is_within_chance() -> None:
    assert open_matters(quiet((2,)).audit()) == []


def test_honest_noise_is_far_above_the_floor_and_a_third_of_it_far_below() -> None:
    said, drawn = member_noise(), np.random.default_rng(5)
    for share, above in ((1.0, True), (0.2, False)):
        values = drawn.poisson(share * said.rate(3) * 5, (2, VALUES))
        squares = int((((values[0] - values[1]) * said.grain) ** 2).sum())
        assert (squares > least_squares(said, 3, 5, VALUES)) is above


def test_who_did_not_add_its_noise_is_convicted_once_it_opens() -> None:
    world = void(words_of(update(begun()), noisy=False)).honest_round((1, 2, 3))
    report = world.audit()
    assert {one.who for one in report.lies.list} == {NAMES[0], NAMES[LIAR]}
    for one in report.lies.list:
        assert one.check is Check.MASKS
        check(one.evidence, ADDRESSES, CHAIN)


def test_nobody_is_convicted_by_a_block_that_a_node_made_up() -> None:
    """It shows another hash of the block that fixed the cast: everyone's noise is another then."""
    world = void(None).honest_round((1, 2, 3))
    cast = world.masks.segments[1].fixed_in

    def made_up(number: int) -> ShownBlock | None:
        shown = world.block_at(number)
        return shown._replace(hash=bytes(32)) if shown is not None and number == cast else shown

    assert {one.who for one in world.audit().lies.list} == {NAMES[0]}
    report = world.audit(blocks=made_up)
    assert report.lies.list == ()
    found = {one.what for one in open_matters(report) if "which noise follows from" in one.why}
    assert found == {"what was shown in round 1/1", "the set of round 1/2"}
    assert {one.fault for one in open_matters(report)} == {None}
