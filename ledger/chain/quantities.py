"""Numbers and bytes as nodes write them (Ethereum JSON-RPC, "quantities" and "data"). Numbers are bounded: Python
refuses to print one of 4,301 digits, and no word of the EVM has more than 256 bits.
"""

import re

_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}", re.ASCII)


def quantity(text: object) -> int:
    """The number. Raises ValueError where it is not written as one, or has more than 256 bits."""
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
        raise ValueError(f"not a quantity: {str(text)[:80]!r}")
    return int(text, 16)


def data(text: str, size: int | None = None) -> bytes:
    """The bytes, `size` many where that is given. Raises ValueError where they are not in hexadecimal, or of another
    number; TypeError or AttributeError for what is not a string.
    """
    found = bytes.fromhex(text[2:])  # it would pass over white space, so lengths are compared
    if not text.startswith("0x") or len(text) != 2 + 2 * len(found) or (size is not None and len(found) != size):
        raise ValueError("bytes are not in hexadecimal, or of another number")
    return found
