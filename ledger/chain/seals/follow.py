"""Following the seals of a chain from its founding block on, header by header; how far is kept in a file, a cache."""

from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from ledger.chain.headers import BlockHeader
from ledger.chain.node import ChainNode
from ledger.chain.proofs.account import FalseProof
from ledger.chain.proofs.header_chain import AT_ONCE, BlockAt, headers
from ledger.chain.proofs.log_proof import Refused, Unknown, in_words
from ledger.chain.rpc import Rpc
from ledger.chain.seals.bft import Bft
from ledger.chain.seals.clique import Clique, lists_signers
from ledger.chain.seals.rule import BadSeal
from ledger.config import Network
from ledger.errors import FedledgerError, Unavailable
from ledger.history.foundation import foundation_of

Kind = Literal["clique", "qbft", "ibft2"]
State = Clique | Bft
AT_MOST = 50_000
"""Headers that one check follows: half a minute. The next one goes on from there."""
FARTHEST = 40_000
"""Blocks before the founding that are searched for a list of Clique's signers: an epoch has 30,000 by default."""
DEPTH = 64
"""What is kept of a chain without finality is kept so many blocks deep."""


class Sealed(NamedTuple):
    """All blocks after the founding, up to `block`, are sealed by the rule; `checked` of them were looked at now.

    `state` has the validators after it; `settled` is the last block that a majority of them has sealed.
    """

    block: int
    checked: int
    state: State

    @property
    def settled(self) -> int:
        return self.block - self.state.depth


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the seals of one ledger's chain were followed, and the validators there."""

    ledger: str
    number: int
    hash: str
    state: State

    @property
    def place(self) -> BlockAt:
        return BlockAt(self.number, bytes.fromhex(self.hash))


class SealedChain:
    """Checks the seals of a network's chain at one node; `cache` is the file that remembers how far it came."""

    def __init__(self, rpc: Rpc, network: Network, cache: Path) -> None:
        self._rpc, self._network, self._cache = rpc, network, cache
        self._ledger = foundation_of(network).record.leaf.hex()

    def check(self, last: BlockAt) -> Sealed | Refused | Unknown:
        """Whether validators sealed the chain's blocks up to `last`, or as many as one check follows.

        Unknown where the node does not show the headers, or the network file pins no validators of this chain.
        """
        try:
            mark = self._known()
            if mark is not None and mark.number >= last.number:
                return self._leads(last, mark)
            return self._follow(mark or self._founding(), last)
        except FalseProof as error:
            return Refused(in_words(error))
        except FedledgerError as error:
            return Unknown(in_words(error))

    def _leads(self, last: BlockAt, mark: Mark) -> Sealed:
        """A block before the one where the last check ended was sealed with it, if that one follows on it."""
        for _ in headers(self._rpc, last, mark.place):
            pass
        return Sealed(last.number, 0, mark.state)

    def _follow(self, mark: Mark, last: BlockAt) -> Sealed | Refused:
        end, state, kept = self._end(mark, last), mark.state, mark
        deep = end.number - (0 if isinstance(state, Bft) else max(DEPTH, state.depth))
        for header in headers(self._rpc, mark.place, end):
            try:
                state = state.after(header)
            except BadSeal as error:
                return Refused(f"{error} (block {header.number})")
            if header.number == deep:
                kept = Mark(self._ledger, header.number, header.hash.hex(), state)
        if kept is not mark:
            self._keep(kept)
        return Sealed(end.number, end.number - mark.number, state)

    def _end(self, mark: Mark, last: BlockAt) -> BlockAt:
        """Where this check ends."""
        number = mark.number + AT_MOST
        if number >= last.number:
            return last
        found = ChainNode(self._rpc).block_hash(number)
        if found is None:
            raise Unavailable("the chain was reorganised while it was read", block=number)
        return BlockAt(number, found)

    def _founding(self) -> Mark:
        """At the founding block, whose hash the network file pins."""
        pinned = self._network.founding
        place = BlockAt(pinned.block, bytes.fromhex(pinned.hash.removeprefix("0x")))
        seals = self._network.chain.seals
        if seals == "none":
            raise Unavailable("the network file does not pin how its chain is sealed")
        state = begin(self._rpc, seals, place)
        if set(state.validators) != set(pinned.validators):
            raise Unavailable("the network file names other validators than its founding block", block=place.number)
        return Mark(self._ledger, place.number, place.hash.hex(), state)

    def _known(self) -> Mark | None:
        """Where the last check ended, if that block is still on the chain."""
        try:
            mark = msgspec.json.decode(self._cache.read_bytes(), type=Mark)
        except (OSError, msgspec.DecodeError):
            return None
        if mark.ledger != self._ledger or mark.state.kind != self._network.chain.seals:
            return None
        found = ChainNode(self._rpc).block_hash(mark.number)
        return mark if found is not None and found.hex() == mark.hash else None

    def _keep(self, mark: Mark) -> None:
        draft = self._cache.with_suffix(".part")
        try:
            draft.write_bytes(msgspec.json.encode(mark))
            draft.replace(self._cache)
        except OSError:
            return  # a cache: the next check begins further back


def begin(rpc: Rpc, kind: Kind, founding: BlockAt) -> State:
    """The validators after the founding block, as headers under its hash say. Raises Unavailable where they do not."""
    try:
        if kind == "clique":
            return _signers(rpc, founding)
        (header,) = headers(rpc, BlockAt(founding.number - 1, b""), founding)
        return Bft.listed(kind, header)
    except BadSeal as error:
        raise Unavailable(f"the chain is not sealed by {kind}: {error}", block=founding.number) from error


def _signers(rpc: Rpc, founding: BlockAt) -> Clique:
    """Clique's: from the last list of signers before it, and the votes since then. All is under the pinned hash."""
    pieces: list[list[BlockHeader]] = []
    last = founding
    while founding.number - last.number < FARTHEST:
        before = BlockAt(max(last.number - AT_ONCE, -1), b"")
        piece = list(headers(rpc, before, last))
        listing = [at for at, header in enumerate(piece) if lists_signers(header)]
        if listing:
            state = Clique.at_epoch(piece[listing[-1]])
            for header in chain(piece[listing[-1] + 1 :], *reversed(pieces)):
                state = state.after(header)
            return state
        if before.number < 0:
            raise BadSeal("no block before it lists the signers")
        pieces.append(piece)
        last = BlockAt(before.number, piece[0].parent)
    raise Unavailable("no list of signers stands near enough before the founding block", block=founding.number)
