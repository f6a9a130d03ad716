"""A command on a terminal of its own, of a width that it is told."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Sequence
from contextlib import suppress


def on_terminal(command: Sequence[str], columns: int, seconds: float = 60) -> str:
    """What a program prints on a terminal so wide, without colours; its exit code must be 0."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    surroundings = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        list(command),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=surroundings | {"TERM": "xterm"},
    )
    os.close(theirs)
    pieces = []
    with suppress(OSError):  # the terminal is closed
        while piece := os.read(ours, 1 << 16):
            pieces.append(piece)
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode()).replace("\r\n", "\n")
    assert process.wait(seconds) == 0, text
    return text
