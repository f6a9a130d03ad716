"""A server's watch over the ledger: which release its name means now, and whether it may be used; its own thread."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Malformed, Unavailable
from ledger.history.names import find
from ledger.party.nodes.looking import Looking
from participant.predicting.predictor import Predictor
from participant.predicting.released import FoundRelease, from_ledger, still_in_use
from participant.serving.desk import ServedModel, ServingDesk

if TYPE_CHECKING:
    from ledger.party.connection import Connection

Say = Callable[[str], None]
STILL = 60
"""Seconds without a further block after which that is said."""


class ReleaseWatch:
    """Looks at the ledger at least every `poll` seconds until it is closed; `title` is NAME, followed, or NAME@VERSION.

    A look that cannot be made changes nothing: the desk knows how old the last one is. What the ledger says against a
    release, and a model that cannot be had, end its service at once.
    """

    def __init__(self, connection: "Connection", title: str, desk: ServingDesk, say: Say, poll: float) -> None:
        self._connection, self._title, self._desk, self._say = connection, title, desk, say
        self._told = ""
        self.looking = Looking(connection.follower, self.look, self._trouble, poll, "release watch")

    def look(self) -> None:
        """One look. Raises Unavailable where the chain or a new model cannot be had; all else goes to the desk."""
        try:
            self._follow()
        except Unavailable:
            raise
        except FedledgerError as error:
            self._refuse(error)

    def _follow(self) -> None:
        history, served = self._connection.refresh(), self._desk.model.predictor.released
        meant = find(history.decisions, self._title)
        if meant.id.hex() == served.release:
            found = still_in_use(self._connection, served)
            self._desk.put(self._desk.model, found.at_block, found.at_time)
            self._say_whether_still()
            return
        self._end_unusable(served)
        made = from_ledger(self._connection, self._title)
        self._desk.put(ServedModel.of(Predictor.of(made)), made.at_block, made.at_time)
        self._tell(f"now served: {made.title}, root {made.root.hex()}")

    def _end_unusable(self, served: FoundRelease) -> None:
        """What may not be used any more ends at once, whether or not the model that follows it can be had."""
        try:
            still_in_use(self._connection, served)
        except Unavailable:
            raise
        except FedledgerError as error:
            self._refuse(error)

    def _refuse(self, error: FedledgerError) -> None:
        """No request is to blame for what is malformed on the ledger."""
        blame = Unavailable(error.message, advice=error.advice) if isinstance(error, Malformed) else error
        self._desk.refuse(blame)
        self._tell(f"not served any more: {error.message}")

    def _say_whether_still(self) -> None:
        """Say it once where the chain's node shows no further block: a chain that makes none without transactions may
        rest, and one that makes them by itself should not.
        """
        still = self._desk.still
        if still is None or still < STILL:
            self._told = ""
            return
        self._tell(f"the chain's node shows no block after {self._desk.block} for more than {STILL} s")

    def _trouble(self, error: FedledgerError | None) -> None:
        if error is not None:
            self._tell(f"the ledger cannot be read: {error.message}")

    def _tell(self, text: str) -> None:
        """Say it, once in a row."""
        if text != self._told:
            self._told = text
            self._say(text)
