"""The oracle comes to the vectors of seals by their page alone, and refuses what is refused here."""

import json
from hashlib import shake_256
from pathlib import Path

import pytest
from support.oracle import Ask
from support.vectors import script

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import CHUNK, Cid
from ledger.formats.unixfs import cid_of
from ledger.seals.chunks import opened, sealed

WHOLE = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "seals.json").read_text(encoding="utf-8"))
NAME, KEY = WHOLE["name"], WHOLE["content_key"]
OURS = script("make_seals").KEY
SIZE = len(WHOLE["artifact"]) // 2
LONG = shake_256(WHOLE["long"]["seed"].encode()).digest(WHOLE["long"]["size"])


def test_what_follows_from_the_key(ask: Ask) -> None:
    for use, key in WHOLE["derived"].items():
        assert ask("seal_derived", name=NAME, key=KEY, use=use) == key
    for leaf, salt in enumerate(WHOLE["salts"]):
        assert ask("seal_salt", name=NAME, key=KEY, leaf=leaf) == salt


def test_files(ask: Ask) -> None:
    assert ask("seal_opened", name=NAME, key=KEY, file=WHOLE["file"], size=SIZE) == WHOLE["artifact"]
    assert Cid.parse(WHOLE["cid"]) == cid_of([bytes.fromhex(WHOLE["file"])])[0]
    values = WHOLE["artifact"][2 * WHOLE["header_size"] :]
    assert ask("seal_root", name=NAME, key=KEY, data=values) == WHOLE["root"]


def test_a_file_of_three_chunks(ask: Ask) -> None:
    file = b"".join(bytes(piece) for piece in sealed([LONG], OURS, len(LONG)))
    assert (len(file), str(cid_of([file])[0])) == (WHOLE["long"]["file_size"], WHOLE["long"]["cid"])
    assert ask("seal_opened", name=NAME, key=KEY, file=file.hex(), size=len(LONG)) == LONG.hex()
    assert ask("seal_root", name=NAME, key=KEY, data=LONG.hex()) == WHOLE["long"]["root"]
    blocks = [file[at : at + CHUNK] for at in range(0, len(file), CHUNK)]
    for wrong in (file[:-1], blocks[0] + blocks[2], blocks[0] + blocks[0] + blocks[2]):
        assert ask("seal_opened", name=NAME, key=KEY, file=wrong.hex(), size=len(LONG)) is None
        with pytest.raises(Malformed):
            b"".join(opened([wrong], OURS, len(LONG)))


def test_slips(ask: Ask) -> None:
    for reader in WHOLE["readers"]:
        assert ask("seal_slip", reader=reader["key"], point=reader["point"], slips=WHOLE["slips"]) == KEY
        other = WHOLE["readers"][0 if reader is not WHOLE["readers"][0] else 1]
        assert ask("seal_slip", reader=other["key"], point=reader["point"], slips=WHOLE["slips"]) is None
    assert ask("seal_slip", reader=KEY, point=KEY, slips=WHOLE["slips"]) is None


def test_a_changed_byte_is_refused_by_both(ask: Ask) -> None:
    for at in (*range(0, 104, 9), 104, SIZE, len(WHOLE["file"]) // 2 - 1):
        file = bytearray.fromhex(WHOLE["file"])
        file[at] ^= 1
        assert ask("seal_opened", name=NAME, key=KEY, file=file.hex(), size=SIZE) is None
        with pytest.raises((Malformed, ValueError, Unavailable)):
            b"".join(opened([bytes(file)], OURS, SIZE))
