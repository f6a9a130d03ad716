"""The set-up file: what a member commits to for the rounds of a segment (docs/spec/masks.md, "Set-up file").

For each round the point of its round key and a digest of its self seed, the digests of all shares of both, and one
sealed packet for each member. What the file says was said by its dealer, whose transaction names its digest: where it
breaks its form, where a share is not as listed, and where shares as listed rebuild something else, the dealer is to
blame.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from secrets import token_bytes

from ledger.errors import Malformed
from ledger.formats.claims import RoundName
from ledger.formats.digest import parse_address, sha256
from ledger.masks.blame import Fault, Guilty
from ledger.masks.keys import check_point, point_of
from ledger.masks.packets import OVERHEAD, seal
from ledger.masks.secret import SIZE, Secret
from ledger.masks.segment import Segment
from ledger.masks.sharing import Draw, deal, draw_secret

MAGIC = b"fedledger/mask/1"
HEAD = 120


class SecretKind(Enum):
    """The two secrets of a member in a round, as they stand in what is hashed of them and their shares."""

    KEY = 0
    SEED = 1


@dataclass(frozen=True, slots=True)
class RoundSecrets:
    """A member's secrets of one round. Never are both of them shown."""

    key: Secret
    seed: Secret


@dataclass(frozen=True, slots=True)
class RoundSetup:
    """What a set-up file says of one round; `shares` has the digest of each member's share, of either kind."""

    point: bytes
    seed: bytes
    shares: Mapping[SecretKind, Mapping[int, bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetupFile:
    """A member's set-up file, read; `packets` by holder."""

    segment: Segment = field(repr=False)
    member: int
    rounds: tuple[RoundSetup, ...] = field(repr=False)
    packets: Mapping[int, bytes] = field(repr=False)

    def of(self, round_: int) -> RoundSetup:
        """What it says of a round of the job. Raises Malformed for one of another segment."""
        return self.rounds[self.segment.place(round_)]

    def encode(self) -> bytes:
        """The file's bytes."""
        body = b"".join(_round_bytes(one, self.segment) for one in self.rounds)
        return head_of(self.segment, self.member) + body + b"".join(self.packets[m] for m in self.segment.members)

    @property
    def digest(self) -> bytes:
        """What its dealer puts on the ledger: the SHA-256 of the file."""
        return sha256(self.encode())


def head_of(segment: Segment, member: int) -> bytes:
    """The first 120 bytes of a member's set-up file."""
    ledger = bytes.fromhex(parse_address(segment.ledger, "ledger")[2:])
    place = segment.chain.to_bytes(8, "big") + ledger + segment.job.to_bytes(4, "big")
    size = segment.rounds.to_bytes(2, "big") + bytes([member, segment.threshold])
    return MAGIC + place + segment.number.to_bytes(4, "big") + size + segment.roster + segment.keys_digest


def size_of(segment: Segment) -> int:
    """Bytes of every set-up file of a segment."""
    members = len(segment.members)
    shares = 2 * SIZE * segment.rounds * members
    return HEAD + 2 * SIZE * segment.rounds + shares + shares + OVERHEAD * members


def digest_of(kind: SecretKind, round_: RoundName, dealer: int, holder: int, secret: Secret) -> bytes:
    """What a set-up file says of a share."""
    return _digest(kind.value, round_, dealer, holder, secret)


def seed_digest(round_: RoundName, dealer: int, seed: Secret) -> bytes:
    """What a set-up file says of a self seed."""
    return _digest(2, round_, dealer, dealer, seed)


def _digest(kind: int, round_: RoundName, dealer: int, holder: int, secret: Secret) -> bytes:
    return sha256(MAGIC + round_.words + bytes([kind, dealer, holder]) + secret.reveal())


def draw_rounds(segment: Segment, draw: Draw = token_bytes) -> tuple[RoundSecrets, ...]:
    """A member's secrets for the rounds of a segment. No two rounds, of whatever segment, may have one in common."""
    return tuple(RoundSecrets(draw_secret(draw), draw_secret(draw)) for _ in range(segment.rounds))


def deal_setup(segment: Segment, member: int, secrets: Iterable[RoundSecrets], draw: Draw = token_bytes) -> SetupFile:
    """A member's set-up file for these secrets, with fresh shares, sealed."""
    head = head_of(segment, member)
    rounds: list[RoundSetup] = []
    packed: dict[int, list[Secret]] = {holder: [] for holder in segment.members}
    for place, one in enumerate(secrets):
        name = segment.name(place)
        listed: dict[SecretKind, dict[int, bytes]] = {}
        for kind, secret in ((SecretKind.KEY, one.key), (SecretKind.SEED, one.seed)):
            shares = deal(secret, segment.threshold, segment.members, draw)
            listed[kind] = {holder: digest_of(kind, name, member, holder, share) for holder, share in shares.items()}
            for holder, share in shares.items():
                packed[holder].append(share)
        rounds.append(RoundSetup(point_of(one.key), seed_digest(name, member, one.seed), listed))
    packets = {holder: seal(shares, segment.keys[holder], head, holder) for holder, shares in packed.items()}
    return SetupFile(segment, member, tuple(rounds), packets)


def read_setup(data: bytes, segment: Segment, member: int) -> SetupFile:
    """A member's set-up file, whose digest is the one on the ledger.

    Raises Guilty, naming the member: the file is of another member or segment, shorter or longer, or has a round key
    that is not a point in its one form, of low order, or there twice.
    """
    try:
        return _read(data, segment, member)
    except Malformed as error:
        raise Guilty(member, Fault.SETUP, f"its set-up file is refused: {error.message}", **error.facts) from error


def _read(data: bytes, segment: Segment, member: int) -> SetupFile:
    if member not in segment.keys:
        raise Malformed("its author is not a member of the segment")
    if data[:HEAD] != head_of(segment, member):
        raise Malformed(_other_head(data, head_of(segment, member)))
    if len(data) != size_of(segment):
        raise Malformed("its length is another", expected=size_of(segment), actual=len(data))
    cut, members = _cutter(data, HEAD), segment.members
    rounds: list[RoundSetup] = []
    for place in range(segment.rounds):
        point, seed = cut(SIZE), cut(SIZE)
        check_point(point, f"the key of round {segment.first + place}")
        if any(point == earlier.point for earlier in rounds):
            raise Malformed(f"the key of round {segment.first + place} is that of an earlier round")
        rounds.append(RoundSetup(point, seed, {kind: {holder: cut(SIZE) for holder in members} for kind in SecretKind}))
    packet = 2 * SIZE * segment.rounds + OVERHEAD
    return SetupFile(segment, member, tuple(rounds), {holder: cut(packet) for holder in members})


_FIELDS = (
    ("format", 16),
    ("chain", 8),
    ("ledger", 20),
    ("job", 4),
    ("segment", 4),
    ("number of rounds", 2),
    ("member", 1),
    ("threshold", 1),
    ("roster", 32),
    ("digest of the mask keys", 32),
)


def _other_head(data: bytes, head: bytes) -> str:
    at = 0
    for name, size in _FIELDS:
        if data[at : at + size] != head[at : at + size]:
            return f"its {name} is another"
        at += size
    raise AssertionError("a head that differs differs in a field")


def _cutter(data: bytes, at: int) -> Callable[[int], bytes]:
    def cut(size: int) -> bytes:
        nonlocal at
        at += size
        return data[at - size : at]

    return cut


def _round_bytes(one: RoundSetup, segment: Segment) -> bytes:
    listed = (one.shares[kind][holder] for kind in SecretKind for holder in segment.members)
    return one.point + one.seed + b"".join(listed)
