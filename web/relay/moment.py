"""What a message is checked against before it may wait: the last reading, the chain's time, and who pays.

The contract checks it all again, under the same names. A message that is refused here costs no gas, and its member
learns why at once.
"""

from dataclasses import dataclass

from ledger.events.proposals import Proposal, ProposalState
from web.documents.refusals import DeadlineTooFar, NotMember, SignatureExpired, WrongState
from web.reading.ledger import Reading

LONGEST = 2 * 365 * 86_400
"""A signature of more seconds is a mistake: the longest vote takes half of them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A reading, and `now` in seconds since 1970 by the chain's clock; `relayer` is the address that pays."""

    reading: Reading
    now: int
    relayer: str = ""

    @property
    def chain(self) -> int:
        return self.reading.network.chain.id

    @property
    def contract(self) -> str:
        """The address of the contract that messages are signed for."""
        return self.reading.network.contracts.ballots.address

    def next_nonce(self, key: str) -> int:
        """The nonce that the next proposal of a key has."""
        return self.reading.snapshot.decisions.next_nonce(key)

    def member_index(self, key: str) -> int:
        """The member that a key speaks for. Raises NotMember."""
        snapshot = self.reading.snapshot
        index = snapshot.owners.get(key)
        if index is None or snapshot.members[index].key != key:
            raise NotMember(
                "this key does not belong to a member" if index is None else "this key no longer speaks for its member",
                advice="use a member's current key: /members lists them",
                key=key,
            )
        return index

    def require_state(self, proposal: Proposal, *expected: ProposalState) -> None:
        """Raises WrongState if the proposal is in none of these states now."""
        actual = proposal.state(self.now)
        if actual not in expected:
            raise WrongState(
                f"proposal {proposal.number} is in another state",
                advice=_ADVICE.get(actual, "there is nothing more to do about it"),
                expected=" or ".join(state.value for state in expected),
                actual=actual.value,
            )

    def require_in_time(self, deadline: int) -> None:
        """Raises SignatureExpired after a signature's deadline, DeadlineTooFar for one that is absurdly far away."""
        if self.now > deadline:
            raise SignatureExpired(
                "the signature's deadline has passed", advice="sign again", expected=self.now, actual=deadline
            )
        if deadline > self.now + LONGEST:
            raise DeadlineTooFar(
                "the signature could be used for too long",
                advice="sign with a deadline within two years",
                latest=self.now + LONGEST,
                actual=deadline,
            )


_ADVICE = {
    ProposalState.VOTING: "wait until its vote has ended",
    ProposalState.WAITING: "execute it once its delay is over",
    ProposalState.EXECUTABLE: "execute it",
}
