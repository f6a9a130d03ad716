"""A process that loads torch once, and that the trainers of many nodes of one machine are forked from.

It holds no key and runs no task's code. It ends when its standard input closes, so with the process that started it.
A node connects for each trainer, sends its folder, its own niceness and a descriptor for output, and is sent the
trainer's number, and at its end the exit code: `participant.trainer.served` is the other side.

    python -P -m participant.trainer.torch_server LISTENER [TASK]...

LISTENER is the descriptor of a socket that listens. The modules of the tasks are imported, none is made.
"""

import os
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from ledger import kernel
from participant.tasks.discovery import find
from participant.trainer.imports import kept_imports
from participant.trainer.launch import Process, fork
from participant.trainer.served import ANSWER, LONGEST

LABOUR = (
    *("participant.tasks.training", "participant.trainer.labour", "participant.trainer.process"),
    *("participant.comparing.federation", "participant.jobs.creation", "participant.jobs.draft"),
    *("participant.jobs.committed_set", "participant.tasks.comparison"),
)
"""What trainers import when they begin, and when they carry orders out."""
SECONDS = 5.0
"""In which a node that has connected says what it wants."""


def main(listener: int, tasks: Sequence[str]) -> None:
    """Import, then serve until standard input closes."""
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


def _serve(listening: socket.socket, events: selectors.BaseSelector, woken: int) -> None:
    children: list[tuple[Process, socket.socket]] = []
    while True:
        ready = {key.fileobj for key, _ in events.select()}
        if sys.stdin in ready:
            return
        if woken in ready:
            os.read(woken, 4096)
            children = [child for child in children if not _ended(*child)]
        if listening in ready:
            with suppress(OSError, ValueError):
                children.append(_forked(listening))


def _forked(listening: socket.socket) -> tuple[Process, socket.socket]:
    """A trainer for who connected. Raises OSError or ValueError where that fails, or nothing is asked in time."""
    connection, _ = listening.accept()
    try:
        connection.settimeout(SECONDS)
        asked, descriptors, _, _ = socket.recv_fds(connection, LONGEST, 1)
        output, (niceness, _, folder) = descriptors[0], asked.partition(b" ")
        try:
            trainer = fork(Path(os.fsdecode(folder)), output, int(niceness))
        finally:
            os.close(output)
        with suppress(OSError):  # a node that is gone: the trainer ends by itself
            connection.sendall(ANSWER.pack(trainer.pid))
    except BaseException:
        connection.close()
        raise
    return trainer, connection


def _ended(trainer: Process, connection: socket.socket) -> bool:
    """Whether it has ended; who asked for it is told."""
    code = trainer.poll()
    if code is None:
        return False
    with connection, suppress(OSError):
        connection.sendall(ANSWER.pack(code))
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
