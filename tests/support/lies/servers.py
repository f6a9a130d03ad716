"""Lies of the server, alone and with the help of a member's key; `joint` has those that change a whole history."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from support.lies.base import STAGES, fork, honest
from support.lies.classes import Tell
from support.lies.fields import flipped
from support.lies.joint import CHANGES
from support.lies.joint_others import job_with_document
from support.lies.joint_rounds import ROUNDS, Change, Events, is_in, one_of, reopened
from support.lies.rounds import Cast, false_value, majority
from support.lies.served import changed, serve, signed
from support.lies.structure import followed, impersonated, reverted, splice
from support.lies.told import Told
from support.worlds.signing import key
from support.worlds.world import NAMES

from ledger.events import records as r
from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import (
    UpdateOpening,
    unpack_openings,
)
from ledger.formats.digest import NOTHING, sha256


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
    where: dict[str, Any] = {
        "block": 0,
        "log": 0,
        "tx": NOTHING,
        "leaf": NOTHING,
        "job": 1,
        "round": world.round.number,
    }
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
    at, event = one_of(random, truth.events, r.Attested)
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
    return reopened(events, number, random.choice(changes))


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
    for event in reopened(truth.events, number, other):
        made = event
        if is_in(event, r.UpdateCommitted, number) and event.party == liar:  # type: ignore[attr-defined]
            made, raw = signed(event)
            served = served.showing(raw, made.block)
        events.append(made)
    return Told(truth, followed(served, events, heads=False), cast.names)


def signed_with_a_member(random: Random) -> Told:
    """The liar signs another commitment for a round that is final: the members' head covers the one that it made."""
    truth = serve(honest())
    number = random.choice(ROUNDS)
    shown: Any = next(event for event in truth.events if is_in(event, r.UpdatesOpened, number))
    liar = random.choice(unpack_openings(shown.openings)).party

    def other(made: list[UpdateOpening]) -> list[UpdateOpening]:
        return [one._replace(weight=one.weight + 1) if one.party == liar else one for one in made]

    served, events = truth, list[r.Event]()
    for event in reopened(truth.events, number, other):
        made = event
        if is_in(event, r.UpdateCommitted, number) and event.party == liar:  # type: ignore[attr-defined]
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
SERVERS: dict[str, Tell] = CHANGES | {tell.__name__.replace("_", " "): tell for tell in ALONE}
