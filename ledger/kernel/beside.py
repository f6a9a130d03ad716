"""A process beside this one that hashes leaves and grows trees by hashlib (`ledger.kernel.hashing`).

hashlib holds Python's lock for a leaf: in one process nothing else would run meanwhile. The process is there for speed
alone. Where it cannot be had, ends or is silent, this one does itself what it had asked for, and the results are the
same. It begins once there is work for it, and ends after some seconds without any.
"""

import atexit
import mmap
import os
import select
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from threading import Lock, Thread
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ledger.kernel import hashing
from ledger.kernel.hashing import PEAKS, REQUEST, TreeRoom
from ledger.kernel.pure import Buffer, flat

SIZE = 1024
"""Bytes of a leaf."""
LEAVES = 1024
"""Leaves of a request, at most."""
ROOMS = 3
"""Requests under way at a time, at most: one is worked on, and two last while a band is made into the model."""
FEW = 256
"""Leaves that are hashed here before it is seen again whether there is room: less than what is under way takes."""
LEAST = 1 << 16
"""Bytes that are worth a request."""
BEGIN = 32 << 20
"""Bytes after which the process begins: to start it costs as much as to hash them."""
SILENCE = 60.0
"""Seconds after which a process that does not answer is given up."""


class Growth:
    """A tree of `before` leaves that grows by so many whole ones, and one of `rest` bytes, in a room of a helper's.

    It begins with the peaks in `found`, or with those of the growth that was asked for right before.
    """

    def __init__(
        self, helper: "Helper", room: int, found: "bytes | Growth", before: int, whole: int, rest: int
    ) -> None:
        self.helper, self.room, self.found = helper, room, found
        self.grown: bytes | None = None
        self.said, self.leaves = (before, whole, rest), before + whole + bool(rest)

    def peaks(self) -> bytes:
        """The tree's peaks once it has grown."""
        return self.helper.settle(self)


class Hashed:
    """The same of leaves that were hashed in this process, while the other one had enough to do."""

    def __init__(self, found: bytes | Growth, before: int, hashes: list[bytes]) -> None:
        self._found, self._before, self._hashes, self.leaves = found, before, hashes, before + len(hashes)
        self._grown: bytes | None = None
        if isinstance(found, bytes):
            self.peaks()

    def peaks(self) -> bytes:
        """The tree's peaks."""
        if self._grown is None:
            peaks = bytearray(self._found if isinstance(self._found, bytes) else self._found.peaks())
            hashing.grow(peaks, self._before, self._hashes)
            self._grown, self._found, self._hashes = bytes(peaks), b"", []
        return self._grown


class Helper:
    """The process, and the memory that both have. Threads may share it. Raises OSError where there is none to be."""

    def __init__(self) -> None:
        self._lock, self._turn, self._under_way = Lock(), Lock(), deque[Growth]()
        each, memory = TreeRoom.bytes_of(LEAVES, SIZE), _memory()
        try:
            os.ftruncate(memory, ROOMS * each)
            shared = memoryview(mmap.mmap(memory, ROOMS * each))
            self._process = _started(memory)
        finally:
            os.close(memory)
        self._asked, self._said = _pipes(self._process)
        self._poll = select.poll()
        self._poll.register(self._said, select.POLLIN)
        self.rooms = [shared[at : at + each] for at in range(0, ROOMS * each, each)]
        self._rows = [np.frombuffer(room[PEAKS:], np.uint8).reshape(LEAVES, SIZE + 1) for room in self.rooms]

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    def grow(self, found: bytes | Growth | Hashed, leaves: int, data: Buffer) -> Growth | Hashed:
        """Grow a tree of so many leaves by those of `data`, of which there are some. `found` has its peaks, or will."""
        left = flat(data)
        growth = self._begun(found, leaves, left)
        while len(left := left[SIZE * (growth.leaves - leaves) :]):
            leaves = growth.leaves
            growth = self._begun(growth, leaves, left)
        return growth

    def settle(self, growth: Growth) -> bytes:
        """A tree's peaks; waits until it has grown."""
        with self._lock:
            return self._settled(growth)

    def hold(self) -> None:
        """Before a fork: wait for all that is under way, whose memory the child would share; begin nothing more."""
        self._lock.acquire()
        while self._under_way:
            self._next()

    def release(self) -> None:
        """After a fork, in the parent: go on."""
        self._lock.release()

    def ended(self) -> bool:
        """Whether there is no process any more."""
        return self._process.poll() is not None

    def over(self) -> bool:
        """Do what is left of one that has ended; whether it did because there was nothing to do."""
        with self._lock:
            self._give_up()
        return self._process.returncode == 0

    def close(self) -> None:
        """End the process: it does when nobody can ask any more."""
        self._close_pipes()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """After a fork, in the child: the process is the parent's."""
        self._close_pipes()
        self._lock.release()
        self._process.returncode = 0

    def _close_pipes(self) -> None:
        for pipe in (self._asked, self._said):
            with suppress(OSError):
                pipe.close()

    def _begun(self, found: bytes | Growth | Hashed, before: int, data: NDArray[np.uint8]) -> Growth | Hashed:
        """The same by the first leaves of `data`.

        Where all rooms are taken this process hashes a few instead of waiting, in one thread at a time: several would
        wait for each other. The others wait for a room.
        """
        if isinstance(found, Hashed) or (not isinstance(found, bytes) and found.helper is not self):
            found = found.peaks()
        with self._lock:
            self._look()
            if not isinstance(found, bytes) and found.grown is not None:
                found = found.grown
            if len(self._under_way) < ROOMS or not self._turn.acquire(blocking=False):
                return self._grow(found, before, data[: LEAVES * SIZE])
        try:
            few = data[: (FEW if isinstance(found, bytes) else LEAVES) * SIZE]
            return Hashed(found, before, hashing.leaf_hashes(few.data, SIZE))
        finally:
            self._turn.release()

    def _grow(self, found: bytes | Growth, before: int, data: NDArray[np.uint8]) -> Growth:
        """Ask for it, once there is room."""
        whole, rest = divmod(len(data), SIZE)
        while not (free := set(range(ROOMS)) - {one.room for one in self._under_way}):
            self._next()
        if not isinstance(found, bytes) and not (self._under_way and self._under_way[-1] is found):
            found = self._settled(found)
        growth = Growth(self, free.pop(), found, before, whole, rest)
        rows = self._rows[growth.room]  # of each the first byte, its prefix, is 0 and stays so
        rows[:whole, 1:] = data[: whole * SIZE].reshape(whole, SIZE)
        if rest:
            rows[whole, 1 : rest + 1] = data[whole * SIZE :]
        if isinstance(found, bytes):
            self.rooms[growth.room][:PEAKS] = found
        asked = False
        try:
            self._under_way.append(growth)
            asked = self._ask(growth)
        finally:  # after an interrupt, too: nobody knows what was asked for
            if not asked:
                self._give_up()
        return growth

    def _settled(self, growth: Growth) -> bytes:
        """As `settle`, for a thread that has the lock."""
        while growth.grown is None:
            self._next()
        return growth.grown

    def _look(self) -> None:
        """Take what has grown by now."""
        while self._under_way and not self._said.closed and self._poll.poll(0):
            self._next()

    def _next(self) -> None:
        """Wait for the first tree under way. Where there is no answer, all of them grow here."""
        if self._answered():
            self._done(bytes(self.rooms[self._under_way[0].room][:PEAKS]))
        else:
            self._give_up()

    def _ask(self, growth: Growth) -> bool:
        """Whether it is there to be asked: others may have found that it is not."""
        said = REQUEST.pack(growth.room, not isinstance(growth.found, bytes), *growth.said)
        with suppress(OSError):
            return not self._asked.closed and bool(self._asked.write(said))
        return False

    def _answered(self) -> bool:
        if self._said.closed:
            return False
        return bool(self._poll.poll(1000 * SILENCE)) and self._said.read(1) == hashing.DONE

    def _give_up(self) -> None:
        self.close()
        while self._under_way:
            growth = self._under_way[0]
            room = TreeRoom(self.rooms[growth.room], SIZE)
            room.peaks[:] = growth.found if isinstance(growth.found, bytes) else self._settled(growth.found)
            room.grow(*growth.said)
            self._done(bytes(room.peaks))

    def _done(self, peaks: bytes) -> None:
        growth = self._under_way[0]
        growth.grown = peaks  # first this: what is under way may be grown again, what is lost may not
        self._under_way.popleft()
        growth.found = peaks  # so that none keeps all before it


class Work:
    """How much there was to do in this process, and who does it."""

    def __init__(self) -> None:
        self._lock, self._left, self._helper = Lock(), BEGIN, list[Helper]()
        self._starting: Thread | None = None
        self._wanted = hasattr(os, "memfd_create") and len(os.sched_getaffinity(0)) > 1 and bool(sys.executable)

    def helper(self, length: int) -> Helper | None:
        """What hashes so many bytes of leaves beside this process; None where nothing does."""
        if length < LEAST or not self._wanted:
            return None
        with self._lock:
            self._left -= length
            if self._helper and self._helper[0].ended():
                self._wanted = self._helper.pop().over()
            if not self._helper and self._left < 0 and self._wanted:
                self._begin()
            return self._helper[0] if self._helper else None

    def wanted(self) -> bool:
        """Whether there is one, or will be once there is enough to do."""
        return self._wanted

    def close(self) -> None:
        """End the process, if there is one."""
        self._await()
        while self._helper:
            self._helper.pop().close()

    def _begin(self) -> None:
        """Start it, in a thread that no interrupt from the terminal is raised in: else one would leave descriptors, or
        a process, that nobody knows. Where this thread is interrupted, it is there for the next that asks.
        """
        self._await()
        if self._helper or not self._wanted:
            return
        self._starting = Thread(target=self._start, daemon=True)
        try:
            self._starting.start()
        except RuntimeError:  # too many threads, or the interpreter ends
            self._wanted = False
        self._await()

    def _start(self) -> None:
        try:
            self._helper.append(Helper())
        except OSError:
            self._wanted = False
        finally:
            self._starting = None

    def _await(self) -> None:
        """Wait until one that is being started is there; not by a join: after one that was interrupted, others return
        at once.
        """
        while (starting := self._starting) is not None and starting.ident is not None:
            time.sleep(0.001)

    def hold(self) -> None:
        """Before a fork: nothing is under way, and no other thread is at it."""
        self._lock.acquire()
        self._await()
        for helper in self._helper:
            helper.hold()

    def release(self) -> None:
        """After a fork, in the parent: go on."""
        for helper in self._helper:
            helper.release()
        self._lock.release()

    def forget(self) -> None:
        """After a fork, in the child: begin without one."""
        for helper in self._helper:
            helper.forget()
        self.__init__()  # type: ignore[misc]


def _memory() -> int:
    """A descriptor of its own: not one of the three that the program has, where this process has not."""
    import fcntl  # not on every system, as memfd_create is not

    made = os.memfd_create("fedledger-leaves")
    try:
        return fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(made)


def _started(memory: int) -> "subprocess.Popen[bytes]":
    """The program, which needs no more than Python's own modules; in a group of its own, so that an interrupt from the
    terminal is not for it.
    """
    numbers = map(str, (memory, ROOMS, LEAVES, SIZE))
    return subprocess.Popen(
        [sys.executable, "-I", "-S", hashing.__file__, *numbers],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(memory,),
        process_group=0,
    )


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise OSError("a process without pipes")
    return process.stdin, process.stdout


_work = Work()
atexit.register(_work.close)
os.register_at_fork(before=_work.hold, after_in_parent=_work.release, after_in_child=_work.forget)


def wanted() -> bool:
    """Whether another process hashes leaves, where there are many."""
    return _work.wanted()


def helper(data: Buffer, size: int) -> Helper | None:
    """What hashes the leaves of `data`, of `size` bytes each, beside this process; None where nothing does."""
    return _work.helper(len(flat(data))) if size == SIZE else None
