"""The nursery of all parties on this machine: torch is loaded once, and their trainers are forked from there."""

import socket
import subprocess
import sys
import tempfile
import weakref
from functools import cache
from importlib.util import find_spec
from pathlib import Path

TASK = "tabular"
"""Its code is read once, and that of what it shares with other tasks: its digest is asked for by each trainer."""
WAITING = 128
"""Nodes that may have asked for a trainer before one is answered."""
SECONDS = 5.0
"""In which the nursery ends once it is asked to."""


@cache
def address() -> str:
    """Where the nursery of this process listens. The first call starts it, and does not wait: who connects does. It
    ends with this process. Empty where torch is not installed.
    """
    if find_spec("torch") is None:
        return ""
    folder = tempfile.TemporaryDirectory(prefix="fedledger-")
    place = str(Path(folder.name) / "trainers")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen(WAITING)
        number = listening.fileno()
        command = [sys.executable, "-P", "-m", "participant.trainer.nursery", str(number), TASK]
        nursery = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number], start_new_session=True)
    weakref.finalize(sys.modules[__name__], _end, nursery, folder)
    return place


def _end(nursery: "subprocess.Popen[bytes]", folder: "tempfile.TemporaryDirectory[str]") -> None:
    if nursery.stdin is not None:
        nursery.stdin.close()
    nursery.terminate()
    nursery.wait(SECONDS)
    folder.cleanup()
