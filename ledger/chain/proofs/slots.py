"""Where a contract's storage has a variable, by the compiler's own account of it (`ledger/chain/abi/`)."""

from collections.abc import Iterator
from typing import NamedTuple

from ledger.chain.build import ContractName, Variable, committed
from ledger.chain.codec import encode_word
from ledger.errors import Malformed, UsageError
from ledger.formats.digest import keccak

WORD = 32
MOST_ELEMENTS = 1 << 16


class Slot(NamedTuple):
    """A part of one word of storage: the word's `number`, and `size` bytes of it from `offset`, counted from its lower
    end.
    """

    number: int
    offset: int
    size: int

    def of(self, word: bytes) -> bytes:
        """The variable's bytes in the word."""
        end = WORD - self.offset
        return word[end - self.size : end]


def slot(contract: ContractName, *path: str | int) -> Slot:
    """Where a variable is: its name, then keys of mappings and names of members, as `"_jobs", 1, "models", 7`.

    Raises UsageError where the contract has no such variable, or not in one word.
    """
    build = committed(contract)
    at, variable = 0, Variable(0, 0, 0, members=build.storage)
    for step in path:
        if variable.key is not None and variable.value is not None:
            at, variable = _behind(at, variable.key, step), variable.value
        elif variable.members is not None and step in variable.members:
            variable = variable.members[str(step)]
            at += variable.slot
        else:
            raise UsageError("the contract keeps no such variable", contract=contract, path=path)
    if variable.key is not None or variable.members is not None or variable.bytes > WORD:
        raise UsageError("the variable is not one word of storage", contract=contract, path=path)
    return Slot(at, variable.offset, variable.bytes)


def elements(array: Slot, length: int) -> Iterator[Slot]:
    """Where the elements of a dynamic array are that take one word each; `array` is where its length is. Raises
    Malformed for a length that no array of ours reaches."""
    if length > MOST_ELEMENTS:
        raise Malformed("an array in the contract's storage is too long", actual=length, maximum=MOST_ELEMENTS)
    first = int.from_bytes(keccak(array.number.to_bytes(WORD)))
    return (Slot((first + place) % (1 << 256), 0, WORD) for place in range(length))


def _behind(at: int, kind: str, key: str | int) -> int:
    """Where a mapping at word `at` has the value of a key."""
    try:
        return int.from_bytes(keccak(encode_word(kind, key) + at.to_bytes(WORD)))
    except ValueError as error:
        raise UsageError(f"the contract keeps nothing under this key: {error}", key=key) from error
