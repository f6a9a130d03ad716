"""Round keys, and the seed that two members share in one round (docs/spec/masks.md, "Keys").

X25519 (RFC 7748), then HKDF-SHA256 (RFC 5869) bound to chain, ledger, job, round and both members. A point is 32 bytes
in its one form: below 2^255 - 19, and not of low order, with which every member would agree on nothing but zeros.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ledger.errors import Malformed
from ledger.formats.claims import RoundName
from ledger.masks.secret import SIZE, Secret
from ledger.masks.sharing import PRIME

PAIR = b"fedledger mask/1"
_PROBE = Secret(bytes(range(SIZE)))
"""Any key: with a point of low order, it agrees on zeros as every key does."""


def point_of(key: Secret) -> bytes:
    """The public point of a private key: 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(key.reveal()).public_key().public_bytes_raw()


def agreeing(key: Secret) -> Callable[[bytes], bytes]:
    """What a private key and each of many points agree on: 32 bytes. Raises ValueError for a point of low order.

    The key is loaded once, which works out its own point: as much work as agreeing. The library is loaded by who agrees
    on something: a round in the open has no use for its 7 MB.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    private = X25519PrivateKey.from_private_bytes(key.reveal())
    return lambda point: private.exchange(X25519PublicKey.from_public_bytes(point))


def agreed(key: Secret, point: bytes) -> bytes:
    """What a private key and one point agree on, as `agreeing`."""
    return agreeing(key)(point)


def derived(secret: bytes, info: bytes) -> bytes:
    """32 bytes for one use of a secret, which `info` says: HKDF-SHA256 (RFC 5869), without salt."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), SIZE, salt=None, info=info).derive(secret)


def check_point(point: bytes, what: str) -> None:
    """Raises Malformed, naming it as `what`, for a point in a second form or of low order."""
    if len(point) != SIZE or int.from_bytes(point, "little") >= PRIME:
        raise Malformed(f"{what} is not a point in its one form", actual=point)
    try:
        agreed(_PROBE, point)
    except ValueError as error:
        raise Malformed(f"{what} is a point of low order", actual=point) from error


def pair_seed(round_: RoundName, one: int, key: Secret, other: int, point: bytes) -> Secret:
    """The seed that member `one`, whose round key is `key`, shares with member `other`, whose point is `point`.

    Both come to the same. Raises Malformed for a point of low order.
    """
    return _pair_seed(round_, one, agreeing(key), other, point)


def _pair_seed(round_: RoundName, one: int, agree: Callable[[bytes], bytes], other: int, point: bytes) -> Secret:
    try:
        shared = agree(point)
    except ValueError as error:
        raise Malformed(f"the round key of member {other} is a point of low order", actual=point) from error
    info = PAIR + round_.words + bytes([min(one, other), max(one, other)])
    return Secret(derived(shared, info))


@dataclass(frozen=True, slots=True)
class Cast:
    """Whose masks a round is made with: the point of each member's round key, by member index."""

    round: RoundName
    points: Mapping[int, bytes] = field(repr=False)

    def signed_seeds(self, member: int, key: Secret) -> tuple[list[Secret], list[Secret]]:
        """The pair seeds of a member with all others: those it adds (higher indices), and those it takes away."""
        seeds = self.pairs(member, key, (other for other in sorted(self.points) if other != member))
        higher = [seed for other, seed in seeds.items() if other > member]
        return higher, [seed for other, seed in seeds.items() if other < member]

    def pairs(self, member: int, key: Secret, others: Iterable[int]) -> dict[int, Secret]:
        """The seeds of a member with others, by its round key. Raises Malformed as `pair_seed`."""
        agree = agreeing(key)
        return {other: _pair_seed(self.round, member, agree, other, self.points[other]) for other in others}

    def pair(self, member: int, key: Secret, other: int) -> Secret:
        """The seed of two members, by the round key of the first. Raises Malformed as `pair_seed`."""
        return self.pairs(member, key, [other])[other]

    def fits(self, member: int, key: Secret) -> bool:
        """Whether this is the round key of a member."""
        return point_of(key) == self.points[member]
