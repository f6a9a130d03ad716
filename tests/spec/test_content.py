"""The examples that open docs/spec/content.md are true."""

import io
import re
from pathlib import Path

from ledger.formats import unixfs
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.store import car

SPEC = (Path(__file__).parents[2] / "docs" / "spec" / "content.md").read_text()
EXAMPLES = [block.strip() for block in re.findall(r"```text\n(.*?)```", SPEC, re.DOTALL)]


def test_the_examples_of_the_spec_hold() -> None:
    data, names, archive, node = (EXAMPLES[0].encode(), EXAMPLES[1].split("\n"), EXAMPLES[2], EXAMPLES[3])
    cid = unixfs.cid_of([data])[0]
    assert names[0] == str(cid)
    assert bytes.fromhex(names[1]) == bytes(cid)
    root, blocks = car.read(io.BytesIO(bytes.fromhex(archive)), "the example")
    assert (root, list(blocks)) == (cid, [(cid, data)])
    tree = unixfs.TreeBuilder()
    tree.add(raw(bytes(CHUNK)), CHUNK)
    tree.add(raw(b"\0"), 1)
    long, nodes = tree.finish()
    assert nodes == [(long, bytes.fromhex(node))]
    assert f"`{long}`" in SPEC
    assert Cid.parse(str(long)) == long
