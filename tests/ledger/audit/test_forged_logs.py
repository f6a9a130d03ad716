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
from support.worlds.signing import key
from support.worlds.world import NAMES, World

from ledger.audit import Observed
from ledger.audit.report import AuditVerdict, Check, Report
from ledger.errors import Unavailable
from ledger.events import records
from ledger.events.evidence import Said, SignedStatement, Unproven
from ledger.formats.claims import claim
from ledger.history.fold import History

Events = Iterator[records.Event]
Change = Callable[[World], Events]
HONEST = {"north", "east", "south", "west"}


@dataclass(frozen=True)
class Forged:
    """A history as a server tells it, and what that server says of the contracts' words when it goes all the way."""

    history: History
    observed: Observed


def forged(world: World, change: Change) -> Forged:
    history = History(world.foundation, change(world))
    words = object.__new__(World)
    words.history = history
    return Forged(history, words.observed())


def in_round(event: records.Event, kind: type[records.Event], number: int = 2) -> bool:
    return isinstance(event, kind) and getattr(event, "round", 0) == number


def weight(world: World) -> Events:
    for event in world.events:
        mine = in_round(event, records.UpdateSubmitted) and event.party == key(3)  # type: ignore[attr-defined]
        yield msgspec.structs.replace(event, weight=11) if mine else event


def dropped(world: World) -> Events:
    for event in world.events:
        if not (in_round(event, records.UpdateSubmitted) and event.party == key(3)):  # type: ignore[attr-defined]
            yield event


def of_another_party(world: World) -> Events:
    """An update under the name of a member that registered none."""
    for event in world.events:
        mine = in_round(event, records.UpdateSubmitted) and event.party == key(2)  # type: ignore[attr-defined]
        if not (in_round(event, records.UpdateSubmitted) and event.party == key(3)):  # type: ignore[attr-defined]
            yield msgspec.structs.replace(event, party=key(3)) if mine else event


def replaced(world: World, **said: bytes) -> Events:
    """An aggregate with other fields, and everything that was said of it to match."""
    claims: dict[int, bytes] = {}
    for event in world.events:
        if in_round(event, records.AggregatePublished):
            changed = msgspec.structs.replace(event, **said)
            claims[2] = claim(1, 2, changed.root, changed.cid, changed.verdicts)  # type: ignore[attr-defined]
            yield changed
        elif in_round(event, records.RoundFinalised):
            fields = {name: value for name, value in said.items() if name != "verdicts"}
            yield msgspec.structs.replace(event, **fields)
        elif in_round(event, records.Attested):
            yield msgspec.structs.replace(event, claim=claims[2])
        else:
            yield event


def cid(world: World) -> Events:
    return replaced(world, cid=bytes([5]) * 32)


def verdicts(world: World) -> Events:
    return replaced(world, verdicts=bytes([0, 0, 7, 0]))


def root(world: World) -> Events:
    return replaced(world, root=bytes([6]) * 32)


def attestation(world: World) -> Events:
    """One that a silent member never made, in front of the others."""
    for event in world.events:
        yield event
        if in_round(event, records.AggregatePublished):
            where: dict[str, Any] = {"block": event.block, "log": 1, "tx": event.tx, "leaf": bytes(32)}
            yield records.Attested(**where, job=1, round=2, member=key(3), attempt=1, claim=bytes(32), agrees=False)


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
    place: dict[str, Any] = {"block": event.block, "log": 0, "tx": event.tx, "leaf": bytes(32)}
    where = place | {"job": 1, "round": 2, "attempt": 1}
    said = {"root": bytes([8]) * 32, "cid": event.cid, "verdicts": event.verdicts, "deadline": event.deadline}
    yield records.AggregatePublished(**where, aggregator=key(3), **said)
    for index in (1, 2):
        yield records.Attested(**where, member=key(index), claim=bytes([index]) * 32, agrees=False)
    yield records.AggregateRefuted(**where, aggregator=key(3))


FORGERIES = [weight, dropped, of_another_party, cid, verdicts, root, attestation, attempt]
LIMIT = pytest.mark.xfail(reason="an update hidden from log and eth_call alike: heads are not under signatures yet")
"""What the members' signatures do not cover: docs/threat-model.md says so."""
THOROUGH = [pytest.param(change, marks=LIMIT if change is dropped else ()) for change in FORGERIES]


def base() -> World:
    """Two honest rounds; nobody but north, east and south spoke on the second one's aggregate."""
    return World().open_job().honest_round().honest_round()


def culprits(report: Report) -> set[str]:
    return {f.culprit.split(" ")[0] for f in report.findings if f.culprit}


def named(report: Report) -> set[str]:
    """Everyone whom a refutation names, in whatever field."""
    told = " ".join(f.message + str(f.party) for f in report.findings if f.status == "refuted")
    return culprits(report) | {name for name in NAMES if name in told}


@pytest.mark.parametrize("change", FORGERIES)
def test_no_forged_log_blames_anyone(change: Change) -> None:
    world = base()
    blames_the_server(world.audit(history=forged(world, change).history))


@pytest.mark.parametrize("change", THOROUGH)
def test_no_forged_log_with_the_contracts_words_forged_to_match_blames_anyone(change: Change) -> None:
    world = base()
    told = forged(world, change)
    blames_the_server(world.audit(told.observed, history=told.history))


def blames_the_server(report: Report) -> None:
    assert named(report) == set()
    assert report.verdict is AuditVerdict.UNKNOWN, report.findings
    assert any("from another endpoint" in f.message for f in report.findings)


@pytest.mark.parametrize("change", [weight, dropped, of_another_party, cid, verdicts, root])
def test_a_log_that_is_not_the_contracts_gets_one_advice_and_no_further_check(change: Change) -> None:
    world = base()
    world.files.read.clear()
    report = world.audit(history=forged(world, change).history)
    (found,) = report.findings
    assert (found.check, found.status, found.culprit) == (Check.HEADS, "unknown", None)
    assert "nobody is blamed" in found.message
    assert world.files.read == []
    assert [report.passed[check] for check in (Check.BYTES, Check.ADMISSION, Check.AGGREGATE, Check.ATTESTATION)] == [
        0
    ] * 4


def test_one_job_with_a_false_log_says_nothing_of_another() -> None:
    world = base()
    heads = {**world.observed().heads, (2, key(0)): b"\x01" * 28}
    assert world.audit(Observed(world.observed().code, None, heads, *_rest(world))).verdict is AuditVerdict.VERIFIED


def _rest(world: World) -> tuple[Any, Any]:
    return world.observed().models, world.observed().claims


def moved(world: World) -> Events:
    """The liar's aggregate under another name."""
    for event in world.events:
        lie = isinstance(event, records.AggregatePublished) and event.aggregator == key(1)
        refutal = isinstance(event, records.AggregateRefuted)
        yield msgspec.structs.replace(event, aggregator=key(3)) if lie or refutal else event


def refuted_lie() -> World:
    """East lies in round 2, north and south vote it down."""
    world = lies.wrong_value()
    world.attest(0)
    world.attest(2)
    return world


def test_a_lie_under_anothers_name_convicts_nobody_and_under_its_own_the_liar() -> None:
    world = refuted_lie()
    moved_ = world.audit(history=forged(world, moved).history)
    assert (moved_.verdict, named(moved_)) == (AuditVerdict.UNKNOWN, set())
    told = world.audit()
    assert (told.verdict, culprits(told)) == (AuditVerdict.REFUTED, {"east"})


@pytest.mark.parametrize("change", THOROUGH)
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
    assert (report.verdict, named(report)) == (AuditVerdict.UNKNOWN, set())
    assert {f.tx for f in report.findings} == {hidden.hex()}


def test_without_a_witness_nobody_is_named() -> None:
    def nothing(said: Said) -> SignedStatement:
        raise Unproven("the node serves no transactions", tx=said.tx.hex())

    report = refuted_lie().audit(witness=nothing)
    assert (report.verdict, named(report)) == (AuditVerdict.UNKNOWN, set())


def test_a_witness_that_fails_otherwise_is_not_hidden() -> None:
    def broken(said: Said) -> SignedStatement:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        refuted_lie().audit(witness=broken)


def test_a_refutation_carries_its_signature_and_what_it_rests_on() -> None:
    world = refuted_lie()
    report = world.audit()
    (found,) = [f for f in report.findings if f.status == "refuted"]
    assert found.evidence is not None
    assert (found.evidence.signer, found.evidence.statement) == (key(1), "publishAggregate")
    assert found.evidence.arguments["root"] == world.round.aggregates[0].root.hex()
    assert found.evidence.block is not None
    said = [one.statement for one in report.rests_on]
    assert said == ["proposeJob", "publishAggregate", *["submitUpdate"] * 4]


def test_every_named_party_comes_with_its_evidence() -> None:
    for tell in (
        lies.wrong_value_members_agree,
        lies.wrong_verdict,
        lies.job_terms_differ,
        lies.attests_against_the_truth,
    ):
        for found in tell().audit().findings:
            if found.status == "refuted":
                assert found.culprit and found.evidence
                assert found.evidence.signer in found.culprit
