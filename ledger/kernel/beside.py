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
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
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
ROOMS = 2
"""Requests under way at a time, at most: one is worked on while the next one is written."""
LEAST = 1 << 16
"""Bytes that are worth a request."""
BEGIN = 32 << 20
"""Bytes after which the process begins: to start it costs as much as to hash them."""
SILENCE = 60.0
"""Seconds after which a process that does not answer is given up."""


class Growth:
    """A tree of `before` leaves that grows by so many whole ones, and one of `rest` bytes, in a room of a helper's."""

    def __init__(self, helper: "Helper", room: int, peaks: bytes, before: int, whole: int, rest: int) -> None:
        self._helper, self.room, self.found = helper, room, peaks
        self.grown: bytes | None = None
        self.said, self.leaves = (before, whole, rest), whole + bool(rest)

    def peaks(self) -> bytes:
        """The tree's peaks once it has grown."""
        return self._helper.settle(self)


class Helper:
    """The process, and the memory that both have. Threads may share it. Raises OSError where there is none to be."""

    def __init__(self) -> None:
        self._lock, self._under_way = Lock(), deque[Growth]()
        each, memory = TreeRoom.bytes_of(LEAVES, SIZE), os.memfd_create("fedledger-leaves")
        try:
            os.ftruncate(memory, ROOMS * each)
            shared = memoryview(mmap.mmap(memory, ROOMS * each))
            self._process = _started(memory)
        finally:
            os.close(memory)
        self._asked, self._said = _pipes(self._process)
        self.rooms = [shared[at : at + each] for at in range(0, ROOMS * each, each)]
        self._rows = [np.frombuffer(room[PEAKS:], np.uint8).reshape(LEAVES, SIZE + 1) for room in self.rooms]

    @property
    def process(self) -> int:
        """Its number."""
        return self._process.pid

    @staticmethod
    def parts(data: Buffer) -> Iterator[NDArray[np.uint8]]:
        """Leaves cut into runs of as many as a room has."""
        run = flat(data)
        return (run[at : at + LEAVES * SIZE] for at in range(0, len(run), LEAVES * SIZE))

    def grow(self, peaks: bytearray, leaves: int, data: NDArray[np.uint8]) -> Growth:
        """Grow a tree of so many leaves by those of `data`, one of the `parts`. Waits until there is room for it."""
        whole, rest = divmod(len(data), SIZE)
        with self._lock:
            while not (free := set(range(ROOMS)) - {one.room for one in self._under_way}):
                self._next()
            growth = Growth(self, free.pop(), bytes(peaks), leaves, whole, rest)
            rows = self._rows[growth.room]  # of each the first byte, its prefix, is 0 and stays so
            rows[:whole, 1:] = data[: whole * SIZE].reshape(whole, SIZE)
            if rest:
                rows[whole, 1 : rest + 1] = data[whole * SIZE :]
            self.rooms[growth.room][:PEAKS] = growth.found
            asked = False
            try:
                self._under_way.append(growth)
                asked = self._ask(growth)
            finally:  # after an interrupt, too: nobody knows what was asked for
                if not asked:
                    self._give_up()
        return growth

    def settle(self, growth: Growth) -> bytes:
        """A tree's peaks; waits until it has grown."""
        with self._lock:
            while growth.grown is None:
                self._next()
        return growth.grown

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

    def _next(self) -> None:
        """Wait for the first tree under way. Where there is no answer, all of them grow here."""
        if self._answered():
            self._done(bytes(self.rooms[self._under_way[0].room][:PEAKS]))
        else:
            self._give_up()

    def _ask(self, growth: Growth) -> bool:
        """Whether it is there to be asked: others may have found that it is not."""
        with suppress(OSError):
            return not self._asked.closed and bool(self._asked.write(REQUEST.pack(growth.room, *growth.said)))
        return False

    def _answered(self) -> bool:
        if self._said.closed:
            return False
        poll = select.poll()
        poll.register(self._said, select.POLLIN)
        return bool(poll.poll(1000 * SILENCE)) and self._said.read(1) == hashing.DONE

    def _give_up(self) -> None:
        self.close()
        while self._under_way:
            growth = self._under_way[0]
            room = TreeRoom(self.rooms[growth.room], SIZE)
            room.peaks[:] = growth.found
            room.grow(*growth.said)
            self._done(bytes(room.peaks))

    def _done(self, peaks: bytes) -> None:
        self._under_way[0].grown = peaks  # first this: what is under way may be grown again, what is lost may not
        self._under_way.popleft()


class Work:
    """How much there was to do in this process, and who does it."""

    def __init__(self) -> None:
        self._lock, self._left, self._helper = Lock(), BEGIN, list[Helper]()
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
                try:
                    self._helper.append(Helper())
                except OSError:
                    self._wanted = False
            return self._helper[0] if self._helper else None

    def close(self) -> None:
        """End the process, if there is one."""
        while self._helper:
            self._helper.pop().close()

    def hold(self) -> None:
        """Before a fork: nothing is under way, and no other thread is at it."""
        self._lock.acquire()
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


def helper(data: Buffer, size: int) -> Helper | None:
    """What hashes the leaves of `data`, of `size` bytes each, beside this process; None where nothing does."""
    return _work.helper(len(flat(data))) if size == SIZE else None
