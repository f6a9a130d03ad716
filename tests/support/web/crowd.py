"""The largest consortium that the contracts take, with every list of its pages at its longest: 255 members."""

from functools import cache

from msgspec.structs import replace
from support.web.reports import party
from support.web.server import AT, network, view_of
from support.worlds.chain import BOARD, CHAIN
from support.worlds.decisions import Chamber
from support.worlds.scorers import COSINE, ScoredWorld

from ledger.config import Network
from ledger.events import records
from ledger.events.actions import ChangeRoles
from ledger.formats.claims import pack_scores, scores_commitment
from ledger.history.scorings import LARGEST_SCORERS
from ledger.releases.report import Evaluation
from web.reading.latest import FetchedReceipts, FetchedReport, Lineage
from web.view import View

MEMBERS = 255


def names(members: int) -> tuple[str, ...]:
    """Names of 64 bytes, as long as the ledger takes."""
    return tuple(
        f"Regional clinic and polyclinic for internal and family medicine {number:03}"[-64:]
        for number in range(members)
    )


@cache
def crowd(members: int = MEMBERS) -> View:
    """So many members. Three rounds of one model each, the second at its second attempt; scores, two releases, a report
    of everyone, votes that nobody has joined, and a round to which one party alone has committed."""
    world = ScoredWorld(COSINE, members=members)
    world.open_job()
    for number in (1, 2, 3):
        _round(world, lie=number == 2)
        if number < 3:
            _score(world, number)
    chamber, known = Chamber(world, AT + 3_600), network(names(members))
    report, scored = _report(world, known), world.state.scorings[2].root
    for version, digest in (("1.0", report.digest), ("1.1", report.digest)):
        chamber.release(replace(chamber.model("cardio", version, 2, digest), scores=scored.hex()))
    chamber.propose(ChangeRoles(1, 3))
    chamber.propose(chamber.model("cardio", "2.0", 2, report.digest))
    world.open_round()
    world.submit(0)
    view = view_of(world, known=known)
    held = FetchedReceipts(members, dict.fromkeys(range(3, members), (1 << members) - 1), frozenset(range(members)))
    root = world.state.rounds[2].final.root
    view.latest.post(
        evaluations={report.digest: FetchedReport(report, report.mean)},
        receipts={one.claim: held for round_ in world.state.rounds.values() for one in round_.aggregates},
        lineages={(1, 2, root): Lineage(2, dict.fromkeys(range(members), 2))},
    )
    return view


def _round(world: ScoredWorld, *, lie: bool) -> None:
    """A round in which everybody has an update and speaks; at the second attempt where the first is a lie."""
    world.open_round()
    members = len(world.keys)
    for member in range(members):
        world.submit(member)
    if lie:
        world.publish(1, root=b"\x07" * 32)
        outcome, own = world.recomputed()
        for member in range(2, 2 + members - members // 2):
            world.say(member, records.Form.OTHER, own, world.aggregate.receipts)
    world.publish(0)
    outcome, own = world.recomputed()
    for member in range(1, members):
        world.say(member, records.Form.AGREE, own, outcome.witness(world.keys[member], own))


def _score(world: ScoredWorld, number: int) -> None:
    """As many scorers as may commit, two of whom withhold."""
    members, scorers = len(world.keys), min(len(world.keys), LARGEST_SCORERS)
    where, scores = {"job": 1, "round": number}, tuple((place - 100) * 1_000 for place in range(members))
    opened = {"opener": world.keys[0], "epoch": 1, "scorers": scorers, "updates": members}
    world.emit(records.ScoringOpened, **where, seed=bytes(32), commit_deadline=9_000, **opened)
    for key in world.keys[:scorers]:
        digest = scores_commitment(CHAIN, BOARD.address, 1, number, key, bytes(32), scores)
        world.emit(records.ScoresCommitted, **where, scorer=key, commitment=digest)
    for key in world.keys[: scorers - 2]:
        world.emit(records.ScoresRevealed, **where, scorer=key, salt=bytes(32), scores=pack_scores(scores))
    world.end(number)


def _report(world: ScoredWorld, known: Network) -> Evaluation:
    """What everyone measured of the second model."""
    final, named = world.state.rounds[2].final, [one.name for one in known.founding.members]
    assert final is not None
    return Evaluation(
        fedledger="evaluation/1",
        chain=known.chain.id,
        ledger=known.contracts.ledger.address,
        job=1,
        round=2,
        root=final.root.hex(),
        parties=tuple(
            party(name, key, place, 2) for place, (name, key) in enumerate(zip(named, world.keys, strict=True))
        ),
    )
