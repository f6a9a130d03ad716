"""A staged consortium whose members decide: proposals, votes by call and by signature, and what becomes of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from support.bundles import CHAIN, RULES, calldata
from support.corpus.scene import Scene
from support.worlds.signing import sign_digest

from ledger.bundle.calls import PROPOSING
from ledger.events.contents import digest_of_proposal, digest_of_vote, proposal_id

CALLS = {kind: call for call, kind in PROPOSING.items()}
WORDS = {1: "For", 2: "Against", 3: "Abstain"}
LATE = 1 << 40
"""A deadline of a signed vote that no test reaches."""
NAME = [b"fourth".ljust(32, b"\0"), bytes(32)]


class Motion(NamedTuple):
    """A proposal: its name, and what `execute` takes."""

    name: bytes
    proposer: str
    nonce: int
    kind: int
    action: bytes

    @property
    def arguments(self) -> tuple[str, int, int, bytes]:
        """What `execute` takes."""
        return self.proposer, self.nonce, self.kind, self.action


class Voting(Scene):
    """A scene whose members vote."""

    def motion(self, kind: int, *arguments: Any, by: int = 0) -> Motion:
        """The next proposal of a member, which is not made yet."""
        action = calldata("ballots", CALLS[kind], *arguments)[4:]
        proposer = self.keys[by]
        nonce = self.replay.ledger.decisions.next_nonce(proposer)
        name = proposal_id(proposer, nonce, kind, action)
        return Motion(name, proposer, nonce, kind, action)

    def move(self, kind: int, *arguments: Any, by: int = 0) -> Motion:
        """A member proposes by a call."""
        motion = self.motion(kind, *arguments, by=by)
        self.send(by, "ballots", CALLS[kind], *arguments)
        return motion

    def put(self, kind: int, *arguments: Any, by: int = 0) -> None:
        """A member proposes what no vote is counted on: what is proposed need not be anything."""
        self.send(by, "ballots", CALLS[kind], *arguments)

    def admission(self, new: str, by: int = 0) -> Motion:
        """A proposal to admit a key, in all roles."""
        return self.move(1, new, 7, NAME, by=by)

    def say(self, motion: Motion, *members: int | str, choice: int = 1) -> None:
        """Members vote by a call."""
        for member in members:
            self.send(member, "ballots", "vote", motion.name, choice)

    def signed_vote(
        self,
        motion: Motion,
        member: int | str,
        choice: int = 1,
        *,
        deadline: int = LATE,
        kind: int | None = None,
        signer: str | None = None,
    ) -> tuple[Any, ...]:
        """A vote that a member signed, or `signer` in its place."""
        key = member if isinstance(member, str) else self.keys[member]
        said = {"proposal": motion.name, "member": key, "choice": WORDS[choice], "deadline": deadline}
        digest = digest_of_vote(CHAIN, self.draft.addresses["ballots"], kind or motion.kind, said)
        return (key, choice, deadline, *_signature(signer or key, digest))

    def signed_motion(self, motion: Motion, *, deadline: int = LATE, signer: str | None = None) -> tuple[Any, ...]:
        """What `proposeBySignature` takes of a proposal that its member signed."""
        ballots = self.draft.addresses["ballots"]
        digest = digest_of_proposal(CHAIN, ballots, motion.kind, motion.name, deadline)
        signature = _signature(signer or motion.proposer, digest)
        return motion.kind, motion.action, (motion.nonce, motion.proposer, deadline, *signature)

    def relay(self, motion: Motion, *votes: tuple[Any, ...], by: int | str = 0, kind: int | None = None) -> None:
        """Somebody sends signed votes, one alone or several together."""
        function = "voteBySignature" if len(votes) == 1 else "voteBatch"
        given = votes[0] if len(votes) == 1 else list(votes)
        self.send(by, "ballots", function, motion.name, kind or motion.kind, given)

    def wait(self, more: int = 0) -> None:
        """Until what passed can be executed, and so many seconds more."""
        self.time += RULES.vote_seconds + RULES.delay_seconds + more

    def carry_out(self, motion: Motion, by: int | str = 0) -> None:
        """Somebody executes a decision."""
        self.send(by, "ballots", "execute", *motion.arguments)

    def decide(self, motion: Motion, *members: int) -> None:
        """These members are for it, and it is carried out when it can be."""
        self.say(motion, *members)
        self.wait()
        self.carry_out(motion)

    def admit(self, new: str, *members: int) -> None:
        """A new member, whom these admit."""
        self.decide(self.admission(new), *members)
        self.keys.append(new)


def words(*numbers: int) -> bytes:
    """Numbers as an action has them."""
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def bent(vote: Sequence[Any], place: int, value: Any) -> tuple[Any, ...]:
    """A signed vote with another field."""
    return (*vote[:place], value, *vote[place + 1 :])


def _signature(signer: str, digest: bytes) -> tuple[int, bytes, bytes]:
    made = sign_digest(signer, digest)
    return made[64], made[:32], made[32:64]
