"""What one member keeps of a round's updates, and signs for: by rank, and where others do not."""

from collections.abc import Collection

from ledger.history.phases import present
from ledger.history.state import JobState, Phase, Round
from ledger.party.connection import Connection
from ledger.party.relayed import relay_of
from ledger.party.sharing.pushing import Sharing
from ledger.rounds.admission import Verdict
from ledger.rounds.assignment import kept_by
from ledger.rounds.facts import RoundFacts, roll_of
from ledger.rounds.receipts import patience

BORROWED_VERDICTS = (Verdict.ADMITTED, Verdict.UNAVAILABLE, Verdict.CAST, Verdict.SET)
"""Verdicts of updates that need no further copies: any other says that a party did wrong, and is evidence."""


class Keeping:
    """A member's duty, by the ledger, the network file, and what it signed."""

    def __init__(self, connection: Connection, sharing: Sharing, key: str) -> None:
        self._connection, self._sharing, self._key = connection, sharing, key
        self._dealt: tuple[Round | None, int, int, frozenset[int]] = (None, 0, 0, frozenset())

    def kept(self, facts: RoundFacts) -> Collection[int]:
        """The authors whose updates are kept: the own one, those by rank, all that were signed for, and of a finalised
        round those that were refused.
        """
        return self._ranked(facts.round) | self._sharing.signed(facts) | refused(facts.round)

    def relay(self, facts: RoundFacts) -> str:
        """The key of the member from whom a round's short updates come together; empty where that is this one."""
        return relay_of(facts, self._key)

    def left_to_others(self, state: JobState, round_: Round, now: int) -> frozenset[int]:
        """The authors whose opened updates this member need not sign for at `now`: others do, by rank. It stands in for
        those of them who have not signed once a quarter of an aggregator's patience is over.
        """
        left = frozenset(round_.updates) - self._ranked(round_)
        if not left or now < stands_in(state, round_, now):
            return left
        roll = roll_of(self._connection.place, round_)
        signed = self._sharing.tally(roll)
        return frozenset(index for index in left if signed[index] >= roll.needed)

    def _ranked(self, round_: Round) -> frozenset[int]:
        """By `kept_by`, once while nobody commits."""
        member = self._connection.history.member_of(self._key)
        if member is None:
            return frozenset()
        committed = len(round_.commitments)
        if self._dealt[0] is not round_ or self._dealt[1:3] != (committed, member.index):
            dealt = kept_by(member.index, round_, self._connection.network.replication)
            self._dealt = round_, committed, member.index, dealt
        return self._dealt[3]


def stands_in(state: JobState, round_: Round, now: int) -> int:
    """The second from which members sign for what others should have signed for; never while updates are opened."""
    phase, deadline = present(round_, state.terms, now)
    seconds = state.terms.aggregate_seconds
    return deadline - 2 * seconds + patience(seconds) // 4 if phase is Phase.AGGREGATING else now + 1


def refused(round_: Round) -> frozenset[int]:
    """The authors whose updates a finalised round found wrong: they are evidence, and everyone keeps what it has."""
    final = round_.final
    if final is None:
        return frozenset()
    judged = zip(round_.sorted_updates(), final.verdicts, strict=True)
    return frozenset(update.index for update, verdict in judged if verdict not in BORROWED_VERDICTS)
