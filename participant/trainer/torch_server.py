"""A process that loads torch once, and that the trainers of many nodes of one machine are forked from.

It holds no key and runs no task's code. It ends when its standard input closes, so with the process that started it.
A node connects for each trainer, sends its folder, its own niceness and a descriptor for output, and is sent the
trainer's number, and at its end the exit code: `participant.trainer.served` is the other side. When the node's end of
the connection closes, its trainer is ended. A connection of which nothing can be made is closed.

    python -P -m participant.trainer.torch_server LISTENER [TASK]...

LISTENER is the descriptor of a socket that listens. The modules of the tasks are imported, none is made.
"""

import errno
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from ledger import kernel
from participant.tasks.discovery import find
from participant.trainer.imports import kept_imports
from participant.trainer.keeper import END
from participant.trainer.launch import end_by, fork
from participant.trainer.running import Process
from participant.trainer.served import ANSWER, LONGEST
from participant.trainer.torch_start import LARGE_PAGES

LABOUR = (
    *("participant.tasks.training", "participant.trainer.labour", "participant.trainer.process"),
    *("participant.comparing.federation", "participant.jobs.creation", "participant.jobs.draft"),
    *("participant.jobs.committed_set", "participant.tasks.comparison"),
)
"""What trainers import when they begin, and when they carry orders out."""
PAUSE = 0.1
"""Seconds without a look for who connects, where there is no descriptor left for one."""


def main(listener: int, tasks: Sequence[str]) -> None:
    """Import, then serve until standard input closes."""
    for name, ours in LARGE_PAGES.items():
        if os.environ.get(name) == ours:  # glibc has read it: what a task starts is to have none of it
            del os.environ[name]
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    with kept_imports():
        for name in LABOUR:
            import_module(name)
        for task in tasks:
            find(task)
        kernel.in_use()
    with socket.socket(fileno=listener) as listening, selectors.DefaultSelector() as events:
        for source in (listening, sys.stdin, woken):
            events.register(source, selectors.EVENT_READ)
        _serve(listening, events, woken)


class Asker:
    """A node's connection, and the trainer that it asked for, once it did."""

    def __init__(self, connection: socket.socket, events: selectors.BaseSelector) -> None:
        self._connection, self._events = connection, events
        self._trainer: Process | None = None
        connection.setblocking(False)
        events.register(connection, selectors.EVENT_READ, self)

    def hear(self) -> None:
        """Read what has come. A node that is gone, or says something else than what it wants, has no trainer."""
        try:
            self._fork()
        except (OSError, ValueError):
            if self._trainer is not None:
                end_by(self._trainer, END)
            self._close()

    def over(self) -> bool:
        """Whether there is nothing to do for it any more; the trainer's exit code is told."""
        if self._trainer is None:
            return self._connection.fileno() < 0
        code = self._trainer.poll()
        if code is None:
            return False
        with suppress(OSError):
            self._connection.sendall(ANSWER.pack(code))
        self._close()
        return True

    def _fork(self) -> None:
        """Raises OSError or ValueError for all but the one request of a node that is there."""
        asked, descriptors, _, _ = socket.recv_fds(self._connection, LONGEST, 1)
        try:
            if self._trainer is not None or len(descriptors) != 1:
                raise ValueError("no request, or a second one")
            niceness, _, folder = asked.partition(b" ")
            self._trainer = fork(Path(os.fsdecode(folder)), descriptors[0], int(niceness))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._connection.sendall(ANSWER.pack(self._trainer.pid))

    def _close(self) -> None:
        if self._connection.fileno() >= 0:
            self._events.unregister(self._connection)
            self._connection.close()


def _serve(listening: socket.socket, events: selectors.BaseSelector, woken: int) -> None:
    askers: list[Asker] = []
    listening.setblocking(False)
    while True:
        ready = {key.fileobj: key.data for key, _ in events.select()}
        if sys.stdin in ready:
            return
        if woken in ready:
            os.read(woken, 4096)
        for asker in filter(None, ready.values()):
            asker.hear()
        askers = [asker for asker in askers if not asker.over()]
        if listening in ready:
            askers += _accepted(listening, events)


def _accepted(listening: socket.socket, events: selectors.BaseSelector) -> list[Asker]:
    try:
        return [Asker(listening.accept()[0], events)]
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            time.sleep(PAUSE)
        return []


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
