"""A thread that looks at the ledger again and again: what a server beside it shows stays as the chain has it."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from ledger.errors import FedledgerError

if TYPE_CHECKING:
    from ledger.index import Follower


class Looking:
    """Calls `look` at each change of the chain, at least every `poll` seconds, until it is left. `trouble` hears why a
    look could not be made, and None once one was made.
    """

    def __init__(
        self,
        follower: "Follower",
        look: Callable[[], None],
        trouble: Callable[[FedledgerError | None], None],
        poll: float,
        name: str,
    ) -> None:
        self._follower, self._look, self._trouble, self._poll = follower, look, trouble, poll
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._end.set()
        self._follower.nudge()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._look()
                self._trouble(None)
                self._follower.wait(self._poll)
            except FedledgerError as error:
                self._trouble(error)
                self._end.wait(self._poll)
