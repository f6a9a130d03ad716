"""A trainer that `participant.trainer.torch_server` forks for this process."""

import os
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from participant.trainer.running import Process, Start

TORCH_SERVER = "FEDLEDGER_TRAINERS"
"""In the environment: where the torch server of this machine listens, if one runs."""
ANSWER, LONGEST = struct.Struct("=i"), 8192
"""What the torch server sends, twice: a process's number, and its exit code; and the longest request, in bytes."""
CREDENTIALS = struct.Struct("=iII")
"""What Linux says of who listens: a process, a user and a group (unix(7), SO_PEERCRED)."""


class Served:
    """A trainer that the torch server forks, as soon as it can; where it ends before that, one that `instead` begins.

    The torch server ends the trainer when this process's connection closes. Raises OSError where there is no torch
    server of this user's.
    """

    def __init__(self, address: str, folder: Path, output: int, instead: Start) -> None:
        self._pid: int | None = None
        self._code: int | None = None
        self._other: Process | None = None
        self._instead: Callable[[], Process] | None = partial(instead, folder, output)
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(address)
            _check_user(self._connection)
            asked = f"{os.getpriority(os.PRIO_PROCESS, 0)} ".encode() + os.fsencode(folder.absolute())
            socket.send_fds(self._connection, [asked], [output])
        except BaseException:
            self._connection.close()
            raise

    @property
    def pid(self) -> int:
        """Its number; at first this waits until it is forked. Raises ProcessLookupError where it was given up."""
        while self._pid is None and self._other is None and self._code is None:
            self._hear(0)
        if self._other is not None:
            return self._other.pid
        if self._pid is None:
            raise ProcessLookupError("this trainer was given up before it was forked")
        return self._pid

    def poll(self) -> int | None:
        """See `Process`; as of a killed one where the torch server has ended and did not say."""
        while self._other is None and self._code is None and self._hear(socket.MSG_DONTWAIT):
            pass
        return self._code if self._other is None else self._other.poll()

    def give_up(self) -> None:
        """Want no other instead, nor this one where its number was not told: if it is forked yet, the torch server ends
        it.
        """
        self._instead = None
        if self.poll() is None and self._pid is None and self._other is None:
            self._end(-signal.SIGKILL)

    def _hear(self, how: int) -> bool:
        """Take the next number that the torch server sends; whether there was one, or none comes any more."""
        try:
            said = self._connection.recv(ANSWER.size, how)
        except BlockingIOError:
            return False
        except OSError:
            said = b""
        number = ANSWER.unpack(said)[0] if len(said) == ANSWER.size else None
        if self._pid is not None:
            self._end(-signal.SIGKILL if number is None else number)
        elif number is not None and number > 1:  # a signal to 0 or 1 is for other processes
            self._pid = number
        else:
            self._begin_instead()
        return True

    def _begin_instead(self) -> None:
        self._end(-signal.SIGKILL)
        if self._instead is not None:
            with suppress(OSError):
                self._other, self._code = self._instead(), None

    def _end(self, code: int) -> None:
        self._code = code
        self._connection.close()


def _check_user(connection: socket.socket) -> None:
    """Raise PermissionError where another user listens, as far as the system says who does."""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    if CREDENTIALS.unpack(said)[1] != os.geteuid():
        raise PermissionError("another user's process listens where trainers were to be had")
