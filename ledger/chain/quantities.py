"""Numbers as nodes write them (Ethereum JSON-RPC, "quantities"), bounded: Python refuses to print one of 4,301 digits,
and no word of the EVM has more than 256 bits.
"""

import re

_QUANTITY = re.compile("0x[0-9a-fA-F]{1,64}", re.ASCII)


def quantity(text: object) -> int:
    """The number. Raises ValueError where it is not written as one, or has more than 256 bits."""
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text):
        raise ValueError(f"not a quantity: {str(text)[:80]!r}")
    return int(text, 16)
