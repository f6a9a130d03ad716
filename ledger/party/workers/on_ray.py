"""Workers on a Ray cluster: the one that RAY_ADDRESS names, or one on this machine.

What goes to and fro are bytes, as with processes. Each of its machines needs fedledger, and a way to the gateways and
the chain node.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ledger.errors import UsageError
from ledger.party.workers.processes import Answers
from ledger.party.workers.worker import checked

LONGEST = 3600.0
"""Seconds that the audit waits for one part, with the time until the cluster has room for it."""


def on_ray(setup: bytes, parts: Sequence[bytes], workers: int) -> Answers:
    """What the cluster answers to each part, in order, at most `workers` at once; None where it could not.

    Raises UsageError where Ray is not installed, or says itself that there is no such cluster.
    """
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as error:
        raise UsageError("Ray is not installed here", advice="pip install 'fedledger[ray]'") from error
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            advice = "RAY_ADDRESS names one; without it, one is begun on this machine"
            raise UsageError(f"there is no Ray cluster: {error}", advice=advice) from error
    asked: list[Any] = []
    try:
        remote, shared = ray.remote(checked).options(max_retries=2), ray.put(setup)
        asked += [remote.remote(shared, part) for part in parts[:workers]]
        for place in range(len(parts)):
            answer = None
            with suppress(RayError):
                answer = ray.get(asked[place], timeout=LONGEST)
            if answer is None:
                _cancel(asked[place])
            asked[place] = None
            if place + workers < len(parts):
                asked.append(remote.remote(shared, parts[place + workers]))
            yield answer
    finally:
        for task in filter(None, asked):
            _cancel(task)
        if begun:
            ray.shutdown()


def _cancel(task: Any) -> None:
    """Have the cluster let go of a task, if it can."""
    import ray
    from ray.exceptions import RayError

    with suppress(RayError):
        ray.cancel(task, force=True)
