"""What a server has to predict with now, or why it has nothing: set by the watch, asked for by every request."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ledger.errors import FedledgerError, Unavailable
from participant.predicting.description import Description
from participant.predicting.predictor import Predictor
from participant.predicting.sources import require_permitted_now
from participant.serving.arrays import ArrayIntake
from participant.serving.protocol import Intake


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A release that is served, and what makes inputs of requests."""

    predictor: Predictor
    intake: Intake | ArrayIntake

    @classmethod
    def of(cls, predictor: Predictor) -> "ServedModel":
        description = predictor.description
        if isinstance(description, Description):
            return cls(predictor, Intake(description))
        return cls(predictor, ArrayIntake(description))


@dataclass(frozen=True, slots=True)
class _Standing:
    model: ServedModel
    refusal: FedledgerError | None
    block: int | None
    looked: float
    time: int | None = None
    moved: float = 0.0


class ServingDesk:
    """One model at a time. `stale` is how many seconds a look at the chain is good for; None where none is asked. With
    `moves` the chain makes blocks by itself, so that no block for as long says that its node stands still.
    """

    def __init__(
        self,
        model: ServedModel,
        stale: float | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        moves: bool = False,
    ) -> None:
        self._stale, self._clock, self._moves = stale, clock, moves
        found, now = model.predictor.released, clock()
        self._now = _Standing(model, None, found.at_block, now, found.at_time, now)

    def put(self, model: ServedModel, block: int | None, time: int | None = None) -> None:
        """The chain says at this block, of this time in seconds since 1970, that the model is to be used."""
        before, now = self._now, self._clock()
        moved = before.moved if block == before.block else now
        self._now = _Standing(model, None, block, now, time, moved)

    def refuse(self, why: FedledgerError) -> None:
        """Nothing is predicted until another model is put."""
        now = self._now
        self._now = _Standing(now.model, why, now.block, self._clock(), now.time, now.moved)

    @property
    def model(self) -> ServedModel:
        """The model that was put last, whether it may be used or not."""
        return self._now.model

    @property
    def block(self) -> int | None:
        """The block at which the chain was asked last; None where none is asked."""
        return self._now.block

    @property
    def age(self) -> float:
        """Seconds since then."""
        return self._clock() - self._now.looked

    @property
    def still(self) -> float | None:
        """Seconds for which the chain's node has shown no further block; None where no chain is asked."""
        now = self._now
        return None if now.block is None else self._clock() - now.moved

    def usable(self) -> ServedModel:
        """The model to predict with. Raises as `usable_at`."""
        return self.usable_at()[0]

    def usable_at(self) -> tuple[ServedModel, int | None]:
        """The model to predict with, and the block at which the chain was asked for it.

        Raises RevokedRelease or what else the chain says against it, Expired where its permitted use has ended, and
        Unavailable where nobody could look at the chain for too long.
        """
        now = self._now
        if now.refusal is not None:
            raise now.refusal.with_traceback(None)  # it is raised again and again, and would keep each request
        if self._stale is not None and self._clock() - now.looked > self._stale:
            raise Unavailable(
                "the chain could not be asked for too long whether the release may still be used",
                advice="see that the chain's node can be reached; --stale allows longer",
                seconds=int(self._clock() - now.looked),
                maximum=int(self._stale),
            )
        if self._stale is not None and self._moves and self._clock() - now.moved > self._stale:
            raise Unavailable(
                "the chain's node stands still, so it would not say that the release was revoked",
                advice="see that the node follows the chain, or name another one; --stale allows longer",
                block=now.block,
                seconds=int(self._clock() - now.moved),
                maximum=int(self._stale),
            )
        require_permitted_now(now.model.predictor.released, now.time)
        return now.model, now.block
