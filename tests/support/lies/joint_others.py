"""Changes of keys, jobs, decisions and scores, with what a liar changes beside them so that they fit."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
from support.lies.base import GUESTS_KEY
from support.lies.fields import flipped
from support.lies.joint_rounds import Events, one_of
from support.lies.served import changed
from support.worlds.chain import BOARD, CHAIN, CONTRACT
from support.worlds.signing import key

from ledger.events import records as r
from ledger.events.actions import ACTIONS, ChangeRules, ReleaseModel, encode_action, parse_action
from ledger.events.contents import proposal_id
from ledger.formats.claims import (
    RoundName,
    commitment,
    scores_commitment,
    unpack_openings,
    unpack_scores,
)
from ledger.formats.digest import sha256


def _renamed(events: Sequence[r.Event], start: int, old: str, new: str) -> Events:
    """A key in the place of another, from an event on: in every field, in openings, and in all hashes of it."""
    before, after = bytes.fromhex(old[2:]), bytes.fromhex(new[2:])
    shown = {
        (event.round, one.party): one._replace(party=new)
        for event in events
        if isinstance(event, r.UpdatesOpened)
        for one in unpack_openings(event.openings)
    }
    ids: dict[bytes, bytes] = {}
    for at, event in enumerate(events):
        if at < start:
            yield event
            continue
        fields = {name: getattr(event, name) for name in type(event).__struct_fields__}
        mine: dict[str, Any] = {name: new for name, value in fields.items() if value == old}
        if isinstance(event, r.UpdatesOpened):
            mine["openings"] = event.openings.replace(before, after)
        elif isinstance(event, r.UpdateCommitted) and event.party == old and (event.round, old) in shown:
            name = RoundName(CHAIN, CONTRACT, event.job, event.round)
            mine["commitment"] = commitment(name, shown[event.round, old])
        elif isinstance(event, r.Proposed) and event.proposer == old:
            ids[event.proposal] = proposal_id(new, event.nonce, event.kind, event.action)
        if (proposal := fields.get("proposal")) in ids:
            mine["proposal"] = ids[proposal]
        yield changed(event, **mine)


def rotation_with_later_acts(random: Random, events: Sequence[r.Event]) -> Events:
    """A key of the server's in the place of one that a member rotated to, in all that it did later."""
    at, event = one_of(random, events, r.KeyRotated)
    return _renamed(events, at, event.new_key, key(30))


def recovery_with_approvals(random: Random, events: Sequence[r.Event]) -> Events:
    """A key of the server's in the place of the one that the members approved."""
    at, event = next((at, event) for at, event in enumerate(events) if isinstance(event, r.RotationApproved))
    return _renamed(events, at, event.new_key, key(31))


def admission_with_later_acts(random: Random, events: Sequence[r.Event]) -> Events:
    """A key of the server's in the place of the one that was admitted, and the proposal to match."""
    return _redecided(
        list(_renamed(events, 0, GUESTS_KEY, key(32))), lambda action: msgspec.structs.replace(action, key=key(32)), 0
    )


def founders_key(random: Random, events: Sequence[r.Event]) -> Events:
    """A key of the server's in the place of a founder's."""
    return _renamed(events, 0, key(random.randrange(5)), key(33))


def job_with_document(random: Random, events: Sequence[r.Event]) -> Events:
    """Another document, of which the server has the file."""
    digest = sha256(b"another job")
    return (changed(event, digest=digest) if isinstance(event, r.JobProposed) else event for event in events)


def terms_of_the_job(random: Random, events: Sequence[r.Event]) -> Events:
    """Other terms than the proposer said."""
    for event in events:
        if isinstance(event, r.JobProposed):
            name = random.choice(("rounds", "attest_seconds", "scorers"))
            terms = msgspec.structs.replace(event.terms, **{name: getattr(event.terms, name) + 1})
            yield changed(event, terms=terms)
        else:
            yield event


def _redecided(events: Sequence[r.Event], change: Callable[[Any], Any], kind: int) -> Events:
    """Another action in the first proposal of a kind, its name in all that is about it."""
    old = new = b""
    for event in events:
        if isinstance(event, r.Proposed) and event.kind == kind + 1 and not old:
            old, action = event.proposal, change(parse_action(event.kind, event.action))
            code, encoded = encode_action(action)
            new = proposal_id(event.proposer, event.nonce, code, encoded)
            yield changed(event, proposal=new, action=encoded)
        elif getattr(event, "proposal", b"") == old and old:
            yield changed(event, proposal=new)
        else:
            yield event


def decision_with_effect(random: Random, events: Sequence[r.Event]) -> Events:
    """Other roles were decided, and came of it."""
    made = list(_redecided(events, lambda action: msgspec.structs.replace(action, roles=3), 2))
    return (changed(event, roles=3) if isinstance(event, r.RolesChanged) else event for event in made)


def rules_with_effect(random: Random, events: Sequence[r.Event]) -> Events:
    """Other rules were decided, and came of it."""
    rules = r.Rules(5_000, 999, 1, 999)
    kind = ACTIONS.index(ChangeRules)
    made = list(_redecided(events, lambda action: msgspec.structs.replace(action, rules=rules), kind))
    seen = 0
    for event in made:
        if isinstance(event, r.RulesChanged):
            seen += 1
            yield changed(event, rules=rules) if seen == 2 else event
        else:
            yield event


def vote_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """A vote was never cast."""
    at = next(at for at, event in enumerate(events) if isinstance(event, r.Voted) and event.choice is r.Choice.AGAINST)
    return (event for place, event in enumerate(events) if place != at)


def vote_turned(random: Random, events: Sequence[r.Event]) -> Events:
    """A vote against is shown as one for it."""
    at = next(at for at, event in enumerate(events) if isinstance(event, r.Voted) and event.choice is r.Choice.AGAINST)
    return (changed(event, choice=r.Choice.FOR) if place == at else event for place, event in enumerate(events))


def release_with_root(random: Random, events: Sequence[r.Event]) -> Events:
    """Another model was decided on and released."""
    root = random.randbytes(32)
    kind = ACTIONS.index(ReleaseModel)
    made = list(_redecided(events, lambda action: msgspec.structs.replace(action, root=root.hex()), kind))
    return (changed(event, root=root) if isinstance(event, r.Released) else event for event in made)


def revocation_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """The last release was never revoked."""
    revoked = [at for at, event in enumerate(events) if isinstance(event, r.Revoked)]
    return (event for at, event in enumerate(events) if at not in (*revoked, *(place - 1 for place in revoked)))


def reveal_with_commitment(random: Random, events: Sequence[r.Event]) -> Events:
    """A scorer revealed other scores, to which it had committed."""
    at, shown = one_of(random, events, r.ScoresRevealed)
    scores = flipped(shown.scores, 30)
    said = unpack_scores(scores, len(scores) // 4)
    place = (CHAIN, BOARD.address, 1, shown.round, shown.scorer, shown.salt)
    for number, event in enumerate(events):
        if number == at:
            yield changed(event, scores=scores)
        elif isinstance(event, r.ScoresCommitted) and (event.round, event.scorer) == (shown.round, shown.scorer):
            yield changed(event, commitment=scores_commitment(*place, said))
        else:
            yield event


def seed_of_a_scoring(random: Random, events: Sequence[r.Event]) -> Events:
    """Scores were drawn from another seed."""
    return (
        changed(event, seed=random.randbytes(32)) if isinstance(event, r.ScoringOpened) else event for event in events
    )


def reveal_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """A scorer that revealed is said to have withheld."""
    hidden, _ = next((at, event) for at, event in enumerate(events) if isinstance(event, r.ScoresRevealed))
    return (event for at, event in enumerate(events) if at != hidden)


def gateway_moved(random: Random, events: Sequence[r.Event]) -> Events:
    """A member's bytes are said to be elsewhere."""
    at, _ = one_of(random, events[:-4], r.Announced)
    return (changed(event, gateway="https://liar.test") if place == at else event for place, event in enumerate(events))
