"""Shares of a secret: any `threshold` of them make it again, fewer say nothing (docs/spec/masks.md, "Shares").

A. Shamir, How to Share a Secret, CACM 1979, over the integers mod 2^255 - 19, exactly. A share's point is its holder's
member index plus 1.
"""

from collections.abc import Callable, Iterable, Mapping
from secrets import token_bytes

from ledger.errors import Malformed
from ledger.masks.secret import SIZE, Secret

PRIME = 2**255 - 19
_COEFFICIENT = 40
"""Random bytes for a coefficient: mod the prime they are uniform to within 2^-65."""

Draw = Callable[[int], bytes]
"""Returns so many random bytes."""


def draw_secret(draw: Draw = token_bytes) -> Secret:
    """A secret that can be shared: below the prime, read little-endian."""
    while True:
        data = draw(SIZE)
        data = data[:-1] + bytes([data[-1] & 0x7F])
        if int.from_bytes(data, "little") < PRIME:
            return Secret(data)


def deal(secret: Secret, threshold: int, holders: Iterable[int], draw: Draw = token_bytes) -> dict[int, Secret]:
    """A share for each holder, by member index. Raises Malformed for a secret that is not below the prime."""
    constant = _number(secret, "secret")
    rest = [int.from_bytes(draw(_COEFFICIENT), "little") % PRIME for _ in range(threshold - 1)]
    return {holder: _secret(_value([constant, *rest], holder + 1)) for holder in holders}


def rebuild(shares: Mapping[int, Secret]) -> Secret:
    """The secret of just as many shares as are needed, by their holders' member indices.

    Fewer, or one that is false, make another secret: what is rebuilt is always held to what its dealer listed. Raises
    Malformed for a share that is not below the prime, or where there are none.
    """
    if not shares:
        raise Malformed("no share is left to rebuild a secret from")
    points = {holder + 1: _number(share, "share") for holder, share in shares.items()}
    total = 0
    for point, value in points.items():
        above = below = 1
        for other in points:
            if other != point:
                above, below = above * other % PRIME, below * (other - point) % PRIME
        total += value * above * pow(below, -1, PRIME)
    return _secret(total % PRIME)


def in_field(share: Secret) -> bool:
    """Whether a share, or a secret, is a number below the prime."""
    return int.from_bytes(share.reveal(), "little") < PRIME


def _value(coefficients: list[int], point: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % PRIME
    return value


def _number(secret: Secret, what: str) -> int:
    number = int.from_bytes(secret.reveal(), "little")
    if number >= PRIME:
        raise Malformed(f"a {what} is not below 2^255 - 19")
    return number


def _secret(number: int) -> Secret:
    return Secret(number.to_bytes(SIZE, "little"))
