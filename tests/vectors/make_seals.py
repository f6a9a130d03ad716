"""Writes seals.json beside it: `python tests/vectors/make_seals.py`. A change of any byte is a new format.

One sealed update with its key and those of its readers, and a longer file of three chunks: for vectors alone.
"""

import json
from hashlib import shake_256
from pathlib import Path
from typing import Any

import coincurve
import numpy as np
from support.seals import salt_of

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import CHUNK
from ledger.formats.claims import RoundName
from ledger.formats.header import Binding
from ledger.formats.typed import typed_digest
from ledger.formats.unixfs import cid_of
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.seals.chunks import sealed
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.leaves import salted_root
from ledger.seals.read_keys import show_key, show_point
from ledger.seals.slips import Slips, make_slips

FILE = Path(__file__).with_name("seals.json")
SIGNER = bytes(range(1, 33))
PARTY = "0x6370eF2f4Db3611D657b90667De398a2Cc2a370C"
NAME = UpdateName(RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 2), PARTY)
TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 150), 20))
LONG = 2 * CHUNK + 4096
"""Bytes of an artifact whose sealed file has three chunks."""


def drawn(label: str, size: int = 32) -> bytes:
    """Bytes that are always the same."""
    return shake_256(f"fedledger seals {label}".encode()).digest(size)


KEY = ContentKey(NAME, Secret(drawn("content key")))
READERS = [Secret(drawn(f"reader {place}")) for place in range(3)]


def binding() -> Binding:
    """What the header of the update says."""
    chain, ledger, job, number = NAME.round
    about = {"chain": chain, "contract": ledger, "job": job, "round": number, "party": PARTY}
    return Binding(kind="update", base=bytes(range(32)), rows=569, data=bytes(range(32, 64)), **about)  # type: ignore[arg-type]


def artifact() -> tuple[Layout, bytes]:
    """An update of which only one value is not zero."""
    layout, values = Layout(TENSORS), np.zeros(302, "<i4")
    values[7] = 37
    return layout, layout.header(binding()) + values.tobytes()


def signed(slips: Slips) -> bytes:
    """The file of slips, signed by the update's party."""
    chain, ledger, _, _ = slips.name.round
    _, types, message = slips.to_sign()
    key = coincurve.PrivateKey(SIGNER)
    signature = key.sign_recoverable(typed_digest(chain, ledger, types, message), hasher=None)
    return slips.encode() + signature[:64] + bytes([signature[64] + 27])


def text() -> str:
    """What the file must hold."""
    layout, plain = artifact()
    file = b"".join(bytes(piece) for piece in sealed([plain], KEY, len(plain)))
    cid, _ = cid_of([file])
    values = plain[layout.header_size :]
    slips = make_slips(KEY, cid.digest, map(point_of, READERS))
    long = drawn("a long artifact", LONG)
    long_file = b"".join(bytes(piece) for piece in sealed([long], KEY, LONG))
    chain, ledger, job, number = NAME.round
    whole: dict[str, Any] = {
        "name": {"chain": chain, "ledger": ledger, "job": job, "round": number, "party": PARTY},
        "content_key": KEY.secret.reveal().hex(),
        "derived": {use: KEY.derived(use.encode()).hex() for use in ("commitment", "chunks", "leaves")},
        "artifact": plain.hex(),
        "header_size": layout.header_size,
        "file": file.hex(),
        "cid": str(cid),
        "root": salted_root([values], KEY).hex(),
        "salts": [salt_of(KEY, leaf).hex() for leaf in range(layout.leaves)],
        "readers": [
            {"key": one.reveal().hex(), "point": point_of(one).hex(), "age": show_point(point_of(one))}
            | {"identity": show_key(one)}
            for one in READERS
        ],
        "slips": signed(slips).hex(),
        "long": {"seed": "fedledger seals a long artifact", "size": LONG, "cid": str(cid_of([long_file])[0])}
        | {"file_size": len(long_file), "root": salted_root([long], KEY).hex()},
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
