"""Workers on a Ray cluster: the one that RAY_ADDRESS names, or one on this machine.

What goes to and fro are bytes, as with processes. Each of its machines needs fedledger, and what its trade reads.
"""

from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any

from ledger.errors import UsageError
from ledger.party.workers.crew import Answers, Asked, answers
from ledger.party.workers.serving import answered
from ledger.party.workers.trade import ROUNDS, Trade

LONGEST = 3600.0
"""Seconds that one part is waited for, with the time until the cluster has room for it, unless its trade is patient."""


def on_ray(setup: bytes, parts: Sequence[bytes], workers: int, trade: Trade = ROUNDS) -> Answers:
    """What the cluster answers to each part, in order, at most `workers` at once; None where it could not.

    Raises as `OnRay`.
    """
    with closing(OnRay(trade, setup, workers)) as crew:
        yield from answers(crew, parts)


class OnRay:
    """A crew on a cluster, asked for `workers` parts at once.

    Raises UsageError where Ray is not installed, or says itself that there is no such cluster.
    """

    def __init__(self, trade: Trade, setup: bytes, workers: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError("Ray is not installed here", advice="pip install 'fedledger[ray]'") from error
        self.ahead = workers
        self._begun = not ray.is_initialized()
        if self._begun:
            try:
                ray.init(log_to_driver=trade.patient, logging_level="ERROR", include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                advice = "RAY_ADDRESS names one; without it, one is begun on this machine"
                raise UsageError(f"there is no Ray cluster: {error}", advice=advice) from error
        self._module, self._longest = trade.module, None if trade.patient else LONGEST
        self._remote, self._setup = ray.remote(answered).options(max_retries=2), ray.put(setup)
        self._asked: list[Any] = []

    def ask(self, part: bytes) -> Asked:
        """Have a part answered; None where the cluster could not, or not in time."""
        task = self._remote.remote(self._module, self._setup, part)
        self._asked.append(task)
        return partial(self._awaited, task)

    def close(self) -> None:
        """Have the cluster let go of what it was asked for; end it, where it was begun here."""
        import ray

        for task in self._asked:
            _cancel(task)
        if self._begun:
            ray.shutdown()

    def _awaited(self, task: Any) -> bytes | None:
        import ray
        from ray.exceptions import RayError

        answer: bytes | None = None
        with suppress(RayError):
            answer = ray.get(task, timeout=self._longest)
        if answer is None:
            _cancel(task)
        self._asked.remove(task)
        return answer


def _cancel(task: Any) -> None:
    """Have the cluster let go of a task, if it can."""
    import ray
    from ray.exceptions import RayError

    with suppress(RayError):
        ray.cancel(task, force=True)
