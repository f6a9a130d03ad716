"""The product as it runs: a demo with its pages, after its play, and commands of its members."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demo.children import end, start

FEDLEDGER = str(Path(sys.executable).with_name("fedledger"))
SECONDS = 300


def until(holds: Callable[[], bool], problem: str, every: float = 0.5) -> None:
    """Wait until something holds; where it takes too long, say what does not and exit."""
    latest = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > latest:
            sys.exit(f"{problem}: waited {SECONDS} s")
        time.sleep(every)


class Product:
    """A demo that runs in `folder`, after its play; its pages are at `url`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, folder / "demo.log"

    @contextmanager
    def running(self) -> Iterator["Product"]:
        with self._log.open("wb") as log:
            command = [FEDLEDGER, "demo", "--pages", "--port", "0", "--no-live", "--folder", str(self.folder / "demo")]
            process = start(command, log, log)
            try:
                self._wait(process)
                yield self
            finally:
                end(process)

    def _wait(self, process: Any) -> None:
        latest = time.monotonic() + SECONDS
        while "still running" not in (said := self._log.read_text()):
            if process.poll() is not None or time.monotonic() > latest:
                sys.exit(f"the demo does not run:\n{said[-2000:]}")
            time.sleep(0.2)

    @property
    def url(self) -> str:
        found = re.search(r"The pages are at (http\S+)\.", self._log.read_text())
        return found[1] if found else ""

    def run(self, *words: str) -> str:
        """What a command says; it must end well."""
        done = self._try(words)
        if done.returncode:
            sys.exit(f"fedledger {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def as_hospital(self, number: int, *words: str) -> str:
        home = f"demo/hospital-{number}"
        return self.run(*words, "--home", home, "--passphrase-file", f"{home}/passphrase")

    def until(self, *words: str) -> None:
        """Run a command until it ends well."""
        until(lambda: not self._try(words).returncode, f"fedledger {' '.join(words)} does not end well", every=1)

    def _try(self, words: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [FEDLEDGER, *words], check=False, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS
        )
