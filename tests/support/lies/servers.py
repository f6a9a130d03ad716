"""Lies of the server, which changes together what must fit together: alone, and with the help of a member's key.

`followed` makes all that follows from a change: claims, bases, final roots, heads. What it cannot make is signatures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
from support.lies.base import GUESTS_KEY, STAGES, fork, honest
from support.lies.classes import Tell
from support.lies.fields import flipped
from support.lies.rounds import Cast, false_value, majority
from support.lies.served import Served, changed, serve, signed
from support.lies.structure import followed, impersonated, reverted, splice
from support.lies.told import Told
from support.worlds.chain import BOARD, CHAIN, CONTRACT
from support.worlds.signing import key
from support.worlds.world import NAMES

from ledger.events import records as r
from ledger.events.actions import ACTIONS, ChangeRules, ReleaseModel, encode_action, parse_action
from ledger.events.proposals import proposal_id
from ledger.events.rounds import Form
from ledger.formats.claims import (
    RoundName,
    UpdateOpening,
    commitment,
    pack_openings,
    scores_commitment,
    unpack_openings,
    unpack_scores,
)
from ledger.formats.cid import Cid, RAW
from ledger.formats.digest import NOTHING, sha256

Events = Iterator[r.Event]
Change = Callable[[Random, Sequence[r.Event]], Events]
ROUNDS = (1, 2, 4, 6)
"""The rounds with a model."""
UNSCORED = (4, 6)
"""Those of them on which nothing else rests."""


def _joint(change: Change) -> dict[str, Tell]:
    """A change of the whole history, in the log alone and in all that follows from it, heads too."""
    name = change.__name__.strip("_").replace("_", " ")

    def in_the_log(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, truth.with_events(change(random, truth.events)))

    def throughout(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, followed(truth, list(change(random, truth.events)), heads=False))

    def with_heads(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, followed(truth, list(change(random, truth.events))))

    told = {name: in_the_log, f"{name}, words forged": throughout}
    return told if change is head_of_an_aggregate else told | {f"{name}, heads forged": with_heads}


def _in(event: r.Event, kind: type[r.Event], number: int) -> bool:
    return isinstance(event, kind) and getattr(event, "round", 0) == number


def _reopened(
    events: Sequence[r.Event], number: int, change: Callable[[list[UpdateOpening]], list[UpdateOpening]]
) -> Events:
    """Other openings in a round, the commitments to match, and a verdict for each."""
    shown: Any = next(event for event in events if _in(event, r.UpdatesOpened, number))
    openings = {one.party: one for one in change(unpack_openings(shown.openings))}
    name = RoundName(CHAIN, CONTRACT, 1, number)
    for event in events:
        made: Any = event
        if _in(event, r.UpdateCommitted, number):
            opening = openings.get(made.party)
            if opening is not None:
                yield changed(event, commitment=commitment(name, opening))
        elif _in(event, r.UpdatesOpened, number):
            yield changed(event, openings=pack_openings(openings.values()))
        elif _in(event, r.AggregatePublished, number):
            verdicts = made.aggregate.verdicts[: len(openings)].ljust(len(openings), b"\x00")
            yield changed(event, aggregate=made.aggregate._replace(verdicts=verdicts))
        else:
            yield event


def weight_of_an_update(random: Random, events: Sequence[r.Event]) -> Events:
    """A weight, with the commitment that it opens."""
    at = random.randrange(4)
    return _reopened(
        events,
        random.choice(ROUNDS),
        lambda made: [one._replace(weight=one.weight + (place == at)) for place, one in enumerate(made)],
    )


def update_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """One update less, and one verdict."""
    return _reopened(events, random.choice(UNSCORED), lambda made: made[: random.randrange(1, len(made))])


def update_under_another_name(random: Random, events: Sequence[r.Event]) -> Events:
    """An update of a key that committed to none."""
    return _reopened(events, random.choice(ROUNDS), lambda made: [*made[:-1], made[-1]._replace(party=key(8))])


def _aggregate(random: Random, events: Sequence[r.Event], change: Callable[[Any], dict[str, Any]]) -> Events:
    number = random.choice(UNSCORED)
    for event in events:
        made: Any = event
        if _in(event, r.AggregatePublished, number):
            yield changed(event, aggregate=made.aggregate._replace(**change(made.aggregate)))
        else:
            yield event


def cid_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"cid": random.randbytes(32)})


def root_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"root": random.randbytes(32)})


def verdicts_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"verdicts": flipped(said.verdicts, random.randrange(24))})


def receipts_and_verdicts(random: Random, events: Sequence[r.Event]) -> Events:
    """The empty receipts file, under which nothing is certified."""
    return _aggregate(random, events, lambda said: {"receipts": sha256(b""), "verdicts": b"\x09" * len(said.verdicts)})


def length_of_verdicts(random: Random, events: Sequence[r.Event]) -> Events:
    """More verdicts than updates: the contract refuses them."""
    return _aggregate(random, events, lambda said: {"verdicts": said.verdicts + b"\x00"})


def anchor_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"anchor": random.randbytes(32)})


def head_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"head": random.randbytes(32)})


def block_of_an_aggregate(random: Random, events: Sequence[r.Event]) -> Events:
    return _aggregate(random, events, lambda said: {"as_of": said.as_of - 1})


def attempt_invented(random: Random, events: Sequence[r.Event]) -> Events:
    """A refuted attempt of a member that made none, and the real ones renumbered."""
    number = random.choice((1, 4, 6))
    count = 0
    for event in events:
        made: Any = event
        if not (getattr(event, "job", 0) == 1 and getattr(event, "round", 0) == number):
            yield event
            continue
        if isinstance(event, r.AggregatePublished):
            for false in _refuted(random, event):
                yield changed(false, log=(count := count + 1))
        renumbered = changed(event, attempt=made.attempt + 1) if hasattr(event, "attempt") else event
        yield changed(renumbered, log=count + 1)


def _refuted(random: Random, event: r.AggregatePublished) -> Events:
    where: dict[str, Any] = {"block": event.block, "tx": event.tx, "leaf": b"", "log": 0, "job": 1}
    where |= {"round": event.round, "attempt": 1}
    said = event.aggregate._replace(root=random.randbytes(32))
    liar = next(k for k in (key(3), key(4)) if k != event.aggregator)
    yield r.AggregatePublished(**where, aggregator=liar, aggregate=said, deadline=event.deadline)
    for member in (key(0), event.aggregator):
        if member != liar:
            yield r.Attested(
                **where, member=member, form=Form.OTHER, claim=random.randbytes(32), detail=event.aggregate.receipts
            )
    yield r.AttemptFailed(**where, deadline=event.deadline)


def attempt_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """The failed attempt of round 2 never was."""
    for event in events:
        made: Any = event
        if getattr(event, "round", 0) != 2 or not hasattr(event, "attempt"):
            yield event
        elif made.attempt == 2:
            yield changed(event, attempt=1)


def attestation_invented(random: Random, events: Sequence[r.Event]) -> Events:
    """An opposing word of a member that said nothing."""
    number = random.choice((4, 6))
    for event in events:
        yield event
        if isinstance(event, r.AggregatePublished) and event.round == number:
            where: dict[str, Any] = {"block": event.block, "log": 1, "tx": event.tx, "leaf": b"", "job": 1}
            said: dict[str, Any] = {"form": Form.OTHER, "claim": random.randbytes(32), "detail": random.randbytes(32)}
            yield changed(r.Attested(**where, round=number, attempt=event.attempt, member=key(3), **said))


def attestation_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """One of those that agreed late said nothing."""
    late = [at for at, event in enumerate(events) if _in(event, r.Attested, 1)][2:]
    hidden = random.choice(late)
    return (event for at, event in enumerate(events) if at != hidden)


def opener_moved(random: Random, events: Sequence[r.Event]) -> Events:
    """Another member opened a round, and left its turn."""
    number = random.choice(ROUNDS)
    return (changed(event, opener=key(3)) if _in(event, r.RoundOpened, number) else event for event in events)


def model_refuted(random: Random, events: Sequence[r.Event]) -> Events:
    """A final round is shown as one that failed for want of votes."""
    for event in events:
        if isinstance(event, r.RoundFinalised) and event.round == 6:
            place = {"block": event.block, "tx": event.tx, "leaf": b"", "job": 1, "round": 6}
            yield changed(r.AttemptFailed(**place, log=0, attempt=1, deadline=9_999_999))  # type: ignore[arg-type]
        else:
            yield event


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
    at, event = _one(random, events, r.KeyRotated)
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


def _one(random: Random, events: Sequence[r.Event], kind: type[Any]) -> tuple[int, Any]:
    return random.choice([(at, event) for at, event in enumerate(events) if isinstance(event, kind)])


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
    at, shown = _one(random, events, r.ScoresRevealed)
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
    at, _ = _one(random, events[:-4], r.Announced)
    return (changed(event, gateway="https://liar.test") if place == at else event for place, event in enumerate(events))


JOINT: tuple[Change, ...] = (
    weight_of_an_update,
    update_hidden,
    update_under_another_name,
    cid_of_an_aggregate,
    root_of_an_aggregate,
    verdicts_of_an_aggregate,
    receipts_and_verdicts,
    length_of_verdicts,
    anchor_of_an_aggregate,
    head_of_an_aggregate,
    block_of_an_aggregate,
    attempt_invented,
    attempt_hidden,
    attestation_invented,
    attestation_hidden,
    opener_moved,
    model_refuted,
    rotation_with_later_acts,
    recovery_with_approvals,
    admission_with_later_acts,
    founders_key,
    job_with_document,
    terms_of_the_job,
    decision_with_effect,
    rules_with_effect,
    vote_hidden,
    vote_turned,
    release_with_root,
    revocation_hidden,
    reveal_with_commitment,
    seed_of_a_scoring,
    reveal_hidden,
    gateway_moved,
)


def other_keys(random: Random) -> Told:
    """The whole history under other keys, all of it signed."""
    truth = serve(honest())
    return Told(truth, impersonated(truth))


def two_branches(random: Random) -> Told:
    """The beginning of one branch and the end of another."""
    truth = serve(honest())
    return splice(truth, serve(fork(random.randrange(1, len(STAGES)))), random.randrange(1, len(truth.events)))


def stale(random: Random) -> Told:
    """The server stands still at an earlier block, and its contracts, too."""
    truth = serve(honest())
    return Told(truth, truth.with_events(truth.events[: random.randrange(6, len(truth.events))]).matched())


def endpoints_differ(random: Random) -> Told:
    """Another endpoint has another block in the place of the last one."""
    truth = serve(honest())
    return Told(truth, truth, disputed=True, right="unknown")


def reverted_call(random: Random) -> Told:
    """A word that came too late, and that the contract refused, is shown as one that counted."""
    cast = Cast(random).begin(0)
    world = cast.world
    world.publish(cast.others[0])
    cast.attest()
    truth, last = serve(world), world.aggregate
    said: dict[str, Any] = {"form": Form.OTHER, "claim": random.randbytes(32), "detail": last.receipts}
    where: dict[str, Any] = {"block": 0, "log": 0, "tx": NOTHING, "leaf": NOTHING, "job": 1, "round": world.round.number}
    event = r.Attested(**where, attempt=last.attempt, member=world.keys[cast.liar], **said)
    published = max(at for at, one in enumerate(truth.events) if isinstance(one, r.AggregatePublished))
    return Told(truth, reverted(truth, published, event).matched(), cast.names)


def no_transactions(random: Random) -> Told:
    """The node shows no transactions, or only some."""
    truth = serve(honest())
    kept = random.sample(sorted(truth.transactions), random.randrange(len(truth.transactions)))
    return Told(truth, replace(truth, transactions={tx: truth.transactions[tx] for tx in kept}))


def transactions_exchanged(random: Random) -> Told:
    """Events point to real transactions of others, or of another event."""
    truth = serve(honest())
    at, event = _one(random, truth.events, r.Attested)
    tx = random.choice(sorted(truth.transactions))
    return Told(truth, truth.with_event(at, changed(event, tx=tx)).matched())


def transaction_damaged(random: Random) -> Told:
    """A bit of each transaction is another."""
    truth = serve(honest())
    shown = {tx: (flipped(raw, random.randrange(800)), block) for tx, (raw, block) in truth.transactions.items()}
    return Told(truth, replace(truth, transactions=shown))


def other_code(random: Random) -> Told:
    """The contracts have other code than the network file pins."""
    truth = serve(honest())
    code = {**truth.observed.code, "RoundLedger": ("0x22", "0x33")}
    return Told(truth, replace(truth, observed=replace(truth.observed, code=code)), right="unknown")


def other_blocks(random: Random) -> Told:
    """The blocks have other hashes from one on."""
    truth = serve(honest())
    start = random.randrange(len(truth.events))
    return Told(truth, replace(truth, hashes=lambda n: truth.hashes(n) if n < start else sha256(b"%d" % n)))


def no_blocks(random: Random) -> Told:
    """The node has no blocks after an earlier one."""
    truth = serve(honest())
    return Told(truth, replace(truth, last=random.randrange(len(truth.events))))


def other_words(random: Random) -> Told:
    """The log is true, and what the contracts are said to keep is not."""
    truth = serve(honest())
    name = random.choice(("models", "claims", "scores", "commitments", "strikes"))
    words = dict(getattr(truth.observed, name))
    place = random.choice(sorted(place for place in words if place[0] == 1))
    words[place] = {int: lambda v: v + 1, bytes: lambda v: flipped(v, 9), tuple: lambda v: (v[0], v[1] + 1)}[
        type(words[place])
    ](words[place])
    return Told(truth, replace(truth, observed=replace(truth.observed, **{name: words})), right="unknown")


def lie_moved(random: Random) -> Told:
    """A member's refuted lie is shown under another's name: it convicts nobody, or the one that signed it."""
    cast = Cast(random).begin()
    false_value(cast)
    cast.attest()
    truth = serve(cast.world)
    other = cast.world.keys[cast.others[-1]]
    events = [
        changed(one, aggregator=other)
        if isinstance(one, r.AggregatePublished) and one.aggregator == cast.world.keys[cast.liar]
        else one
        for one in truth.events
    ]
    return Told(truth, followed(truth, events), cast.names)


def _tail(random: Random, change: Change, *, agreed: int) -> Told:
    """The server forges the round under way, whose aggregate is right and which too few have signed."""
    cast = Cast(random).begin(0)
    cast.world.publish(cast.others[0])
    for member in cast.others[1 : 1 + agreed]:
        cast.world.attest(member)
    truth = serve(cast.world)
    return Told(truth, followed(truth, list(change(random, truth.events)), heads=False))


def tail(random: Random) -> Told:
    """What members committed to in the round under way is another: its honest aggregator seems to lie."""
    return _tail(random, _of_last, agreed=random.randrange(2))


def _of_last(random: Random, events: Sequence[r.Event]) -> Events:
    number = max(event.round for event in events if isinstance(event, r.RoundOpened) and event.job == 1)
    changes: list[Callable[[list[UpdateOpening]], list[UpdateOpening]]] = [
        lambda made: [made[0]._replace(weight=made[0].weight + 1), *made[1:]],
        lambda made: [made[0]._replace(cid=made[1].cid), *made[1:]],
        lambda made: [made[0]._replace(root=random.randbytes(32)), *made[1:]],
        lambda made: made[:-1],
    ]
    return _reopened(events, number, random.choice(changes))


def tail_with_a_member(random: Random) -> Told:
    """The same, and the liar signs another commitment for it: the honest aggregator used the one that it knew."""
    cast = Cast(random).begin(0)
    world = cast.world
    world.publish(cast.others[0])
    for member in cast.others[1 : 1 + random.randrange(2)]:
        world.attest(member)
    truth, number, liar = serve(world), world.round.number, world.keys[cast.liar]

    def other(made: list[UpdateOpening]) -> list[UpdateOpening]:
        return [one._replace(weight=one.weight + 1) if one.party == liar else one for one in made]

    served, events = truth, list[r.Event]()
    for event in _reopened(truth.events, number, other):
        made = event
        if _in(event, r.UpdateCommitted, number) and event.party == liar:  # type: ignore[attr-defined]
            made, raw = signed(event)
            served = served.showing(raw, made.block)
        events.append(made)
    return Told(truth, followed(served, events, heads=False), cast.names)


def signed_with_a_member(random: Random) -> Told:
    """The liar signs another commitment for a round that is final: the members' head covers the one that it made."""
    truth = serve(honest())
    number = random.choice(ROUNDS)
    shown: Any = next(event for event in truth.events if _in(event, r.UpdatesOpened, number))
    liar = random.choice(unpack_openings(shown.openings)).party

    def other(made: list[UpdateOpening]) -> list[UpdateOpening]:
        return [one._replace(weight=one.weight + 1) if one.party == liar else one for one in made]

    served, events = truth, list[r.Event]()
    for event in _reopened(truth.events, number, other):
        made = event
        if _in(event, r.UpdateCommitted, number) and event.party == liar:  # type: ignore[attr-defined]
            made, raw = signed(event)
            served = served.showing(raw, made.block)
        events.append(made)
    member = truth.history().member_of(liar)
    assert member is not None
    return Told(truth, followed(served, events, heads=random.random() < 0.5), frozenset({NAMES[member.index]}))


def lie_hidden(random: Random) -> Told:
    """The server hides a member's refuted attempt in the tail: what is shown is right, so far as it is signed."""
    cast = Cast(random).begin()
    false_value(cast)
    cast.attest()
    cast.settle()
    truth, number = serve(cast.world), cast.world.round.number
    events = [
        changed(one, attempt=1) if getattr(one, "attempt", 0) == 2 and getattr(one, "round", 0) == number else one
        for one in truth.events
        if not (getattr(one, "round", 0) == number and getattr(one, "attempt", 0) == 1)
    ]
    return Told(truth, followed(truth, events), cast.names)


def file_in_the_place_of_another(random: Random) -> Told:
    """The server has a document under the digest that it shows, and all that follows: the members signed another."""
    truth = serve(honest())
    data = b"another job"
    served = replace(truth, files={**truth.files, Cid(RAW, sha256(data)): data})
    return Told(truth, followed(served, list(job_with_document(random, truth.events))))


def majority_forged(random: Random) -> Told:
    """A right aggregate that one member agreed to is shown as final: the server adds the word of another one."""
    cast = Cast(random, stages=random.choice((2, 3, 4))).begin(0)
    cast.world.publish(cast.others[0])
    cast.world.attest(cast.others[1])
    truth = serve(cast.world)
    cast.world.attest(cast.others[2])
    shown = serve(cast.world)
    return Told(truth, replace(shown, transactions=truth.transactions), right="unknown")


def members_keys_replaced(random: Random) -> Told:
    """The server rotates the keys of a majority to its own, which nobody signed, and makes a false model final."""
    cast = Cast(random, majority, stages=random.choice((2, 3, 4)))
    world, truth = cast.world, serve(cast.world)
    for member in cast.liars:
        old, new, epoch = world.keys[member], key(40 + member), world.history.epoch + 1
        event = world.emit(r.KeyRotated, index=member, old_key=old, new_key=new, epoch=epoch)
        del world.transactions[event.tx]
        world.keys[member] = new
    cast.begin()
    false_value(cast)
    cast.agree(*cast.liars[1:])
    return Told(truth, serve(world), right="unknown")


ALONE: tuple[Tell, ...] = (
    other_keys,
    two_branches,
    stale,
    endpoints_differ,
    reverted_call,
    no_transactions,
    transactions_exchanged,
    transaction_damaged,
    other_code,
    other_blocks,
    no_blocks,
    other_words,
    lie_moved,
    lie_hidden,
    tail,
    tail_with_a_member,
    signed_with_a_member,
    file_in_the_place_of_another,
    majority_forged,
    members_keys_replaced,
)
SERVERS: dict[str, Tell] = {name: tell for change in JOINT for name, tell in _joint(change).items()} | {
    tell.__name__.replace("_", " "): tell for tell in ALONE
}
