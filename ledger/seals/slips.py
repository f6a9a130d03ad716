"""Slips: an update's content key, sealed to each of its readers (docs/spec/seals.md, "Slips").

Every byte follows from the content key and what the slips are for. So a reader that opened its own slip holds those of
all others to what they must be, and who signed one that opens for nobody is named by any reader that has the key.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from ledger.formats.digest import sha256
from ledger.formats.signatures import LENGTH, signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.masks.keys import check_point, point_of
from ledger.masks.secret import SIZE, Secret
from ledger.seals.hpke import OVERHEAD, SUITE, encrypt
from ledger.seals.keys import NAME, ContentKey, UpdateName, unpack_name

MAGIC = b"fedledger/slip/1"
MOST = 1024
"""Readers of one file of slips, at most."""
START = 138
"""Bytes of a file of slips before its entries, the last two of which count them."""
_PACKET = SIZE + OVERHEAD
_ENTRY = SIZE + _PACKET
LONGEST = START + MOST * _ENTRY + LENGTH
"""Bytes of a file of slips, at most."""
SLIPS_TYPES: Types = {
    "Slips": [
        {"name": "job", "type": "uint32"},
        {"name": "round", "type": "uint32"},
        {"name": "party", "type": "address"},
        {"name": "cid", "type": "bytes32"},
        {"name": "slips", "type": "bytes32"},
    ]
}


@dataclass(frozen=True, slots=True)
class Slips:
    """What a file of slips says: `cid` is the digest of the sealed file's CID, `packets` are by the reader's point."""

    name: UpdateName
    cid: bytes
    commitment: bytes
    packets: Mapping[bytes, bytes] = field(repr=False)

    def encode(self) -> bytes:
        """The file, without its signature."""
        entries = b"".join(point + packet for point, packet in sorted(self.packets.items()))
        return MAGIC + _said(self.name, self.cid, self.commitment) + len(self.packets).to_bytes(2, "big") + entries

    def to_sign(self) -> TypedData:
        """What its author signs, under RoundLedger's domain."""
        chain, ledger, _, _ = self.name.round
        return domain(chain, ledger), SLIPS_TYPES, self._message()

    def author(self, signature: bytes) -> str:
        """The address whose key signed it. Raises Malformed for a signature that is not in its one form."""
        chain, ledger, _, _ = self.name.round
        return signer(typed_digest(chain, ledger, SLIPS_TYPES, self._message()), signature)

    def _message(self) -> dict[str, object]:
        _, _, job, number = self.name.round
        said = {"job": job, "round": number, "party": self.name.party}
        return said | {"cid": self.cid, "slips": sha256(self.encode())}

    def check_for(self, name: UpdateName, cid: bytes, commitment: bytes) -> None:
        """Raises Malformed where it is for another update, file or key."""
        fields = (("update", name, self.name), ("file", cid, self.cid), ("key", commitment, self.commitment))
        for what, expected, actual in fields:
            if expected != actual:
                raise Malformed(f"the slips are for another {what}", expected=expected, actual=actual)

    def open(self, read_key: Secret) -> ContentKey:
        """The content key, by a reader's key. One packet is opened, however many there are.

        Raises Unavailable where there is none for the reader; Refuted where it does not open, or holds another key:
        its author's doing.
        """
        point = point_of(read_key)
        if point not in self.packets:
            advice = "ask a member for one: fedledger seal grant"
            raise Unavailable("there is no slip for this read key", advice=advice, reader=point)
        try:
            private = X25519PrivateKey.from_private_bytes(read_key.reveal())
            data = SUITE.decrypt(self.packets[point], private, _info(self.name, self.cid, self.commitment))
            key = ContentKey(self.name, Secret(data))
        except (InvalidTag, ValueError, Malformed) as error:
            raise Refuted("a slip does not open", reader=point, party=self.name.party) from error
        if key.commitment != self.commitment:
            problem = "a slip holds another key than its file's"
            raise Refuted(problem, reader=point, expected=self.commitment, actual=key.commitment)
        return key

    def check(self, key: ContentKey) -> None:
        """Holds all packets to what this content key makes, for a reader that has it.

        Raises Refuted, naming the readers whose packets are others: its author's doing. Raises Malformed for a key that
        is not the file's.
        """
        self.check_for(key.name, self.cid, key.commitment)
        made = make_slips(key, self.cid, self.packets).packets
        wrong = [point.hex() for point, packet in sorted(self.packets.items()) if packet != made[point]]
        if wrong:
            raise Refuted("slips are not what their key makes", readers=", ".join(wrong), party=self.name.party)


def make_slips(key: ContentKey, cid: bytes, readers: Iterable[bytes]) -> Slips:
    """The slips for these readers, by their points, of the update that was sealed with `key` under this CID's digest.

    Raises Malformed for a point that is not in its one form, or of low order.
    """
    info = _info(key.name, cid, key.commitment)
    packets = {}
    for point in sorted(set(readers)):
        check_point(point, "a read key")
        packets[point] = encrypt(key.secret.reveal(), point, info, Secret(key.derived(b"slip", cid + point)))
    if len(packets) > MOST:
        raise Malformed("too many readers for one file of slips", maximum=MOST, actual=len(packets))
    return Slips(key.name, cid, key.commitment, packets)


def read_slips(
    data: bytes, authors: Container[str] | None = None, *, points_checked: bool = False
) -> tuple[Slips, str]:
    """Slips, and the address of who signed them. Raises Malformed for anything but a file of slips in its one form,
    UsageError where they are by none of `authors`.

    1. Its length is that of so many readers, at most `MOST`.
    2. It begins with the format.
    3. Readers' points ascend.
    4. A signature in its one form stands at the end.
    5. Each point is in its one form: 0.1 ms each, which is spent on nobody but `authors`, and not where it was before.
    """
    if not START + LENGTH <= len(data) <= LONGEST or len(data) != size_of(data):
        raise Malformed("a file of slips has another length", actual=len(data))
    if data[:16] != MAGIC:
        raise Malformed("this is not a file of slips", expected=MAGIC.decode(), actual=bytes(data[:16]))
    name, body = unpack_name(data[16 : 16 + NAME]), data[START:-LENGTH]
    entries = [body[at : at + _ENTRY] for at in range(0, len(body), _ENTRY)]
    points = [entry[:SIZE] for entry in entries]
    if points != sorted(set(points)):
        raise Malformed("the readers of slips do not ascend")
    slips = Slips(name, data[72:104], data[104:136], {entry[:SIZE]: entry[SIZE:] for entry in entries})
    author = slips.author(data[-LENGTH:])
    if authors is not None and author not in authors:
        raise UsageError("only members of the round make slips", author=author)
    for point in () if points_checked else points:
        check_point(point, "a read key")
    return slips, author


def size_of(data: bytes) -> int:
    """Bytes of a file of slips that begins so."""
    return START + int.from_bytes(data[START - 2 : START], "big") * _ENTRY + LENGTH


def _said(name: UpdateName, cid: bytes, commitment: bytes) -> bytes:
    return name.packed + cid + commitment


def _info(name: UpdateName, cid: bytes, commitment: bytes) -> bytes:
    return b"fedledger slip/1" + _said(name, cid, commitment)
