"""An audit of a sealed round: by a reader it is that of the open round; for others it is open, and nobody's fault."""

from typing import Any

import pytest
from support.seals import fresh, seal_all
from support.worlds.sealed_updates import MEMBERS, SealedWorld, values_of
from support.worlds.world import artifact, culprit, open_matters

from ledger.audit.report import Check, Report
from ledger.rounds.admission import Verdict
from ledger.seals.leaves import salted_root


def finished(*, lie: bool = False) -> SealedWorld:
    """A round that all members brought something to; with `lie`, member 2 a file of which a chunk does not open."""
    world = SealedWorld()
    for member in (0, 1, 3) if lie else range(MEMBERS):
        world.seal(member, values_of(member))
    if lie:
        key = fresh(world.update_name(2))
        file = seal_all(artifact(world.layout, world.binding(2), values_of(2)), key)
        world.bring(2, key, file[:-20] + bytes([file[-20] ^ 1]) + file[-19:], salted_root([values_of(2)], key))
    world.publish(0)
    for member in range(1, MEMBERS // 2 + 1):
        world.attest(member)
    return world


def bytes_open(report: Report) -> list[Any]:
    return [one for one in open_matters(report) if one.check is Check.BYTES]


def test_a_reader_audits_it_as_an_open_round() -> None:
    world = finished()
    report = world.audit(opener=world.reader())
    assert report.right.answer == "yes", open_matters(report)
    assert not report.lies.list
    assert not bytes_open(report)


def test_without_keys_it_is_unknown_and_nobody_is_blamed() -> None:
    world = finished()
    report = world.audit()
    assert report.right.answer == "unknown"
    assert not report.lies.list
    assert len(bytes_open(report)) == MEMBERS
    assert all("no slip that opens" in one.why and not one.fault for one in bytes_open(report))


def test_one_key_that_is_lacking_leaves_the_model_open() -> None:
    world = finished()
    report = world.audit(opener=world.reader(without=(2,)))
    assert report.right.answer == "unknown"
    (one,) = bytes_open(report)
    assert world.keys[2] in one.party


def test_what_was_erased_is_unknown_with_that_reason_by_its_party() -> None:
    world = finished()
    report = world.audit(opener=world.reader(erased=(1,)))
    assert report.right.answer == "unknown"
    assert not report.lies.list
    (one,) = bytes_open(report)
    assert one.why.startswith("erased: ")
    assert world.keys[1] in one.fault


def test_a_file_that_does_not_open_is_refused_on_the_record() -> None:
    world = finished(lie=True)
    assert list(world.aggregate.verdicts)[2] == Verdict.HEADER
    report = world.audit(opener=world.reader())
    assert report.right.answer == "yes", open_matters(report)


def test_an_aggregator_that_admits_it_is_refuted_by_every_reader() -> None:
    world = SealedWorld()
    for member in range(MEMBERS):
        world.seal(member, values_of(member))
    world.publish(0, verdicts=bytes([Verdict.ADMITTED, Verdict.HEADER, Verdict.ADMITTED, Verdict.ADMITTED]))
    report = world.audit(opener=world.reader())
    assert world.keys[0] in {culprit(lie) for lie in report.lies.list} | {lie.key for lie in report.lies.list}
    closed = world.audit()
    assert not closed.lies.list, "who cannot look convicts nobody"


@pytest.mark.parametrize("without", [(), (0,), (0, 1, 2, 3)])
def test_how_much_is_open_is_told_update_by_update(without: tuple[int, ...]) -> None:
    world = finished()
    assert len(bytes_open(world.audit(opener=world.reader(without=without)))) == len(without)
