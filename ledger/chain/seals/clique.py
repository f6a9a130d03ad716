"""Clique (EIP-225): one signer seals each block, in turns; signers vote others in and out in the headers. Pure.

Nobody signs a block finally: one is as good as the blocks on top of it. No signer may seal twice within half the set,
so a block with `depth` blocks on top has a majority's seals, its own included.
"""

from typing import NamedTuple

import msgspec

from ledger.chain.headers import BlockHeader
from ledger.chain.seals.rule import ADDRESS, BadSeal, by_number, named, sealer
from ledger.formats.digest import checksum_address
from ledger.formats.signatures import LENGTH as SEAL

VANITY = 32
_AUTHORISE, _DROP = b"\xff" * 8, bytes(8)
_IN_TURN, _OUT_OF_TURN = 2, 1


class _Extra(NamedTuple):
    listed: bytes
    unsealed: bytes
    seal: bytes


class Clique(msgspec.Struct, frozen=True, tag="clique", forbid_unknown_fields=True):
    """The signers after a block, by address and in its order; who sealed last, the latest at the end.

    `votes` that are open, each by its signer and whom it is about: in, where that is not a signer, else out.
    """

    validators: tuple[str, ...]
    recent: tuple[str, ...] = ()
    votes: tuple[tuple[str, str], ...] = ()

    kind = "clique"

    @classmethod
    def at_epoch(cls, header: BlockHeader) -> "Clique":
        """As a header lists the signers: the genesis block's, or the one that closes an epoch. Raises BadSeal."""
        return cls(named(_split(header).listed))

    @property
    def depth(self) -> int:
        """How many blocks lie on top of one that a majority has sealed."""
        return len(self.validators) // 2

    def after(self, header: BlockHeader) -> "Clique":
        """The signers after the next block. Raises BadSeal where its header is not sealed by the rule."""
        extra = _split(header)
        signer = sealer(header.hash_with(extra.unsealed), extra.seal)
        if signer not in self.validators:
            raise BadSeal(f"it is sealed by {signer}, which is not a signer")
        if signer in self.recent[max(len(self.recent) - self.depth, 0) :]:
            raise BadSeal(f"it is sealed by {signer}, which sealed one of the {self.depth} blocks before")
        in_turn = self.validators[header.number % len(self.validators)] == signer
        if int.from_bytes(header.field("difficulty")) != (_IN_TURN if in_turn else _OUT_OF_TURN):
            raise BadSeal("its difficulty does not say whose turn it was")
        recent = (*self.recent, signer)[-len(self.validators) :]
        if extra.listed:
            if named(extra.listed) != self.validators:
                raise BadSeal("it lists other signers than the votes led to")
            return Clique(self.validators, recent)
        return self._voted(header, signer, recent)

    def _voted(self, header: BlockHeader, signer: str, recent: tuple[str, ...]) -> "Clique":
        """With the vote in the header: a later one on the same signer takes the place of the earlier."""
        subject, way = checksum_address(header.field("miner")), header.field("nonce")
        if way not in (_AUTHORISE, _DROP):
            raise BadSeal("its vote is neither for nor against a signer")
        votes = tuple(vote for vote in self.votes if vote != (signer, subject))
        if (way == _AUTHORISE) == (subject in self.validators):
            return Clique(self.validators, recent, votes)
        votes = (*votes, (signer, subject))
        if sum(about == subject for _, about in votes) <= len(self.validators) // 2:
            return Clique(self.validators, recent, votes)
        left = tuple(vote for vote in votes if vote[1] != subject)
        if way == _AUTHORISE:
            return Clique(tuple(sorted((*self.validators, subject), key=by_number)), recent, left)
        stay = tuple(one for one in self.validators if one != subject)
        return Clique(stay, recent, tuple(vote for vote in left if vote[0] != subject))


def lists_signers(header: BlockHeader) -> bool:
    """Whether it is a header that lists all signers, and with which an epoch begins."""
    try:
        return bool(_split(header).listed)
    except BadSeal:
        return False


def _split(header: BlockHeader) -> _Extra:
    extra = header.extra
    listed = extra[VANITY:-SEAL]
    if len(extra) < VANITY + SEAL or len(listed) % ADDRESS:
        raise BadSeal("its extra data have no place for a seal")
    return _Extra(listed, extra[:-SEAL], extra[-SEAL:])
