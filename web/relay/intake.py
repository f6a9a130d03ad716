"""What members hand in to be relayed, checked against the last reading of the ledger before it may wait.

The contract checks it all again, with the same names. A message that is refused here costs nobody gas, and its member
learns why at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.config import Network
from ledger.errors import Malformed
from ledger.events.actions import (
    Action,
    AdmitMember,
    ChangeRoles,
    CloseJob,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RollBack,
    encode_action,
)
from ledger.events.proposals import Proposal, ProposalState, TypedData, ballot_to_sign, proposal_id, proposal_to_sign
from ledger.events.records import Choice
from ledger.formats.digest import keccak, parse_address
from web.access.sessions import Session
from web.documents import relay as d
from web.documents.refusals import (
    AlreadyVoted,
    DeadlineTooFar,
    NotDecided,
    NotInElectorate,
    NotMember,
    RelayersAddress,
    SignatureExpired,
    TooManyProposals,
    WrongChain,
    WrongNumber,
    WrongState,
)
from web.documents.signatures import digest_of, parse_signature, require_signer
from web.reading.ledger import NotFound, Reading
from web.relay.queue import Message

LONGEST = 2 * 365 * 86_400
"""A signature of more seconds is a mistake: the longest vote, with the longest extension."""
PROPOSAL_SECONDS = 3600
MOST_PROPOSALS = 16
"""So many in Voting are relayed for one member, or one member could spend all of the relayer's money."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Checks by one reading. `now` in seconds since 1970 by the chain's clock; `relayer` the address that pays."""

    reading: Reading
    now: int
    relayer: str = ""

    def ballot_parts(self, number: int, member: str, choice: d.ChoiceName) -> tuple[TypedData, int]:
        """What a member signs to vote, and until when it may be used. Raises what a vote raises."""
        index, proposal = self._member(member), self._numbered(number)
        self._may_vote(proposal, index)
        deadline = proposal.deadline + proposal.rules.extension_seconds
        return self._vote(proposal.id, member, choice, deadline), deadline

    def proposal_parts(self, member: str, action: Action) -> tuple[TypedData, int, int]:
        """What a member signs to propose, its number, and until when it may be used."""
        self._member(member)
        self._require_possible(action)
        number, deadline = self._next, self.now + PROPOSAL_SECONDS
        return self._draft(number, member, action, deadline), number, deadline

    def identify(self, posted: d.Posted) -> str:
        """The name of a message, the digest of its content. It is the same however often the message is handed in.

        1. It is for this chain and this contract: WrongChain. 2. Its signature has the one form that counts:
        SignatureNotCanonical. 3. The key that it names signed it: WrongSigner.
        """
        if isinstance(posted, d.CloseVote | d.Execute):
            return self._plain(posted).id
        self._same_place(posted)
        parts = self._parts(posted)
        parse_address(posted.member, "member")
        require_signer(parts, parse_signature(posted.signature), posted.member)
        return digest_of(parts).hex()

    def message(self, posted: d.Posted, session: Callable[[], Session]) -> Message:
        """A message that may wait; `identify` has found it to be its signer's. `session` gives that of who hands in."""
        if isinstance(posted, d.PostedBallot):
            return self._ballot(posted)
        if isinstance(posted, d.PostedProposal):
            return self._proposal(posted)
        session()
        return self._close(posted) if isinstance(posted, d.CloseVote) else self._execute(posted)

    def _ballot(self, posted: d.PostedBallot) -> Message:
        """A vote.

        4. Its key speaks for a member: NotMember. 5. There is such a proposal: NotFound; 6. in Voting: WrongState.
        7. The key was there when it was made: NotInElectorate. 8. The member has not voted: AlreadyVoted. 9. The
        signature's deadline has not passed: SignatureExpired; 10. and is not absurdly far: DeadlineTooFar.
        """
        index = self._member(posted.member)
        proposal = self.reading.snapshot.decisions.proposals.get(bytes.fromhex(posted.proposal))
        if proposal is None:
            raise NotFound("there is no such proposal", advice="/proposals lists them all", proposal=posted.proposal)
        self._may_vote(proposal, index)
        self._in_time(posted.deadline)
        return Message(
            id=digest_of(self._parts(posted)).hex(),
            kind="ballot",
            proposal=posted.proposal,
            number=proposal.number,
            index=index,
            member=posted.member,
            choice=int(Choice[posted.choice.upper()]),
            deadline=posted.deadline,
            signature=posted.signature,
        )

    def _proposal(self, posted: d.PostedProposal) -> Message:
        """A proposal: 4, 9 and 10 as for a vote; what it names is there (NotFound), and not the relayer's key
        (RelayersAddress); its number is the next (WrongNumber); and the member has few others in Voting
        (TooManyProposals)."""
        index = self._member(posted.member)
        self._require_possible(posted.action)
        if posted.number != self._next:
            raise WrongNumber(
                "the next proposal has another number",
                advice="ask for the typed data again, and sign that",
                expected=self._next,
                actual=posted.number,
            )
        self._in_time(posted.deadline)
        self._not_too_many(index)
        kind, encoded = encode_action(posted.action)
        return Message(
            id=digest_of(self._parts(posted)).hex(),
            kind="proposal",
            proposal=proposal_id(posted.number, kind, encoded).hex(),
            number=posted.number,
            index=index,
            member=posted.member,
            deadline=posted.deadline,
            signature=posted.signature,
            action_kind=kind,
            action=encoded.hex(),
        )

    def _close(self, posted: d.CloseVote) -> Message:
        """A vote to be closed: in Voting (WrongState), and certain (NotDecided)."""
        proposal = self._numbered(posted.number)
        self._in_state(proposal, ProposalState.VOTING)
        if not proposal.certain:
            raise NotDecided(
                "those who are silent could still change the outcome", advice="wait for their votes, or the deadline"
            )
        return self._plain(posted)

    def _execute(self, posted: d.Execute) -> Message:
        """A proposal to be carried out: passed, or certain to, and neither done nor expired (WrongState). Until its
        time it waits here."""
        proposal = self._numbered(posted.number)
        early = (ProposalState.VOTING,) if proposal.certain else ()
        self._in_state(proposal, ProposalState.WAITING, ProposalState.EXECUTABLE, *early)
        return self._plain(posted)

    @property
    def _network(self) -> Network:
        return self.reading.network

    @property
    def _contract(self) -> str:
        return self._network.contracts.ballots.address

    @property
    def _next(self) -> int:
        return len(self.reading.snapshot.decisions.proposals) + 1

    def _parts(self, posted: d.PostedBallot | d.PostedProposal) -> TypedData:
        if isinstance(posted, d.PostedBallot):
            proposal = bytes.fromhex(posted.proposal)
            return self._vote(proposal, posted.member, posted.choice, posted.deadline)
        return self._draft(posted.number, posted.member, posted.action, posted.deadline)

    def _vote(self, proposal: bytes, member: str, choice: d.ChoiceName, deadline: int) -> TypedData:
        chosen = Choice[choice.upper()]
        return ballot_to_sign(self._network.chain.id, self._contract, proposal, member, chosen, deadline)

    def _draft(self, number: int, member: str, action: Action, deadline: int) -> TypedData:
        return proposal_to_sign(self._network.chain.id, self._contract, number, member, action, deadline)

    def _plain(self, posted: d.CloseVote | d.Execute) -> Message:
        kind: d.MessageKind = "close" if isinstance(posted, d.CloseVote) else "execute"
        proposal = self._numbered(posted.number)
        name = keccak(f"{kind} {self._network.chain.id} {self._contract} {proposal.id.hex()}".encode()).hex()
        return Message(
            id=name,
            kind=kind,
            proposal=proposal.id.hex(),
            number=proposal.number,
            index=-1,
            deadline=proposal.executable_until,
            action_kind=proposal.kind,
            action=proposal.encoded.hex(),
        )

    def _same_place(self, posted: d.PostedBallot | d.PostedProposal) -> None:
        for said, here in ((posted.chain, self._network.chain.id), (posted.contract, self._contract)):
            if said is not None and said != here:
                advice = "hand it in at a server of the consortium that it is for"
                raise WrongChain("signed for another ledger", advice=advice, expected=here, actual=said)
        if posted.fedledger is None and (posted.chain is not None or posted.contract is not None):
            raise Malformed("a file of signed messages says its format", advice=f'"fedledger": "{d.SIGNED}"')

    def _member(self, key: str) -> int:
        parse_address(key, "member")
        index = self.reading.snapshot.owners.get(key)
        if index is None or self.reading.snapshot.members[index].key != key:
            raise NotMember(
                "this key speaks for no member of the consortium"
                if index is None
                else "this key speaks for its member no more",
                advice="use a member's current key: /members lists them",
                key=key,
            )
        return index

    def _numbered(self, number: int) -> Proposal:
        proposal = self.reading.snapshot.decisions.proposal(number)
        if proposal is None:
            raise NotFound(f"there is no proposal {number}", advice="/proposals lists them all")
        return proposal

    def _may_vote(self, proposal: Proposal, index: int) -> None:
        self._in_state(proposal, ProposalState.VOTING)
        if self.reading.snapshot.members[index].since > proposal.epoch:
            raise NotInElectorate(
                "the key came after the proposal", advice="it votes on those that come later", proposal=proposal.number
            )
        if index in proposal.votes:
            said = proposal.votes[index].name.lower()
            raise AlreadyVoted("the member has voted on the proposal", advice="a vote is final", choice=said)

    def _not_too_many(self, index: int) -> None:
        snapshot = self.reading.snapshot
        voting = [p for p in snapshot.decisions.proposals.values() if p.state(self.now) is ProposalState.VOTING]
        if sum(snapshot.owners[proposal.proposer] == index for proposal in voting) >= MOST_PROPOSALS:
            raise TooManyProposals(
                "the member has as many proposals in Voting as are relayed for one",
                advice="wait until some have ended, or propose directly: fedledger proposal",
                most=MOST_PROPOSALS,
            )

    def _in_state(self, proposal: Proposal, *expected: ProposalState) -> None:
        actual = proposal.state(self.now)
        if actual not in expected:
            raise WrongState(
                f"proposal {proposal.number} is in another state",
                advice=_ADVICE.get(actual, "there is nothing more to do about it"),
                expected=" or ".join(state.value for state in expected),
                actual=actual.value,
            )

    def _in_time(self, deadline: int) -> None:
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

    def _require_possible(self, action: Action) -> None:
        """Raises NotFound for what the action names and is not there, and RelayersAddress."""
        if isinstance(action, AdmitMember) and action.key == self.relayer:
            raise RelayersAddress(
                "the relayer's key shall never have a right", advice="a member makes a key of its own"
            )
        if isinstance(action, RemoveMember | ChangeRoles) and not _active(self.reading, action.index):
            raise NotFound(f"there is no member {action.index}", advice="/members lists them all")
        if isinstance(action, CloseJob | ReleaseModel):
            self.reading.job_state(action.job)
        if isinstance(action, ReleaseModel):
            final = self.reading.round_state(action.job, action.round).final
            if final is None or final.root.hex() != action.root:
                raise NotFound(
                    "the round has not finalised this model", advice=f"/jobs/{action.job}/models lists those there are"
                )
        releases = self.reading.snapshot.decisions.releases
        if isinstance(action, RevokeRelease | RollBack) and bytes.fromhex(action.release) not in releases:
            raise NotFound("there is no such release", advice="/releases lists them all")


_ADVICE = {
    ProposalState.VOTING: "wait until its vote has ended",
    ProposalState.WAITING: "execute it once its delay is over",
    ProposalState.EXECUTABLE: "execute it",
}


def _active(reading: Reading, index: int) -> bool:
    member = reading.snapshot.members.get(index)
    return member is not None and member.active
