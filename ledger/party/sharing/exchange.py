"""What a party exchanges with other members' gateways in a round: openings, and who holds which update.

Once all updates of a round are fixed, parties hand their openings to every member's gateway, and aggregators ask every
gateway for those that it knows. So who cannot be dialled, party or aggregator, needs outgoing connections only; what
gets to no aggregator its party opens itself. Nothing here makes the thread that decides wait.
"""

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Self, Unpack

from ledger.config import Home, HomeSettings
from ledger.errors import FedledgerError
from ledger.formats.claims import RoundName, UpdateOpening, commitment
from ledger.history.state import JobState, Round
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway
from ledger.party.sharing.circle import later_among
from ledger.party.sharing.errands import LATER, Errands, Name
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.openings import Openings
from ledger.party.sharing.pushing import Sharing, SharingOptions
from ledger.party.sharing.slips import SlipErrands
from ledger.party.sharing.sweeping import Sweeper
from ledger.party.sharing.visits import Visits

if TYPE_CHECKING:
    from ledger.keys import Signer

FIRST_PAUSE = 0.05
"""Seconds after which an opening is shown again to a gateway that has not seen the commitments yet, at first."""
CLOSING = 5.0
"""Seconds that closing leaves to what is under way."""


class OpeningErrands:
    """One home's openings on their way. What it remembers only spares work: after a crash it shows and asks again."""

    def __init__(self, connection: Connection, key: str, later: float = LATER) -> None:
        self._connection, self._openings = connection, Openings(connection.folder)
        self._errands = Errands(first=FIRST_PAUSE, wake=connection.follower.nudge)
        self._visits, self._later = Visits(connection, key), later

    def show(self, round_: RoundName, opening: UpdateOpening, opener: int, patience: float) -> None:
        """Hand the own opening to every member's gateway, that of member `opener` at once: it opens all. Those out of
        the own circle get it where it is not open after `patience` seconds. To be called again until it is.
        """
        others, near = self._visits.others(), self._visits.circle()
        later = later_among(len(others), self._later, patience / 2)
        for member, gateway in others.items():
            name = "show", round_.job, round_.round, member
            after = 0.0 if member == opener else later if member in near else patience
            self._errands.start(name, partial(self._hand, member, gateway, round_, opening), after=after)

    def ask(self, name: RoundName, round_: Round, patience: float) -> None:
        """Ask every member's gateway for the openings that it knows and that nobody hands in, within `patience` seconds
        for the first time. To be called again while some are missing.
        """
        wanted, others = frozenset(made.digest for made in round_.unopened), self._visits.others()
        after = later_among(len(others), self._later, patience)
        for member, gateway in others.items():
            work = partial(self._fetch, member, gateway, name, wanted)
            self._errands.start(("ask", name.job, name.round, member), work, repeat=True, after=after)

    def known(self, name: RoundName, round_: Round) -> Mapping[int, UpdateOpening]:
        """The openings in this home that fit the round's commitments, by member index."""
        digests = {made.digest: index for index, made in round_.commitments.items()}
        fitting = ((digests.get(commitment(name, one)), one) for one in self._openings.find(name))
        return {index: one for index, one in fitting if index is not None and one.weight}

    def forget(self, job: int, present: int) -> None:
        """Forget a job's rounds but the present one: 0 where none is under way."""
        self._errands.forget(lambda name: name[1] == job and name[2] != present)

    def due_in(self, rounds: Collection[tuple[int, int]]) -> list[float]:
        """Seconds until something of these rounds, (job, round), is shown or asked for again."""
        others = self._visits.others()
        return self._errands.due_in(lambda name: name[1:3] in rounds and name[3] in others)

    def failed(self) -> Mapping[Name, FedledgerError]:
        """What went wrong last, at which gateway."""
        return self._errands.failed()

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        return self._errands.settle(seconds)

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        self._visits.close()
        self._errands.close(CLOSING)

    def _hand(self, member: int, gateway: NamedGateway, round_: RoundName, opening: UpdateOpening) -> None:
        """In a thread of its own."""
        self._visits.to("talk", member, gateway).show(round_.job, round_.round, opening)

    def _fetch(self, member: int, gateway: NamedGateway, round_: RoundName, wanted: Collection[bytes]) -> None:
        """In a thread of its own."""
        for opening in self._visits.to("talk", member, gateway).openings(round_.job, round_.round):
            if commitment(round_, opening) in wanted and self._openings.take(round_, opening):
                self._connection.follower.nudge()


class Exchange:
    """All that one process of a member exchanges. Made beside the connection, and closed before it."""

    def __init__(
        self,
        connection: Connection,
        signer: "Signer",
        settings: HomeSettings,
        **options: Unpack[SharingOptions],
    ) -> None:
        self.sharing = Sharing(connection, signer, settings, **options)
        self.showing = OpeningErrands(connection, signer.address, self.sharing.later)
        self.slips = SlipErrands(connection, signer)
        home = Home(connection.folder)
        self._sweeper = Sweeper(connection, Openings(home.folder), Haves(home.haves))

    def forget(self, state: JobState) -> None:
        """Forget a job's rounds that are over; receipts of the latest are pushed until there is another.

        What is left of them in the home is deleted once it cannot be needed any more, in any job.
        """
        self._sweeper.look()
        round_ = state.current
        latest, over = (0, True) if round_ is None else (round_.number, round_.phase.terminal)
        self.showing.forget(state.number, 0 if over else latest)
        self.sharing.forget(state.number, latest, over=over)
        self.slips.forget(state.number, 0 if over else latest)

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        shown = self.showing.settle(seconds)
        shown = self.slips.settle(seconds) or shown
        return self.sharing.settle(seconds) or shown

    def failures(self) -> list[str]:
        """What was not taken elsewhere, and is told again."""
        return [
            str(error) for errands in (self.showing, self.sharing, self.slips) for error in errands.failed().values()
        ]

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        self.showing.close()
        self.slips.close()
        self.sharing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
