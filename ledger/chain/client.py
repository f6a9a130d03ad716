"""A chain, as one consortium sees it: checked first, then read.

Reads go straight over `Rpc`; what is signed is encoded elsewhere (`ledger.chain.calldata`), which an audit never loads.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from ledger.chain.build import SOLIDITY_NAMES, ContractName
from ledger.chain.logs import LogReader, Logs
from ledger.chain.node import AT_ONCE, SURELY_AT_ONCE, Block, ChainNode, data
from ledger.chain.reverts import PHASES, rejected
from ledger.chain.rpc import Rpc, RpcError, is_too_often
from ledger.chain.simulation import is_revert
from ledger.chain.views import decode_view, encode_view
from ledger.config import Contract, Network
from ledger.errors import FedledgerError, Refuted, Rejected, Unavailable, UsageError
from ledger.events.budgets import Spending
from ledger.events.masks import Masking
from ledger.formats.digest import keccak
from ledger.history.state import Phase
from ledger.http.outgoing import outgoing_of


@dataclass(frozen=True, slots=True)
class Membership:
    """What the consortium knows of an active key: member index, roles as bits, first epoch it speaks in.

    The member's roles are those of epoch `roles_since` on.
    """

    index: int
    roles: int
    since: int
    roles_since: int


@dataclass(frozen=True, slots=True)
class RoundView:
    """The current round of a job, as the contract stored it last; IRoundLedger.Round says what the fields are."""

    round: int
    since: int
    epoch: int
    deadline: int
    phase: Phase
    members: int
    participants: int
    aggregators: int
    committed: int
    opened: int
    attempt: int
    agreeing: int
    against: int
    aggregator: int
    opened_in: int
    target: int


@dataclass(frozen=True, slots=True)
class CourseView:
    """A job's way so far: who opened the current round, and how many were finalised, and the number of the last one.

    `ended_at` is when the last round ended, in seconds since 1970: aggregators with strikes wait from then on.
    """

    opener: str
    opener_index: int
    finalised: int
    latest: int
    ended_at: int


class Client(ChainNode):
    """A checked connection to a network's chain. `connect` is the way to get one."""

    def __init__(self, network: Network, rpc: Rpc) -> None:
        super().__init__(rpc)
        self.network = network
        self.addresses: Mapping[ContractName, str] = {
            name: getattr(network.contracts, name).address for name in SOLIDITY_NAMES
        }
        self._logs = LogReader(rpc, self.addresses)
        self._hashes = True  # whether its headers are known to hash to their hashes
        self._together = AT_ONCE  # headers that one request asks for: fewer once it said that these were too many

    @classmethod
    def connect(cls, network: Network, timeout: float = 10.0) -> Self:
        """Connect and check, before anything else, that this is the pinned chain with the pinned code.

        1. The node must answer, else Unavailable.
        2. Its chain id must be the network's, else UsageError.
        3. The founding block must be on its chain, else Unavailable (a node that is still syncing proves nothing), with
           the pinned hash, else UsageError: another chain with the same id, or a fork.
        4. Code must stand at every address, else Unavailable.
        5. The code's Keccak-256 must be the pinned one, else Refuted.
        """
        client = cls(network, Rpc(network.chain.rpc, timeout, outgoing=outgoing_of(network)))
        try:
            client._check()
        except FedledgerError:
            client.close()
            raise
        return client

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self.rpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        chain = self.network.chain
        actual = self.rpc.chain_id()
        if actual != chain.id:
            raise UsageError(
                "the node serves another chain than the network file names",
                advice="correct chain.rpc in the network file",
                url=self.rpc.url,
                expected=chain.id,
                actual=actual,
            )
        check_founding(self.network, self.block_hash(self.network.founding.block))
        for name, solidity_name in SOLIDITY_NAMES.items():
            contract: Contract = getattr(self.network.contracts, name)
            check_code(solidity_name, contract.address, self.code(contract.address), contract.code_hash)

    def read(self, first: int, last: int) -> Iterator[Logs]:
        """The events of blocks `first` to `last`, both included, in pieces that the node serves."""
        return self._logs.read(first, last)

    def read_blocks(self, blocks: Sequence[tuple[int, bytes]]) -> Logs | None:
        """The events of successive blocks, by number and hash; None where the node does not show them so."""
        return self._logs.read_blocks(blocks)

    def read_between(self, tip: tuple[int, bytes], head: Block) -> Logs | None:
        """The events of the blocks after `tip`, by number and hash, up to `head`, which was shown here: headers and
        logs by one request. None where they do not lead from one to the other, where it cannot be told that these are
        all, and where the node does not take it.

        Raises Unavailable where it was asked too often, Malformed for impossible logs.
        """
        numbers = range(tip[0] + 1, head.number)
        if not self._hashes or len(numbers) > self._together:
            return None
        wanted = [("eth_getBlockByNumber", hex(number), False) for number in numbers]
        try:
            *shown, logs = self.rpc.batch([*wanted, self._logs.call(numbers.start, head.number)])
        except Unavailable as error:
            if is_too_often(error):
                if len(numbers) <= SURELY_AT_ONCE:
                    raise
                self._together = SURELY_AT_ONCE  # in pieces, so many are fewer calls
            return None
        blocks = [one for one in (*map(self.shown, shown), head) if one is not None]
        headers = [header for one in blocks if (header := self.header(one.hash)) is not None]
        self._hashes = all(one.proved for one in blocks)
        parents = [tip[1], *(header.hash for header in headers)]
        leads = all(header.parent == parent for header, parent in zip(headers, parents, strict=False))
        numbered = [header.number for header in headers] == [*numbers, head.number]
        return self._logs.of_headers(logs, headers) if leads and numbered and not isinstance(logs, RpcError) else None

    def view(self, contract: ContractName, function: str, *arguments: Any) -> list[Any]:
        """Call a view of static arguments and results: its results, structs as lists.

        Raises Rejected with the contract's own error, UsageError for arguments that do not fit, Unavailable where the
        node cannot tell.
        """
        call = {"to": self.addresses[contract], "data": encode_view(contract, function, arguments)}
        try:
            answer = self.rpc.call("eth_call", call, self.tag)
        except RpcError as error:
            if is_revert(error):
                raise rejected(error.data) from error
            raise
        return decode_view(contract, function, data(answer, "a result"))

    def as_of(self, block: int) -> Self:
        """The same connection, with views and code as they were after that block, as far as the node still knows."""
        pinned = copy(self)
        pinned.tag = hex(block)
        return pinned

    def code_hash(self, contract: ContractName) -> bytes:
        """The Keccak-256 of the code of a contract."""
        return keccak(self.code(self.addresses[contract]))

    def jobs(self) -> int:
        """How many jobs were proposed."""
        return int(self.view("ledger", "jobs")[0])

    def round(self, job: int) -> RoundView | None:
        """The current round of a job; None before the first."""
        round_, since, epoch, deadline, phase, *counts = self.view("ledger", "roundOf", job)[0]
        if phase == 0:
            return None
        return RoundView(round_, since, epoch, deadline, Phase(PHASES[phase]), *counts)

    def course(self, job: int) -> CourseView:
        """A job's way so far; all zero before its first round."""
        return CourseView(*self.view("ledger", "courseOf", job)[0])

    def strikes(self, job: int, index: int) -> int:
        """How many strikes a member has in a job."""
        return int(self.view("ledger", "strikesOf", job, index)[0])

    def commitment(self, job: int, key: str) -> tuple[bytes, int]:
        """What a key committed to last in a job (28 bytes), and in which round; zero where it never did."""
        commitment, round_ = self.view("ledger", "commitmentBy", job, key)
        return commitment, round_

    def model(self, job: int, round_: int) -> bytes:
        """The tensor root of the model that a round finalised; 32 zero bytes if none."""
        return bytes(self.view("ledger", "modelOf", job, round_)[0])

    def claim_after(self, job: int, round_: int) -> bytes:
        """The claim (an aggregate in one word) finalised next after that of a round, or of 0: first. Zero if none."""
        return bytes(self.view("ledger", "claimAfter", job, round_)[0])

    def conviction(self, job: int) -> tuple[int, int]:
        """The first convicted round of a job as it stands, and the one before it; both 0 where there is none."""
        convicted, sound = self.view("ledger", "convictionOf", job)
        return convicted, sound

    def voids(self, job: int) -> tuple[tuple[int, int, int], ...]:
        """The runs of a job's rounds that are void: first, last, and the one before, on which it went on."""
        return tuple((first, last, before) for first, last, before in self.view("ledger", "voidOf", job)[0])

    def scores_root(self, job: int, round_: int) -> bytes:
        """What the board keeps of a round's settled scores; 32 zero bytes where there are none."""
        return bytes(self.view("scores", "rootOf", job, round_)[0])

    def masking(self, job: int) -> Masking | None:
        """The terms of a masked job, as the board keeps them; None for a job without masks."""
        terms = Masking(*self.view("masks", "termsOf", job)[0])
        return terms if terms.segment else None

    def cast(self, job: int, segment: int) -> int:
        """The cast of a segment, as a bitmap; zero until it is fixed."""
        return int(self.view("masks", "castOf", job, segment)[0])

    def spending(self, job: int) -> Spending | None:
        """What rounds of a job cost, as the board keeps it; None where they cost nothing."""
        terms = Spending(*self.view("budgets", "termsOf", job)[0])
        return terms if terms.cost else None

    def spent(self, scope: bytes, index: int) -> int:
        """What a member has spent in a scope."""
        return int(self.view("budgets", "spentOf", scope, index)[0])

    def statement(self, job: int, index: int) -> bytes:
        """The digest of the CID of the statement by which a member withdrew its data; 32 zero bytes if it did not."""
        return bytes(self.view("budgets", "statementOf", job, index)[0])

    def membership(self, key: str) -> Membership | None:
        """The membership of an active key; None for any other."""
        try:
            return Membership(*self.view("consortium", "membership", key)[0])
        except Rejected as error:
            if error.facts.get("error") == "Consortium_NotMember":
                return None
            raise


def check_founding(network: Network, found: bytes | None) -> None:
    """Check the hash that a node shows for the founding block. Raises Unavailable or UsageError."""
    block, expected = network.founding.block, network.founding.hash
    if found is None:
        raise Unavailable(
            "the node's chain does not reach the founding block",
            advice="wait for the node to sync; a restarted local chain needs a new deployment",
            block=block,
        )
    if "0x" + found.hex() != expected:
        raise UsageError(
            "the node's chain has another founding block than the network file names: another chain, or a fork",
            advice="correct chain.rpc in the network file, or ask the consortium which file is right",
            block=block,
            expected=expected,
            actual="0x" + found.hex(),
        )


def check_code(name: str, address: str, code: bytes, expected: str) -> None:
    """Check the code of one contract; `expected` is its Keccak-256 in hexadecimal. Raises Unavailable or Refuted."""
    if not code:
        raise Unavailable(
            f"there is no {name} on this chain",
            advice="wait for the node to sync; a restarted local chain needs a new deployment",
            address=address,
        )
    actual = "0x" + keccak(code).hex()
    if actual != expected:
        raise Refuted(
            f"the code of {name} is not the one that the network file pins",
            advice="ask the consortium which network file is right, and sign nothing until you know",
            address=address,
            expected=expected,
            actual=actual,
        )
