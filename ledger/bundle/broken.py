"""A bundle that is not one: the first fault that its reader meets, and where."""

from ledger.errors import Malformed


class BrokenBundle(Malformed):
    """The bundle's own fault, nobody else's: `code` is one of BUNDLE (docs/spec/bundle.md, "MALFORMED").
    `bundle` is the digest that the file's header names, where that is known.
    """

    bundle = b""

    def __init__(self, code: str, value: int = 0) -> None:
        super().__init__("this is not a bundle, or it was changed on the way", code=code, at=value)
        self.code, self.value = code, value
