"""Bytes on which no standing claim depends: a notice that names the party that owed them, never UNKNOWN."""

import numpy as np
import pytest
from support.worlds import lies
from support.worlds.scorers import COSINE, ScoredWorld, shapley
from support.worlds.signing import key
from support.worlds.world import LIMITS, World, artifact

from ledger.audit.report import AuditVerdict, Check, Finding
from ledger.errors import FedledgerError
from ledger.events import records
from ledger.formats.cid import of_file
from ledger.rounds.weights import cumulated

WEST = f"west ({key(3)})"


def notice(world: World) -> Finding:
    """The one finding of a history that is otherwise verified."""
    report = world.audit()
    assert report.verdict is AuditVerdict.VERIFIED, report.findings
    (found,) = [one for one in report.findings if one.check is Check.BYTES]
    assert (found.status, found.party, found.culprit) == ("notice", WEST, None)
    return found


def lose(world: World, index: int) -> None:
    del world.files.files[of_file(world.round.updates[index].cid, world.layout.size)]


def test_an_update_that_was_never_stored_in_a_round_still_collecting() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(3, stored=False)
    assert "no claim that stands depends on them" in notice(world).message


def test_the_same_in_a_round_abandoned_without_an_aggregate() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(3, stored=False)
    world.emit(records.RoundAbandoned, job=1, round=2, reason=records.Reason.NO_AGGREGATE)
    assert notice(world.honest_round()).round == 2


def test_bytes_that_only_its_aggregator_had_in_a_round_abandoned_without_a_quorum() -> None:
    """West opens, uses an update of its own that nobody else can have, and the round ends without a majority."""
    world = World().open_job().honest_round().open_round(3)
    for member in range(4):
        world.submit(member)
    world.publish(3)
    lose(world, 3)
    world.emit(records.RoundAbandoned, job=1, round=2, reason=records.Reason.NO_QUORUM)
    world.honest_round()
    assert notice(world).round == 2
    (found,) = [one for one in world.audit().findings if one.check is Check.AGGREGATE]
    assert (found.status, found.party, found.culprit) == ("notice", WEST, None)


def test_the_same_while_members_attest_it_is_unknown() -> None:
    world = lies.begun()
    world.publish(3)
    lose(world, 3)
    assert world.audit().verdict is AuditVerdict.UNKNOWN


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
    assert world.audit().verdict is AuditVerdict.VERIFIED
    del world.files.files[sent.cid]
    return world


def test_a_refused_update_withdrawn_later_is_attested_and_not_made_again() -> None:
    world = refused()
    assert "attested, not re-made" in notice(world).message
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
    assert report.verdict is AuditVerdict.REFUTED
    assert {f.culprit for f in report.findings if f.status == "refuted"} >= {f"east ({key(1)})"}


def test_an_admitted_update_withdrawn_later_is_needed() -> None:
    world = World().open_job().honest_round()
    lose(world, 3)
    assert world.audit().verdict is AuditVerdict.UNKNOWN


@pytest.mark.parametrize("said", [bytes(6), bytes(3), b""], ids=["more", "fewer", "none"])
@pytest.mark.parametrize("scoring", [COSINE, shapley("past_scores")[1]], ids=["cosine", "past scores"])
def test_an_aggregate_with_another_number_of_verdicts_crashes_nobody(said: bytes, scoring: object) -> None:
    """A majority finalises it and scores the round; the next round weighs by past scores."""
    content, _ = shapley("past_scores")
    world = ScoredWorld(scoring, content=content)  # type: ignore[arg-type]
    world.open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.publish(0, verdicts=said)
    for member in (1, 2):
        world.attest(member, world.aggregate.claim)
    if said:
        world.open_scoring().score(honest=(5,) * len(said))
    world.open_round()
    for member in range(4):
        world.submit(member)
    report = world.audit()
    assert report.verdict is AuditVerdict.REFUTED
    (judged,) = [f for f in report.findings if f.check is Check.ADMISSION]
    assert (judged.culprit, judged.message) == (f"north ({key(0)})", "the aggregate does not judge every update")
    attesters = {f.culprit for f in report.findings if f.check is Check.ATTESTATION}
    assert attesters == {f"east ({key(1)})", f"south ({key(2)})"}
    assert {f.status for f in report.findings if f.check is Check.SCORES} == ({"notice"} if said else set())
    assert cumulated(world.state) == {}
    assert world.outcome().root
    if said:
        with pytest.raises(FedledgerError):
            world.scores(1)
