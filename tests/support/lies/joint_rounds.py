"""Changes of rounds, with what a liar changes beside them so that they fit."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from support.lies.fields import flipped
from support.lies.served import changed
from support.worlds.chain import CHAIN, CONTRACT
from support.worlds.signing import key

from ledger.events import records as r
from ledger.events.rounds import Form
from ledger.formats.claims import (
    RoundName,
    UpdateOpening,
    commitment,
    pack_openings,
    unpack_openings,
)
from ledger.formats.digest import sha256

Events = Iterator[r.Event]
Change = Callable[[Random, Sequence[r.Event]], Events]
ROUNDS = (1, 2, 4, 6)
"""The rounds with a model."""
UNSCORED = (4, 6)
"""Those of them on which nothing else rests."""


def is_in(event: r.Event, kind: type[r.Event], number: int) -> bool:
    return isinstance(event, kind) and getattr(event, "round", 0) == number


def reopened(
    events: Sequence[r.Event], number: int, change: Callable[[list[UpdateOpening]], list[UpdateOpening]]
) -> Events:
    """Other openings in a round, the commitments to match, and a verdict for each."""
    shown: Any = next(event for event in events if is_in(event, r.UpdatesOpened, number))
    openings = {one.party: one for one in change(unpack_openings(shown.openings))}
    name = RoundName(CHAIN, CONTRACT, 1, number)
    for event in events:
        made: Any = event
        if is_in(event, r.UpdateCommitted, number):
            opening = openings.get(made.party)
            if opening is not None:
                yield changed(event, commitment=commitment(name, opening))
        elif is_in(event, r.UpdatesOpened, number):
            yield changed(event, openings=pack_openings(openings.values()))
        elif is_in(event, r.AggregatePublished, number):
            verdicts = made.aggregate.verdicts[: len(openings)].ljust(len(openings), b"\x00")
            yield changed(event, aggregate=made.aggregate._replace(verdicts=verdicts))
        else:
            yield event


def weight_of_an_update(random: Random, events: Sequence[r.Event]) -> Events:
    """A weight, with the commitment that it opens."""
    at = random.randrange(4)
    return reopened(
        events,
        random.choice(ROUNDS),
        lambda made: [one._replace(weight=one.weight + (place == at)) for place, one in enumerate(made)],
    )


def update_hidden(random: Random, events: Sequence[r.Event]) -> Events:
    """One update less, and one verdict."""
    return reopened(events, random.choice(UNSCORED), lambda made: made[: random.randrange(1, len(made))])


def update_under_another_name(random: Random, events: Sequence[r.Event]) -> Events:
    """An update of a key that committed to none."""
    return reopened(events, random.choice(ROUNDS), lambda made: [*made[:-1], made[-1]._replace(party=key(8))])


def _aggregate(random: Random, events: Sequence[r.Event], change: Callable[[Any], dict[str, Any]]) -> Events:
    number = random.choice(UNSCORED)
    for event in events:
        made: Any = event
        if is_in(event, r.AggregatePublished, number):
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
    late = [at for at, event in enumerate(events) if is_in(event, r.Attested, 1)][2:]
    hidden = random.choice(late)
    return (event for at, event in enumerate(events) if at != hidden)


def opener_moved(random: Random, events: Sequence[r.Event]) -> Events:
    """Another member opened a round, and left its turn."""
    number = random.choice(ROUNDS)
    return (changed(event, opener=key(3)) if is_in(event, r.RoundOpened, number) else event for event in events)


def model_refuted(random: Random, events: Sequence[r.Event]) -> Events:
    """A final round is shown as one that failed for want of votes."""
    for event in events:
        if isinstance(event, r.RoundFinalised) and event.round == 6:
            place = {"block": event.block, "tx": event.tx, "leaf": b"", "job": 1, "round": 6}
            yield changed(r.AttemptFailed(**place, log=0, attempt=1, deadline=9_999_999))  # type: ignore[arg-type]
        else:
            yield event


def one_of(random: Random, events: Sequence[r.Event], kind: type[Any]) -> tuple[int, Any]:
    return random.choice([(at, event) for at, event in enumerate(events) if isinstance(event, kind)])
