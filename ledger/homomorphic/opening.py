"""Encrypting what a member brings, and opening a sum with the secret key.

BFV is not secure against chosen ciphertexts: a made-up contribution could bring the key itself into the sum. So its
custodian decrypts each contribution, too, and shows a sum only where each is one of integers within their bounds.
"""

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from ledger.errors import Refuted, Unavailable, UsageError
from ledger.formats.typed import TypedData
from ledger.homomorphic.bfv import Scheme
from ledger.homomorphic.contributions import CiphertextSum, Contributed, ContributionReading, Summing, contribution_head
from ledger.homomorphic.keys import SumKey
from ledger.homomorphic.parameters import DEGREE, ROOM
from ledger.homomorphic.plan import SumPlan
from ledger.homomorphic.residues import Residues, packed
from ledger.rounds.rules.arithmetic import Sums


def contribution(
    plan: SumPlan, party: str, weight: int, values: Sums, public: Residues, sign: Callable[[TypedData], bytes]
) -> Iterator[bytes]:
    """A contribution's file in pieces: `values` times `weight`, encrypted, signed by `sign` with the key of `party`.

    Raises UsageError for values or a weight that the plan does not allow, or without TenSEAL.
    """
    plan.index_of(party)
    if len(values) != plan.values:
        raise UsageError("the sum is over another number of values", expected=plan.values, actual=len(values))
    if not 1 <= weight <= plan.max_weight:
        advice = "give another --weight, or agree on a plan with a larger max_weight"
        raise UsageError(
            "the weight is out of bounds", advice=advice, minimum=1, maximum=plan.max_weight, actual=weight
        )
    beyond = (values > plan.max_value) | (values < -plan.max_value)
    if beyond.any():
        at = int(np.argmax(beyond))
        bounds = {"maximum": plan.max_value, "actual": int(values[at])}
        advice = "correct that line, or agree on a plan with a larger max_value"
        raise UsageError("a value is out of bounds", advice=advice, line=at + 1, **bounds)
    scheme = Scheme()
    encryptor, digest = scheme.encryptor(public), hashlib.sha256()
    yield contribution_head(plan, party, weight)
    for start in range(0, plan.values, DEGREE):
        block = packed(scheme.encrypt(encryptor, values[start : start + DEGREE] * weight))
        digest.update(block)
        yield block
    yield sign(Contributed(plan, party, weight, digest.digest()).to_sign())


def open_sum(key: SumKey, summing: Summing) -> tuple[CiphertextSum, Sums]:
    """What contributions add up to, encrypted and opened. Needs TenSEAL.

    1. The key is the plan's.
    2. Each ciphertext has room for the noise of all others.
    3. Each holds multiples of its member's weight, with quotients within the plan's bound; where no value is, zero.
    4. The decrypted sum is the sum of what was decrypted.

    Raises UsageError (1), Malformed as `Summing`, and Refuted with the member (2, 3), once it is known that the member
    signed what it brought: that is the custodian's word, which nobody checks without the key.
    """
    plan = summing.plan
    if key.public.hex() != plan.key:
        raise UsageError("this secret key is another sum's", expected=plan.key, actual=key.public.hex())
    scheme, refused = Scheme(), list[Refuted]()
    decryptor, opened = scheme.decryptor(key.secret), np.zeros(plan.values, np.int64)
    for number, (each, total) in enumerate(summing.blocks()):
        if refused:
            continue
        start, stop = number * DEGREE, min((number + 1) * DEGREE, plan.values)
        added = np.zeros(DEGREE, np.int64)
        for reading, residues in zip(summing.readings, each, strict=True):
            values, room = scheme.decrypt(decryptor, residues)
            refused += _refused(plan, reading, values, room, start, stop)
            added += values
        values, _ = scheme.decrypt(decryptor, total)
        if not refused and not np.array_equal(values, added):
            raise Unavailable(
                "the sum decrypts to another value than its parts: this TenSEAL cannot be used", block=number
            )
        opened[start:stop] = values[: stop - start]
    added_up = summing.done()
    for error in refused:
        raise error
    return added_up, opened


def _refused(
    plan: SumPlan, reading: ContributionReading, values: Sums, room: int, start: int, stop: int
) -> Iterator[Refuted]:
    """Why a member's ciphertext is none that an honest member makes; nothing where it is one."""
    advice = (
        f"make another key (fedledger he key) and a plan without {reading.party}: that this contribution was refused "
        "can tell its member a little of this key"
    )
    if room < ROOM:
        problem = "a contribution has too much noise, or is none under this key"
        yield Refuted(problem, advice=advice, party=reading.party, minimum=ROOM, actual=room)
        return
    bound = np.zeros(DEGREE, np.int64)
    bound[: stop - start] = reading.weight * plan.max_value
    wrong = (values > bound) | (values < -bound) | (values % reading.weight != 0)
    if wrong.any():
        yield Refuted(
            "a contribution holds a value that the plan does not allow",
            advice=advice,
            party=reading.party,
            value=start + int(np.argmax(wrong)),
            maximum=plan.max_value,
            weight=reading.weight,
        )
