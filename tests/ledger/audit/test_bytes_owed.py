"""Bytes on which no standing claim depends stay open, the fault of the party that owed them; no answer is unknown."""

from collections.abc import Iterator

import numpy as np
import pytest
from support.worlds import lies
from support.worlds.signing import key
from support.worlds.world import LIMITS, NAMES, World, artifact, culprit, open_matters, raw_cid

from ledger.audit import Audit, Question, scope_of
from ledger.audit.report import Check, Open
from ledger.errors import Unavailable
from ledger.formats.cid import Cid, of_file
from ledger.history.fold import HistoryError

WEST = f"west ({key(3)})"


def owed(world: World) -> Open:
    """What is owed in a history that is otherwise right."""
    report = world.audit()
    assert report.right.answer == "yes", report.right
    (found,) = [one for one in open_matters(report) if one.check is Check.BYTES]
    assert (found.party, found.fault, found.touches, report.lies.answer) == (WEST, WEST, (), "none")
    return found


def lose(world: World, index: int) -> None:
    del world.files.files[of_file(world.round.updates[index].cid, world.layout.size)]


def test_an_update_that_was_opened_and_never_stored() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(3, stored=False)
    world.open_pending()
    assert "no claim that stands depends on them" in owed(world).why


def test_the_same_in_a_round_abandoned_without_an_aggregate() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(3, stored=False)
    world.open_pending().advance()
    assert owed(world.honest_round()).round == 2


def test_bytes_that_only_its_aggregator_had_in_a_round_abandoned_without_a_quorum() -> None:
    """West opens, uses an update of its own that nobody has later, and the round ends without a majority."""
    world = World().open_job().honest_round().open_round(3)
    for member in range(4):
        world.submit(member)
    world.publish(3)
    lose(world, 3)
    world.advance()
    world.advance()
    world.honest_round()
    assert owed(world).round == 2
    (found,) = [one for one in open_matters(world.audit()) if one.check is Check.AGGREGATE]
    assert (found.party, found.touches) == (WEST, ())


def test_the_same_while_members_attest_it_is_unknown_if_one_asks_about_it() -> None:
    world = lies.begun()
    world.publish(3)
    lose(world, 3)
    report = world.audit(question=Question.of_round(1, 2))
    assert report.right.answer == "unknown"
    (found,) = [one for one in open_matters(report) if one.check is Check.BYTES]
    assert found.touches == ("aggregate 1/2, attempt 1",)
    assert found.signed_for == tuple(f"{name} ({key(index)})" for index, name in enumerate(NAMES[:4]))
    assert found.fault == ", ".join(found.signed_for)
    assert world.audit().right.answer == "yes"


def refused(last: bytes = b"\0") -> World:
    """West's update has one byte too many; the round is final without it."""
    world = World().open_job().open_round()
    for member in range(3):
        world.submit(member)
    values = np.ones(world.layout.values, "<i4")
    sent = world.submit(3, values, data=artifact(world.layout, world.binding(3), values) + last)
    world.publish(0)
    world.attest(1)
    world.attest(2)
    assert world.audit().right.answer == "yes"
    del world.files.files[sent.cid]
    return world


def test_a_refused_update_withdrawn_later_is_attested_and_not_made_again() -> None:
    world = refused()
    assert "attested, not re-made" in owed(world).why
    assert world.audit().passed[Check.AGGREGATE] == 1
    assert world.audit().passed[Check.ATTESTATION] == 2


def test_a_false_model_beside_a_withdrawn_refusal_is_still_refuted() -> None:
    world = World().open_job().open_round()
    for member in range(3):
        world.submit(member)
    values = np.ones(world.layout.values, "<i4")
    sent = world.submit(3, values, weight=LIMITS.max_weight, data=b"no artifact")
    lies.publish_altered(world, 7)
    for member in (2, 3):
        world.attest(member, world.aggregate.claim)
    del world.files.files[sent.cid]
    report = world.audit()
    assert report.right.answer == "no"
    assert {culprit(lie) for lie in report.lies.list} >= {f"east ({key(1)})"}


def test_an_admitted_update_withdrawn_later_is_needed() -> None:
    world = World().open_job().honest_round()
    lose(world, 3)
    assert world.audit().right.answer == "unknown"


@pytest.mark.parametrize("said", [bytes(6), bytes(3), b""], ids=["more", "fewer", "none"])
def test_an_aggregate_with_another_number_of_verdicts_is_no_event_of_the_contract(said: bytes) -> None:
    world = lies.begun()
    with pytest.raises(HistoryError, match="cannot be published"):
        world.publish(1, verdicts=said)


def test_a_receipts_file_that_nobody_has_leaves_open_what_was_made_with_it() -> None:
    """Who published it and who agreed had it; whether the updates had certificates cannot be seen without."""
    world = World().open_job().honest_round().honest_round()
    del world.files.files[raw_cid(world.state.rounds[1].aggregates[0].receipts)]
    report = world.audit()
    assert {one.claim: one.answer for one in report.right.claims if one.claim.startswith("model")} == {
        "model 1/1": "unknown",
        "model 1/2": "unknown",
    }
    assert report.right.claims[-1].given_base == "yes"
    (found,) = [one for one in open_matters(report) if one.check is Check.BYTES]
    signers = [f"{name} ({key(index)})" for index, name in enumerate(NAMES[:3])]
    assert (found.fault, found.touches, report.lies.answer) == (", ".join(signers), ("model 1/1",), "none")


def test_a_receipts_file_of_an_attempt_that_failed_is_not_needed() -> None:
    world = lies.wrong_value()
    for member in (2, 3):
        world.attest(member)
    failed = world.aggregate.receipts
    world.publish(2)
    for member in (0, 3):
        world.attest(member)
    del world.files.files[raw_cid(failed)]
    assert world.audit().right.answer == "yes"


@pytest.mark.parametrize("threads", [2, 5])
def test_reports_are_the_same_at_any_number_of_threads(threads: int) -> None:
    world = World(5).open_job().honest_round().honest_round().honest_round()
    world.open_round().submit(3, stored=False)
    world.open_pending()
    del world.files.files[raw_cid(world.state.rounds[2].aggregates[0].receipts)]
    report = world.audit()
    assert report.right.answer == "unknown"
    assert world.audit(threads=threads) == report


def test_a_receipts_file_that_nobody_has_is_asked_for_once() -> None:
    world = World().open_job().honest_round()
    gone = raw_cid(world.state.rounds[1].aggregates[0].receipts)
    asked: list[Cid] = []

    def fetch(cid: Cid, start: int, stop: int | None) -> Iterator[bytes]:
        asked.append(cid)
        if cid == gone:
            raise Unavailable("nobody holds the file", cid=cid)
        return world.files.fetch(cid, start, stop)

    audit = Audit(world.history, world.place, fetch, lambda i: NAMES[i], witness=world.witness, blocks=world.block_at)
    audit.run(world.observed(), scope_of(world.history, Question()))
    assert asked.count(gone) == 1
