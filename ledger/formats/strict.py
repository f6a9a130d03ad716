"""Documents that are read strictly."""

import msgspec


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a reader never skips what it does not understand."""
