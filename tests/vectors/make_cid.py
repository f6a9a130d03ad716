"""Makes cid.json: files, and the CIDs that the profile unixfs-v1-2025 gives them. Run: python tests/vectors/make_cid.py

`files` are SHAKE-128 of a seed; `zeros` are files of nothing but zero bytes, long enough for every shape of tree;
`published` are the vectors of the Kubo project for this profile, which this script copies and does not compute.
"""

import hashlib
import json
from pathlib import Path

from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, raw

SIZES = [0, 1, 11, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7]
ZEROS = [CHUNK * 174, CHUNK * 175, CHUNK * 1024, CHUNK * 1024 + 1, CHUNK * 2049 - 1]
PUBLISHED = [
    {"text": "hello world", "cid": "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"},
    {
        "chacha20": "v1-2025-seed",
        "size": 1024 * CHUNK,
        "cid": "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm",
    },
    {
        "chacha20": "v1-2025-seed",
        "size": 1025 * CHUNK,
        "cid": "bafybeihmzokxxjqwxjcryerhp5ezpcog2wcawfryb2xm64xiakgm4a5jue",
    },
]


def zeros(size: int) -> str:
    """The CID of a file of zero bytes, from its two kinds of leaves alone."""
    tree = unixfs.TreeBuilder()
    full = raw(bytes(CHUNK))
    for _ in range(size // CHUNK):
        tree.add(full, CHUNK)
    if size % CHUNK:
        tree.add(raw(bytes(size % CHUNK)), size % CHUNK)
    return str(tree.finish()[0])


def shaken(size: int) -> dict[str, object]:
    """A file of SHAKE-128."""
    seed = f"fedledger cid {size}"
    cid, _ = unixfs.cid_of([hashlib.shake_128(seed.encode()).digest(size)])
    return {"shake128": seed, "size": size, "cid": str(cid)}


if __name__ == "__main__":
    document = {
        "profile": "unixfs-v1-2025",
        "files": [shaken(size) for size in SIZES],
        "zeros": [{"size": size, "cid": zeros(size)} for size in ZEROS],
        "published": PUBLISHED,
    }
    Path(__file__).with_name("cid.json").write_text(json.dumps(document, indent=1) + "\n")
