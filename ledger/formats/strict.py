"""Documents that are read strictly."""

import re

import msgspec

_NO_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a reader never passes over what it does not understand."""


def nested_deeper(text: bytes, maximum: int) -> bool:
    """Whether JSON is nested deeper than that.

    Python's recursion limit must not decide that: libraries change it, so that two auditors would come to different
    verdicts, or overflow their stack.
    """
    depth = 0
    for sign in _NO_BRACKETS.sub(b"", text):
        depth += 1 if sign in b"[{" else -1
        if depth > maximum:
            return True
    return False
