"""Contracts keep of a job what its document says; where they do not, what differs is named."""

import pytest
from msgspec.structs import asdict, replace
from support.worlds.masked_job import MASKED, THREE
from support.worlds.world import World

from ledger.errors import Refuted
from ledger.events.masks import Masking
from ledger.history.agreement import Contradiction, contradiction
from ledger.history.state.masking import JobMasks

TERMS = MASKED.masking


def masks(terms: Masking = TERMS) -> JobMasks:
    return JobMasks(terms, b"t" * 32, 3)


def masked() -> World:
    return World(privacy=MASKED, limits=THREE).open_job()


def test_what_is_told_as_it_is_written_contradicts_nothing() -> None:
    world = masked()
    assert contradiction(world.job, world.state, masks()) is None
    world = World().open_job()
    assert contradiction(world.job, world.state, None) is None


@pytest.mark.parametrize("field", Masking.__struct_fields__)
def test_each_number_of_masks_is_named_where_it_differs(field: str) -> None:
    world, told = masked(), replace(TERMS, **{field: getattr(TERMS, field) + 1})
    found = contradiction(world.job, world.state, masks(told))
    assert found == Contradiction("masks", TERMS, told)
    assert found.field == field
    assert str(found) == f"document and contract disagree on the masks: {field}"
    error = found.error(Refuted, "no round of it can be verified")
    assert error.message == f"{found}: no round of it can be verified"
    assert error.facts == {"expected": asdict(TERMS)[field], "actual": asdict(told)[field]}
    assert not found.may_follow(world.state)


def test_masks_that_nobody_told_of_may_follow_until_the_job_is_open() -> None:
    world = masked()
    found = contradiction(world.job, world.state, None)
    assert found is not None
    assert str(found) == "the document asks for masks, and the job's proposer told the contract of none"
    assert found.field == ""
    assert found.error(Refuted).facts == {"expected": "masks", "actual": "none"}
    assert not found.may_follow(world.state)
    world.state.opened_in = 0
    assert found.may_follow(world.state)


def test_masks_of_an_open_job_are_named() -> None:
    world = World().open_job()
    found = contradiction(world.job, world.state, masks())
    assert found is not None
    assert str(found) == "the contract was told of masks, and the document asks for none"
    assert found.error(Refuted).facts == {"expected": "none", "actual": "masks"}
    assert not found.may_follow(world.state)


def test_terms_come_first_and_by_their_field() -> None:
    world = masked()
    world.state.terms = replace(world.state.terms, attempts=9)
    found = contradiction(world.job, world.state, masks(replace(TERMS, segment=1)))
    assert found is not None
    assert str(found) == "document and contract disagree on the terms: attempts"
    world.state.terms = world.job.terms
    world.state.model = replace(world.state.model, max_weight=7)
    found = contradiction(world.job, world.state, masks())
    assert str(found) == "document and contract disagree on the models: max_weight"
