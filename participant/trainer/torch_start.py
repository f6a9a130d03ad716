"""The torch server of all parties on this machine: torch is loaded once, and their trainers are forked from there."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import weakref
from functools import cache
from importlib.util import find_spec
from pathlib import Path

WAITING = 128
"""Nodes that may have asked for a trainer before one is answered."""
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""For the torch server's environment: a third of its 300 MB is in large pages then (with glibc 2.35 or later), and a
fork of it costs 17 ms of the processor in place of 24.
"""
SECONDS = 5.0
"""In which the torch server ends once it is asked to."""


@cache
def address(*tasks: str) -> str:
    """Where the torch server of this process listens. The first call starts it, and does not wait: a node that connects
    does. It ends with this process, and imports what the `tasks` are made of besides. Empty where there is no torch, or
    the folder for temporary files has a path that is too long for a socket: trainers are fresh interpreters then.
    """
    if find_spec("torch") is None:
        return ""
    folder = Path(tempfile.mkdtemp(prefix="fedledger-"))
    place = str(folder / "trainers")
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            listening.bind(place)
        except OSError:
            folder.rmdir()
            return ""
        listening.listen(WAITING)
        number = listening.fileno()
        command = [sys.executable, "-P", "-m", "participant.trainer.torch_server", str(number), *tasks]
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[number], start_new_session=True, env=LARGE_PAGES | os.environ
        )
    weakref.finalize(sys.modules[__name__], _end, server, folder, os.getpid())
    return place


def _end(server: "subprocess.Popen[bytes]", folder: Path, starter: int) -> None:
    if os.getpid() != starter:  # in the child of a fork
        return
    if server.stdin is not None:
        server.stdin.close()
    server.terminate()
    server.wait(SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
