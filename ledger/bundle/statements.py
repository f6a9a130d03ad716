"""Votes and proposals that members signed and others relay, in the calls of a bundle (docs/spec/bundle.md, "Signed
votes")."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.errors import Malformed
from ledger.events.ballots import Choice
from ledger.events.contents import digest_of_proposal, digest_of_vote, proposal_id
from ledger.formats.signatures import recover

COUNTED = 4
"""The last of the kinds whose votes are in a bundle: AdmitMember, RemoveMember, ChangeRoles, ChangeRules."""
_V = 27


class RelayedStatement(NamedTuple):
    """What a call says that a member signed: its key (EIP-55), the digest, and the signature.

    `digest` is None where nobody can have signed it, or it is not asked whether somebody did.
    """

    member: str
    digest: bytes | None
    v: int
    r: int
    s: int

    @property
    def is_signed(self) -> bool:
        """Whether its member signed it, in the one form."""
        try:
            return self.digest is not None and recover(self.digest, self.r, self.s, self.v - _V) == self.member
        except ValueError:
            return False


def signed_in(chain: int, ballots: str, function: str, arguments: tuple[Any, ...]) -> Iterator[RelayedStatement]:
    """What is signed in a call of Ballots, by the contract's address, in the call's order."""
    if function == "proposeBySignature":
        kind, action, (nonce, member, deadline, v, r, s) = arguments
        yield RelayedStatement(member, _proposed(chain, ballots, nonce, member, kind, action, deadline), v, *_two(r, s))
    elif function in ("voteBySignature", "voteBatch"):
        proposal, kind, given = arguments
        for member, choice, deadline, v, r, s in given if function == "voteBatch" else [given]:
            said = {"proposal": proposal, "member": member, "deadline": deadline}
            known = 0 < choice <= len(Choice)
            said["choice"] = Choice(choice).name.title() if known else ""
            digest = digest_of_vote(chain, ballots, kind, said) if known else None
            yield RelayedStatement(member, digest, v, *_two(r, s))


def _proposed(
    chain: int, ballots: str, nonce: int, member: str, kind: int, action: bytes, deadline: int
) -> bytes | None:
    if kind > COUNTED:
        return None
    try:
        return digest_of_proposal(chain, ballots, kind, proposal_id(member, nonce, kind, action), deadline)
    except Malformed:
        return None


def _two(r: bytes, s: bytes) -> tuple[int, int]:
    return int.from_bytes(r), int.from_bytes(s)
