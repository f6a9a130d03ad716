"""The one set of parameters of encrypted sums (docs/spec/encrypted-sums.md, "Parameters").

BFV (Brakerski 2012, Fan and Vercauteren 2012) over polynomials of degree 8,192, of which each coefficient of a
ciphertext is kept as its residues modulo two primes. The sum of two ciphertexts is that of their residues, so adding
them up takes no cryptography. With 144 bits of moduli the key has more than the 128 bits of security for which the
Homomorphic Encryption Standard (2018) allows 218.
"""

DEGREE = 8192
"""Values in a block: one ciphertext."""
MODULI = (281474976317441, 281474976546817)
"""Of a ciphertext's residues."""
SPECIAL = 281474976694273
"""Beside these, in keys alone."""
PLAIN = 1125899906826241
"""Sums are computed modulo this prime of 50 bits, so a sum is below its half in magnitude."""
RESIDUE = 6
"""Bytes of a residue in a file, little-endian."""
POLYNOMIALS = 2
"""Of a ciphertext, and of the public key."""
BLOCK = POLYNOMIALS * len(MODULI) * DEGREE * RESIDUE
"""Bytes of a block in a file."""
ROOM = 16
"""Bits of room for noise that each ciphertext must have to be added up: 255 of them use 8, and a fresh one has 38."""
MOST_MEMBERS = 255


def blocks_of(values: int) -> int:
    """How many blocks hold so many values."""
    return -(-values // DEGREE)


def largest_sum(members: int, max_weight: int, max_value: int) -> int:
    """The largest magnitude of a sum over so many members."""
    return members * max_weight * max_value
