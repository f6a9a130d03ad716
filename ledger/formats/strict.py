"""Documents that are read strictly, and those that are files by themselves."""

from functools import cached_property

import msgspec

from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import encode, sha256


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a reader never skips what it does not understand."""


class Addressed(Strict, frozen=True, dict=True):
    """A document in a file of one block: its SHA-256 is its name, and its address."""

    def encode(self) -> bytes:
        """The document."""
        return encode(self)

    @cached_property
    def digest(self) -> bytes:
        """What others name it by, the ledger too."""
        return sha256(self.encode())

    @property
    def cid(self) -> Cid:
        """Where it is."""
        return Cid(RAW, self.digest)
