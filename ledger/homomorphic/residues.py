"""Residues of ciphertexts and keys: in memory uint64, in files 6 bytes each. Everything from outside is checked here,
so that no foreign byte comes to the library that encrypts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.artifact import Buffer
from ledger.homomorphic.parameters import DEGREE, RESIDUE

Residues = NDArray[np.uint64]
"""Of each polynomial, modulo each prime, all coefficients: three dimensions."""


def packed(residues: Residues) -> bytes:
    """Residues as a file has them: 6 bytes each, little-endian, polynomial by polynomial, prime by prime."""
    return residues.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)[:, :RESIDUE].tobytes()


def unpacked(data: Buffer, polynomials: int, moduli: Sequence[int], what: str) -> Residues:
    """Residues out of a file, each below its prime. Raises Malformed for another length, or a residue that is not."""
    expected = polynomials * len(moduli) * DEGREE * RESIDUE
    if len(data) != expected:
        raise Malformed(f"{what} has another length", expected=expected, actual=len(data))
    wide = np.zeros((len(data) // RESIDUE, 8), np.uint8)
    wide[:, :RESIDUE] = np.frombuffer(data, np.uint8).reshape(-1, RESIDUE)
    residues: Residues = wide.view("<u8").reshape(polynomials, len(moduli), DEGREE)
    primes = _primes(moduli)
    if (residues >= primes).any():
        polynomial, prime, place = (int(one) for one in np.argwhere(residues >= primes)[0])
        raise Malformed(
            f"{what} has a residue that is not below its modulus",
            polynomial=polynomial,
            coefficient=place,
            modulus=moduli[prime],
            actual=int(residues[polynomial, prime, place]),
        )
    return residues


def add(total: Residues, more: Residues, moduli: Sequence[int]) -> None:
    """Add residues to a total in place. The order of additions does not matter: one sum has one form."""
    primes = _primes(moduli)
    np.add(total, more, out=total)
    np.subtract(total, primes, out=total, where=total >= primes)


def _primes(moduli: Sequence[int]) -> NDArray[Any]:
    return np.array(moduli, np.uint64).reshape(1, -1, 1)
