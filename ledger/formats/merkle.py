"""The tensor root: an RFC 6962 Merkle tree with SHA-256 over the integers of a model or update.

Leaves are the stream's consecutive 1 KiB chunks (256 values of int32, little-endian), the last one shorter where the
stream ends. Leaf hashes are prefixed with 0x00, inner hashes with 0x01; the root of nothing is SHA-256 of nothing.
"""

from collections.abc import Sequence
from hashlib import sha256

from ledger import kernel
from ledger.errors import Malformed

LEAF = 1024
VALUES = LEAF // 4
_HASH = 32


def leaf_hash(chunk: bytes | bytearray | memoryview) -> bytes:
    """Hash of one leaf."""
    return sha256(b"\x00" + chunk).digest()


def leaf_hashes(data: bytes | bytearray | memoryview) -> list[bytes]:
    """Hashes of the leaves of `data`, which starts at a leaf's border."""
    hashes = kernel.leaf_hashes(data, LEAF)
    return [hashes[start : start + _HASH] for start in range(0, len(hashes), _HASH)]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The next level: neighbours paired, an odd last one moving up as it is."""
    above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*above, level[-1]] if len(level) % 2 else above


def root(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes (RFC 6962, section 2.1)."""
    stack = kernel.Stack()
    stack.add(b"".join(hashes))
    return stack.root()


def root_of(data: bytes | bytearray | memoryview) -> bytes:
    """Root of a whole stream."""
    return root(leaf_hashes(data))


def proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index`, lowest first (RFC 6962, section 2.1.1)."""
    if not 0 <= index < len(hashes):
        raise Malformed("no such leaf", index=index, leaves=len(hashes))
    path = []
    level, position = hashes, index
    while len(level) > 1:
        if position ^ 1 < len(level):
            path.append(level[position ^ 1])
        level = _above(level)
        position //= 2
    return path


def path_length(index: int, leaves: int) -> int:
    """How many hashes the audit path of leaf `index` of `leaves` has."""
    length = 0
    while leaves > 1:
        length += (index ^ 1) < leaves
        index, leaves = index // 2, (leaves + 1) // 2
    return length


def root_from_proof(chunk: bytes, index: int, leaves: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` leads to from leaf `index` of `leaves`. Raises Malformed for a path of another length."""
    if not 0 <= index < leaves:
        raise Malformed("no such leaf", index=index, leaves=leaves)
    node, position, width, rest = leaf_hash(chunk), index, leaves, list(path)
    while width > 1:
        if position ^ 1 < width:
            if not rest:
                raise Malformed("the proof is too short", index=index, leaves=leaves, hashes=len(path))
            sibling = rest.pop(0)
            node = node_hash(sibling, node) if position % 2 else node_hash(node, sibling)
        position //= 2
        width = (width + 1) // 2
    if rest:
        raise Malformed("the proof is too long", index=index, leaves=leaves, hashes=len(path))
    return node
