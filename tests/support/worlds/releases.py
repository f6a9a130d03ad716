"""Releases in a world in memory: proposed, decided, revoked and rolled back as the contracts would put it on record."""

from typing import Any

from support.worlds.decisions import released
from support.worlds.world import World

from ledger.events import records as r
from ledger.events.actions import Action, ReleaseModel, RevokeRelease, RollBack, encode_action
from ledger.events.contents import proposal_id
from ledger.events.proposals import Proposal, Release, release_id
from ledger.formats.digest import NOTHING, checksum_address
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

RULES = r.Rules(5_000, 60, 0, 60)


def propose(world: World, action: Action) -> Proposal:
    """A proposal on record, without a vote yet."""
    decisions = world.history.decisions
    if decisions.rules is None:
        world.emit(r.RulesChanged, rules=RULES)
    kind, encoded = encode_action(action)
    number = len(decisions.proposals) + 1
    proposer, nonce = world.keys[0], decisions.next_nonce(world.keys[0])
    made = {"proposal": proposal_id(proposer, nonce, kind, encoded), "proposer": proposer, "nonce": nonce}
    world.emit(r.Proposed, **made, number=number, kind=kind, action=encoded, epoch=world.history.epoch, deadline=1000)
    return decisions.proposals[made["proposal"]]


def vote(world: World, proposal: Proposal, choice: r.Choice = r.Choice.FOR) -> None:
    """A majority of the members says that."""
    for key in world.keys[: len(world.keys) // 2 + 1]:
        world.emit(r.Voted, proposal=proposal.id, member=key, choice=choice)


def decide(world: World, action: Action) -> None:
    """Propose, vote, and put on record that it was executed; the effect is still to come."""
    proposal = propose(world, action)
    vote(world, proposal)
    world.emit(r.Executed, proposal=proposal.id)


def releasable(
    world: World, name: str = "cardio", version: str = "1.0", round_: int = 0, report: bytes = NOTHING
) -> ReleaseModel:
    """The release of a round's model, of the latest by default."""
    number = round_ or world.round.number
    final = world.state.rounds[number].final
    assert final is not None
    return ReleaseModel(name, version, 1, number, final.root.hex(), report=report.hex())


def release(world: World, *arguments: Any, **options: Any) -> Release:
    """Have the members release a model; takes what `releasable` takes."""
    made = releasable(world, *arguments, **options)
    decide(world, made)
    world.emit(r.Released, **released(made))
    return world.history.decisions.releases[release_id(made.name, made.version)]


def revoke(world: World, found: Release, reason: bytes = NOTHING) -> None:
    """Have the members revoke a release."""
    decide(world, RevokeRelease(found.name, found.version, reason.hex()))
    world.emit(r.Revoked, release=found.id, reason=reason)


def roll_back(world: World, found: Release) -> None:
    """Have the members make a release the current one again."""
    current = world.history.decisions.current.get(found.name)
    decide(world, RollBack(found.name, found.version))
    world.emit(r.RolledBack, release=found.id, previous=current.id if current else NOTHING)


def report_on(world: World, *parties: str, **more: str) -> Evaluation:
    """A report of these parties on the latest model."""
    final = world.round.final
    assert final is not None
    keys = [checksum_address(bytes([number]) * 20) for number in range(1, len(parties) + 1)]
    return Evaluation(
        fedledger="evaluation/1",
        chain=world.place.chain,
        ledger=checksum_address(bytes.fromhex(world.place.contract[2:])),
        job=1,
        round=world.round.number,
        root=final.root.hex(),
        parties=tuple(
            PartyFigures(
                party=party,
                key=key,
                samples=10,
                rows="own_file",
                metrics={"accuracy": "0.9823", **more},
                rounds=(RoundFigures(round=0, metrics={"accuracy": "0.5"}),),
            )
            for party, key in sorted(zip(parties, keys, strict=True))
        ),
        license="cc-by-4.0",
    )
