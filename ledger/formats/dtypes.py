"""Types of a model's tensors, as safetensors names them (docs/spec/artifact.md, "Types").

On the ledger every value is an int32. What a tensor's type cannot hold stands for the nearest value that it can: the
same one for everyone, and the next update starts from it.
"""

from typing import Literal

Dtype = Literal["BOOL", "I16", "I32", "I64", "I8", "U16", "U32", "U64", "U8"]
"""The types of integers."""
FLOAT = "F32"
"""What every other tensor is in a released file."""
NUMPY = {
    "BOOL": "?",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    FLOAT: "<f4",
}
"""Each type's name in numpy, little endian."""
LOWEST, HIGHEST = -(1 << 31), (1 << 31) - 1


def bounds(dtype: str) -> tuple[int, int]:
    """The least and the largest of the ledger's integers that a type of integers holds."""
    if dtype == "BOOL":
        return 0, 1
    bits = int(dtype[1:])
    if dtype.startswith("U"):
        return 0, min(HIGHEST, (1 << bits) - 1)
    return max(LOWEST, -(1 << bits - 1)), min(HIGHEST, (1 << bits - 1) - 1)
