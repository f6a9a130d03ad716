"""Encrypted sums of tests: a plan, members that sign, and ciphertexts, with TenSEAL or made up without it."""

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256, shake_256
from typing import Any

import coincurve
import numpy as np
from msgspec.structs import replace

from ledger.formats.digest import checksum_address, keccak
from ledger.formats.typed import TypedData, typed_digest
from ledger.homomorphic.contributions import Contributed, contribution_head
from ledger.homomorphic.keys import SumKey, encode_public
from ledger.homomorphic.parameters import DEGREE, MODULI, POLYNOMIALS, blocks_of
from ledger.homomorphic.plan import FORMAT, SumPlan
from ledger.homomorphic.residues import Residues, packed

LEDGER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PRIVATE = {place: sha256(b"member %d" % place).digest() for place in range(6)}
"""Of four members, the custodian (4), and the second custodian (5)."""


def address(private: bytes) -> str:
    return checksum_address(keccak(coincurve.PrivateKey(private).public_key.format(compressed=False)[1:])[-20:])


MEMBERS = tuple(sorted((address(PRIVATE[place]) for place in range(4)), key=str.lower))
CUSTODIAN, SECOND = address(PRIVATE[4]), address(PRIVATE[5])
KEYS = {address(private): private for private in PRIVATE.values()}
PLAN = SumPlan(
    fedledger=FORMAT,
    name="Admissions in 2025",
    chain=31337,
    ledger=LEDGER,
    members=MEMBERS,
    custodian=CUSTODIAN,
    second=SECOND,
    key="00" * 32,
    values=5,
    smallest=3,
    max_weight=100,
    max_value=1 << 20,
)


def sign(party: str, typed: TypedData) -> bytes:
    """What a party signs."""
    place, types, message = typed
    digest = typed_digest(place["chainId"], place["verifyingContract"], types, message)
    made = coincurve.PrivateKey(KEYS[party]).sign_recoverable(digest, hasher=None)
    return made[:64] + bytes([made[64] + 27])


def made_up(label: str) -> Residues:
    """Residues that are always the same, and nobody's ciphertext."""
    words = np.frombuffer(shake_256(label.encode()).digest(POLYNOMIALS * len(MODULI) * DEGREE * 8), "<u8")
    shaped = words.reshape(POLYNOMIALS, len(MODULI), DEGREE)
    return shaped % np.array(MODULI, np.uint64).reshape(1, -1, 1)


def file_of(plan: SumPlan, party: str, blocks: Sequence[Residues], weight: int = 1, signer: str = "") -> bytes:
    """A contribution of these blocks, signed by its party or another key."""
    body = b"".join(packed(one) for one in blocks)
    said = Contributed(plan, party, weight, sha256(body).digest())
    return contribution_head(plan, party, weight) + body + sign(signer or party, said.to_sign())


def made_up_file(plan: SumPlan, party: str, weight: int = 1, label: str = "") -> bytes:
    """A contribution that nobody can open."""
    blocks = [made_up(f"{label or party} {number}") for number in range(blocks_of(plan.values))]
    return file_of(plan, party, blocks, weight)


def pieces(*files: bytes) -> list[Iterator[bytes]]:
    """Files in pieces of odd lengths."""
    return [_pieces(file) for file in files]


def _pieces(file: bytes) -> Iterator[bytes]:
    return (file[at : at + 99_991] for at in range(0, len(file), 99_991))


@cache
def real() -> tuple[SumPlan, SumKey, Residues, Any]:
    """A plan under a real key, the key, its public residues, and the scheme."""
    from ledger.homomorphic.bfv import Scheme

    scheme = Scheme()
    secret, public = scheme.make_key()
    digest = sha256(encode_public(public)).digest()
    return replace(PLAN, key=digest.hex()), SumKey(secret, digest), public, scheme
