"""What a party exchanges with other members' gateways in a round: openings, and who holds which update.

Made beside the connection, and closed before it. Nothing in it makes the thread that decides wait.
"""

from typing import TYPE_CHECKING, Self

from ledger.config import HomeSettings
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.pushing import Sharing
from ledger.party.showing import Showing

if TYPE_CHECKING:
    from ledger.keys import Signer


class Exchange:
    """One member's, for one of its processes."""

    def __init__(self, connection: Connection, signer: "Signer", settings: HomeSettings) -> None:
        self.showing = Showing(connection, signer.address)
        self.sharing = Sharing(connection, signer, settings)

    def forget(self, state: JobState) -> None:
        """Forget a job's rounds that are over."""
        round_ = state.current
        present = 0 if round_ is None or round_.phase.terminal else round_.number
        self.showing.forget(state.number, present)
        self.sharing.forget(state.number, present)

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        shown = self.showing.settle(seconds)
        return self.sharing.settle(seconds) or shown

    def failures(self) -> list[str]:
        """What was not taken elsewhere, and is told again."""
        return [str(error) for errands in (self.showing, self.sharing) for error in errands.failed().values()]

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        self.showing.close()
        self.sharing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
