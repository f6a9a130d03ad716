"""A trainer that `participant.trainer.torch_server` forks for this process."""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

TORCH_SERVER = "FEDLEDGER_TRAINERS"
"""In the environment: where the torch server of this machine listens, if one runs."""
ANSWER, LONGEST = struct.Struct("=i"), 8192
"""What the torch server sends, twice: a process's number, and its exit code; and the longest request, in bytes."""


class Served:
    """A trainer that the torch server forks, as soon as it can. Raises OSError where there is no torch server."""

    def __init__(self, address: str, folder: Path, output: int) -> None:
        self._pid: int | None = None
        self._code: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        try:
            self._connection.connect(address)
            asked = f"{os.getpriority(os.PRIO_PROCESS, 0)} ".encode() + os.fsencode(folder)
            socket.send_fds(self._connection, [asked], [output])
        except BaseException:
            self._connection.close()
            raise

    @property
    def pid(self) -> int:
        """Its number; at first this waits until it is forked. Raises ProcessLookupError where it never was."""
        if self._pid is None and self._code is None:
            self._pid = self._heard()
        if self._pid is None:
            raise ProcessLookupError("the torch server has ended before it forked this trainer")
        return self._pid

    def poll(self) -> int | None:
        """See `Process`; 1 where the torch server has ended and did not say."""
        if self._pid is None and self._speaks():
            self._pid = self._heard()
        if self._code is None and self._speaks():
            code = self._heard()
            self._end(1 if code is None else code)
        return self._code

    def _speaks(self) -> bool:
        try:
            self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def _heard(self) -> int | None:
        """The next number that the torch server sends; where none comes any more, it is over."""
        said = b""
        with suppress(OSError):
            said = self._connection.recv(ANSWER.size, socket.MSG_WAITALL)
        if len(said) == ANSWER.size:
            return int(ANSWER.unpack(said)[0])
        self._end(1)
        return None

    def _end(self, code: int) -> None:
        self._code = code
        self._connection.close()
