"""The leaves of data: what stands for a row, an image or a file where it is drawn, committed to and shown."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Unavailable

ROW_DOMAIN = b"fedledger/row/1"
_PIECE = 1 << 20


def leaves_of_rows(values: NDArray[np.float64], targets: NDArray[np.int64]) -> tuple[bytes, ...]:
    """The digest of each row as it was read: its numbers, then the number of its class (docs/tasks.md, "Leaves")."""
    flat = np.ascontiguousarray(values.reshape(len(values), -1) + 0.0, dtype="<f8")
    prefix = hashlib.sha256(ROW_DOMAIN)
    leaves = []
    for row, target in zip(flat, targets.tolist(), strict=True):
        hasher = prefix.copy()
        hasher.update(row.data)
        hasher.update(target.to_bytes(4, "little"))
        leaves.append(hasher.digest())
    return tuple(leaves)


def leaf_of_file(path: Path) -> bytes:
    """The SHA-256 of a file, the leaf of data whose task names no others. Raises Unavailable."""
    hasher = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                hasher.update(piece)
    except OSError as error:
        raise Unavailable(f"cannot read the data: {error.strerror}", file=str(path)) from error
    return hasher.digest()
