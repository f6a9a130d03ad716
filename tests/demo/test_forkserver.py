"""The server that commands are forked from: a fork of the process that asks, where that has one thread alone."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
SCRIPT = """
import multiprocessing.forkserver, os, select, sys, threading
from pathlib import Path
from demo.forkserver import Forked, branch

held, holds = os.pipe()
over = threading.Event()
if "thread" in sys.argv:
    threading.Thread(target=over.wait).start()
branch()
over.set()
server = multiprocessing.forkserver._forkserver._forkserver_pid
branch()
same_server = server == multiprocessing.forkserver._forkserver._forkserver_pid
code = Forked(["--version"], Path(sys.argv[1]), None).wait(600)
os.close(holds)
closed = bool(select.select([held], [], [], 600)[0])
words = [Path(f"/proc/{process}/cmdline").read_bytes() for process in (server, "self")]
print(code, same_server, closed, words[0] == words[1])
"""


@pytest.mark.parametrize(("surroundings", "fork"), [("alone", True), ("thread", False)])
def test_commands_come_from_a_fork_of_a_process_with_one_thread(tmp_path: Path, surroundings: str, fork: bool) -> None:
    """It begins once, runs commands, and holds no descriptor of that process."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", SCRIPT, str(log), surroundings]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["0", "True", "True", str(fork)], "")
    assert log.read_text().startswith("fedledger ")
