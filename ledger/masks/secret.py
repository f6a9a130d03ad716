"""Bytes that must not be seen: a type that no message, log or trace shows."""

from hmac import compare_digest
from typing import NoReturn

from ledger.errors import Malformed

SIZE = 32


class Secret:
    """32 bytes that only `reveal` shows: a seed, a key or a share. Raises Malformed for another length."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        if len(data) != SIZE:
            raise Malformed("a secret has 32 bytes", actual=len(data))
        self._data = bytes(data)

    def reveal(self) -> bytes:
        """The bytes, for arithmetic, or for the ledger once the rules of docs/spec/masks.md ask for them."""
        return self._data

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._data, other._data)

    def __hash__(self) -> int:
        return hash(self._data)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied into files or other processes")
