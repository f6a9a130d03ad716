"""Aggregators in tests: driven look by look, so that nothing depends on threads or sleeping."""

import json
import time
from collections.abc import Sequence
from typing import Any

from support.consortia.synthetic import Party

from aggregator.service import Goal, Service
from aggregator.worker import AggregatorWorker
from ledger.config import Home
from ledger.party.journal import Journal

FILE = "aggregator.jsonl"


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


def drive(*services: Service, looks: int = 20) -> None:
    """Let each look until none has anything to do."""
    for _ in range(looks):
        if not any([one.look() for one in services] + [one.settle(30) for one in services] + [untold(services)]):
            return
    raise AssertionError("the aggregators find no rest")


def untold(workers: Sequence[Any]) -> bool:
    """Whether another gateway was told something before it knew the ledger well enough; it is told again soon."""
    failed = [one for worker in workers for one in worker._worker.exchange.failures()]
    if failed:
        time.sleep(0.1)
    return bool(failed)


def actions(home: Home, *names: str) -> list[dict[str, Any]]:
    """What a home's aggregator wrote down, of the actions named or all."""
    lines = [json.loads(line) for line in (home.folder / FILE).read_text().splitlines()]
    return [line for line in lines if not names or line["action"] in names]
