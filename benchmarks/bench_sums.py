"""What encrypted sums cost beside masks: bytes and CPU time a value, on the same values in the same run.

Needs TenSEAL (the extra `fedledger[he]`).
"""

from collections.abc import Callable
from time import process_time

import measure
import numpy as np
from bench_privacy import Group

from ledger.homomorphic.bfv import Scheme
from ledger.homomorphic.parameters import BLOCK, DEGREE, MODULI, POLYNOMIALS
from ledger.homomorphic.residues import add, packed, unpacked
from ledger.masks.sums import masked, unmasked

MEMBERS, BLOCKS, TURNS = 10, 16, 3
VALUES = BLOCKS * DEGREE


def each(work: Callable[[], object]) -> float:
    """The median CPU time of a value, in ns."""
    times = []
    for _ in range(TURNS):
        began = process_time()
        work()
        times.append(process_time() - began)
    return measure.median(times) / VALUES * 1e9


def run() -> list[measure.Row]:
    scheme, group = Scheme(), Group(MEMBERS, VALUES)
    secret, public = scheme.make_key()
    encryptor, decryptor = scheme.encryptor(public), scheme.decryptor(secret)
    values = group.updates[0].astype(np.int64)
    parts = [values[start : start + DEGREE] for start in range(0, VALUES, DEGREE)]
    files = [packed(scheme.encrypt(encryptor, part)) for part in parts]
    total = np.zeros((POLYNOMIALS, len(MODULI), DEGREE), np.uint64)
    blocks = [unpacked(file, POLYNOMIALS, MODULI, "a block") for file in files]
    encrypt = each(lambda: [packed(scheme.encrypt(encryptor, part)) for part in parts])
    sum_up = each(lambda: [add(total, unpacked(file, POLYNOMIALS, MODULI, "a block"), MODULI) for file in files])
    decrypt = each(lambda: [scheme.decrypt(decryptor, block) for block in blocks])
    masks, away = group.masks(4), group.unmasks()
    hidden = masked(group.updates[0], 1, masks, 0)
    mask = each(lambda: masked(group.updates[0], 1, masks, 0))
    unmask = each(lambda: unmasked(hidden.copy(), away, 0))
    beside = f"masks among {MEMBERS}"
    return [
        measure.row("encrypt a value", "", encrypt, "ns", None, f"{mask:.1f} ns under {beside}"),
        measure.row("check and add a value of one member", "", sum_up, "ns", None, "without a library of encryption"),
        measure.row(
            "decrypt a value of one member, or of the sum",
            "",
            decrypt,
            "ns",
            None,
            f"{unmask:.1f} ns to take {beside} off the sum, all together",
        ),
        measure.row(
            "bytes of a value", "≤ 24", BLOCK / DEGREE, "B", BLOCK / DEGREE <= 24, "8 under masks, 4 in an open update"
        ),
    ]
