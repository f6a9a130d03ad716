"""A server that forges the log: nobody is blamed for it, and what a party signed still convicts that party.

Each forgery is told twice: by a server that tells the truth when asked for the contract's own words (heads, models,
claims), and by one that forges those to match.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from support.worlds import lies
from support.worlds.chain import ADDRESSES, CHAIN, CONTRACT
from support.worlds.logged import logged
from support.worlds.signing import key
from support.worlds.world import NAMES, World, open_matters, seen

from ledger.audit import Observed
from ledger.audit.report import Check, Report
from ledger.errors import Unavailable
from ledger.events import records
from ledger.events.evidence import Said, SignedStatement, Unproven
from ledger.events.rounds import Form
from ledger.formats.claims import (
    RoundName,
    UpdateOpening,
    commitment,
    pack_openings,
    unpack_openings,
)
from ledger.history.fold import History

Events = Iterator[records.Event]
Change = Callable[[World], Events]
HONEST = {"north", "east", "south", "west"}


@dataclass(frozen=True)
class Forged:
    """A history as a server tells it, and what that server says of the contracts' words when it goes all the way."""

    history: History
    observed: Observed


def forged(world: World, change: Change, *, heads: bool = False) -> Forged:
    """The history after a change, everything that follows from it changed to match: raw logs, claims, final roots.

    `heads`: also the heads that aggregates name.
    """
    history = History(world.foundation)
    for event in change(world):
        history.apply(logged(matched(history, event, heads=heads), ADDRESSES))
    words = object.__new__(World)
    words.history = history
    return Forged(history, words.observed())


def matched(history: History, event: records.Event, *, heads: bool) -> records.Event:
    """The event as it follows on the changed history."""
    if isinstance(event, records.AggregatePublished):
        said = event.aggregate._replace(head=history.head_at(event.aggregate.as_of)) if heads else event.aggregate
        return msgspec.structs.replace(event, aggregate=said)
    if isinstance(event, records.Attested) and event.form is Form.AGREE:
        return msgspec.structs.replace(event, claim=history.jobs[1].rounds[event.round].aggregates[-1].claim)
    if isinstance(event, records.RoundFinalised):
        return msgspec.structs.replace(event, root=history.jobs[1].rounds[event.round].aggregates[-1].root)
    return event


def in_round(event: records.Event, kind: type[records.Event], number: int = 2) -> bool:
    return isinstance(event, kind) and getattr(event, "round", 0) == number


def reopened(world: World, change: Callable[[list[UpdateOpening]], list[UpdateOpening]]) -> Events:
    """Other openings in round 2, the commitments to match, and a verdict for each."""
    shown = next(one for one in world.events if in_round(one, records.UpdatesOpened))
    openings = {one.party: one for one in change(unpack_openings(shown.openings))}  # type: ignore[attr-defined]
    name = RoundName(CHAIN, CONTRACT, 1, 2)
    for event in world.events:
        if in_round(event, records.UpdateCommitted):
            opening = openings.get(event.party)  # type: ignore[attr-defined]
            if opening is not None:
                deadline = event.deadline if len(openings) == len(world.keys) else 2000  # type: ignore[attr-defined]
                yield msgspec.structs.replace(event, commitment=commitment(name, opening), deadline=deadline)
        elif in_round(event, records.UpdatesOpened):
            yield msgspec.structs.replace(event, openings=pack_openings(openings.values()))
        elif in_round(event, records.AggregatePublished):
            said = event.aggregate._replace(verdicts=bytes(len(openings)))  # type: ignore[attr-defined]
            yield msgspec.structs.replace(event, aggregate=said)
        else:
            yield event


def weight(world: World) -> Events:
    return reopened(world, lambda made: [*made[:3], made[3]._replace(weight=11)])


def dropped(world: World) -> Events:
    return reopened(world, lambda made: made[:3])


def of_another_party(world: World) -> Events:
    """An update under the name of a member that committed to none."""
    return reopened(world, lambda made: [*made[:2], made[2]._replace(party=key(3))])


def replaced(world: World, **said: bytes) -> Events:
    """An aggregate that says something else."""
    for event in world.events:
        if in_round(event, records.AggregatePublished):
            changed = event.aggregate._replace(**said)  # type: ignore[attr-defined]
            yield msgspec.structs.replace(event, aggregate=changed)
        else:
            yield event


def cid(world: World) -> Events:
    return replaced(world, cid=bytes([5]) * 32)


def verdicts(world: World) -> Events:
    return replaced(world, verdicts=bytes([0, 0, 7, 0]))


def root(world: World) -> Events:
    return replaced(world, root=bytes([6]) * 32)


def receipts(world: World) -> Events:
    return replaced(world, receipts=bytes([7]) * 32)


def place_of(event: records.Event, log: int) -> dict[str, Any]:
    return {"block": event.block, "log": log, "tx": event.tx, "leaf": bytes(32), "job": 1, "round": 2}


def attestation(world: World) -> Events:
    """One that a silent member never made, in front of the others."""
    for event in world.events:
        yield event
        if in_round(event, records.AggregatePublished):
            said = {"form": Form.OTHER, "claim": bytes(32), "detail": event.aggregate.receipts}  # type: ignore[attr-defined]
            yield records.Attested(**place_of(event, 1), member=key(3), attempt=1, **said)


def opener(world: World) -> Events:
    """Another member opened the round, and left its turn."""
    for event in world.events:
        yield msgspec.structs.replace(event, opener=key(3)) if in_round(event, records.RoundOpened) else event


def attempt(world: World) -> Events:
    """A refuted aggregate of a silent member, and the real one renumbered."""
    shown = 0
    for event in world.events:
        if not hasattr(event, "round") or event.round != 2:
            yield event
            continue
        if isinstance(event, records.AggregatePublished):
            for made in _refuted(event):
                yield msgspec.structs.replace(made, log=(shown := shown + 1))
        changed = msgspec.structs.replace(event, attempt=2) if hasattr(event, "attempt") else event
        yield msgspec.structs.replace(changed, log=shown + 1)


def _refuted(event: records.AggregatePublished) -> Iterator[records.Event]:
    where = place_of(event, 0) | {"attempt": 1}
    false = event.aggregate._replace(root=bytes([8]) * 32)
    yield records.AggregatePublished(**where, aggregator=key(3), aggregate=false, deadline=event.deadline)
    for index in (1, 2):
        said = {"form": Form.OTHER, "claim": bytes([index]) * 32, "detail": false.receipts}
        yield records.Attested(**where, member=key(index), **said)
    yield records.AttemptFailed(**where, deadline=event.deadline)


FORGERIES = [weight, dropped, of_another_party, cid, verdicts, root, receipts, attestation, opener, attempt]
SIGNED = [weight, dropped, of_another_party, cid, verdicts, root, receipts, opener]
"""Those that change what members signed."""


def base() -> World:
    """Two honest rounds; nobody but north, east and south spoke on the second one's aggregate."""
    return World().open_job().honest_round().honest_round()


def culprits(report: Report) -> set[str]:
    return {lie.who for lie in report.lies.list}


def named(report: Report) -> set[str]:
    """Everyone whom a lie, or a claim that is false, names in whatever field."""
    told = " ".join(lie.why + str(lie.party) for lie in report.lies.list)
    told += " ".join(str(claim.why) for claim in report.right.claims if claim.answer == "no")
    return culprits(report) | {name for name in NAMES if name in told}


@pytest.mark.parametrize("change", FORGERIES)
def test_no_forged_log_blames_anyone(change: Change) -> None:
    world = base()
    blames_the_server(world.audit(history=forged(world, change).history))


@pytest.mark.parametrize("heads", [False, True], ids=["signed heads", "heads forged"])
@pytest.mark.parametrize("change", FORGERIES)
def test_no_forged_log_with_the_contracts_words_forged_to_match_blames_anyone(change: Change, heads: bool) -> None:
    world = base()
    told = forged(world, change, heads=heads)
    blames_the_server(world.audit(told.observed, history=told.history))


def blames_the_server(report: Report) -> None:
    assert named(report) == set()
    assert report.right.answer == "unknown", report.right
    assert any("from another endpoint" in one.why for one in report.open.list)


@pytest.mark.parametrize("change", SIGNED)
def test_a_log_that_is_not_the_one_that_was_signed_gets_one_advice_and_no_further_check(change: Change) -> None:
    world = base()
    world.files.read.clear()
    report = world.audit(history=forged(world, change).history)
    (found,) = open_matters(report)
    assert (found.check, found.fault, report.lies.answer) == (Check.SIGNED, "the chain node", "none")
    assert "is not the one that 3 of 4 members signed" in found.why
    assert "nobody is blamed" in found.why
    assert {one.answer for one in report.right.claims} == {"unknown"}
    assert world.files.read == []
    assert [report.passed[check] for check in (Check.BYTES, Check.ADMISSION, Check.AGGREGATE, Check.ATTESTATION)] == [
        0
    ] * 4


def test_one_job_with_a_false_log_says_nothing_of_another() -> None:
    world = base()
    commitments = {**world.observed().commitments, (2, key(0)): (b"\x01" * 28, 1)}
    assert world.audit(seen(world.observed(), commitments=commitments)).right.answer == "yes"


def moved(world: World) -> Events:
    """The liar's aggregate under another name."""
    for event in world.events:
        lie = isinstance(event, records.AggregatePublished) and event.aggregator == key(1)
        yield msgspec.structs.replace(event, aggregator=key(3)) if lie else event


def refuted_lie() -> World:
    """East lies in round 2, north and south vote it down."""
    world = lies.wrong_value()
    world.attest(0)
    world.attest(2)
    return world


def test_a_lie_under_anothers_name_convicts_nobody_and_under_its_own_the_liar() -> None:
    world = refuted_lie()
    moved_ = world.audit(history=forged(world, moved).history)
    assert (moved_.right.answer, named(moved_)) == ("unknown", set())
    told = world.audit()
    assert (told.right.answer, told.lies.answer, culprits(told)) == ("yes", "caught", {"east"})


@pytest.mark.parametrize("change", FORGERIES)
def test_beside_a_forgery_at_most_the_liar_is_named(change: Change) -> None:
    """Round 1 is honest, round 2 is a lie, and the server forges round 2 on top: words to match."""
    world = lies.wrong_value()
    for member in (0, 2):
        world.attest(member)
    world.publish(3)
    world.attest(0)
    world.attest(2)
    try:
        told = forged(world, change)
    except Exception as error:  # noqa: BLE001  a log that does not fold is refused as a whole
        assert type(error).__name__ == "HistoryError"
        return
    assert culprits(world.audit(told.observed, history=told.history)) <= {"east"}


def test_a_conviction_needs_the_updates_that_it_was_computed_from() -> None:
    """East's own transaction is shown; one of an update that it must have used is not."""
    world = refuted_lie()
    hidden = world.round.updates[3].tx

    def witness(said: Said) -> SignedStatement:
        if said.tx == hidden:
            raise Unproven("the node has no such transaction", tx=said.tx.hex())
        return world.witness(said)

    report = world.audit(witness=witness)
    assert (report.right.answer, named(report)) == ("unknown", set())
    assert {one.tx for one in open_matters(report) if one.fault == "the chain node"} == {hidden.hex()}


def test_without_a_witness_nobody_is_named() -> None:
    def nothing(said: Said) -> SignedStatement:
        raise Unproven("the node serves no transactions", tx=said.tx.hex())

    report = refuted_lie().audit(witness=nothing)
    assert (report.right.answer, named(report)) == ("unknown", set())


def test_a_witness_that_fails_otherwise_is_not_hidden() -> None:
    def broken(said: Said) -> SignedStatement:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        refuted_lie().audit(witness=broken)


def test_a_refutation_carries_its_signature_and_what_it_rests_on() -> None:
    world = refuted_lie()
    report = world.audit()
    (found,) = report.lies.list
    assert (found.evidence.signer, found.evidence.statement) == (key(1), "publishAggregate")
    assert found.evidence.arguments["aggregate"]["root"] == world.round.aggregates[0].root.hex()
    assert found.evidence.block is not None
    said = [one.statement for one in report.rests_on]
    assert said == ["proposeJob", "publishAggregate", *["commitUpdate"] * 4]


def test_every_named_party_comes_with_its_evidence() -> None:
    for tell in (
        lies.wrong_value_members_agree,
        lies.wrong_verdict,
        lies.job_terms_differ,
        lies.attests_against_the_truth,
    ):
        found = tell().audit().lies.list
        assert found
        for lie in found:
            assert lie.evidence.signer == lie.key
