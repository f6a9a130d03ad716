"""The root under which a header keeps a list, of transactions or receipts: a trie of its items by their place. Pure."""

from collections.abc import Sequence

from ledger.chain import rlp
from ledger.formats.digest import keccak

_HASH, _CHILDREN = 32, 16
Entry = tuple[str, bytes]
"""What is left of a key, in half bytes, and the item under it."""


def list_root(items: Sequence[bytes]) -> bytes:
    """The root of the trie that holds `items`, each under the RLP of its place, from 0."""
    entries = sorted((rlp.encode(rlp.number(place)).hex(), item) for place, item in enumerate(items))
    return keccak(rlp.encode(_node(entries) if entries else b""))


def _node(entries: list[Entry]) -> list[rlp.Item]:
    """The node over some entries, of which none has a key that another's begins with: the keys are RLP."""
    first, last = entries[0][0], entries[-1][0]
    if len(entries) == 1:
        return [_part(first, leaf=True), entries[0][1]]
    shared = next(at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    if shared:
        rest = [(key[shared:], item) for key, item in entries]
        return [_part(first[:shared], leaf=False), _reference(rest)]
    groups: list[list[Entry]] = [[] for _ in range(_CHILDREN)]
    for key, item in entries:
        groups[int(key[0], 16)].append((key[1:], item))
    return [*(_reference(group) if group else b"" for group in groups), b""]


def _reference(entries: list[Entry]) -> rlp.Item:
    """A node as its parent has it: itself where it is shorter than a hash."""
    node = _node(entries)
    encoded = rlp.encode(node)
    return node if len(encoded) < _HASH else keccak(encoded)


def _part(key: str, *, leaf: bool) -> bytes:
    """Half bytes of a key as a node has them: whether it is a leaf and their number odd, then themselves."""
    odd = len(key) & 1
    return bytes.fromhex(f"{2 * leaf + odd}{'' if odd else '0'}{key}")
