"""What the contracts keep, as of one block: proved where the node can, else on its word. `Client` reads the latter."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from ledger.chain.build import ContractName
from ledger.chain.client import Client
from ledger.chain.headers import state_root
from ledger.chain.proofs.account import Account, FalseProof, proved_account
from ledger.chain.proofs.slots import WORD, Slot, elements, slot
from ledger.errors import Unavailable
from ledger.formats.digest import NOTHING
from ledger.history.state import ScoringPhase

AT_ONCE = 1024
"""Words that one request asks for: the most that geth answers."""
_SETTLED = list(ScoringPhase).index(ScoringPhase.SETTLED)

T = TypeVar("T")


class Keeper(Protocol):
    """Reads what an audit compares with the log: `Client` says what each is."""

    def code_hash(self, contract: ContractName) -> bytes: ...
    def model(self, job: int, round_: int) -> bytes: ...
    def claim_after(self, job: int, round_: int) -> bytes: ...
    def conviction(self, job: int) -> tuple[int, int]: ...
    def voids(self, job: int) -> tuple[tuple[int, int, int], ...]: ...
    def scores_root(self, job: int, round_: int) -> bytes: ...
    def commitment(self, job: int, key: str) -> tuple[bytes, int]: ...
    def strikes(self, job: int, index: int) -> int: ...
    def cast(self, job: int, segment: int) -> int: ...


def proved(client: Client, block: int, hash_: bytes, read: Callable[[Keeper], T]) -> T | None:
    """What `read` makes of the contracts' storage after a block, each word proved against the block's hash.

    None where the node offers no proofs for that block, or where its header does not hash to its hash. Raises
    FalseProof for proofs that are not.
    """
    try:
        root = state_root(client.rpc.call("eth_getBlockByNumber", hex(block), False), hash_)
        if root is None:
            return None
        known: dict[ContractName, Account] = {}
        while True:
            storage = _Proved(known)
            result = read(storage)
            if not storage.missing:
                return result
            for contract, slots in storage.missing.items():
                before = known[contract].words if contract in known else {}
                more = _asked(client, contract, block, root, sorted(slots))
                known[contract] = Account(more.code_hash, before | more.words)
    except FalseProof:
        raise
    except Unavailable:
        return None


def _asked(client: Client, contract: ContractName, block: int, root: bytes, slots: list[int]) -> Account:
    address = client.addresses[contract]
    words: dict[int, bytes] = {}
    for some in [slots[at : at + AT_ONCE] for at in range(0, len(slots), AT_ONCE)] or [[]]:
        keys = ["0x" + one.to_bytes(WORD).hex() for one in some]
        found = proved_account(client.rpc.call("eth_getProof", address, keys, hex(block)), root, address, some)
        words |= found.words
    return Account(found.code_hash, words)


class _Proved:
    """Reads proved words as the contracts' views do. What was not asked for yet is noted as missing, and reads zero."""

    def __init__(self, known: Mapping[ContractName, Account]) -> None:
        self._known = known
        self.missing: dict[ContractName, set[int]] = {}

    def code_hash(self, contract: ContractName) -> bytes:
        if contract not in self._known:
            self.missing.setdefault(contract, set())
            return NOTHING
        return self._known[contract].code_hash

    def model(self, job: int, round_: int) -> bytes:
        return self._read("ledger", "_jobs", job, "models", round_)

    def claim_after(self, job: int, round_: int) -> bytes:
        return self._read("ledger", "_jobs", job, "claims", round_)

    def conviction(self, job: int) -> tuple[int, int]:
        found = (self._read("ledger", "_jobs", job, "conviction", part) for part in ("round", "sound"))
        round_, sound = map(int.from_bytes, found)
        return round_, sound

    def voids(self, job: int) -> tuple[tuple[int, int, int], ...]:
        place = slot("ledger", "_jobs", job, "voids")
        runs = []
        for part in elements(place, int.from_bytes(self._word("ledger", place))):
            word = self._word("ledger", part)
            runs.append((int.from_bytes(word[29:]), int.from_bytes(word[26:29]), int.from_bytes(word[23:26])))
        return tuple(runs)

    def commitment(self, job: int, key: str) -> tuple[bytes, int]:
        party = ("_jobs", job, "parties", key)
        return self._read("ledger", *party, "commitment"), int.from_bytes(self._read("ledger", *party, "round"))

    def strikes(self, job: int, index: int) -> int:
        return int.from_bytes(self._read("ledger", "_jobs", job, "strikes", index))

    def cast(self, job: int, segment: int) -> int:
        return int.from_bytes(self._read("masks", "_jobs", job, "casts", segment))

    def scores_root(self, job: int, round_: int) -> bytes:
        latest = int.from_bytes(self._read("scores", "_jobs", job, "scoring", "round"))
        ended = int.from_bytes(self._read("scores", "_jobs", job, "scoring", "ended"))
        word = self._read("scores", "_jobs", job, "words", round_)
        return word if latest != round_ or ended == _SETTLED else NOTHING

    def _read(self, contract: ContractName, *path: str | int) -> bytes:
        return self._word(contract, slot(contract, *path))

    def _word(self, contract: ContractName, place: Slot) -> bytes:
        words = self._known[contract].words if contract in self._known else {}
        if place.number not in words:
            self.missing.setdefault(contract, set()).add(place.number)
        return place.of(words.get(place.number, NOTHING))
