"""QBFT and IBFT 2.0: a quorum of the validators seals each block, which is final at once. Pure.

Every header lists the validators whose seals it carries. From one block to the next their votes change at most one of
them: that is taken if one of the sealers was a validator before, and honest.
"""

from typing import Literal

import msgspec

from ledger.chain.bft_extra import SIGNED, read_extra
from ledger.chain.headers import BlockHeader
from ledger.chain.seals.rule import BadSeal, named, sealer


class Bft(msgspec.Struct, frozen=True, tag="bft", forbid_unknown_fields=True):
    """The validators that sealed a block, by address."""

    kind: Literal["qbft", "ibft2"]
    validators: tuple[str, ...]

    depth = 0

    @classmethod
    def listed(cls, kind: Literal["qbft", "ibft2"], header: BlockHeader) -> "Bft":
        """Those that a header lists. Raises BadSeal where it lists none: on some chains a contract keeps them."""
        try:
            validators = named(read_extra(header.extra).validators)
        except ValueError as error:
            raise BadSeal(str(error)) from error
        if not validators:
            raise BadSeal("it lists no validators")
        return cls(kind, validators)

    def after(self, header: BlockHeader) -> "Bft":
        """The validators of the next block. Raises BadSeal where no quorum of them sealed it, or too many changed."""
        present = Bft.listed(self.kind, header)
        extra = read_extra(header.extra)
        digest = header.hash_with(SIGNED[self.kind](extra))
        sealers = [sealer(digest, seal) for seal in extra.seals]
        if len(set(sealers)) != len(sealers):
            raise BadSeal("a validator sealed it twice")
        if foreign := set(sealers) - set(present.validators):
            raise BadSeal(f"it is sealed by {min(foreign)}, which is not a validator")
        if len(sealers) < quorum(len(present.validators)):
            needed = f"of {len(present.validators)} validators {quorum(len(present.validators))} must seal it"
            raise BadSeal(f"{needed}, and {len(sealers)} did")
        self._check_change(present, set(sealers))
        return present

    def _check_change(self, present: "Bft", sealers: set[str]) -> None:
        before = set(self.validators)
        if before == set(present.validators):
            return
        if len(before ^ set(present.validators)) > 1:
            raise BadSeal("more than one validator changed with it")
        if len(before & sealers) <= (len(before) - 1) // 3:
            raise BadSeal("the validators before it did not seal that one changed")


def quorum(validators: int) -> int:
    """How many seals a block needs: two thirds, rounded up. Two quorums share an honest one while under a third lie."""
    return -(-2 * validators // 3)
