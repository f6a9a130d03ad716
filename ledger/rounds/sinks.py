"""Files that are made beside a model, in the same pass: each is kept by a thread of its own, a few pieces behind."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from types import TracebackType

from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.rounds.inputs import Halted

AHEAD = 2
"""Pieces that wait for a store, at most."""
_PATIENCE = 0.1
"""Seconds after which it is seen whether who should take a piece is still there."""


class Sink:
    """Hands pieces to `keep` as they are made, which takes them from an iterator. Leaving it by an error ends that
    iterator in Halted, so nothing of the file is kept.
    """

    def __init__(self, keep: Callable[[Iterator[Buffer]], Cid]) -> None:
        self._queue: Queue[Buffer | None] = Queue(AHEAD)
        self._halted = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sink")
        self._kept: Future[Cid] = self._pool.submit(keep, self._pieces())

    def write(self, piece: Buffer) -> None:
        """Hand on a piece. Raises what `keep` did."""
        self._put(piece)

    def cid(self) -> Cid:
        """The file's CID, once all of it is kept. Raises what `keep` did."""
        self._put(None)
        return self._kept.result()

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._halted = True
        self._pool.shutdown()

    def _put(self, piece: Buffer | None) -> None:
        while True:
            if self._kept.done():
                self._kept.result()
                raise Halted
            try:
                return self._queue.put(piece, timeout=_PATIENCE)
            except Full:
                continue

    def _pieces(self) -> Iterator[Buffer]:
        while True:
            try:
                piece = self._queue.get(timeout=_PATIENCE)
            except Empty:
                if self._halted:
                    raise Halted from None
                continue
            if self._halted:
                raise Halted
            if piece is None:
                return
            yield piece
