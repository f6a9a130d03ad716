"""One file, many holders: read from any that has a good copy, and note whose copy is bad."""

import time
from collections.abc import Callable, Sequence

from ledger.errors import Corrupt, FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import RAW, Cid
from ledger.formats.copies import BadCopy
from ledger.formats.unixfs import Part
from ledger.store import Blocks, Buffer, Pieces, Store, Unreachable
from ledger.store.files import read_with, walk

SHORTEST_REST = 1.0


class Holders:
    """The local store first, then the others in order, but the one that last returned a block before the rest.

    A holder that does not answer is not asked again for ten times as long as it kept us waiting, from a second up to
    `rest` seconds: a silent one delays a read once, not once a block, and one that restarts is soon asked again.
    `bad_copies` grows while reading; every entry in it is a finding.
    """

    def __init__(
        self,
        local: Store | None,
        others: Sequence[Blocks] = (),
        *,
        rest: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.local = local
        self.others = tuple(others)
        self.bad_copies: list[BadCopy] = []
        self._rest, self._clock = rest, clock
        self._resting: dict[int, float] = {}
        self._failed: dict[int, str] = {}
        self._last: Blocks | None = None

    def get(self, cid: Cid) -> Buffer:
        """A block, checked, from the first holder that has a good copy."""
        return self._fetch(cid, Part(cid, 0, None, None if cid.codec != RAW else 0))

    def read(self, cid: Cid, start: int = 0, stop: int | None = None, *, limit: int = unixfs.MAX_SIZE) -> Pieces:
        """A file's bytes, as `files.read` yields them, each block from any holder that has a good copy.

        Raises Unavailable where a block cannot be had, with what each holder said; Corrupt where every copy that there
        is is damaged; Malformed as `files.read` does.
        """
        return read_with(lambda part: self._fetch(cid, part), cid, start, stop, limit=limit)

    def keep(self, cid: Cid, pin: str, *, heal: bool = False, limit: int = unixfs.MAX_SIZE) -> None:
        """Hold a whole file in the local store, pinned; what is missing comes from the others.

        A damaged local copy stays as it is, evidence, unless `heal` is given: then good bytes are written again.
        Raises Corrupt where it is not, and what `read` raises.
        """
        if self.local is None:
            raise UsageError("there is no local store to keep a file in")
        state = self._local_error(self.local, cid)
        if state is None:
            self.local.pin(pin, cid)
            return
        damaged = isinstance(state, Corrupt)
        if damaged and not heal:
            raise state
        root = self.local.put(self.read(cid, limit=limit), pin, replace=damaged)
        if root != cid:
            raise Malformed("a file whose tree is not the one of the profile", expected=cid, actual=root)

    def _local_error(self, local: Store, cid: Cid) -> Unavailable | None:
        """What is wrong with the local copy of a file; None where all of it is there and good."""
        try:
            for part, node in walk(lambda part: local.get(part.cid), cid):
                if node is None:
                    local.get(part.cid)
        except Unavailable as error:
            return error
        return None

    def _fetch(self, file: Cid, part: Part) -> Buffer:
        said: list[tuple[Blocks, FedledgerError | str]] = []
        for holder in self._order():
            if self._resting.get(id(holder), 0.0) > self._clock():
                said.append((holder, f"not asked again so soon: {self._failed.get(id(holder), '')}"))
                continue
            began = self._clock()
            try:
                block = holder.get(part.cid)
            except Unavailable as error:
                said.append((holder, error))
                if isinstance(error, Unreachable):
                    now = self._clock()
                    self._resting[id(holder)] = now + min(max(10 * (now - began), SHORTEST_REST), self._rest)
                    self._failed[id(holder)] = error.message
                continue
            self._last = holder
            self._note(said, file, part, block)
            return block
        self._note(said, file, part, None)
        raise _unreadable(said, file, part)

    def _order(self) -> list[Blocks]:
        others = sorted(self.others, key=lambda holder: holder is not self._last)
        return [self.local, *others] if self.local is not None else others

    def _note(
        self, said: list[tuple[Blocks, FedledgerError | str]], file: Cid, part: Part, good: Buffer | None
    ) -> None:
        known = {(bad.holder, bad.file, bad.block) for bad in self.bad_copies}
        for holder, error in said:
            if isinstance(error, Corrupt) and (holder.name, file, part.cid) not in known:
                self.bad_copies.append(_bad_copy(holder, file, part, good))


def _bad_copy(holder: Blocks, file: Cid, part: Part, good: Buffer | None) -> BadCopy:
    """Where a holder's copy differs. Only leaves carry a file's own bytes; a node is named by what it covers."""
    end = part.stop or 0
    if good is not None and part.stop is None:
        end = len(good) if part.cid.codec == RAW else unixfs.parse_root(good, part.cid)[0]
    offset = None
    if good is not None and part.cid.codec == RAW:
        try:
            offset = _first_difference(memoryview(holder.copy(part.cid)), memoryview(good))
        except Unavailable:
            offset = None
    return BadCopy(holder.name, file, part.cid, part.start + (offset or 0), end, offset is not None)


def _first_difference(bad: memoryview, good: memoryview) -> int | None:
    """The first byte that differs; the shorter one's end where it is a beginning of the other; None where equal."""
    if bad == good:
        return None
    low, high = 0, min(len(bad), len(good))
    if bad[:high] == good[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if bad[low:middle] == good[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _unreadable(said: list[tuple[Blocks, FedledgerError | str]], file: Cid, part: Part) -> Unavailable:
    damaged = any(isinstance(error, Corrupt) for _, error in said)
    unsure = any(isinstance(error, Unreachable | str) for _, error in said)
    kind = Corrupt if damaged and not unsure else Unavailable
    answers = {holder.name: error.message if isinstance(error, FedledgerError) else error for holder, error in said}
    return kind(
        f"every copy of block {part.cid} is damaged" if kind is Corrupt else f"no holder returned block {part.cid}",
        advice="name a holder that has the file, or wait until one is back",
        block=part.cid,
        file=file,
        offset=part.start,
        holders="; ".join(f"{name}: {answer}" for name, answer in answers.items()) or "none were named",
    )
