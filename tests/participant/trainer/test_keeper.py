"""The keeper ends what its trainer left behind, and nothing else."""

import subprocess
import sys

import pytest

ASKED_TO_END_ONCE_REAPED = """
import os, signal, sys
from participant.trainer import keeper

wait, waitpid = os.wait, os.waitpid


def asked_to_end(found):
    os.kill(os.getpid(), signal.SIGTERM)
    return found


os.wait = lambda: asked_to_end(wait())
os.waitpid = lambda *of: asked_to_end(waitpid(*of))
keeper._kill = lambda process: print("killed", process, flush=True)
child = os.fork()
if not child:
    os._exit(7)
keeper._keep(child)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a keeper on Linux only")
def test_a_number_that_is_free_again_is_not_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED_TO_END_ONCE_REAPED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
