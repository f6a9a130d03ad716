"""Lies of the generator (tests/support/lies) against every property of an audit. `benchmarks/parts/lies.py` has all."""

from functools import cache
from random import Random

import pytest
from support.lies.base import honest
from support.lies.classes import MEMBERS, Tell
from support.lies.fields import Mutation, mutations
from support.lies.fields import told as told_of
from support.lies.masked import masked_truth
from support.lies.parties import PARTIES
from support.lies.served import Served, serve
from support.lies.servers import SERVERS
from support.lies.structure import sequences, shapes
from support.lies.told import Told, judge

CLASSES: dict[str, Tell] = MEMBERS | PARTIES | SERVERS
SEEDS = 5
SINGLES = 600
GROUPS = 12
SHAPES = 200


@cache
def truth() -> Served:
    """The honest history, honestly served."""
    return serve(honest())


@cache
def sampled() -> list[Mutation]:
    """So many single mutations as are tried here, the same in every run."""
    return Random(1).sample(list(mutations(truth().events)), SINGLES)


def test_the_honest_history_is_right_and_nobody_lied() -> None:
    report = judge(Told(truth(), truth(), right="yes"))
    assert report is not None
    assert report.lies.answer == "none"
    assert report.history.signed is not None


def test_there_are_lies_of_every_sort() -> None:
    assert min(map(len, (MEMBERS, PARTIES, SERVERS))) >= 20
    assert len(CLASSES) == len(MEMBERS) + len(PARTIES) + len(SERVERS) >= 60


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_lies_breaks_no_property(name: str) -> None:
    for seed in range(SEEDS):
        judge(CLASSES[name](Random(seed)))


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_field_of_any_event_changed_alone_breaks_a_property(group: int) -> None:
    for mutation in sampled()[group::GROUPS]:
        lie = told_of(truth(), mutation)
        if lie is not None:
            judge(lie)


def test_no_change_of_the_sequence_of_events_breaks_a_property() -> None:
    for shape in Random(1).sample(list(shapes(truth())), SHAPES):
        judge(shape.make())


def test_the_honest_history_of_a_masked_job_is_right_and_nobody_lied() -> None:
    report = judge(Told(masked_truth(), masked_truth(), right="yes"))
    assert report is not None
    assert report.lies.answer == "none"


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_field_of_any_event_of_a_masked_job_changed_alone_breaks_a_property(group: int) -> None:
    sample = Random(2).sample(list(mutations(masked_truth().events)), SINGLES)
    for mutation in sample[group::GROUPS]:
        lie = told_of(masked_truth(), mutation)
        if lie is not None:
            judge(lie)


def test_no_change_of_the_sequence_of_events_of_a_masked_job_breaks_a_property() -> None:
    for shape in Random(2).sample(list(sequences(masked_truth())), SHAPES):
        judge(shape.make())
