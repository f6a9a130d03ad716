"""Aggregators in tests: driven look by look, so that nothing depends on threads or sleeping."""

from typing import Any

from support.consortia.synthetic import Party
from support.journals import entries

from aggregator.service import Goal, Service
from aggregator.worker import AggregatorWorker
from ledger.config import Home
from ledger.party.journal import Journal

FILE = "aggregator.jsonl"
TRIES = 3
"""How often to tell again what gateways did not take whose party does not know the ledger well enough yet."""


def service(
    party: Party,
    *,
    sender: Any = None,
    goal: Goal | None = None,
    only: int | None = None,
    kind: type[AggregatorWorker] = AggregatorWorker,
    **lies: Any,
) -> Service:
    """A party's aggregator, as the command makes it; or one of another kind, with what that takes."""
    journal = Journal(party.member.home.folder / FILE, lambda _line: None)
    worker = kind(party.connection, sender or party.sender, journal, party.exchange, threads=2, **lies)
    return Service(party.connection, worker, journal, serving=party.serving, only=only, goal=goal)


def drive(*workers: Any, looks: int = 20) -> None:
    """Let each look until none has anything to do, nor anything to tell to gateways that were not ready for it.

    That is so after two looks in a row: what was under way at the first may have ended before it was waited for. What
    is copied, fetched or trained meanwhile is waited for, however long it takes; none of that counts as a try.
    """
    tries, quiet = TRIES, False
    for _ in range(10 * looks):
        acted = [one.look() for one in workers]
        told = [one._worker.exchange.settle(30) for one in workers]
        worked = [one.settle(30) for one in workers]
        if any(acted) or any(worked):
            tries, quiet = TRIES, False
            continue
        tries -= 1
        before, quiet = quiet, not any(told)
        taken = not any(one._worker.exchange.failures() for one in workers)
        if tries <= 0 or (taken and quiet and before):
            return
        end_errands(*workers)
    raise AssertionError("they find no rest")


def end_errands(*workers: Any) -> None:
    """As if the time had passed that workers wait before they tell again what was not taken."""
    exchanges = [one._worker.exchange for one in workers]
    for part in (part for exchange in exchanges for part in (exchange.showing, exchange.sharing, exchange.slips)):
        for errand in part._errands._errands.values():
            errand.again = 0.0


def end_pauses(*nodes: Any) -> None:
    """As if the time had passed that nodes and aggregators wait before they try again what failed."""
    for one in nodes:
        for copies in filter(None, (one._rounds.copies, getattr(one, "_scored", None))):
            for file in copies._known():
                file.again = 0.0
        for pacing in (one._pacing, getattr(one, "_masks", None), getattr(one, "_scorings", None)):
            for watched in pacing._watched.values() if pacing else ():
                watched.rest_until = 0.0


def actions(home: Home, *names: str) -> list[dict[str, Any]]:
    """What a home's aggregator wrote down, of the actions named or all."""
    return [line for line in entries(home.folder / FILE) if not names or line["action"] in names]
