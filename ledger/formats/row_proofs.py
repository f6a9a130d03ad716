"""Showing an inspector whether a row is among those that an update was trained on, or held out (docs/spec/rows.md).

A proof that a row is there tells nothing of any other. One that it is not shows the tags on either side of its own: who
has the proof can try whether a guess is one of these two rows.
"""

from collections.abc import Sequence
from typing import Literal

from ledger.errors import Malformed, Refuted
from ledger.formats import merkle
from ledger.formats.digest import decode, encode, sha256
from ledger.formats.header import Binding
from ledger.formats.rows import DIGEST, MAX_LEAVES, RowsOpening, RowTree, Side, tag_of
from ledger.formats.strict import Strict

FORMAT: Literal["rows/1"] = "rows/1"
MAX_SIZE = 1 << 24
MAX_PATH = 64
Answer = Literal["trained on", "held out", "absent"]


class ShownLeaf(Strict, frozen=True):
    """A leaf of the tree: its place, its tag, what it is hashed with, and the way up, lowest first; hexadecimal."""

    place: int
    tag: str
    blind: str
    path: tuple[str, ...]


class ShownRow(Strict, frozen=True):
    """A row, by its digest, in either side: its own leaf where it is there, else its neighbours. `held_out` is left
    empty for a row that was trained on."""

    leaf: str
    trained: tuple[ShownLeaf, ...]
    held_out: tuple[ShownLeaf, ...]


class OpenedRows(Strict, frozen=True):
    """What opens the root: the digest of the round's key, and number and root of either side."""

    key: str
    trained: int
    trained_root: str
    held_out: int
    held_out_root: str

    @classmethod
    def of(cls, opening: RowsOpening) -> "OpenedRows":
        """The same in hexadecimal."""
        digests = {"key": opening.key, "trained_root": opening.trained_root, "held_out_root": opening.held_out_root}
        words = {name: digest.hex() for name, digest in digests.items()}
        return cls(trained=opening.trained, held_out=opening.held_out, **words)

    @property
    def opening(self) -> RowsOpening:
        """The same in bytes. Raises Malformed."""
        for name in ("trained", "held_out"):
            count = getattr(self, name)
            if not 0 <= count <= MAX_LEAVES:
                raise Malformed("a number of rows is out of range", field=name, actual=count)
        digests = {name: _digest(getattr(self, name), name) for name in ("key", "trained_root", "held_out_root")}
        return RowsOpening(trained=self.trained, held_out=self.held_out, **digests)


class RowProof(Strict, frozen=True):
    """What is shown of an update's rows. `key` is the round's: it makes tags, and tells nothing of other rounds."""

    fedledger: Literal["rows/1"]
    chain: int
    ledger: str
    job: int
    round: int
    party: str
    key: str
    opening: OpenedRows
    rows: tuple[ShownRow, ...]

    def encode(self) -> bytes:
        return encode(self)


def parse(data: bytes) -> RowProof:
    """Read a proof. Raises Malformed."""
    if len(data) > MAX_SIZE:
        raise Malformed("the proof is too large", size=len(data), maximum=MAX_SIZE)
    return decode(data, RowProof, "the proof")


def prove(tree: RowTree, binding: Binding, leaves: Sequence[bytes]) -> RowProof:
    """What an update's tree says of `leaves`; `binding` is the update's."""
    return RowProof(
        fedledger=FORMAT,
        chain=binding.chain,
        ledger=binding.contract,
        job=binding.job,
        round=binding.round,
        party=binding.party,
        key=tree.keys.key.hex(),
        opening=OpenedRows.of(tree.opening),
        rows=tuple(_row(tree, leaf) for leaf in leaves),
    )


def check(proof: RowProof, binding: Binding) -> list[tuple[bytes, Answer]]:
    """What a proof shows of each of its rows, held against `binding`, which the update's header has.

    1. It is about that very update: chain, contract, job, round, party.
    2. Its opening has the root and the number of rows that the header binds.
    3. Its key is the one that the root binds.
    4. Every leaf that it shows is in the tree of its side.
    5. Of each row it shows its own leaf, or the two neighbours between which it would be.

    Raises Malformed for a proof that breaks its form or shows nothing, Refuted for one that contradicts the header.
    """
    for name, said in (("chain", proof.chain), ("contract", proof.ledger), ("job", proof.job)):
        _same(f"the proof is about another {name}", getattr(binding, name), said)
    _same("the proof is about another round", binding.round, proof.round)
    _same("the proof is about another party", binding.party, proof.party)
    opening, key = proof.opening.opening, _digest(proof.key, "key")
    _same("the proof is not of the rows that the update's header binds", binding.data.hex(), opening.root.hex())
    _same("the proof has another number of rows than the update's header", binding.rows, opening.trained)
    _same("the proof's key is not the one that the update's header binds", opening.key.hex(), sha256(key).hex())
    return [_checked(row, opening, key) for row in proof.rows]


def _row(tree: RowTree, leaf: bytes) -> ShownRow:
    tag = tree.keys.tag(leaf)
    there = tree.trained.find(tag)[1]
    held_out = () if there else _shown(tree.held_out, tag)
    return ShownRow(leaf=leaf.hex(), trained=_shown(tree.trained, tag), held_out=held_out)


def _shown(side: Side, tag: bytes) -> tuple[ShownLeaf, ...]:
    """The tag's own leaf, else those before and after it, as far as there are any."""
    place, there = side.find(tag)
    places = [place] if there else [one for one in (place - 1, place) if 0 <= one < len(side)]
    return tuple(_shown_leaf(side, one) for one in places)


def _shown_leaf(side: Side, place: int) -> ShownLeaf:
    tag, path = side.tags[place], merkle.proof(side.hashes, place)
    return ShownLeaf(
        place=place, tag=tag.hex(), blind=side.keys.blinding(tag).hex(), path=tuple(node.hex() for node in path)
    )


def _checked(row: ShownRow, opening: RowsOpening, key: bytes) -> tuple[bytes, Answer]:
    leaf = _digest(row.leaf, "leaf")
    tag = tag_of(key, leaf)
    if _is_there(row.trained, tag, opening.trained, opening.trained_root):
        return leaf, "trained on"
    if _is_there(row.held_out, tag, opening.held_out, opening.held_out_root):
        return leaf, "held out"
    return leaf, "absent"


def _is_there(shown: Sequence[ShownLeaf], tag: bytes, count: int, root: bytes) -> bool:
    """Whether a side has a tag. Raises Malformed where the leaves shown decide nothing, Refuted for a false path."""
    tags = [_tag_in_tree(leaf, count, root) for leaf in shown]
    places = [leaf.place for leaf in shown]
    if tags == [tag]:
        return True
    below, above = [one for one in tags if one < tag], [one for one in tags if one > tag]
    between = tags == below + above and places == list(range(places[0], places[0] + len(places))) if tags else False
    decides = (
        (not tags and count == 0)
        or (between and len(below) == len(above) == 1)
        or (between and not below and places == [0])
        or (between and not above and places == [count - 1])
    )
    if not decides:
        raise Malformed("the proof shows neither the row nor the two between which it would be", leaves=len(shown))
    return False


def _tag_in_tree(leaf: ShownLeaf, count: int, root: bytes) -> bytes:
    if len(leaf.path) > MAX_PATH:
        raise Malformed("the proof is too long", hashes=len(leaf.path))
    tag, path = _digest(leaf.tag, "tag"), [_digest(node, "path") for node in leaf.path]
    found = merkle.root_from_proof(tag + _digest(leaf.blind, "blind"), leaf.place, count, path)
    _same("the proof's leaf is not in the tree", root.hex(), found.hex())
    return tag


def _same(message: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise Refuted(message, expected=expected, actual=actual)


def _digest(text: str, field: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST or digest.hex() != text:
        raise Malformed("this is not a digest in hexadecimal digits", field=field, actual=text[:80])
    return digest
