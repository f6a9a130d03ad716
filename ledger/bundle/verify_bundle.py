"""Verifies a bundle of a federated ledger. One file, Python's standard library and nothing else; it opens no socket.

    python verify_bundle.py FILE [--json] [--network network.toml]

What a consortium did is in a bundle as signed transactions, documents and bytes of models (docs/spec/bundle.md). Every
block has its SHA-256, and everything its one form. One equation holds for all signatures. The contracts' rules are
replayed over the transactions, votes on members counted; no log is read. A job's document says what was approved; every
byte of every update is judged, every model made again in exact integers, and compared with what was signed.

Exit codes: 0 VERIFIED, 1 REFUTED, 2 usage or no verdict, 3 MALFORMED (the file itself), 4 UNKNOWN. REFUTED names who
signed what is false. Give the network file, from somebody you trust: without it, a bundle is its own founders' word.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import re
import sys
from array import array
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from hashlib import sha256
from operator import mul
from time import monotonic
from types import SimpleNamespace
from typing import Any

if sys.version_info < (3, 10):  # noqa: UP036
    sys.stderr.write("error: no verdict: this needs Python 3.10 or later\n")
    sys.exit(2)


class Fault(Exception):
    """Something is wrong: "form" of bytes, "rule", "missing", "foreign", or a code of BUNDLE; and the place of it."""


def require(holds: object, kind: str = "form", place: int = 0) -> None:
    if not holds:
        raise Fault(kind, place)


@contextmanager
def fault(code: str, place: int = 0) -> Iterator[None]:
    """Whatever is wrong in here is this fault."""
    try:
        yield
    except (Fault, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Fault(code, place) from error


# --- Keccak-256 of many messages side by side: lane i of all of them is one integer, 64 bits for each message ---------

RATE, SIDE_BY_SIDE = 136, 512
TURNS = [(step + 1) * (step + 2) // 2 % 64 for step in range(24)]
TARGETS = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1]
IN_ROW = [(at, at - at % 5 + (at + 1) % 5, at - at % 5 + (at + 2) % 5) for at in range(25)]
CONSTANTS = """0000000000000001 0000000000008082 800000000000808a 8000000080008000 000000000000808b 0000000080000001
    8000000080008081 8000000000008009 000000000000008a 0000000000000088 0000000080008009 000000008000000a
    000000008000808b 800000000000008b 8000000000008089 8000000000008003 8000000000008002 8000000000000080
    000000000000800a 800000008000000a 8000000080008081 8000000000008080 0000000080000001 8000000080008008"""


def keccak_many(messages: Sequence[bytes]) -> list[bytes]:
    """Keccak-256, as Ethereum uses it, of each message: the longest ones first, so that those end last that are first
    among their neighbours, and who has ended falls out."""
    digests, order = [b""] * len(messages), sorted(range(len(messages)), key=lambda place: -len(messages[place]))
    for start in range(0, len(order), SIDE_BY_SIDE):
        places, state, at, count = order[start : start + SIDE_BY_SIDE], [0] * 25, 0, 0
        rooms = [RATE - len(messages[place]) % RATE for place in places]
        ends = [(1 | 0x80 << 8 * room - 8).to_bytes(room, "little") for room in rooms]
        padded = [messages[place] + end for place, end in zip(places, ends)]
        while padded:
            if count != len(padded):
                count = len(padded)
                ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")
                state = [lane & (1 << 64 * count) - 1 for lane in state]
                masks = [(ones * ((1 << 64) - (1 << turn)), ones * ((1 << turn) - 1)) for turn in range(64)]
            words = memoryview(b"".join(one[at : at + RATE] for one in padded)).cast("Q")
            for lane in range(17):
                state[lane] ^= int.from_bytes(words[lane::17].tobytes(), "little")
            state, at = _permuted(state, ones, masks), at + RATE
            rows = [lane.to_bytes(8 * count, "little") for lane in state[:4]]
            while padded and len(padded[-1]) == at:
                padded.pop()
                last = len(padded)
                digests[places[last]] = b"".join(row[8 * last : 8 * last + 8] for row in rows)
    return digests


def _permuted(state: list[int], ones: int, masks: list[tuple[int, int]]) -> list[int]:
    """Keccak-f (FIPS 202, 3.2 and 3.3); `ones` has 1 in the 64 bits of each message, `masks` for each number of bits
    that lanes are turned by those that come from below, and from above."""
    for constant in CONSTANTS.split():
        sums = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        high, low = masks[1]
        mixed = [sums[x - 1] ^ (sums[x - 4] << 1 & high | sums[x - 4] >> 63 & low) for x in range(5)]
        state = [lane ^ mixed[place % 5] for place, lane in enumerate(state)]
        moved, source = state[:], 1
        for target, turn in zip(TARGETS, TURNS):
            high, low = masks[turn]
            moved[target] = state[source] << turn & high | state[source] >> (64 - turn) & low
            source = target
        state = [moved[here] ^ moved[second] ^ moved[first] & moved[second] for here, first, second in IN_ROW]
        state[0] ^= ones * int(constant, 16)
    return state


@lru_cache(maxsize=4096)
def keccak(message: bytes) -> bytes:
    return keccak_many([message])[0]


def checksum_address(address: bytes) -> str:
    """An address as text: a digit is a capital where the digest of all digits has 8 or more there (EIP-55)."""
    digits = address.hex()
    return "0x" + "".join(d.upper() if mark > "7" else d for d, mark in zip(digits, keccak(digits.encode()).hex()))


# --- secp256k1: one equation for many signatures ----------------------------------------------------------------------

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
G = G_X, 0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8
Triple = tuple[int, int, int]  # the point (x / z, y / z); z is 0 for the one at infinity
INFINITY: Triple = (0, 1, 0)

Signature = namedtuple("Signature", "digest r s parity y key")  # (r, y) is its point, the key a point, too


def on_curve(point: tuple[int, int]) -> bool:
    x, y = point
    return x < P and y < P and (y * y - x**3 - 7) % P == 0


def add(a: Triple, b: Triple) -> Triple:
    """The sum of any two points (Renes, Costello and Batina, Complete addition formulas, 2016, algorithm 7)."""
    (x1, y1, z1), (x2, y2, z2) = a, b
    xx, yy, zz = 3 * x1 * x2 % P, y1 * y2, 21 * z1 * z2
    xy, yz, xz = (x1 * y2 + x2 * y1) % P, (y1 * z2 + y2 * z1) % P, 21 * (x1 * z2 + x2 * z1) % P
    less, more = (yy - zz) % P, (yy + zz) % P
    return (xy * less - yz * xz) % P, (less * more + xx * xz) % P, (yz * more + xx * xy) % P


def combine(terms: Sequence[tuple[int, tuple[int, int]]]) -> Triple:
    """The sum of points times their numbers, by windows of bits: points of one digit are added first (Pippenger)."""
    window, total = min(max(len(terms).bit_length() - 2, 2), 12), INFINITY
    for shift in reversed(range(0, max(number.bit_length() for number, _ in terms), window)):
        for _ in range(window):
            total = add(total, total)
        of_digit: dict[int, Triple] = {}
        for number, point in terms:
            if digit := number >> shift & (1 << window) - 1:
                of_digit[digit] = add((*point, 1), of_digit[digit]) if digit in of_digit else (*point, 1)
        running = whole = INFINITY
        for digit in range(max(of_digit, default=0), 0, -1):
            running = add(running, of_digit[digit]) if digit in of_digit else running
            whole = add(whole, running)
        total = add(total, whole)
    return total


def all_hold(signatures: Sequence[Signature]) -> bool:
    """Whether s·R = z·G + r·Q for every signature. Each equation is divided by s and multiplied by a number a of 128
    bits that nobody could know before all of them were fixed; the sum of all must be nothing:
    Σ a·(-R) + (Σ a·z/s)·G + Σ (Σ a·r/s)·Q over the keys Q. It errs with a chance of 2^-128."""
    said, terms, of_key = [], [], {G: 0}
    for digest, r, s, parity, y, key in signatures:
        if not (0 < r < N and 0 < s <= N // 2 and on_curve((r, y)) and y & 1 == parity):
            return False
        said.append(b"%b%064x%064x%064x%064x%064x" % (digest, r, s, y, *key))
    seed = sha256(b"".join(said)).digest()
    for place, (digest, r, s, _, y, key) in enumerate(signatures):
        number = int.from_bytes(sha256(seed + place.to_bytes(4, "big")).digest()[:16], "big")
        weight = number * pow(s, -1, N) % N
        terms.append((number, (r, P - y)))
        of_key[G] += weight * int.from_bytes(digest, "big")
        of_key[key] = of_key.get(key, 0) + weight * r
    return combine(terms + [(number % N, key) for key, number in of_key.items()])[2] == 0


def first_bad(signatures: Sequence[Signature]) -> int | None:
    """The place of the first that is not of its key: of what fails together, the half that fails, until one is left."""
    if all_hold(signatures):
        return None
    start, end = 0, len(signatures)
    while end - start > 1:
        middle = (start + end) // 2
        start, end = (middle, end) if all_hold(signatures[start:middle]) else (start, middle)
    return start


# --- RLP and transactions: every item has one encoding, the shortest, and nothing is left over ------------------------


def rlp(form: Any, data: bytes, at: int = 0, *, is_inner: bool = False) -> tuple[Any, int]:
    """The item that begins here, in its form, and where it ends: the outer one with the data. Forms are "n" for a
    number below 2^63, "N" for one below 2^256, "b" for bytes, 20 for so many; a list, or (least, most, form) for a
    list of items of one form."""
    require(at < len(data))
    first, is_list = data[at], data[at] >= 0xC0
    start, length = (at + 1, first - (0xC0 if is_list else 0x80)) if first >= 0x80 else (at, 1)
    if length > 55:
        start = at + length - 54
        length = int.from_bytes(data[at + 1 : start], "big")
        require(data[at + 1 : at + 2] != b"\0" and length > 55)
    stop = start + length
    require(stop <= len(data) if is_inner else stop == len(data))
    require(is_list == isinstance(form, (list, tuple)))
    if not is_list:
        require(length != 1 or start == at or data[start] >= 0x80)
        return rlp_value(data[start:stop], form), stop
    least, most, each = form if isinstance(form, tuple) else (len(form), len(form), None)
    items = list[Any]()
    while start < stop:
        require(len(items) < most)
        item, start = rlp(each or form[len(items)], data, start, is_inner=True)
        items.append(item)
    require(start == stop and len(items) >= least)
    return items, stop


def rlp_value(item: bytes, form: Any) -> Any:
    if form not in ("n", "N"):
        require(form in ("b", len(item)))
        return item
    number = int.from_bytes(item, "big")
    require(item[:1] != b"\0" and number >> (63 if form == "n" else 256) == 0)
    return number


def rlp_encode(item: Any) -> bytes:
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    body, kind = (b"".join(map(rlp_encode, item)), 0xC0) if isinstance(item, list) else (item, 0x80)
    if kind == 0x80 and len(body) == 1 and body[0] < 0x80:
        return bytes(body)
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big") if len(body) > 55 else b""
    return bytes([kind + (55 + len(size) if size else len(body))]) + size + body


Call = namedtuple("Call", "chain nonce to data signed parity r s")  # `signed` is what is hashed and signed
ACCESS, HASHES, GRANTS = ((0, 1 << 20, each) for each in ([20, (0, 1 << 20, 32)], 32, ["N", 20, *["N"] * 4]))
LISTS: list[list[Any]] = [[], [ACCESS], [ACCESS], [ACCESS, "N", HASHES], [ACCESS, GRANTS]]
FORMS = [["N"] * (3 + min(kind, 2)) + [20, "N", "b", *lists] + ["N"] * 3 for kind, lists in enumerate(LISTS)]


def read_transaction(raw: bytes) -> Call:
    """A transaction of type 0 with a chain (EIP-155), or 1 to 4 (EIP-2930, 1559, 4844, 7702). It calls a contract, and
    sends no ether: ours take none."""
    kind = raw[0] if raw[0] < len(FORMS) else 0
    *said, parity, r, s = rlp(FORMS[kind], raw[1:] if kind else raw)[0]
    to, value, data = said[3 + min(kind, 2) :][:3]
    require(value == 0)
    if kind:
        return Call(said[0], said[1], to, data, raw[:1] + rlp_encode(said), parity, r, s)
    require(parity >= 35)
    chain, parity = divmod(parity - 35, 2)
    return Call(chain, said[0], to, data, rlp_encode([*said, chain, 0, 0]), parity, r, s)


# --- Arguments of calls, as the contracts' own decoder takes them: docs/spec/bundle.md, "Calldata" --------------------

WHOLE, HALF = 1 << 256, 1 << 255  # places in calldata count round; behind its end there are zeros


def types_of(signature: str) -> list[Any]:
    """The types in the brackets of a function's signature; a list stands for a tuple, with "many" at its end for
    any number of such tuples."""
    text = signature[signature.index("(") :].replace("bytes32[2]", "bytes32,bytes32").replace(")[]", ",many)")
    return list(json.loads(re.sub(r"\w+", r'"\g<0>"', text.replace("(", "[").replace(")", "]"))))


def is_far(kind: Any) -> bool:
    """Whether an offset stands for a value of this type."""
    return kind in ("bytes", "many") or (isinstance(kind, list) and any(map(is_far, kind)))


def head_of(types: list[Any]) -> int:
    """How many bytes these take beside each other, without what is elsewhere."""
    return sum(head_of(one) if isinstance(one, list) and not is_far(one) else 32 for one in types)


def abi_words(*values: Any) -> bytes:
    """Numbers and short bytes, each in a word of 32 bytes."""
    return b"".join(one.to_bytes(32, "big") if isinstance(one, int) else one.rjust(32, b"\0") for one in values)


def struct_hashes(structs: Sequence[tuple[Any, ...]]) -> list[bytes]:
    """Hashes of structs as wallets show them (EIP-712): of numbers and short bytes as they are, of texts and of structs
    in them the hash. What is alike is hashed side by side."""
    texts = list({one: 0 for struct in structs for one in struct[1:] if isinstance(one, str)})
    inner = list({one: 0 for struct in structs for one in struct if isinstance(one, tuple)})
    known = dict[Any, bytes](zip(texts, keccak_many([text.encode("latin-1") for text in texts])))
    known |= zip(inner, struct_hashes(inner) if inner else [])
    known |= {kind: keccak(kind.encode()) for kind in {struct[0] for struct in structs if struct}}
    return keccak_many([abi_words(*(known.get(one, one) for one in struct)) for struct in structs])


def number_at(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32].ljust(32, b"\0"), "big")


def arguments(types: list[Any], data: bytes) -> list[Any]:
    """What a function is called with, from the whole of its calldata. Addresses are bytes, tuples lists."""
    heads = [4 + head_of(types[:place]) for place in range(len(types) + 1)]
    far = [at for kind, at in zip(types, heads) if is_far(kind)]
    require(len(data) >= heads[-1] and all(number_at(data, at) < 1 << 64 for at in far))
    return [abi(kind, data, at, 4) for kind, at in zip(types, heads)]


def abi(kind: Any, data: bytes, at: int, base: int) -> Any:
    """The value that stands here, in a tuple from `base` on."""
    number = number_at(data, at)
    if is_far(kind):
        rows = kind[:-1] if kind[-1] == "many" else []
        least, at = 32 if rows or kind == "bytes" else head_of(kind), (base + number) % WHOLE
        require((number + HALF) % WHOLE < (len(data) - base - least + 1 + HALF) % WHOLE)
        if rows or kind == "bytes":
            count, start, size = number_at(data, at), (at + 32) % WHOLE, head_of(rows) or 1
            require(count < 1 << 64 and (start >= HALF or start + count * size <= len(data)))
            end = start + count * size
            return [abi(rows, data, one, one) for one in range(start, end, size)] if rows else data[start:end]
    if isinstance(kind, list):
        return [abi(one, data, (at + head_of(kind[:place])) % WHOLE, at) for place, one in enumerate(kind)]
    size = int(re.sub("[a-z]", "", kind) or {"address": 160, "bool": 1}[kind])
    if kind == "int32":
        require((number + (1 << 31)) % WHOLE < 1 << 32)
        return (number + HALF) % WHOLE - HALF
    if kind.startswith("bytes"):
        require(number % (1 << 256 - 8 * size) == 0)
        return number.to_bytes(32, "big")[:size]
    require(number < (size if kind.startswith("enum") else 1 << size))
    return number.to_bytes(20, "big") if kind == "address" else number


# --- Content: the archive (CARv1), files as trees of blocks (unixfs-v1-2025), tensor roots (RFC 6962) -----------------

CHUNK, LINKS, LEAF, PIECE, MOST_BLOCKS = 1 << 20, 1024, 1024, 1 << 16, 1 << 18
LARGEST = {b"\x01\x55\x12\x20": CHUNK, b"\x01\x70\x12\x20": 1 << 16}  # kinds of CIDs: raw and dag-pb with SHA-256
LINK = rb"\x12.\x0a\x24\x01.\x12\x20(.{32})\x12\x00\x18[\x80-\xff]*[\x00-\x7f]"  # of a node, with the digest of a child
CAR_HEADER = bytes.fromhex("3aa265726f6f747381d82a582500"), bytes.fromhex("6776657273696f6e01")


class Archive:
    """The bundle's file: its blocks are hashed once, while they are listed, and read where they are."""

    def __init__(self, path: str) -> None:
        self.file, self.blocks, self.root, self.first = open(path, "rb"), dict[bytes, int](), b"", b""
        self.size, self.told = os.fstat(self.file.fileno()).st_size, monotonic()

    def tell(self, what: str, number: int) -> None:
        """Say on a terminal, every five seconds, how far the reading is: a long one is not one without end."""
        if (now := monotonic()) >= self.told + 5 and sys.stderr and sys.stderr.isatty():
            self.told = now
            sys.stderr.write(f"  at {what} {number:,}\n")

    def index(self) -> None:
        """List all blocks: where each begins, and in the lower 21 bits its length."""
        head, at = self._read(0, 59), 59
        require(len(head) == 59 and (head[:14], head[50:]) == CAR_HEADER and head[14:18] in LARGEST, "CAR")
        self.root = head[14:50]
        while at < self.size:
            self.tell("byte", at)
            head, place = self._read(at, 3 + 36), len(self.blocks)
            used = next((used for used in (1, 2, 3) if head[used - 1 : used] < b"\x80"), 4)
            length = sum((byte & 0x7F) << 7 * number for number, byte in enumerate(head[:used])) - 36
            cid, start = head[used : used + 36], at + used + 36
            fits = used <= 3 and varint(length + 36) == head[:used] and start + length <= self.size
            require(place < MOST_BLOCKS and fits and 0 <= length <= LARGEST.get(cid[:4], -1), "CAR", place)
            require(cid[4:] not in self.blocks, "REPEATED", place)
            require(sha256(self._read(start, length)).digest() == cid[4:], "BLOCK", place)
            self.blocks[cid[4:]], self.first, at = start << 21 | length, self.first or cid, start + length

    def _read(self, at: int, length: int) -> bytes:
        self.file.seek(at)
        return self.file.read(length)

    def get(self, digest: bytes, start: int = 0, end: int = CHUNK) -> bytes:
        """The block with this digest, from `start` to `end`."""
        require(digest in self.blocks, "missing")
        at, length = divmod(self.blocks[digest], 1 << 21)
        return self._read(at + start, min(end, length) - start)


def varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def height_of(size: int) -> int:
    return 0 if size <= CHUNK else 1 if size <= CHUNK * LINKS else 2


def parts_of(size: int, height: int) -> list[int]:
    """How many bytes each child of a node over `size` bytes covers."""
    span = CHUNK * LINKS ** (height - 1)
    return [min(span, size - start) for start in range(0, size, span)] if height else []


def make_node(size: int, height: int, children: Sequence[bytes]) -> bytes:
    """The one node over `size` bytes of a file, above blocks of these digests."""
    parts, links, codec = parts_of(size, height), b"", b"\x55" if height == 1 else b"\x70"
    for digest, part in zip(children, parts):
        body = b"\x0a\x24\x01" + codec + b"\x12\x20" + digest + b"\x12\x00\x18" + varint(_all_bytes(part, height - 1))
        links += b"\x12" + bytes([len(body)]) + body
    data = b"\x08\x02\x18" + varint(size) + b"".join(b"\x20" + varint(part) for part in parts)
    return links + b"\x0a" + varint(len(data)) + data


@lru_cache(maxsize=256)
def _all_bytes(size: int, height: int) -> int:
    """The bytes of all blocks of a subtree over so many bytes of a file."""
    parts = parts_of(size, height)
    node = len(make_node(size, height, [bytes(32)] * len(parts))) if height else size
    return node + sum(_all_bytes(part, height - 1) for part in parts)


def read_leaves(archive: Archive, digest: bytes, size: int) -> list[bytes]:
    """The digests of a file's leaves. Its size says what its nodes are but for the digests in them: a node is made of
    those and compared. A block that is another's is "foreign"; else one that is not there "missing"."""
    missing, leaves, stack = False, [], [(digest, size, height_of(size))]
    while stack:
        digest, size, height = stack.pop()
        if digest not in archive.blocks:
            missing = True
        elif height == 0:
            require(archive.blocks[digest] % (1 << 21) == size, "foreign")
            leaves.append(digest)
        else:
            node, parts = archive.get(digest), parts_of(size, height)
            children = re.findall(LINK, node, re.DOTALL)
            require(len(children) == len(parts) and make_node(size, height, children) == node, "foreign")
            stack += [(child, part, height - 1) for child, part in zip(children, parts)][::-1]
    require(not missing, "missing")
    return leaves


def file_digest(level: list[bytes], size: int) -> bytes:
    """The digest in the CID of a file with these leaves."""
    for height in range(1, height_of(size) + 1):
        groups = [level[at : at + LINKS] for at in range(0, len(level), LINKS)]
        sizes = parts_of(size, height + 1)
        level = [sha256(make_node(part, height, group)).digest() for part, group in zip(sizes, groups)]
    return level[0]


def merkle_root(pieces: Iterable[bytes]) -> bytes:
    """The root over leaves of 1 KiB (RFC 6962, 2.1)."""
    level = [sha256(b"\0" + one[at : at + LEAF]).digest() for one in pieces for at in range(0, len(one), LEAF)]
    while len(level) > 1:
        above = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2])]
        level = above + level[len(level) & ~1 :]
    return level[0] if level else sha256(b"").digest()


# --- A job's document -------------------------------------------------------------------------------------------------

RULES = ["weighted_mean", "median", "trimmed_mean", "multi_krum", "geometric_median", "centred_clipping"]
LIMITS = {"min_updates": 255, "max_weight": (1 << 24) - 1, "max_value": (1 << 31) - 1, "max_norm": (1 << 63) - 1}
TIMES = ["rounds", "update_seconds", "open_seconds", "aggregate_seconds", "attest_seconds", "attempts"]
MORE_TIMES = ["score_seconds", "reveal_seconds", "scorers", "buffer"]  # these may be absent
PLAIN = {"server": {"optimiser": "none"}, "privacy": {"mode": "none"}, "schedule": {"mode": "rounds"}}
ABSENT = ["compression", "hierarchy", "dp", "analysis"]
UNLIKE = ["aggregation.rule", *PLAIN, *ABSENT, "admission.on_norm", "scoring.weighting"]  # what a job is plain in


def parse_json(data: bytes) -> Any:
    """A document in the strict grammar (docs/spec/grammar.md): eight levels, integers alone, and the one encoding."""
    said = json.loads(data.decode(), parse_int=lambda digits: int(digits[:21]))
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    require(text.encode() == data and "\\" not in re.sub(r'\\["\\]', "", text))
    stack = [(said, 8)]
    while stack:
        one, levels = stack.pop()
        if isinstance(one, (dict, list)):
            require(levels)
            stack += [(inner, levels - 1) for inner in (one.values() if isinstance(one, dict) else one)]
        require(not isinstance(one, float) and (not isinstance(one, int) or abs(one) < 1 << 63))
    return said


def number_in(value: Any, least: int, most: int = (1 << 63) - 1) -> int:
    require(type(value) is int and least <= value <= most)
    return int(value)


class Document:
    """What is read of a document. `terms` are what the ledger must say, `unlike` is what it is not plain in, if any."""

    def __init__(self, said: Any) -> None:
        rule, admission, times, model = said["aggregation"], said["admission"], said["terms"], said["initial_model"]
        require(all(isinstance(said[name], dict) for name in PLAIN))
        self.rule = RULES.index(rule["rule"])
        self.trim = number_in(rule[{2: "trim", 3: "f"}[self.rule]], 1, 255) if self.rule in (2, 3) else 0
        limits = [number_in(admission[name], 1, most) for name, most in LIMITS.items()]
        self.min_updates, self.max_weight, self.max_value, self.max_norm = limits
        require(self.rule != 2 or 2 * self.trim < self.min_updates)
        caps = admission.get("max_weights", {})
        require(all(re.fullmatch("0|[1-9][0-9]{0,2}", name) and int(name) <= 254 for name in caps))
        self.caps = {int(name): number_in(cap, 1, self.max_weight) for name, cap in caps.items()}
        require(re.fullmatch("[0-9a-f]{64}", model["root"]) and re.fullmatch("b[a-z2-7]{58}", model["cid"]))
        cid = base64.b32decode(model["cid"][1:].upper() + "======")
        require(cid[:4] in LARGEST and base64.b32encode(cid).decode().lower().rstrip("=") == model["cid"][1:])
        self.initial_cid, self.layout = cid[4:], Layout(said["tensors"])
        seconds = [number_in(times[name] if name in TIMES else times.get(name, 0), 0) for name in TIMES + MORE_TIMES]
        self.terms = [model["root"], self.layout.values, self.rule, self.trim, *limits, *seconds]
        unlike = [self.rule > 2, *(said[name] != PLAIN[name] for name in PLAIN), *(name in said for name in ABSENT)]
        unlike += ["on_norm" in admission, said["scoring"].get("weighting", "none") != "none"]
        self.by_value, self.unlike = not any(unlike[:6] + unlike[8:]), unlike.index(True) if True in unlike else None


# --- Artifacts: a header that is made and compared, then int32 values, little-endian ----------------------------------

ADMITTED, HEADER, ROOT, WEIGHT, RANGE, NORM, UNAVAILABLE, NOT_HERE = 0, 1, 5, 6, 7, 8, 9, -1
METADATA = re.compile(  # what binds an update; its party alone knows data, platform and rows: their form is held
    rb'\{"base":"([0-9a-f]{64})","chain":"([0-9]+)","contract":"(0x[0-9a-fA-F]{40})","data":"[0-9a-f]{64}",'
    rb'"format":"fedledger/1","job":"([0-9]+)","kind":"update","party":"(0x[0-9a-fA-F]{40})",'
    rb'(?:"platform":"[0-9a-f]{64}",)?"round":"([0-9]+)","rows":"([1-9][0-9]{0,9})"\}'
)


class Layout:
    """Where the values of a job's tensors stand in a file, and what its header says of them."""

    def __init__(self, tensors: Any) -> None:
        require(isinstance(tensors, list) and 0 < len(tensors) <= 100_000)
        self.values, last, entries = 0, "", dict[str, Any](__metadata__=0)
        for tensor in tensors:
            name, shape, start = tensor["name"], tensor["shape"], self.values
            require(re.fullmatch(r"[!#-\[\]-~]{1,200}", name) and last < name != "__metadata__")
            require(isinstance(shape, list) and 0 < len(shape) <= 8)
            self.values, last = start + math.prod(number_in(one, 1, 1 << 31) for one in shape), name
            require(self.values <= 1 << 31)
            entries[name] = {"data_offsets": [4 * start, 4 * self.values], "dtype": "I32", "shape": shape}
        text = json.dumps(entries, separators=(",", ":"), sort_keys=True).encode()
        self.before, self.metadata, self.after = text.partition(b'"__metadata__":')
        self.header_size = -(-(len(text) + 503) // LEAF) * LEAF
        self.size = self.header_size + 4 * self.values

    def header(self, metadata: bytes) -> bytes:
        """The header of a file with this binding."""
        text = self.before + self.metadata + metadata + self.after[1:]
        return (self.header_size - 8).to_bytes(8, "little") + text.ljust(self.header_size - 8)

    def is_update(self, header: bytes, *binding: object) -> bool:
        """Whether this is the header of an update with this base, chain, contract, job, party and round."""
        found = METADATA.match(header, 8 + len(self.before + self.metadata))
        if found is None or int(found[7]) >= 1 << 32 or self.header(found[0]) != header:
            return False
        return found.groups()[:6] == tuple(str(part).encode() for part in binding)


class Artifact:
    """A file in the archive that has a job's layout."""

    def __init__(self, archive: Archive, layout: Layout, digest: bytes) -> None:
        self.archive, self.layout, self.leaves = archive, layout, read_leaves(archive, digest, layout.size)

    def header(self) -> bytes:
        size = self.layout.header_size
        return b"".join(self.archive.get(leaf) for leaf in self.leaves[: -(-size // CHUNK)])[:size]

    def places(self) -> Iterator[tuple[bytes, int, int]]:
        """Where the values are, at most 64 KiB of them at a time: in which leaf, from where to where."""
        for start, leaf in zip(range(0, self.layout.size, CHUNK), self.leaves):
            first = max(0, self.layout.header_size - start)
            for at in range(first, min(CHUNK, self.layout.size - start), PIECE):
                yield leaf, at, at + PIECE

    def pieces(self) -> Iterator[bytes]:
        return (self.archive.get(*place) for place in self.places())

    def judge(self, document: Document, root: bytes) -> int:
        """The verdict on the values of an update whose header is right."""
        largest, squares = 0, 0
        may_be_long = document.max_value**2 * self.layout.values > document.max_norm**2
        for values in map(numbers, self.pieces()):
            largest = max(largest, *map(abs, (min(values), max(values))))
            squares += sum(map(mul, values, values)) if may_be_long else 0
        if merkle_root(self.pieces()) != root:
            return ROOT
        return RANGE if largest > document.max_value else NORM if squares > document.max_norm**2 else ADMITTED


def numbers(data: bytes | Iterable[int]) -> array[int]:
    """Bytes as int32 values, or values that become bytes, little-endian."""
    values = array("i", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def kept_of(rule: int, trim: int, moves: Sequence[int]) -> list[int]:
    """Of what updates say of one value, what median and trimmed mean keep, in ascending order."""
    trim = (len(moves) - 1) // 2 if rule == 1 else trim
    return sorted(moves)[trim : len(moves) - trim]


def mean(rule: int, trim: int, weights: Sequence[int], moves: Sequence[int]) -> int:
    """What updates move one value by: the quotient of exact sums, rounded half away from zero."""
    kept = kept_of(rule, trim, moves) if rule else []
    number, divisor = (sum(kept), len(kept)) if rule else (sum(map(mul, weights, moves)), sum(weights))
    half = divisor // 2
    return int((number + half) // divisor if number > 0 else -((half - number) // divisor))


def make_piece(document: Document, pieces: Sequence[bytes], weights: Sequence[int]) -> bytes:
    """The values that updates make of their base's, the first of the pieces. Raises OverflowError beyond an int32."""
    columns, rule, trim = zip(*map(numbers, pieces)), document.rule, document.trim
    return numbers(value + mean(rule, trim, weights, moves) for value, *moves in columns).tobytes()


# --- Replay: what Consortium.sol and RoundLedger.sol do with calls; where they revert, nothing has changed ------------

NONE, COLLECTING, OPENING, AGGREGATING, ATTESTING, FINALISED, REFUTED, ABANDONED = range(8)
PARTICIPANT, AGGREGATOR, YEAR, LONGEST_WAIT, OPENING_SIZE, ENTRY, NOTHING = 1, 2, 31_536_000, 8, 104, 65, bytes(32)
Terms = namedtuple("Terms", "rounds update open aggregate attest attempts score reveal scorers buffer")
Model = namedtuple("Model", "initial values rule trim min_updates max_weight max_value max_norm by_value")
Opened = namedtuple("Opened", "index party weight root cid")
NO_ROUND = SimpleNamespace(number=0, phase=ABANDONED, epoch=0)  # before the first one
Aggregate = namedtuple("Aggregate", "base root cid as_of anchor head receipts carried verdicts")


class Replay:
    """The consortium's members and votes, its jobs and their rounds. `sender`, `block` and `time` are of the call under
    way, `signed` says which statements in it are. Of jobs outside of the scope not all is known."""

    def __init__(self, manifest: Manifest) -> None:
        self.sender, self.block, self.time, self.signed, self.scope_job = b"", 0, 0, list[bool](), manifest.job
        self.rules, self.nonces, self.proposals = manifest.rules, dict[bytes, int](), dict[bytes, Any]()
        self.unnamed = list[tuple[Any, Any]]()
        self.epoch, self.recoveries, self.keys, self.members = 1, 0, list[Any](), dict[bytes | None, Any]()
        self.replaced, self.approvals, self.jobs = dict[int, int](), dict[Any, set[int]](), dict[int, Any]()
        self.place = abi_words(manifest.chain, manifest.contracts["ledger"])
        for key, roles in manifest.founders:
            self._add(key, roles)

    def member(self, key: bytes | None) -> Any:
        """The active member with this key, which is `keys[i]` of the member with number i, and None once it left."""
        require(self.members[key].roles)
        return self.members[key]

    def count(self, role: int = 0) -> int:
        return sum(1 for key in self.keys if key and self.members[key].roles & role == role)

    def elector(self, role: int, epoch: int) -> int:
        """The sender's number, who has the role, and had it with this key in that epoch."""
        found = self.member(self.sender)
        require(found.roles & role == role and max(found.since, found.roles_since if role else 0) <= epoch)
        return int(found.index)

    def _approve(self, approvals: dict[Any, set[int]], what: object) -> bool:
        """The sender approves, once; whether more than half of the active members have."""
        index, approved = self.member(self.sender).index, approvals.setdefault(what, set())
        require(index not in approved)
        approved.add(index)
        return sum(1 for one in approved if self.keys[one]) > self.count() // 2

    def _add(self, key: bytes, roles: int) -> None:
        self.members[key] = SimpleNamespace(index=len(self.keys), roles=roles, since=self.epoch, roles_since=self.epoch)
        self.keys.append(key)

    def _rotate(self, old: Any, key: bytes) -> None:
        self.epoch += 1
        self.members[key] = SimpleNamespace(**{**vars(old), "since": self.epoch})
        old.roles, self.keys[old.index] = 0, key

    def rotate_key(self, key: bytes) -> None:
        old = self.member(self.sender)
        require(any(key) and key not in self.members)
        self._rotate(old, key)

    def approve_rotation(self, index: int, key: bytes) -> None:
        old, replaced = self.member(self.keys[index]), self.replaced.get(index, 0)
        require(any(key) and key not in self.members)
        if self._approve(self.approvals, (index, replaced, key)):
            self.replaced[index], self.recoveries = replaced + 1, self.recoveries + 1
            self._rotate(old, key)

    def admit(self, key: bytes, roles: int, *_: bytes) -> None:
        require(key not in self.members and len(self.keys) < 255)
        self.epoch += 1
        self._add(key, roles)

    def remove(self, index: int) -> None:
        found = self.member(self.keys[index])
        require(self.count() > 3)
        self.epoch += 1
        self.keys[index], found.roles = None, 0

    def change_roles(self, index: int, roles: int) -> None:
        found = self.member(self.keys[index])
        self.epoch += 1
        found.roles, found.roles_since = roles, self.epoch

    def change_rules(self, rules: list[int]) -> None:
        self.rules = rules

    def propose(self, kind: int, action: list[Any], signed: Sequence[Any] = ()) -> None:
        """By its sender, or by a member that signed it with its next nonce. Where votes on it are not counted, it adds
        to its proposer's nonces, and that is all."""
        said, proposer, deadline = signed[:3] if signed else (0, self.sender, self.time)
        self.member(proposer)
        nonce = self.nonces.get(proposer, 0) + 1
        require(not signed or (said == nonce and self.time <= deadline and (self.signed[0] or kind > COUNTED)))
        if kind <= COUNTED:
            first, *more = action
            if kind == ADMIT:
                require(any(first))
            elif kind == CHANGE_RULES:
                require(are_rules(first) and first != self.rules)
            else:
                require([self.member(self.keys[first]).roles] != more)
            majority, seconds, delay, window = self.rules
            made = SimpleNamespace(epoch=self.epoch, needed=self.count() * majority // 10_000 + 1, votes={}, done=False)
            vars(made).update(deadline=self._after(seconds), delay=delay, window=window)
            self.unnamed.append((proposal_struct(proposer, nonce, kind, action), made))
            if len(self.unnamed) == SIDE_BY_SIDE:
                self._name()
        self.nonces[proposer] = nonce

    def _name(self) -> None:
        """Name the proposals that have no name yet: many side by side, or as soon as one is asked for."""
        names = struct_hashes([struct for struct, _ in self.unnamed])
        self.proposals.update(zip(names, (made for _, made in self.unnamed)))
        self.unnamed = []

    def _proposal(self, name: bytes) -> Any:
        """The proposal of this name."""
        self._name()
        return self.proposals[name]

    def vote(self, name: bytes, choice: int) -> None:
        self._count(self._open(name), True, [self.sender, choice, self.time])

    def vote_by_signature(self, name: bytes, _: int, vote: list[Any]) -> None:
        self._count(self._open(name), self.signed[0], vote)

    def vote_batch(self, name: bytes, _: int, votes: list[list[Any]]) -> None:
        """Votes that would not count alone are passed over."""
        found = self._open(name)
        for signed, vote in zip(self.signed, votes):
            with suppress(Fault, LookupError):
                self._count(found, signed, vote)

    def _count(self, found: Any, signed: bool, vote: list[Any]) -> None:
        key, choice, deadline = vote[:3]
        voter = self.member(key)
        require(signed and self.time <= deadline and 1 <= choice <= 3)
        require(voter.since <= found.epoch and voter.index not in found.votes)
        found.votes[voter.index] = choice

    def _open(self, name: bytes) -> Any:
        """The proposal of this name, on which members vote now."""
        found = self._proposal(name)
        require(not found.done and self.time <= found.deadline)
        return found

    def _passes(self, found: Any) -> bool:
        return bool(list(found.votes.values()).count(1) >= found.needed)

    def close(self, name: bytes) -> None:
        found = self._open(name)
        require(self._passes(found) and self.time < found.deadline)
        found.deadline = self.time

    def execute(self, proposer: bytes, nonce: int, kind: int, action: list[Any]) -> str:
        """What members decided, where their votes are counted; of jobs it is taken at its word."""
        rule = KINDS[kind - 1][2]
        if rule and kind <= COUNTED:
            require(nonce <= self.nonces.get(proposer, 0))  # what was never proposed is not hashed
            found = self._proposal(*struct_hashes([proposal_struct(proposer, nonce, kind, action)]))
            passed = found.deadline + found.delay
            require(not found.done and self._passes(found) and passed < self.time <= passed + found.window)
            rule(self, *action)
            found.done = True
        elif rule and (kind != REWIND or self.scope_job in (0, action[0])):
            rule(self, *action)
            return str(kind) if kind == REWIND else ""
        return ""

    def propose_job(self, digest: bytes, terms: list[int], model: list[Any]) -> None:
        said, of = Terms(*terms), Model(*model)
        scoring = said.score, said.reveal, said.scorers
        require(any(digest) and said.rounds and said.attempts and any(of.initial) and of.values)
        require(all(0 < seconds <= YEAR for seconds in terms[1:5]))
        require(not any(scoring) or (0 < said.score <= YEAR and 0 < said.reveal <= YEAR and 0 < said.scorers <= 64))
        job = SimpleNamespace(number=len(self.jobs) + 1, digest=digest, proposer=self.sender, terms=said, model=of)
        vars(job).update(open=False, closed=False, approvals={}, strikes={}, parties={}, rounds={}, opener=0, ended=0)
        vars(job).update(finalised=0, latest=0, convicted=0, sound=0, judged=False, current=NO_ROUND)
        job.open = self._approve(job.approvals, self.recoveries)
        self.jobs[job.number] = job

    def approve_job(self, number: int, digest: bytes) -> None:
        job = self.jobs[number]
        require(job.digest == digest and not job.closed)
        job.open = self._approve(job.approvals, self.recoveries) or job.open

    def close_job(self, number: int) -> None:
        job = self.jobs[number]
        require(not job.closed)
        job.open, job.closed = False, True

    def rewind_job(self, number: int, convicted: int) -> None:
        """The job goes on from the last model before the convicted one; all rounds since are void."""
        job = self.jobs[number]
        require(not job.closed and job.convicted and job.convicted == convicted)
        for round_ in range(job.convicted, job.current.number + 1):
            job.rounds[round_].void = True
        job.latest, job.convicted = job.sound, 0

    def open_round(self, number: int) -> None:
        job, index = self.jobs[number], self.elector(AGGREGATOR, self.epoch)
        last, terms = job.current, job.terms
        require(job.open and not job.convicted and last.phase >= FINALISED)
        require(job.finalised != terms.rounds)
        require(self.time >= job.ended + min(job.strikes.get(index, 0), LONGEST_WAIT) * terms.aggregate)
        participants, round_ = self.count(PARTICIPANT), last.number + 1
        since = last.since if last.epoch == self.epoch else round_
        job.current = SimpleNamespace(number=round_, since=since, epoch=self.epoch, base=job.latest, void=False)
        vars(job.current).update(phase=COLLECTING, deadline=self._after(terms.update), committed=0, opened={})
        vars(job.current).update(target=min(terms.buffer or participants, participants), members=self.count())
        vars(job.current).update(digest=job.digest, opened_in=0, attempts=[], attested=set(), failed=set())
        job.current.aggregators, job.rounds[round_], job.opener = self.count(AGGREGATOR), job.current, index

    def commit_update(self, number: int, round_: int, commitment: bytes) -> None:
        job, now = self._round(number, round_)
        last, index, _ = job.parties.get(self.sender, (0, 0, b""))
        require(now.phase == COLLECTING and last != round_)
        if last < now.since:
            index = self.elector(PARTICIPANT, now.epoch)
        job.parties[self.sender], now.committed = (round_, index, commitment), now.committed + 1
        if now.committed == now.target:
            now.phase, now.deadline = OPENING, self._after(job.terms.open)

    def open_updates(self, number: int, round_: int, data: bytes) -> None:
        """Each opening: party 20, weight 4, root 32, CID 32, salt 16; it must be what the party committed to."""
        job, now = self._round(number, round_)
        require(now.phase == OPENING and data and len(data) % OPENING_SIZE == 0)
        each = [data[at : at + OPENING_SIZE] for at in range(0, len(data), OPENING_SIZE)]
        domain = keccak(keccak(b"fedledger/update/3") + self.place + abi_words(number, round_))
        words = [domain + abi_words(one[:20], one[20:24]) + one[24:] + bytes(16) for one in each]
        fresh, entries = dict[int, Opened](), b""
        for one, digest in zip(each, keccak_many(words)):
            last, index, commitment = job.parties.get(one[:20], (0, 0, b""))
            weight = int.from_bytes(one[20:24], "big")
            require(last == round_ and commitment == digest[:28] and weight)
            if index not in now.opened and index not in fresh:
                fresh[index] = Opened(index, one[:20], weight, one[24:56], one[56:88])
                entries += bytes([index]) + one[20:56] + commitment
        if fresh:
            now.opened.update(fresh)
            now.digest, now.opened_in = sha256(now.digest + entries).digest(), self.block
            if len(now.opened) == now.committed:
                now.phase, now.deadline = AGGREGATING, self._after(2 * job.terms.aggregate)

    def publish_aggregate(self, number: int, round_: int, words: list[Any], claim: bytes) -> None:
        job, now = self._round(number, round_)
        index, said = self.elector(AGGREGATOR, now.epoch), Aggregate(*words)
        takes_over = not now.attempts and index != job.opener
        require(now.phase == AGGREGATING and now.opened and self.time <= now.deadline)
        require(not takes_over or self.time > now.deadline - job.terms.aggregate)
        require(index not in now.failed and said.base == self.root_of(job, job.latest))
        require(any(said.root) == any(said.cid) and (any(said.root) or not any(said.carried)))
        require(len(said.verdicts) == len(now.opened) and any(said.anchor))
        require(now.opened_in <= said.as_of < self.block <= said.as_of + 256)
        require(claim == self.claim_of(number, round_, now.digest, said))
        if takes_over:
            self._strike(job, job.opener)
        now.phase, now.deadline, now.attested = ATTESTING, self._after(job.terms.attest), {index}
        made = SimpleNamespace(number=len(now.attempts) + 1, said=said, claim=claim, signers=[self.sender])
        vars(made).update(aggregator=index, agreeing=1, against=0, failed=False)
        now.attempts.append(made)

    def claim_of(self, number: int, round_: int, opened: bytes, said: Aggregate) -> bytes:
        kind, place = keccak(b"fedledger/claim/5"), self.place + abi_words(number, round_, said.base, opened)
        facts = said.root, said.cid, said.as_of, said.anchor, said.head, said.receipts, said.carried
        return keccak(kind + place + abi_words(*facts, keccak(said.verdicts)))

    def attest(self, number: int, round_: int, attempt: int, form: int, claim: bytes, _: bytes) -> None:
        job, now = self._round(number, round_)
        agrees, late = form == 0, form == 0 and now.phase == FINALISED
        require(form <= 2 and (now.phase == ATTESTING or late) and attempt == len(now.attempts))
        index, published, majority = self.elector(0, now.epoch), now.attempts[-1], now.members // 2 + 1
        require(self.time <= now.deadline and index not in now.attested)
        require((claim == published.claim) != (form == 1))
        now.attested.add(index)
        if agrees:
            published.signers.append(self.sender)
        if late:
            return
        published.agreeing, published.against = published.agreeing + agrees, published.against + (not agrees)
        if agrees and published.agreeing == majority:
            if any(published.said.root):
                job.strikes[published.aggregator] = max(job.strikes.get(published.aggregator, 0) - 1, 0)
                job.finalised, job.latest = job.finalised + 1, now.number
            self._end(job, FINALISED if any(published.said.root) else ABANDONED)
        elif published.against > now.members - majority:
            self._fail(job, True)

    def advance(self, number: int, round_: int) -> None:
        self.member(self.sender)
        job, now = self._round(number, round_)
        nothing = (now.phase == OPENING and not now.committed) or (now.phase == AGGREGATING and not now.opened)
        require(now.phase < FINALISED and (nothing or self.time > now.deadline))
        if now.phase == ATTESTING:
            attempt = now.attempts[-1]
            return self._fail(job, attempt.agreeing + attempt.against > now.members // 2)
        if not nothing and not now.attempts:
            self._strike(job, job.opener)
        self._end(job, ABANDONED)

    def refute(self, claimed: list[Any], _: list[Any]) -> str:
        """At its word: it may stand on calls that are in no bundle. The last attempt of the round has this claim, and
        is attested now, so that it fails; or it was finalised, and nothing is built on it any more."""
        number, round_, before, document, words, _, _ = claimed
        job = self.jobs[number]
        require(job.model.by_value and document == job.digest and round_ in job.rounds and job.rounds[round_].attempts)
        found = job.rounds[round_]
        require(len(words[-1]) == len(found.opened))
        claim = self.claim_of(number, round_, found.digest, Aggregate(*words))
        require(found.attempts[-1].claim == claim and before == found.base)
        if found.phase == ATTESTING:
            self._fail(job, True)
        else:
            require(found.phase == FINALISED and not found.void and not 0 < job.convicted <= round_)
            job.convicted, job.sound = round_, before
            if job.current.phase < FINALISED:
                self._end(job, ABANDONED)
        return "refute"

    def root_of(self, job: Any, round_: int) -> bytes:
        """The root of the model of a finalised round, or of the initial one (0)."""
        return bytes(job.rounds[round_].attempts[-1].said.root if round_ else job.model.initial)

    def _fail(self, job: Any, spoke: bool) -> None:
        now, attempt = job.current, job.current.attempts[-1]
        attempt.failed = True
        now.failed.add(attempt.aggregator)
        if spoke:
            self._strike(job, attempt.aggregator)
        if attempt.number != job.terms.attempts and len(now.failed) < now.aggregators:
            now.phase, now.deadline = AGGREGATING, self._after(job.terms.aggregate)
        else:
            self._end(job, REFUTED if spoke else ABANDONED)

    def _end(self, job: Any, phase: int) -> None:
        job.current.phase, job.ended = phase, self._after(0)

    def _strike(self, job: Any, index: int) -> None:
        job.strikes[index] = min(job.strikes.get(index, 0) + 1, 255)

    def _after(self, seconds: int) -> int:
        return (self.time + seconds) % (1 << 40)

    def _round(self, number: int, round_: int) -> tuple[Any, Any]:
        """A job, and its round under way, in the phase in which it is now: time alone ends Collecting and Opening."""
        job, now = self.jobs[number], self.jobs[number].rounds[round_]
        require(now is job.current)
        for phase, seconds in ((COLLECTING, job.terms.open), (OPENING, 2 * job.terms.aggregate)):
            if now.phase == phase and self.time > now.deadline:
                require(now.deadline + seconds < 1 << 40)
                now.phase, now.deadline = phase + 1, now.deadline + seconds
        return job, now


# --- Votes: what members propose, by the number of its kind, and what they sign of it (docs/spec/ballot.md) -----------

ADMIT, REMOVE, ROLES, CHANGE_RULES, REWIND = 1, 2, 3, 4, 10
COUNTED, MOST_SIGNED, PROPOSED = 4, 681, ",address proposer,uint32 nonce)"
DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)", "fedledger", "1"
CHOICES = {1: "For", 2: "Against", 3: "Abstain"}
SECONDS = "ChangeRules(uint256 majority,uint256 voteSeconds,uint256 delaySeconds,uint256 executeSeconds"
KINDS: list[tuple[str, str, Callable[..., None] | None]] = [
    ("proposeAdmission(address,uint8,bytes32[2])", "AdmitMember(address key,string roles,string name", Replay.admit),
    ("proposeRemoval(uint8)", "RemoveMember(uint256 index", Replay.remove),
    ("proposeRoles(uint8,uint8)", "ChangeRoles(uint256 index,string roles", Replay.change_roles),
    ("proposeRules((uint16,uint32,uint32,uint32))", SECONDS, Replay.change_rules),
    ("proposeClosing(uint32)", "", Replay.close_job),
    ("proposeRelease((bytes32,bytes32,uint32,uint32,bytes32,bytes32,bytes32))", "", None),
    ("proposeRevocation(bytes32,bytes32,bytes32)", "", None),
    ("proposeRollback(bytes32,bytes32)", "", None),
    ("proposeSuccessor(uint64,address)", "", None),
    ("proposeRewind(uint32,uint32)", "", Replay.rewind_job),
]
"""The call that proposes it; what wallets show of it, where votes are counted; what it does, where that counts here."""


def are_rules(rules: list[int]) -> bool:
    majority, seconds, delay, window = rules
    return 5_000 <= majority <= 6_666 and 0 < seconds <= YEAR and delay <= YEAR and 0 < window <= YEAR


def proposal_struct(proposer: bytes, nonce: int, kind: int, action: list[Any]) -> tuple[Any, ...]:
    """What wallets show of a proposal, roles and a member's name as text: its hash is the proposal's name."""
    said, struct = action[0] if kind == CHANGE_RULES else action[:1], KINDS[kind - 1][1] + PROPOSED
    if kind in (ADMIT, ROLES):
        require(1 <= action[1] <= 7)
        roles = [role for bit, role in enumerate(("participant", "aggregator", "scorer")) if action[1] >> bit & 1]
        said = [*said, ", ".join(roles)]
    if kind == ADMIT:
        said = [*said, (action[2] + action[3]).rstrip(b"\0").decode("latin-1")]
    return struct, *said, proposer, nonce


def statement_struct(kind: int, before: str, after: str, *values: Any) -> tuple[Any, ...]:
    """What is hashed, beside the contract's domain, and signed: a struct around that of a proposal, and its values."""
    struct = KINDS[kind - 1][1] + PROPOSED
    title = struct[: struct.index("(")]
    text = f"{before}{title} {title[0].lower()}{title[1:]},{after}uint64 deadline){struct}"
    return text, *values


def statements_of(rule: Any, said: list[Any]) -> Iterator[tuple[Any, ...]]:
    """What members signed in a call: member, its struct (none where nobody can have), then v, r and s."""
    if rule is Replay.propose and len(said) == 3:
        kind, action, (nonce, member, deadline, *signature) = said
        struct: tuple[Any, ...] = ()
        with suppress(Fault):
            require(kind <= COUNTED)
            struct = statement_struct(kind, "Proposal(", "", proposal_struct(member, nonce, kind, action), deadline)
        yield member, struct, *signature
    elif rule in (Replay.vote_by_signature, Replay.vote_batch):
        name, kind, votes = said
        for member, choice, deadline, *signature in votes if rule is Replay.vote_batch else [votes]:
            values = CHOICES.get(choice), name, member, deadline
            struct = statement_struct(kind, "Vote(string choice,", "address member,", *values)
            yield member, struct if choice in CHOICES else (), *signature


# --- The court: what AggregateCourt.sol makes of a refutation ---------------------------------------------------------

GROUNDS = {1: "VALUE", 2: "LIMIT", 3: "WEIGHT", 4: "TOO_FEW"}


def judge_refutation(replay: Replay, claimed: list[Any], point: list[Any]) -> tuple[Any, ...]:
    """Job and round, the round before, the claim; of what is false its code and place, what is right, what was said."""
    number, round_, before, opened, words, updates, batches = claimed
    ground, member, value, low, high, proof = point
    require(number in replay.jobs and ground in GROUNDS)
    job, code, said = replay.jobs[number].model, GROUNDS[ground], Aggregate(*words)
    entries, start = [updates[at : at + ENTRY] for at in range(0, len(updates), ENTRY)], 0
    require(job.by_value and job.rule <= 2 and len(updates) % ENTRY == 0)
    require(len(entries) == sum(batches) == len(said.verdicts))
    for count in batches:
        opened = sha256(opened + b"".join(entries[start : start + count])).digest()
        start += count
    members = sorted({entry[0] for entry in entries})
    admitted = [entry for entry in entries if said.verdicts[members.index(entry[0])] == ADMITTED]
    accused = [entry for entry in admitted if entry[0] == member]
    require(accused if code in ("LIMIT", "WEIGHT") else member == 0)
    require((code in ("VALUE", "LIMIT") or (value == 0 and not proof)) and (code == "VALUE" or low == high == 0))
    require(code in ("LIMIT", "WEIGHT") or any(said.root))
    weights = [int.from_bytes(entry[1:5], "big") for entry in admitted]
    if code == "WEIGHT":
        at, expected, actual = member, job.max_weight, int.from_bytes(accused[0][1:5], "big")
        require(actual > expected)
    elif code == "TOO_FEW":
        at, expected, actual = 0, job.min_updates, len(admitted)
        require(actual < expected)
    elif code == "LIMIT":
        (actual,) = read_records(proof, value, job.values, [accused[0][5:37]])
        at, expected = value, job.max_value
        require(abs(actual) > expected)
    else:
        roots = [said.root, said.base, *(entry[5:37] for entry in admitted)]
        actual, base, *moves = read_records(proof, value, job.values, roots)
        kept = kept_of(job.rule, job.trim, moves)
        require(kept and sum(weights) and (low, high) == ((kept[0], kept[-1]) if job.rule else (0, 0)))
        at, expected = value, base + mean(job.rule, job.trim, weights, moves)
        require(expected != actual)
    return (number, round_), before, replay.claim_of(number, round_, opened, said), code, at, expected, actual


def read_records(proof: bytes, value: int, values: int, roots: Sequence[bytes]) -> list[int]:
    """The value that each record, a leaf of 1 KiB and its path, lowest first, has under its root."""
    require(value < values)
    place, width, found, sides = value // 256, (values + 255) // 256, list[int](), list[int]()
    length = 4 * min(256, values - 256 * place)
    while width > 1:
        if place ^ 1 < width:
            sides.append(place & 1)
        place, width = place // 2, (width + 1) // 2
    size = length + 32 * len(sides)
    require(len(proof) == size * len(roots))
    for start, root in zip(range(0, len(proof), size), roots):
        digest = sha256(b"\0" + proof[start : start + length]).digest()
        for on_right, at in zip(sides, range(start + length, start + size, 32)):
            other = proof[at : at + 32]
            digest = sha256(b"\1" + (other + digest if on_right else digest + other)).digest()
        require(digest == root)
        found.append(int.from_bytes(proof[start + 4 * (value % 256) :][:4], "little", signed=True))
    return found


# --- The bundle's manifest, its pages, and the calls in them ----------------------------------------------------------

CONTRACTS = ["consortium", "ledger", "scores", "releases", "ballots", "masks", "budgets", "court"]
FOUNDING, SCOPE = ["n", 32, (3, 255, [20, "n"]), ["n"] * 4], ["b", "n", "n", "n", "b"]
MANIFEST = ["b", "n", [20] * 8, FOUNDING, SCOPE, ["n", 32], (0, 4096, 64), (0, 1 << 15, 32), (0, 64, 32)]
MOST_ENTRIES, LONGEST_RAW, BATCH, HELD = 1 << 18, 1 << 17, 1 << 14, 1 << 25
TERMS = "(uint32,uint32,uint32,uint32,uint32,uint8,uint32,uint32,uint8,uint8)"
MODEL = "(bytes32,uint64,uint8,uint8,uint32,uint32,uint32,uint64,bool)"
SAID = "(bytes32,bytes32,bytes32,uint40,bytes32,bytes32,bytes32,bytes32,bytes)"
SIGNED = "(uint32,address,uint64,uint8,bytes32,bytes32)"
VOTE = "(address,uint8,uint64,uint8,bytes32,bytes32)"
POINT = "(enum5,uint8,uint64,int32,int32,bytes)"
CALLS: list[tuple[str, str, Any]] = [  # the contract, the function, and the rule for it; of what proposes, the kind
    ("consortium", "rotateKey(address)", Replay.rotate_key),
    ("consortium", "approveRotation(uint8,address)", Replay.approve_rotation),
    *(("ballots", call, kind) for kind, (call, _, _) in enumerate(KINDS, 1)),
    ("ballots", f"proposeBySignature(enum11,bytes,{SIGNED})", Replay.propose),
    ("ballots", "vote(bytes32,uint8)", Replay.vote),
    ("ballots", f"voteBySignature(bytes32,enum11,{VOTE})", Replay.vote_by_signature),
    ("ballots", f"voteBatch(bytes32,enum11,{VOTE}[])", Replay.vote_batch),
    ("ballots", "close(bytes32)", Replay.close),
    ("ballots", "execute(address,uint32,enum11,bytes)", Replay.execute),
    ("ledger", f"proposeJob(bytes32,{TERMS},{MODEL})", Replay.propose_job),
    ("ledger", "approveJob(uint32,bytes32)", Replay.approve_job),
    ("ledger", "openRound(uint32)", Replay.open_round),
    ("ledger", "commitUpdate(uint32,uint32,bytes28)", Replay.commit_update),
    ("ledger", "openUpdates(uint32,uint32,bytes)", Replay.open_updates),
    ("ledger", f"publishAggregate(uint32,uint32,{SAID},bytes32)", Replay.publish_aggregate),
    ("ledger", "attest(uint32,uint32,uint8,enum3,bytes32,bytes32)", Replay.attest),
    ("ledger", "advance(uint32,uint32)", Replay.advance),
    ("court", f"refute((uint32,uint32,uint24,bytes32,{SAID},bytes,bytes),{POINT})", Replay.refute),
]
Entry = namedtuple("Entry", "block time signer y raw hash")  # a transaction; with a hash a gap


class Manifest:
    """The root of a bundle; `last` 0 is for all rounds that follow, `job` 0 for all jobs."""

    def __init__(self, block: bytes) -> None:
        form, self.chain, contracts, founding, scope, (self.until, _), *more = rlp(MANIFEST, block)[0]
        self.founding_block, self.founding, self.founders, self.rules = founding
        self.keys, self.pages, self.convictions = more
        self.contracts, founders = dict(zip(CONTRACTS, contracts)), [key for key, _ in self.founders]
        require(form == b"bundle/2" and are_rules(self.rules) and self.chain > 0 and self.until >= self.founding_block)
        require(all(len(set(one)) == len(one) for one in (contracts, founders, self.pages, self.convictions)))
        require(all(any(key) and 1 <= roles <= 7 for key, roles in self.founders))
        kind, self.job, self.first, self.last, name = scope
        require(re.fullmatch(rb"[ !#-\[\]-~]{0,300}", name) and max(self.job, self.first, self.last) < 1 << 32)
        none = self.first == self.last == 0
        rounds = self.job > 0 < self.first and (self.last == 0 or self.last >= self.first)
        fits = {b"release": rounds and self.first == 1 <= self.last, b"rounds": rounds, b"evidence": none}
        require({**fits, b"conviction": none and self.job}.get(kind) and bool(name) == (kind == b"release"))
        self.kind, self.name = kind.decode(), name.decode()

    @property
    def text(self) -> str:
        """The scope as text."""
        job, first, last = f"job {self.job}" if self.job else "all jobs", self.first, self.last
        if not first:
            return f"{'evidence' if self.kind == 'evidence' else 'convictions'} of {job}: no bytes"
        rounds = f"rounds {first} to {last}" if last else "all rounds" if first == 1 else f"from round {first}"
        before = "; the model before is attested, not recomputed" if first > 1 else ""
        return (f"release {self.name}: " if self.name else "") + f"{job}, {rounds}{before}"

    def has(self, round_: int) -> bool:
        return bool(0 < self.first <= round_ and (self.last == 0 or round_ <= self.last))


def read_page(block: bytes, keys: int) -> Iterator[Entry]:
    for number, time, third, *more in rlp((1, MOST_ENTRIES, (3, 5, "b")), block)[0]:
        at = rlp_value(number, "n"), rlp_value(time, "n")
        if more:
            signer, (y, raw) = rlp_value(third, "n"), more
            require(signer < keys and 0 < len(raw) <= LONGEST_RAW)
            require(len(y) % 32 == 0 < len(y) <= 32 + 32 * MOST_SIGNED)
            yield Entry(*at, signer, y, raw, b"")
        else:
            yield Entry(*at, 0, b"", b"", rlp_value(third, 32))


# --- Findings, and the verdict that follows from them -----------------------------------------------------------------

CHECKS = {  # in the order of findings; docs/spec/bundle.md says what each of them means
    "BUNDLE": "CAR BLOCK REPEATED MANIFEST NETWORK KEY PAGE TRANSACTION CALL ORDER SIGNATURE REFUSED",
    "SCOPE": "EMPTY BYTES MORE",
    "REPLAY": "GAP UNREPLAYED UNCOUNTED",
    "JOB": "MISSING DOCUMENT TERMS UNSUPPORTED",
    "ADMISSION": "MISSING UNAVAILABLE VERDICT",
    "AGGREGATE": "BASE BYTES ROOT CID CARRIED",
    "CONVICTION": "FALSE VALUE LIMIT WEIGHT TOO_FEW",
    "CAUGHT": "VERDICT ROOT CID CARRIED VALUE LIMIT WEIGHT TOO_FEW",
}
PLACES = [(check, code) for check, codes in CHECKS.items() for code in codes.split()]
LIES = {"TERMS", *CHECKS["CAUGHT"].split()}  # what somebody signed is false, and stands unless it was caught
EFFECTS = {"BUNDLE": "MALFORMED", "CAUGHT": "VERIFIED"}  # of these checks, whatever the code
FAULTS = {  # of a file that is none of ours, in words
    "CAR": "The file is cut off, changed, or not a bundle: its block {value} is in no form",
    "BLOCK": "The file was changed: its block {value} does not have its digest",
    "NETWORK": "It is of another network than the one given",
}
EXITS = {"MALFORMED": 3, "REFUTED": 1, "UNKNOWN": 4, "VERIFIED": 0}
CHECKED = ["ADMISSION", "AGGREGATE", "CONVICTION", "JOB", "REPLAY", "SIGNATURES"]
LISTED = 1024  # findings of a check and code; of those left out MORE says how many they are
Finding = namedtuple("Finding", "check code job round attempt value who expected actual")


class Report:
    """What was found, and how much was checked."""

    def __init__(self) -> None:
        self.findings, self.more = dict[tuple[str, str], dict[Finding, None]](), dict[tuple[str, str], int]()
        self.checked = dict.fromkeys(CHECKED, 0)
        self.said, self.founders = dict.fromkeys(("bundle", "chain", "founding", "ledger", "scope"), ""), list[Any]()

    def add(self, check: str, code: str, place: Any = (), value: int = 0, who: Any = (), *sides: object) -> None:
        """Note a finding at a job, a round of it and an attempt at that, beside what is right and what was said."""
        texts = [one.hex() if isinstance(one, bytes) else str(one) for one in (*sides, "", "")[:2]]
        one = Finding._make((check, code, *(*place, 0, 0, 0)[:3], value, tuple(sorted(set(who))), *texts))
        kept = self.findings.setdefault((check, code), {})
        if len(kept) < LISTED or one in kept:
            kept[one] = None
        else:
            self.more[check, code] = self.more.get((check, code), 0) + 1

    @property
    def verdict(self) -> str:
        effects = {EFFECTS.get(check, "REFUTED" if code in LIES else "UNKNOWN") for check, code in self.findings}
        return next((word for word in EXITS if word in effects), "VERIFIED")

    def in_order(self) -> list[dict[str, Any]]:
        found = [one for kept in self.findings.values() for one in kept]
        found += [Finding("SCOPE", "MORE", 0, 0, 0, count, (), "", " ".join(name)) for name, count in self.more.items()]
        found.sort(key=lambda one: (one[2:5], PLACES.index(one[:2]), one.value, one.expected, one.actual, one.who))
        return [{**one._asdict(), "who": [checksum_address(key) for key in one.who]} for one in found]

    def encode(self) -> bytes:
        """The verdict's document: the same bytes from every reader."""
        said = {"fedledger": "verdict/1", **self.said, "verdict": self.verdict, "checked": self.checked}
        return json.dumps({**said, "findings": self.in_order()}, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    def lines(self, founders: bool) -> Iterator[str]:
        """The same for people: the verdict, a table of what was found, and whom to compare where nothing else did."""
        said = self.said
        yield f"{self.verdict}  {said['scope'] or 'the file was changed, or is no bundle; nobody is blamed'}"
        yield "  " + ", ".join(f"{name} {said[name] or 'not read'}" for name in ("bundle", "chain", "ledger"))
        yield "  checked: " + ", ".join(f"{count} {name.lower()}" for name, count in self.checked.items())
        for one in self.in_order():
            facts = [f"{name} {value}" for name, value in list(one.items())[2:] if value and name != "who"]
            if one["check"] == "BUNDLE" and one["code"] in FAULTS:
                facts = [FAULTS[one["code"]].format(value=one["value"])]
            lie = ["a lie" + " that does not stand" * (one["check"] == "CAUGHT")] * (one["code"] in LIES)
            yield "  " + ", ".join(["{check} {code}".format(**one), *lie, *facts, *map("key {}".format, one["who"])])
        if founders and self.founders:
            yield f"  No network file was given. Compare the ledger, its founding {said['founding']} and its members:"
            yield from (f"    {checksum_address(key)}, roles {roles}" for key, roles in self.founders)


# --- From the file to the verdict -------------------------------------------------------------------------------------


class Reader(Report):
    """A bundle, the state that its transactions lead to, and what is found."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.archive, self.gap, self.before = Archive(path), False, (0, 0)
        self.held, self.signed, self.nonces = 0, list[tuple[int, Signature]](), dict[int, int]()
        self.documents, self.named = dict[bytes, Any](), 0

    def open(self, network: dict[str, Any] | None) -> None:
        """The archive, its manifest and the keys in it."""
        archive, said = self.archive, self.said
        archive.index()
        with fault("MANIFEST"):
            require(archive.first == archive.root and LARGEST[archive.root[:4]] == CHUNK)
            self.manifest = manifest = Manifest(archive.get(archive.root[4:]))
        self.founders, contracts, ledger = manifest.founders, manifest.contracts, manifest.contracts["ledger"]
        said.update(chain=str(manifest.chain), founding=manifest.founding.hex(), scope=manifest.text)
        said["ledger"] = checksum_address(ledger)
        require(all(getattr(manifest, name) == one for name, one in (network or {}).items()), "NETWORK")
        self.keys = [(number_at(key, 0), number_at(key, 32)) for key in manifest.keys]
        for place, key in enumerate(self.keys):
            require(on_curve(key) and key not in self.keys[:place], "KEY", place)
        self.addresses = [digest[12:] for digest in keccak_many(manifest.keys)]
        (self.domain,) = struct_hashes([(*DOMAIN, manifest.chain, contracts["ballots"])])
        self.points, self.replay = dict(zip(self.addresses, self.keys)), Replay(manifest)
        self.calls = dict[tuple[bytes, bytes], tuple[list[Any], Any]]()
        selectors = keccak_many([re.sub(r"enum\d+", "uint8", signature).encode() for _, signature, _ in CALLS])
        for (contract, signature, rule), digest in zip(CALLS, selectors):
            self.calls[contracts[contract], digest[:4]] = types_of(signature), rule

    def read_transactions(self) -> None:
        """All pages, and the entries in them, up to the first fault: behind it nothing is looked at. Signatures are
        checked many at a time, and those that are still to be checked when there is a fault stand before it."""
        number = 0
        try:
            for place, digest in enumerate(self.manifest.pages):
                with fault("PAGE", place):
                    entries = list(read_page(self.archive.get(digest), len(self.keys)))
                    require(number + len(entries) <= MOST_ENTRIES)
                for at, entry in enumerate(entries, number):
                    self.archive.tell("transaction", at)
                    self._take(at, entry)
                number += len(entries)
        finally:
            self._check_signatures()

    def _take(self, place: int, entry: Entry) -> None:
        """An entry in its place: its transaction is read, its signature kept, its call applied."""
        block, time = self.before if place else (self.manifest.founding_block, entry.time)
        in_order = block <= entry.block <= self.manifest.until and time <= entry.time
        require(in_order and (not place or entry.block != block or entry.time == time), "ORDER", place)
        self.before = entry.block, entry.time
        if entry.hash:
            self.gap = True
            return self.add("REPLAY", "GAP", (), place, (), "", entry.hash)
        with fault("TRANSACTION", place):
            call = read_transaction(entry.raw)
            require(call.chain == self.manifest.chain and call.to in self.manifest.contracts.values())
        with fault("CALL", place):
            types, rule = self.calls[call.to, call.data[:4]]
            said = arguments(types, call.data)
            if isinstance(rule, int):
                said, rule = [rule, said], Replay.propose
            elif rule in (Replay.execute, Replay.propose):
                at = 2 if rule is Replay.execute else 0
                said[at + 1] = self._action(said[at], said[at + 1])
            elif rule in (Replay.vote_by_signature, Replay.vote_batch):
                require(1 <= said[1] <= COUNTED)
            elif call.to in (self.manifest.contracts["ledger"], self.manifest.contracts["court"]):
                job = said[0][0] if rule is Replay.refute else said[0]
                require(rule is Replay.propose_job or self.manifest.job in (0, job))
            statements = list(statements_of(rule, said))
            y, *points = (number_at(entry.y, at) for at in range(0, len(entry.y), 32))
            require(len(points) == len(statements))
        require(call.nonce > self.nonces.get(entry.signer, -1), "ORDER", place)
        self.nonces[entry.signer] = call.nonce
        one = Signature(call.signed, call.r, call.s, call.parity, y, self.keys[entry.signer])
        self.signed.append((place, one))
        for (member, struct, v, *two), y in zip(statements, points):
            r, s = (number_at(one, 0) for one in two)
            if y:  # a key that is not here, or what nobody can have signed, has no right signature
                known = struct and member in self.points
                one = Signature(struct, r, s if known else 0, v - 27, y, self.points.get(member, G))
                self.signed.append((place, one))
        self.held += len(entry.raw)
        if len(self.signed) >= BATCH or self.held >= HELD:
            self._check_signatures()
        self.replay.signed = [bool(y) for y in points]
        self._apply(place, entry, rule, said)

    def _action(self, kind: int, action: bytes) -> list[Any]:
        """What is decided, in the one encoding of its kind, if it counts here."""
        call, _, rule = KINDS[kind - 1]
        types = types_of(call)
        require(kind and (not rule or len(action) == head_of(types)))
        return arguments(types, b"kind" + action) if rule else []

    def _check_signatures(self) -> None:
        """Those since the last time: of transactions, and of structs in them, which are hashed with the domain."""
        batch, self.signed, self.held = self.signed, [], 0
        structs = iter(struct_hashes([one.digest for _, one in batch if type(one.digest) is tuple]))
        start, said = b"\x19\x01" + self.domain, [one.digest for _, one in batch]
        digests = keccak_many([start + next(structs) if type(one) is tuple else one for one in said])
        bad = first_bad([one._replace(digest=digest) for (_, one), digest in zip(batch, digests)])
        if bad is not None:
            raise Fault("SIGNATURE", batch[bad][0])
        self.checked["SIGNATURES"] += len(batch)

    def _apply(self, place: int, entry: Entry, rule: Any, said: list[Any]) -> None:
        """What the call does. Where the contracts refuse it, it stands in the wrong place, or a gap is before it."""
        sender = self.addresses[entry.signer]
        self.replay.sender, self.replay.block, self.replay.time = sender, entry.block, entry.time
        try:
            uncounted = rule(self.replay, *said)
        except (Fault, LookupError):
            require(self.gap, "REFUSED", place)
            return self.add("REPLAY", "UNREPLAYED", (), place, [sender])
        if uncounted:
            self.add("REPLAY", "UNCOUNTED", (), place, (), "", uncounted)
        self.checked["REPLAY"] += 1

    def judge(self) -> None:
        """Documents and the rounds of the scope, then convictions."""
        scope, final = self.manifest, set[int]()
        for job in self.replay.jobs.values():
            if scope.job in (0, job.number):
                document = self._read_document(job)
                for round_ in job.rounds.values():
                    if round_.phase == FINALISED and (scope.kind == "evidence" or scope.has(round_.number)):
                        final.add(round_.number)
                    if document is not None and scope.has(round_.number) and round_.attempts:
                        self._judge_round(job, document, round_)
        for place, digest in enumerate(self.manifest.convictions):
            self._judge_conviction(place, digest)
        whole = {"conviction": bool(self.manifest.convictions), "release": scope.last in final}
        if not whole.get(scope.kind, bool(final)):
            self.add("SCOPE", "EMPTY", (scope.job, scope.last))
        if scope.kind == "evidence":
            self.add("SCOPE", "BYTES", (scope.job,))

    def _judge_conviction(self, place: int, digest: bytes) -> None:
        """A block with the calldata of `refute`, judged by what the transactions lead to."""
        try:
            with fault("FALSE"):
                block = self.archive.get(digest)
                types, _ = self.calls[self.manifest.contracts["court"], block[:4]]
                number, before, claim, *shown = judge_refutation(self.replay, *arguments(types, block))
                job = self.replay.jobs[number[0]]
                round_ = job.rounds[number[1]]
                attempt = [one for one in round_.attempts if one.claim == claim][-1]
                require(job.number == self.manifest.job and job.judged and before == round_.base)
        except Fault:
            return self.add("CONVICTION", "FALSE", (self.manifest.job,), place)
        self.checked["CONVICTION"] += 1
        self._lie(job, round_, attempt, "CONVICTION", *shown)

    def _lie(self, job: Any, round_: Any, attempt: Any, check: str, code: str, value: int, *sides: object) -> None:
        """Something false in an attempt, beside what is right; it does not stand where that failed or is void."""
        check = "CAUGHT" if attempt.failed or round_.void else check
        self.add(check, code, (job.number, round_.number, attempt.number), value, attempt.signers, *sides)

    def _read_document(self, job: Any) -> Document | None:
        """The job's document, where it says what the ledger says, and nothing that is not recomputed here."""
        try:
            if job.digest not in self.documents:
                data, self.documents[job.digest] = self.archive.get(job.digest), None
                with fault("DOCUMENT"):
                    self.documents[job.digest] = Document(parse_json(data))
            document = self.documents[job.digest]
            require(document is not None, "DOCUMENT")
        except Fault as found:
            code, actual = ("MISSING", job.digest) if found.args[0] == "missing" else ("DOCUMENT", "")
            self.add("JOB", code, (job.number,), 0, [job.proposer], "", actual)
            return None
        self.checked["JOB"] += 1
        terms = zip(document.terms, [job.model.initial.hex(), *job.model[1:8], *job.terms])
        differ = [(place, *pair) for place, pair in enumerate(terms) if pair[0] != pair[1]]
        for place, right, said in differ:
            self.add("JOB", "TERMS", (job.number,), place, [job.proposer], right, said)
        job.judged = not differ and document.by_value
        if not differ and document.unlike is not None:
            self.add("JOB", "UNSUPPORTED", (job.number,), document.unlike, (), "", UNLIKE[document.unlike])
        return None if differ or document.unlike is not None else document

    def _judge_round(self, job: Any, document: Document, round_: Any) -> None:
        """The round, made again and compared with each of its aggregates, as long as rounds name no more bytes than a
        file of this length may."""
        self.archive.tell("round", round_.number)
        place, opened, models = (job.number, round_.number), sorted(round_.opened.values()), dict[Any, Any]()
        for attempt in round_.attempts:
            attempt.called = frozenset(one for one, said in zip(opened, attempt.said.verdicts) if said == UNAVAILABLE)
        times = len({attempt.called for attempt in round_.attempts})
        most, named = (1 << 26) + 64 * self.archive.size, self.named + times * (len(opened) + 1) * document.layout.size
        if named > most:
            return self.add("AGGREGATE", "BYTES", place, 0, (), most, named)
        self.named = named
        updates = [one for one in opened if not all(one in attempt.called for attempt in round_.attempts)]
        found = {one: self._judge_update(job, document, round_, one) for one in updates}
        missing = [one for one in updates if found[one][0] == NOT_HERE]
        for one in missing:
            self.add("ADMISSION", "MISSING", place, one.index, [one.party], "", one.cid)
        self.checked["ADMISSION"] += len(updates) - len(missing)
        for attempt in round_.attempts:
            for one, verdict in zip(opened, attempt.said.verdicts):
                if one in attempt.called:
                    self.add("ADMISSION", "UNAVAILABLE", (*place, attempt.number), one.index)
                elif found[one][0] not in (NOT_HERE, verdict):
                    self._lie(job, round_, attempt, "ADMISSION", "VERDICT", one.index, found[one][0], verdict)
            admitted = tuple(one for one in updates if one not in attempt.called and found[one][0] == ADMITTED)
            if admitted not in models and not missing:
                models[admitted] = self._make(job, document, round_, {one: found[one][1] for one in admitted})
            if models.get(admitted):
                self.checked["AGGREGATE"] += 1
                said = attempt.said.root, attempt.said.cid, attempt.said.carried
                for code, right, actual in zip(("ROOT", "CID", "CARRIED"), (*models[admitted], NOTHING), said):
                    if right != actual:
                        self._lie(job, round_, attempt, "AGGREGATE", code, 0, right, actual)
                        break

    def _judge_update(self, job: Any, document: Document, round_: Any, one: Opened) -> tuple[int, Any]:
        """The verdict on an update, and its file."""
        if one.weight > document.caps.get(one.index, document.max_weight):
            return WEIGHT, None
        try:
            update = Artifact(self.archive, document.layout, one.cid)
        except Fault as found:
            return NOT_HERE if found.args[0] == "missing" else HEADER, None
        base, (chain, ledger) = round_.attempts[0].said.base.hex(), (self.said["chain"], self.said["ledger"])
        binding = base, chain, ledger, job.number, checksum_address(one.party), round_.number
        right = document.layout.is_update(update.header(), *binding)
        return (update.judge(document, one.root) if right else HEADER), update

    def _make(self, job: Any, document: Document, round_: Any, admitted: dict[Opened, Artifact]) -> Any:
        """Root and CID of the model, zero where there is none; None where what it builds on is not here."""
        layout, number, who, cid = document.layout, round_.base, job.proposer, document.initial_cid
        if len(admitted) < document.min_updates:
            return NOTHING, NOTHING
        metadata = b'{"format":"fedledger/1","kind":"initial"}'
        if number:
            before = job.rounds[number].attempts[-1]
            who, cid = before.signers[0], before.said.cid
            metadata = self._metadata(job.number, number, before.said.base)
        try:
            base = Artifact(self.archive, layout, cid)
            right = layout.header(metadata), self.replay.root_of(job, number)
            require((base.header(), merkle_root(base.pieces())) == right)
        except Fault:
            self.add("AGGREGATE", "BASE", (job.number, round_.number), 0, [who], "", cid)
            return None
        header = layout.header(self._metadata(job.number, round_.number, round_.attempts[0].said.base))
        leaves, files, weights = list[bytes](), (base, *admitted.values()), [one.weight for one in admitted]

        @lru_cache(maxsize=1024)  # leaves that come again and again, as those of layers that nobody trains
        def piece_at(*places: tuple[bytes, int, int]) -> bytes:
            return make_piece(document, [self.archive.get(*place) for place in places], weights)

        def made(data: bytes) -> Iterator[bytes]:
            for places in zip(*(file.places() for file in files)):
                yield (piece := piece_at(*places))
                data += piece
                while len(data) >= CHUNK:
                    leaves.append(sha256(data[:CHUNK]).digest())
                    data = data[CHUNK:]
            leaves.extend([sha256(data).digest()] if data else [])

        try:
            return merkle_root(made(header)), file_digest(leaves, layout.size)
        except OverflowError:
            return NOTHING, NOTHING

    def _metadata(self, number: int, round_: int, base: bytes) -> bytes:
        """What binds a model."""
        said = {"base": base.hex(), "chain": self.said["chain"], "contract": self.said["ledger"]}
        said |= {"format": "fedledger/1", "job": str(number), "kind": "model", "round": str(round_)}
        return json.dumps(said, separators=(",", ":")).encode()


def read_network(path: str) -> dict[str, Any]:
    """What a network file says that a manifest must say, too: TOML, of which these lines are enough."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(CHUNK)
    founding = r'\[chain\]\nid = (\d+)\n(?:.*\n)*?\[founding\]\nblock = (\d+)\nhash = "0x([0-9a-f]{64})"\n'
    numbers = re.search(founding, text)
    contracts = re.findall(r'^\[contracts\.([a-z]+)\]\naddress = "0x([0-9a-fA-F]{40})"$', text, re.M)
    members = re.findall(r'^\[\[founding\.members\]\]\nname = .*\nkey = "0x(\w{40})"\nroles = \[([^]]*)\]$', text, re.M)
    if numbers is None or len(contracts) != len(CONTRACTS) or not members:
        raise ValueError(f"{path} is not a network file")
    bits = {"participant": 1, "aggregator": 2, "scorer": 4}
    founders = [[bytes.fromhex(key), sum(bits[role] for role in re.findall(r"\w+", roles))] for key, roles in members]
    said = {"chain": int(numbers[1]), "founding_block": int(numbers[2]), "founding": bytes.fromhex(numbers[3])}
    return {**said, "founders": founders, "contracts": {name: bytes.fromhex(one) for name, one in contracts}}


def verify(path: str, network: dict[str, Any] | None = None) -> Report:
    """The report on a bundle. Raises OSError where it cannot be read."""
    reader = Reader(path)
    try:
        reader.open(network)
        reader.read_transactions()
        reader.judge()
    except Fault as found:
        reader.findings, reader.more, reader.checked = {}, {}, dict.fromkeys(CHECKED, 0)
        reader.add("BUNDLE", found.args[0], (), found.args[1])
    finally:
        reader.said["bundle"] = reader.archive.root[4:].hex()
        reader.archive.file.close()
    return reader


def main() -> int:
    times = "It takes some 0.1 ms for each transaction, and 0.2 s for a million values; a terminal hears how far it is."
    parser = argparse.ArgumentParser(description="Verify a bundle with nothing but this file and Python.", epilog=times)
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("--json", action="store_true", help="print the verdict's document (verdict/1) alone")
    parser.add_argument("--network", metavar="FILE", help="the network file, from somebody whom you trust")
    given = parser.parse_args()
    try:
        report = verify(given.file, read_network(given.network) if given.network else None)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    said = report.encode().decode() if given.json else "\n".join(report.lines(not given.network)) + "\n"
    print(said, end="", flush=True)  # where standard output is closed, the exit code alone tells
    return EXITS[report.verdict]


if __name__ == "__main__":
    try:
        with sys.stdout or nullcontext():  # an output that fails is heard here
            sys.exit(main())
    except Exception as error:  # an output that takes nothing, too little memory: no verdict, and 1 would be one
        with suppress(Exception):
            sys.stderr.write(f"error: no verdict: {error!r}\n")
        os._exit(2)
