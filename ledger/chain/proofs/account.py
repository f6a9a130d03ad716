"""What `eth_getProof` answers, held against the root of a block's state: an account's code and words of its storage.

Nothing is taken that is not proved. Pure.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.chain import rlp
from ledger.chain.proofs.slots import WORD
from ledger.chain.proofs.trie import DEEPEST, EMPTY, LARGEST, value_at
from ledger.chain.quantities import quantity
from ledger.errors import Unavailable
from ledger.formats.digest import keccak

NO_CODE = keccak(b"")


class FalseProof(Unavailable):
    """What a node shows as a proof is not one, or contradicts itself."""


class Account(NamedTuple):
    """An account's code, by its Keccak-256, and the words of its storage that were asked for, by number."""

    code_hash: bytes
    words: dict[int, bytes]


def proved_account(answer: Any, root: bytes, address: str, slots: Sequence[int]) -> Account:
    """What a node's answer proves of an account, under the state's `root`. Raises FalseProof."""
    try:
        key = keccak(bytes.fromhex(address.removeprefix("0x")))
        storage, code_hash = _fields(value_at(root, key, _nodes(answer["accountProof"])))
        if (storage, code_hash) != (EMPTY, NO_CODE) and _bytes(answer["codeHash"]) != code_hash:
            raise ValueError("the account shown has another code than the one proved")
        shown = answer["storageProof"]
        if len(shown) != len(slots):
            raise ValueError(f"{len(slots)} words were asked for, and {len(shown)} are shown")
        words = {slot: _word(one, storage, slot) for slot, one in zip(slots, shown, strict=True)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FalseProof(f"the node's proof is false: {_why(error)}", address=address) from error
    return Account(code_hash, words)


def _fields(encoded: bytes) -> tuple[bytes, bytes]:
    """Root of the storage and hash of the code; those of nothing where there is no account."""
    if not encoded:
        return EMPTY, NO_CODE
    match rlp.decode(encoded):
        case [bytes(), bytes(), bytes(storage), bytes(code_hash)] if len(storage) == len(code_hash) == WORD:
            return storage, code_hash
    raise ValueError("what is proved is not an account")


def _word(shown: dict[str, Any], root: bytes, slot: int) -> bytes:
    if quantity(shown["key"]) != slot:
        raise ValueError("another word is shown than was asked for")
    encoded = value_at(root, keccak(slot.to_bytes(WORD)), _nodes(shown["proof"]))
    value = rlp.decode(encoded) if encoded else b""
    if not isinstance(value, bytes) or len(value) > WORD or value.startswith(b"\0"):
        raise ValueError("what is proved is not a word")
    if quantity(shown["value"]) != int.from_bytes(value):
        raise ValueError("the word shown is not the one proved")
    return value.rjust(WORD, b"\0")


def _nodes(shown: list[str]) -> list[bytes]:
    if len(shown) > DEEPEST or any(len(node) > 2 * LARGEST + 2 for node in shown):
        raise ValueError("it is larger than any can be")
    return [_bytes(node) for node in shown]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _why(error: Exception) -> str:
    """In words: only what is raised here says something to people."""
    return str(error) if type(error) is ValueError else "it does not have the form of one"
