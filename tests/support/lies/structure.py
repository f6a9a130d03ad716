"""Lies about which events there are, and in which order: all of them are the server's, and none names a member."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from support.lies.base import STAGES, fork
from support.lies.served import Served, changed, implied, serve, signed
from support.lies.told import Told
from support.worlds.chain import ADDRESSES
from support.worlds.logged import logged
from support.worlds.signing import CALLS, key

from ledger.errors import FedledgerError
from ledger.events import records as r
from ledger.formats.digest import keccak
from ledger.history.fold import History
from ledger.history.scorings import bitmap, root_of, settlement
from ledger.history.state import Aggregate, Scoring

AUTHORS = ("party", "aggregator", "member", "proposer", "scorer", "opener")


@dataclass(frozen=True)
class Shape:
    """A change of the sequence of events; `make` tells it."""

    name: str
    make: Callable[[], Told]


def shapes(truth: Served) -> Iterator[Shape]:
    """Every change at every event, and every splice with another branch."""
    yield from sequences(truth)
    for number in range(1, len(STAGES)):
        other = serve(fork(number))
        for at in range(len(truth.events)):
            yield Shape(f"splice fork {number} at {at}", lambda other=other, at=at: splice(truth, other, at))  # type: ignore[misc]


def sequences(truth: Served) -> Iterator[Shape]:
    """Every change at every event, with the contracts' words true, and forged to match."""
    for name, served in _sequences(truth):
        yield Shape(name, lambda served=served: Told(truth, served()))  # type: ignore[misc]
        yield Shape(f"{name}, words forged", lambda served=served: Told(truth, served().matched()))  # type: ignore[misc]


def splice(truth: Served, other: Served, at: int) -> Told:
    """The beginning of one branch and the end of another, whose words are shown."""
    return Told(truth, spliced(truth, other, at), branch=other)


def _sequences(truth: Served) -> Iterator[tuple[str, Callable[[], Served]]]:
    events = truth.events
    for at, event in enumerate(events):
        yield f"drop {at}", lambda at=at: truth.with_events((*events[:at], *events[at + 1 :]))
        yield (
            f"double {at}",
            lambda at=at, event=event: truth.with_events((*events[: at + 1], changed(event, log=1), *events[at + 1 :])),
        )
        yield f"cut at {at}", lambda at=at: truth.with_events(events[:at])
        yield f"swap {at}", lambda at=at: truth.with_events(_swapped(events, at))
        for author in (name for name in AUTHORS if isinstance(getattr(event, name, None), str)):
            for other in (key(0), key(3)):
                yield (
                    f"move {at} to another",
                    lambda at=at, event=event, author=author, other=other: truth.with_event(
                        at, changed(event, **{author: other})
                    ),
                )


def spliced(first: Served, second: Served, at: int) -> Served:
    """One history up to a place, and another one from there; blocks, files and words are the second one's after it."""
    events = (*first.events[:at], *second.events[at:])
    return Served(
        first.foundation,
        events,
        {**first.transactions, **second.transactions},
        {**first.files, **second.files},
        second.observed,
        lambda block: first.hashes(block) if block <= at else second.hashes(block),
        second.last,
    )


def followed(truth: Served, events: Iterator[r.Event] | list[r.Event], *, heads: bool = True) -> Served:
    """Events of which the later ones follow from the earlier: claims, bases, finalised roots, and heads where asked.

    What no longer follows is served as it is; an auditor refuses it.
    """
    history, made = History(truth.foundation), list[r.Event]()
    whole = True
    for event in events:
        try:
            follows = logged(_following(history, event, heads=heads), ADDRESSES) if whole else event
            history.apply(follows)  # type: ignore[arg-type]
        except (FedledgerError, KeyError, IndexError):
            whole, follows = False, event
        made.append(follows)
    return truth.with_events(made).matched()


def _following(history: History, event: r.Event, *, heads: bool) -> r.Event:
    """The event as it follows on this history."""
    follows: dict[str, Any] = {}
    match event:
        case r.AggregatePublished():
            said = event.aggregate._replace(base=history.jobs[event.job].base)
            follows["aggregate"] = said._replace(head=history.head_at(said.as_of)) if heads else said
        case r.Attested() if event.form is not r.Form.OTHER:
            follows["claim"] = _latest(history, event).claim
        case r.RoundFinalised():
            follows["root"] = _latest(history, event).root
        case r.MediansSettled():
            _, _, follows["medians"] = settlement(_scoring(history, event))
        case r.ScoresSettled():
            follows["root"] = root_of(_scoring(history, event))
    if isinstance(event, r.ScoresSettled | r.ScoringVoid):
        follows["withheld"] = bitmap(_scoring(history, event).pending)
    return msgspec.structs.replace(event, **follows)


def _scoring(history: History, event: r.MediansSettled | r.ScoresSettled | r.ScoringVoid) -> Scoring:
    return history.jobs[event.job].scorings[event.round]


def _latest(history: History, event: r.Attested | r.RoundFinalised) -> Aggregate:
    return history.jobs[event.job].rounds[event.round].aggregates[-1]


def _swapped(events: tuple[r.Event, ...], at: int) -> tuple[r.Event, ...]:
    """Two neighbours in each other's places."""
    if at + 1 == len(events):
        return events[:-1]
    first, second = events[at], events[at + 1]
    places = changed(second, block=first.block), changed(first, block=second.block)
    return (*events[:at], *places, *events[at + 2 :])


def reverted(truth: Served, at: int, event: r.Event) -> Served:
    """A call that a member signed and that failed, shown as one that worked, after the event at a place."""
    before = truth.events[at]
    made, raw = signed(logged(msgspec.structs.replace(event, block=before.block, log=before.log + 1), ADDRESSES))
    return truth.showing(raw, made.block).with_events((*truth.events[: at + 1], made, *truth.events[at + 1 :]))


def impersonated(truth: Served) -> Served:
    """The whole history under other keys, which the server has: no member's."""
    others = {key(index, version): key(20 + index, version) for index in range(7) for version in (0, 1)}
    events, transactions = list[r.Event](), dict[bytes, tuple[bytes, int]]()
    for event in truth.events:
        fields = {name: getattr(event, name) for name in type(event).__struct_fields__}
        mine = {name: others.get(value, value) for name, value in fields.items() if isinstance(value, str)}
        made = changed(event, **mine)
        if type(event) in CALLS and hasattr(event, CALLS[type(event)][0]):
            made, raw = signed(made, **implied(truth, event, made))
            transactions[keccak(raw)] = raw, made.block
        events.append(made)
    return followed(replace(truth, transactions=transactions), events)
