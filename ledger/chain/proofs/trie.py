"""Merkle-Patricia tries, as Ethereum keeps its state in them: what a proof says is under a key.

A reader of our own: py-trie costs an audit 0.4 s of imports (pydantic among them) and raises IndexError for some false
proofs. The tests hold the two against each other.
"""

from collections.abc import Sequence

from ledger.chain import rlp
from ledger.formats.digest import keccak

EMPTY = keccak(rlp.encode(b""))
"""The root of a trie that holds nothing."""
DEEPEST = 65
"""A node for each half byte of a key of 32 bytes, and the leaf."""
LARGEST = 1024
"""Bytes of a node; sixteen hashes and a value are 532 at most."""
_HASH, _BRANCH = 32, 17


def value_at(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """What the trie of that root holds under a key; empty where it holds nothing, which is proved, too.

    `nodes` are the encoded nodes on the way, in any order. Raises ValueError where they prove neither.
    """
    if len(nodes) > DEEPEST or any(len(node) > LARGEST for node in nodes):
        raise ValueError("a proof is larger than any can be")
    known = {keccak(node): node for node in nodes}
    path, at = key.hex(), _opened(root, known) if root != EMPTY else None
    while at is not None:
        if len(at) == _BRANCH:
            step = int(path[0], 16) if path else _BRANCH - 1
            found, path, last = at[step], path[1:], not path
        else:
            part, last = _part(at)
            if not path.startswith(part) or (last and path != part):
                return b""
            found, path = at[1], path[len(part) :]
        if last:
            return _value(found)
        at = _opened(found, known)
    return b""


def _opened(reference: rlp.Item, known: dict[bytes, bytes]) -> list[rlp.Item] | None:
    """The node that a reference names: by its hash, or itself where it is shorter than one. None where there is none.

    Raises ValueError where it is not shown, or not a node.
    """
    if reference == b"":
        return None
    node = reference
    if isinstance(reference, bytes) and len(reference) == _HASH:
        if reference not in known:
            raise ValueError("a node on the way is not shown")
        node = rlp.decode(known[reference])
    if not isinstance(node, list) or len(node) not in (2, _BRANCH):
        raise ValueError("what is shown is not a node")
    return node


def _part(node: list[rlp.Item]) -> tuple[str, bool]:
    """The half bytes of the key that a node of two items is about, and whether it is a leaf."""
    head = node[0]
    if not isinstance(head, bytes) or not head or head[0] >> 4 > 3 or (head[0] >> 4 in (0, 2) and head[0] & 15):
        raise ValueError("a node's part of the key is not one")
    leaf, odd = bool(head[0] >> 5), head[0] >> 4 & 1
    part = head.hex()[2 - odd :]
    if not leaf and not part:
        raise ValueError("a node leads nowhere")
    return part, leaf


def _value(found: rlp.Item) -> bytes:
    if not isinstance(found, bytes):
        raise ValueError("what is shown is not a value")
    return found
