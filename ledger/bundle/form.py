"""The manifest and the pages of a bundle, as bytes and as values (docs/spec/bundle.md, "Encoding"). Pure.

Canonical RLP both ways: what is read is what would be written, so nothing in a manifest has a second form, and nothing
stands in it that this page does not know, such as a verdict.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from ledger.chain import rlp
from ledger.chain.consortium_file import LARGEST_MAJORITY, LEAST_MAJORITY, MAXIMUM_SECONDS
from ledger.errors import Malformed
from ledger.events.ballots import Rules
from ledger.formats.cid import CHUNK
from ledger.formats.digest import checksum_address

T = TypeVar("T")
FORMAT = b"bundle/2"
KINDS = ("release", "rounds", "evidence", "conviction")
CONTRACTS = ("consortium", "ledger", "scores", "releases", "ballots", "masks", "budgets", "court")
"""In the manifest's order."""
LARGEST = (1 << 63) - 1
MAX_KEYS, MAX_CONVICTIONS, MAX_ENTRIES, MAX_PAGES = 4096, 64, 1 << 18, 1 << 15
MAX_RAW = 1 << 17
MAX_SIGNED = 681
"""Signed votes in a call: no transaction has room for more."""
_NAME = re.compile(rb"[ !#-\[\]-~]{1,300}")
_ALL_ROLES = 7
LEAST_RULES, LARGEST_RULES = (LEAST_MAJORITY, 1, 0, 1), (LARGEST_MAJORITY, *[MAXIMUM_SECONDS] * 3)
"""Bounds of rules, in the order of their fields (docs/spec/ballot.md)."""
NOBODY = "0x" + "0" * 40


class BundleScope(NamedTuple):
    """What a bundle is about. `first` and `last` are rounds; `last` 0 is for all that follow, `job` 0 for all jobs."""

    kind: str
    job: int = 0
    first: int = 0
    last: int = 0
    name: str = ""

    @property
    def has_bytes(self) -> bool:
        """Whether updates and models are in it."""
        return self.kind in ("release", "rounds")

    def has_job(self, number: int) -> bool:
        """Whether a job is in it."""
        return self.job in (0, number)

    def has_round(self, number: int) -> bool:
        """Whether a round of its job is in it."""
        return self.has_bytes and self.first <= number and (self.last == 0 or number <= self.last)

    @property
    def text(self) -> str:
        """The scope in words, as the verdict has it."""
        if self.kind == "evidence":
            return f"evidence of {f'job {self.job}' if self.job else 'all jobs'}: no bytes"
        if self.kind == "conviction":
            return f"convictions of job {self.job}: no bytes"
        if self.kind == "release":
            return f"release {self.name}: job {self.job}, rounds 1 to {self.last}"
        if self.first == 1:
            return f"job {self.job}, " + (f"rounds 1 to {self.last}" if self.last else "all rounds")
        rounds = f"rounds {self.first} to {self.last}" if self.last else f"from round {self.first}"
        return f"job {self.job}, {rounds}; the model before is attested, not recomputed"


class FoundingKey(NamedTuple):
    """A founding member: its first key (EIP-55) and its roles."""

    key: str
    roles: int


class Manifest(NamedTuple):
    """The root of a bundle. `contracts` are EIP-55 addresses, `founding` and `until` number and hash of a block,
    `rules` those of votes at the founding, `keys` 64 bytes each, `pages` and `convictions` SHA-256 digests.
    """

    chain: int
    contracts: tuple[str, ...]
    founding: tuple[int, bytes]
    founders: tuple[FoundingKey, ...]
    rules: Rules
    scope: BundleScope
    until: tuple[int, bytes]
    keys: tuple[bytes, ...]
    pages: tuple[bytes, ...]
    convictions: tuple[bytes, ...] = ()

    @property
    def addresses(self) -> dict[str, str]:
        """The contracts by name."""
        return dict(zip(CONTRACTS, self.contracts, strict=True))

    def encode(self) -> bytes:
        """The block."""
        founders: list[rlp.Item] = [[_bytes(one.key), rlp.number(one.roles)] for one in self.founders]
        rules: list[rlp.Item] = [rlp.number(one) for one in numbers_of(self.rules)]
        scope = self.scope
        numbers = [rlp.number(number) for number in (scope.job, scope.first, scope.last)]
        return rlp.encode(
            [
                FORMAT,
                rlp.number(self.chain),
                [_bytes(address) for address in self.contracts],
                [rlp.number(self.founding[0]), self.founding[1], founders, rules],
                [scope.kind.encode(), *numbers, scope.name.encode()],
                [rlp.number(self.until[0]), self.until[1]],
                list(self.keys),
                list(self.pages),
                list(self.convictions),
            ]
        )


class BundleEntry(NamedTuple):
    """A transaction of a page: number and time of its block, its signer's place in `keys`, y of the signature's point
    and of those of signed statements in it, 32 bytes each.

    A gap has `hash`, and neither `y` nor `raw`.
    """

    block: int
    time: int
    signer: int = 0
    y: bytes = b""
    raw: bytes = b""
    hash: bytes = b""

    def encode(self) -> bytes:
        """The item."""
        place = [rlp.number(self.block), rlp.number(self.time)]
        rest = [self.hash] if self.hash else [rlp.number(self.signer), self.y, self.raw]
        return rlp.encode([*place, *rest])


def paged(entries: Iterable[BundleEntry]) -> Iterator[bytes]:
    """The pages of entries, each as full as it can be."""
    items: list[bytes] = []
    size = 0
    for entry in entries:
        item = entry.encode()
        if items and len(rlp.enclose(b"")) + 4 + size + len(item) > CHUNK:
            yield rlp.enclose(*items)
            items, size = [], 0
        items.append(item)
        size += len(item)
    if items:
        yield rlp.enclose(*items)


def parse_manifest(block: bytes) -> Manifest:
    """Read a manifest. Raises Malformed for anything but what `Manifest.encode` writes."""
    try:
        return _manifest(rlp.decode(block))
    except (ValueError, Malformed) as error:
        raise Malformed(f"the root is not the manifest of a bundle: {error}") from error


def parse_page(block: bytes, keys: int) -> list[BundleEntry]:
    """Read a page of a bundle with so many keys. Raises Malformed."""
    try:
        return [_entry(item, keys) for item in _some(rlp.decode(block), 1, MAX_ENTRIES)]
    except ValueError as error:
        raise Malformed(f"this is not a page of a bundle: {error}") from error


def numbers_of(rules: Rules) -> tuple[int, ...]:
    """Rules as numbers, in the order of their fields."""
    return tuple(getattr(rules, name) for name in rules.__struct_fields__)


def are_rules(rules: Rules) -> bool:
    """Whether each is within its bounds."""
    return all(a <= b <= c for a, b, c in zip(LEAST_RULES, numbers_of(rules), LARGEST_RULES, strict=True))


def _manifest(item: rlp.Item) -> Manifest:
    said, chain, contracts, founding, scope, until, keys, pages, convictions = _list(item, 9)
    if said != FORMAT:
        raise ValueError("it is of another format")
    block, hash_, founders, rules = _list(founding, 4)
    last, last_hash = _list(until, 2)
    made = Manifest(
        _number(chain),
        _once([_address(one) for one in _list(contracts, len(CONTRACTS))]),
        (_number(block), _sized(hash_, 32)),
        tuple(_founder(one) for one in _some(founders, 3, 255)),
        _rules(rules),
        _scope(scope),
        (_number(last), _sized(last_hash, 32)),
        _once([_sized(one, 64) for one in _some(keys, 0, MAX_KEYS)], repeats=True),
        _once([_sized(one, 32) for one in _some(pages, 0, MAX_PAGES)]),
        _once([_sized(one, 32) for one in _some(convictions, 0, MAX_CONVICTIONS)]),
    )
    _once([one.key for one in made.founders])
    if made.chain == 0 or made.until[0] < made.founding[0]:
        raise ValueError("it is of no chain, or ends before it begins")
    return made


def _founder(item: rlp.Item) -> FoundingKey:
    key, roles = _list(item, 2)
    found = FoundingKey(_address(key), _number(roles))
    if not 0 < found.roles <= _ALL_ROLES or found.key == NOBODY:
        raise ValueError("a key or roles that there are not")
    return found


def _rules(item: rlp.Item) -> Rules:
    rules = Rules(*[_number(one) for one in _list(item, len(LEAST_RULES))])
    if not are_rules(rules):
        raise ValueError("rules that there are not")
    return rules


def _scope(item: rlp.Item) -> BundleScope:
    kind, job, first, last, name = _list(item, 5)
    if not isinstance(kind, bytes) or not isinstance(name, bytes) or kind.decode("ascii") not in KINDS:
        raise ValueError("a scope of no kind")
    if name and not _NAME.fullmatch(name):
        raise ValueError("a name with other signs")
    said = BundleScope(kind.decode(), _number(job), _number(first), _number(last), name.decode("ascii"))
    rounds = said.first >= 1 and (said.last == 0 or said.last >= said.first)
    fits = {
        "release": said.job > 0 and said.first == 1 and said.last > 0 and bool(name),
        "rounds": said.job > 0 and rounds and not name,
        "evidence": said[2:4] == (0, 0) and not name,
        "conviction": said.job > 0 and said[2:4] == (0, 0) and not name,
    }
    if not fits[said.kind] or max(said.job, said.first, said.last) >= 1 << 32:
        raise ValueError("a scope that there is not")
    return said


def _entry(item: rlp.Item, keys: int) -> BundleEntry:
    if not isinstance(item, list) or len(item) not in (3, 5):
        raise ValueError("an entry of another length")
    block, time = _number(item[0]), _number(item[1])
    if len(item) == 3:
        return BundleEntry(block, time, hash=_sized(item[2], 32))
    raw = item[4]
    if not isinstance(raw, bytes) or not 0 < len(raw) <= MAX_RAW:
        raise ValueError("a transaction that is none")
    y = item[3]
    if not isinstance(y, bytes) or len(y) % 32 or not 0 < len(y) <= 32 * (1 + MAX_SIGNED):
        raise ValueError("signatures' points of another length")
    entry = BundleEntry(block, time, _number(item[2]), y, raw)
    if entry.signer >= keys:
        raise ValueError("a signer that is none of the keys")
    return entry


def _list(item: rlp.Item, length: int) -> list[rlp.Item]:
    return _some(item, length, length)


def _some(item: rlp.Item, least: int, most: int) -> list[rlp.Item]:
    if not isinstance(item, list) or not least <= len(item) <= most:
        raise ValueError("a list of another length")
    return item


def _sized(item: rlp.Item, length: int) -> bytes:
    if not isinstance(item, bytes) or len(item) != length:
        raise ValueError(f"not {length} bytes")
    return item


def _number(item: rlp.Item) -> int:
    if not isinstance(item, bytes) or len(item) > 8 or item[:1] == b"\x00":
        raise ValueError("not a number")
    value = int.from_bytes(item)
    if value > LARGEST:
        raise ValueError("too large a number")
    return value


def _address(item: rlp.Item) -> str:
    return checksum_address(_sized(item, 20))


def _once(items: list[T], *, repeats: bool = False) -> tuple[T, ...]:
    if not repeats and len(set(items)) != len(items):
        raise ValueError("something stands there twice")
    return tuple(items)


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])
