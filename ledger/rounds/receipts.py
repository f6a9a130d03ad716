"""Receipts: what members signed of the updates that they hold, as one file, and the certificates that follow.

An update is certified where as many members signed for it as always contain an honest one, whenever a majority is.
An aggregate names its receipts file; an update without a certificate in it is UNAVAILABLE, and no other is.

The file has an entry of 103 bytes for each message: member u8, updates 32, block u40, signature 65 (r, s, v),
big-endian. Job and round are those of the aggregate, and the CIDs that were signed those that the ledger opened: a
message about other bytes has another signer. See docs/spec/commitments.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.events.haves import Have, content_of, signer_of
from ledger.formats.cid import Cid, raw
from ledger.formats.signatures import LENGTH, ORDER

ENTRY = 103
MOST = 16
"""Entries of one member, at most: 255 members' fit into one raw block, so that the file's SHA-256 is its CID's."""
LARGEST_INDEX = 254
RECEIPTS_BIT = 255
"""In the bitmap of what a member lacks (Form.MISSING): the receipts file itself."""
MAX_SIZE = (LARGEST_INDEX + 1) * MOST * ENTRY
_CONTENTS, _JUDGED = 512, 8
"""Bitmaps whose content is remembered, and files whose certificates are, at most."""
PATIENCE_PART = 4
"""An aggregator waits for this part of `aggregate_seconds` before it leaves an update out."""


class SignedHave(NamedTuple):
    """A member's message with its signature, as an entry of the file; `updates` is a bitmap by member index."""

    member: int
    updates: int
    block: int
    signature: bytes

    def have(self, roll: "Roll") -> Have | None:
        """What was signed, if it was about the updates that a round opened; None where one of them is not open."""
        content = roll.content(self.updates)
        return None if content is None else Have(roll.job, roll.round, self.updates, content, self.block)

    def encode(self) -> bytes:
        """The entry."""
        return _entry(self)

    @property
    def place(self) -> tuple[int, int, bytes]:
        """What entries are sorted by: the member, then the block, then all other bytes."""
        return self.member, self.block, self.encode()


@dataclass(frozen=True)
class Roll:
    """What a round's receipts are judged by.

    `members` is how many there were when the round opened; `keys` are theirs of that moment, by index; `opened` is the
    digest in the CID of each update that was opened, by its member's index.
    """

    chain: int
    ledger: str
    job: int
    round: int
    members: int
    keys: Mapping[int, str]
    opened: Mapping[int, bytes]

    @property
    def needed(self) -> int:
        """How many signatures make a certificate."""
        return signers_needed(self.members)

    def content(self, updates: int) -> bytes | None:
        """What a message about these updates, a bitmap, is about (`content_of`); None where one of them is not open.

        Worked out once for each bitmap: most members sign for the same updates, and each is asked about in every look.
        """
        known = self._contents
        try:
            return known[updates]
        except KeyError:
            all_open = not updates & ~self._bitmap
        found = content_of({index: self.opened[index] for index in marks(updates)}) if all_open else None
        if len(known) >= _CONTENTS:  # strangers may ask about any, in several threads
            known.clear()
        known[updates] = found
        return found

    @cached_property
    def _bitmap(self) -> int:
        return bitmap_of(self.opened)

    @cached_property
    def _contents(self) -> dict[int, bytes | None]:
        return {}

    def certified(self, receipts: tuple[SignedHave, ...]) -> frozenset[int]:
        """See the function `certified`. Worked out once for the same receipts: a member that waits for bytes judges the
        same file in every look.
        """
        known = self._judged
        try:
            return known[receipts]
        except KeyError:
            found = frozenset(_certified(receipts, self))
        if len(known) >= _JUDGED:
            known.clear()
        known[receipts] = found
        return found

    @cached_property
    def _judged(self) -> dict[tuple[SignedHave, ...], frozenset[int]]:
        return {}


@lru_cache(maxsize=1 << 13)
def _entry(one: SignedHave) -> bytes:
    """A round's messages are sorted, kept and served again with each one that comes."""
    return bytes([one.member]) + one.updates.to_bytes(32, "big") + one.block.to_bytes(5, "big") + one.signature


def signers_needed(members: int) -> int:
    """The least number of members of which one is honest, whenever a majority of all is: n - (n // 2 + 1) + 1."""
    return members - members // 2


def encode(receipts: Iterable[SignedHave]) -> bytes:
    """The file of receipts that `merged` returned."""
    return b"".join(receipt.encode() for receipt in receipts)


def cid_of(data: bytes) -> Cid:
    """The file's CID; an aggregate names its digest."""
    return raw(data)


def parse(data: bytes) -> tuple[SignedHave, ...]:
    """Read a file strictly: what comes back is what `encode` made it of. Says nothing of who signed. Raises Malformed.

    1. Whole entries, at most 4,080. 2. Each in its one form (`parse_entry`). 3. Sorted by member, block and bytes.
    4. Each names an update that no earlier one of its member does; a member has at most 16.
    """
    if len(data) % ENTRY or len(data) > MAX_SIZE:
        raise Malformed("a receipts file is whole entries, not too many", entry=ENTRY, maximum=MAX_SIZE, size=len(data))
    receipts = tuple(parse_entry(data[at : at + ENTRY]) for at in range(0, len(data), ENTRY))
    if receipts != merged(receipts):
        raise Malformed("a receipts file is sorted, and each entry of a member adds an update", entries=len(receipts))
    return receipts


@lru_cache(maxsize=1 << 13)
def parse_entry(data: bytes) -> SignedHave:
    """Read one entry; the same come in every member's file. Raises Malformed where member or bitmap are out of range or
    the signature is not in its form.
    """
    if len(data) != ENTRY:
        raise Malformed("a receipt has 103 bytes", actual=len(data))
    signature, updates = data[-LENGTH:], int.from_bytes(data[1:33], "big")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if data[0] > LARGEST_INDEX or not 0 < updates < 1 << (LARGEST_INDEX + 1):
        raise Malformed("a receipt names a member and updates of members 0 to 254", member=data[0], updates=updates)
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2 or v not in (27, 28):
        raise Malformed("a receipt's signature is not in its one form", signature=signature.hex())
    return SignedHave(data[0], updates, int.from_bytes(data[33:38], "big"), signature)


def merged(receipts: Iterable[SignedHave]) -> tuple[SignedHave, ...]:
    """Receipts as the file has them: sorted, without those that add nothing to their member's earlier ones.

    Of a member with more than 16 the first 15 stay, and the one of the others that adds most. Receipts that do not
    count must be left out before: they could stand in for right ones.
    """
    by_member: dict[int, list[SignedHave]] = defaultdict(list)
    for receipt in sorted(receipts, key=lambda receipt: receipt.place):
        by_member[receipt.member].append(receipt)
    return tuple(receipt for member in sorted(by_member) for receipt in _adding(by_member[member]))


def _adding(receipts: Sequence[SignedHave]) -> Iterator[SignedHave]:
    """Those of one member's that add an update, in order."""
    known, kept = 0, 0
    for place, receipt in enumerate(receipts):
        if receipt.updates & ~known == 0:
            continue
        if kept == MOST - 1:
            yield max(receipts[place:], key=lambda one: (one.updates & ~known).bit_count())
            return
        known, kept = known | receipt.updates, kept + 1
        yield receipt


def patience(aggregate_seconds: int) -> int:
    """Seconds for which an aggregator waits for one more signature, before it leaves an update out."""
    return aggregate_seconds // PATIENCE_PART


def grace(aggregate_seconds: int) -> int:
    """Seconds that a signature, and the bytes that it is for, have to reach everyone."""
    return patience(aggregate_seconds) // 2


def landing(aggregate_seconds: int) -> int:
    """Seconds of the grace in which an aggregate gets into a block, after its aggregator looked at signatures last."""
    return grace(aggregate_seconds) // 2


def spreading(aggregate_seconds: int) -> int:
    """Seconds of the grace that a signature, and the bytes that it is for, have to reach that aggregator."""
    return grace(aggregate_seconds) - landing(aggregate_seconds)


def settled_by(looked: int, aggregate_seconds: int) -> int:
    """The second by which a certificate is too old to be left out, for an aggregator that looks last at `looked`: no
    certificate that is younger opposes its aggregate, if that lands in time.
    """
    return looked - spreading(aggregate_seconds)


def signed_in_time(opened: int, published: int, aggregate_seconds: int) -> int | None:
    """The second by which a certificate must be signed to oppose an aggregate that leaves its update out: `grace`
    before it was published. None for any: it was published sooner after the last opening than an honest aggregator
    leaves anything out. Times are those of the blocks, never of `asOf`, which the aggregator chooses.
    """
    early = published < opened + patience(aggregate_seconds)
    return None if early else published - grace(aggregate_seconds)


def counts(receipt: SignedHave, roll: Roll) -> bool:
    """Whether a receipt is signed, for the very updates that the round opened, by the key that its member had when the
    round opened.
    """
    key, have = roll.keys.get(receipt.member), receipt.have(roll)
    if key is None or have is None:
        return False
    try:
        return signer_of(roll.chain, roll.ledger, have, receipt.signature) == key
    except Malformed:
        return False


def held(receipts: Iterable[SignedHave], roll: Roll) -> dict[int, int]:
    """What each member signed for, as a bitmap of updates, by its index: all of its receipts that count."""
    found: dict[int, int] = defaultdict(int)
    for receipt in receipts:
        if counts(receipt, roll):
            found[receipt.member] |= receipt.updates
    return dict(found)


def holders(receipts: Iterable[SignedHave], roll: Roll) -> dict[int, list[int]]:
    """The members that signed for each opened update, ascending, by its member's index: whom to ask for its bytes.

    The author may be among them; the others are independent of it.
    """
    signed = held(receipts, roll)
    return {index: [member for member in sorted(signed) if signed[member] >> index & 1] for index in roll.opened}


def certified(receipts: Iterable[SignedHave], roll: Roll) -> set[int]:
    """The members whose updates have a certificate: as many members' signatures as `roll.needed`.

    Once every update has one, further receipts change nothing, and are not checked.
    """
    return set(roll.certified(tuple(receipts)))


def _certified(receipts: Iterable[SignedHave], roll: Roll) -> set[int]:
    signed, tally, found = defaultdict[int, int](int), Counter[int](), set[int]()
    for receipt in receipts:
        for member, updates in held([receipt], roll).items():
            new = marks(updates & ~signed[member])
            tally.update(new)
            signed[member] |= updates
            found.update(index for index in new if tally[index] >= roll.needed)
        if len(found) == len(roll.opened):
            break
    return found


def marks(bitmap: int) -> list[int]:
    """The members that a bitmap names, ascending."""
    return [index for index in range(bitmap.bit_length()) if bitmap >> index & 1]


def bitmap_of(indices: Iterable[int]) -> int:
    """A bitmap that names these members."""
    return sum(1 << index for index in set(indices))
