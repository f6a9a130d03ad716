"""Chains of sealed headers, made from the specifications of Clique, QBFT and IBFT 2.0 with other libraries than ours.

`rlp` and `coincurve` encode and sign; nothing of `ledger.chain` is used. A test breaks a header before it is sealed
(`fields`), or its seals (`sealers`).
"""

from collections.abc import Sequence
from typing import Any

import rlp
from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
EMPTY = keccak(rlp.encode(b""))
FIELDS = {
    "parentHash": bytes(32),
    "sha3Uncles": keccak(rlp.encode([])),
    "miner": bytes(20),
    "stateRoot": b"\x11" * 32,
    "transactionsRoot": EMPTY,
    "receiptsRoot": EMPTY,
    "logsBloom": bytes(256),
    "difficulty": 1,
    "number": 0,
    "gasLimit": 30_000_000,
    "gasUsed": 0,
    "timestamp": 1_800_000_000,
    "extraData": b"",
    "mixHash": bytes(32),
    "nonce": bytes(8),
    "baseFeePerGas": 0,
}
Header = dict[str, Any]


class Validator:
    """A key, its address as bytes and as text."""

    def __init__(self, number: int) -> None:
        self.secret = (number + 1).to_bytes(32, "big")
        self._key = PrivateKey(self.secret)
        self.raw = keccak(self._key.public_key.format(compressed=False)[1:])[-20:]
        self.address = str(to_checksum_address(self.raw))

    def sign(self, digest: bytes) -> bytes:
        return bytes(self._key.sign_recoverable(digest, hasher=None))


def validators(count: int) -> list[Validator]:
    """So many, in the order of their addresses."""
    return sorted((Validator(number) for number in range(count)), key=lambda one: one.raw)


def digest(header: Header) -> bytes:
    """The hash of a header as it stands."""
    return bytes(keccak(rlp.encode(list(header.values()))))


def shown(header: Header, hash_: bytes) -> dict[str, str]:
    """As a node shows it."""
    as_text = {name: hex(one) if isinstance(one, int) else "0x" + one.hex() for name, one in header.items()}
    return as_text | {"hash": "0x" + hash_.hex()}


class Blocks:
    """Blocks of a chain as a node shows them, from number 0, and the node's way to be asked for them."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.asked = 0

    def add(self, header: Header, hash_: bytes) -> None:
        self.shown.append(shown(header, hash_))

    @property
    def tip(self) -> tuple[int, bytes]:
        return len(self.shown) - 1, bytes.fromhex(self.shown[-1]["hash"][2:])

    def place(self, number: int) -> tuple[int, bytes]:
        return number, bytes.fromhex(self.shown[number]["hash"][2:])

    def next(self, **fields: Any) -> Header:
        """The header of the next block, not sealed yet."""
        parent = self.tip[1] if self.shown else bytes(32)
        return FIELDS | {"parentHash": parent, "number": len(self.shown)} | fields

    def call(self, method: str, tag: str, whole: bool) -> Any:
        assert (method, whole) == ("eth_getBlockByNumber", False)
        return self.shown[int(tag, 16)] if int(tag, 16) < len(self.shown) else None

    def batch_of(self, method: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        self.asked += len(calls)
        return [self.call(method, *one) for one in calls]


class CliqueBlocks(Blocks):
    """A chain of Clique; `signers` are kept in order by the test, which also says who votes for what."""

    def __init__(self, signers: Sequence[Validator]) -> None:
        super().__init__()
        header = self.next(extraData=bytes(32) + b"".join(one.raw for one in signers) + bytes(65))
        self.add(header, digest(header))
        self.signers = list(signers)

    def seal(self, signer: Validator | None = None, listed: Sequence[Validator] = (), **fields: Any) -> None:
        """The next block, by the signer in turn where none is named; a field of these overrides the rule's."""
        number = len(self.shown)
        turn = self.signers[number % len(self.signers)]
        signer = signer or turn
        vanity = bytes(32) + b"".join(one.raw for one in listed)
        header = self.next(difficulty=2 if signer is turn else 1, extraData=vanity) | fields
        seal = signer.sign(digest(header))
        sealed = header | {"extraData": header["extraData"] + seal}
        self.add(sealed, digest(sealed))


class BftBlocks(Blocks):
    """A chain of QBFT or IBFT 2.0."""

    def __init__(self, kind: str, validators: Sequence[Validator]) -> None:
        super().__init__()
        self.kind, self.validators = kind, list(validators)
        header = self.next(extraData=self.whole(validators, 0, []))
        self.add(header, digest(header | {"extraData": self.bare(validators)}))

    def whole(self, validators: Sequence[Validator], round_: int, seals: Sequence[bytes], vote: Any = None) -> bytes:
        """All five parts: IBFT 2.0 writes no vote as an empty string and the round as 4 bytes, QBFT as list, number."""
        listed = [one.raw for one in validators]
        if self.kind == "ibft2":
            return bytes(rlp.encode([bytes(32), listed, vote or b"", round_.to_bytes(4, "big"), list(seals)]))
        return bytes(rlp.encode([bytes(32), listed, vote or [], round_, list(seals)]))

    def bare(self, validators: Sequence[Validator], round_: int | None = None, vote: Any = None) -> bytes:
        """Without seals: as the block's hash covers it, or as validators sign it, where a round is given."""
        listed = [one.raw for one in validators]
        if self.kind == "qbft":
            return self.whole(validators, round_ or 0, [], vote)
        rounds = [] if round_ is None else [round_.to_bytes(4, "big")]
        return bytes(rlp.encode([bytes(32), listed, vote or b"", *rounds]))

    def seal(
        self,
        sealers: Sequence[Validator] | None = None,
        listed: Sequence[Validator] | None = None,
        round_: int = 0,
        vote: Any = None,
        **fields: Any,
    ) -> None:
        """The next block, sealed by all validators where none are named."""
        listed = self.validators if listed is None else list(listed)
        header = self.next(miner=listed[0].raw if listed else bytes(20)) | fields
        signed = digest(header | {"extraData": self.bare(listed, round_, vote)})
        seals = [one.sign(signed) for one in (listed if sealers is None else sealers)]
        sealed = header | {"extraData": self.whole(listed, round_, seals, vote)}
        self.add(sealed, digest(header | {"extraData": self.bare(listed, None, vote)}))
        self.validators = list(listed)
