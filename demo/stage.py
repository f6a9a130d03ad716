"""Where the demo plays: its folder, its screen, and the processes in it."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from demo.process import Fedledger
from demo.screen import DemoScreen

WARM = ("node", "job", "release", "audit", "aggregator", "data", "proposal")
"""Commands that are forked from a process with the slow imports done."""


class Stage:
    """What every scene needs. Each process logs into the folder and ends when `stack` closes.

    `patience` is how many seconds a step may stand still.
    """

    def __init__(self, folder: Path, screen: DemoScreen, stack: ExitStack, patience: float) -> None:
        self.folder, self.screen, self.stack, self.patience = folder, screen, stack, patience
        self.lasting: dict[str, Fedledger] = {}
        """Processes that go on from scene to scene, such as the hospitals' nodes."""

    @property
    def data(self) -> Path:
        """The folder of the example's data."""
        return self.folder / "data"

    def spawn(
        self,
        name: str,
        *arguments: str | Path,
        output: Path | None = None,
        aside: bool = False,
        first: Callable[[], None] | None = None,
    ) -> Fedledger:
        """Start a `fedledger` command. What it prints goes to `output`, or to its log. One that is not waited for yet
        works `aside`, where the others leave time. `first` makes it a liar's, as `demo.process` says.
        """
        log = self.folder / "log" / f"{name.lower().replace(' ', '-')}.log"
        warm = str(arguments[0]) in WARM
        process = Fedledger(name, arguments, log, output=output, warm=warm, aside=aside, first=first)
        self.stack.callback(process.stop)
        return process

    def finish(self, process: Fedledger, problem: str) -> None:
        """Wait for a command's end. Raises Unavailable, with the problem and what it said last, where it failed."""
        process.wait(self.patience)
        process.check(problem)

    def check(self) -> None:
        """Raise Unavailable where a lasting process has ended with an error."""
        for process in self.lasting.values():
            process.check()

    def dismiss(self) -> None:
        """Ask all lasting processes to end at once; closing the stack waits for them."""
        for process in self.lasting.values():
            process.interrupt()
