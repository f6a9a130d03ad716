"""Writes masks.json beside it: `python tests/vectors/make_masks.py`. A change of any byte is a new format.

One round of four members, of whom one drops out, with all their secrets: for vectors alone. Sealing is random, so the
packets that the file has are kept where they open to the shares that are dealt here.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import shake_256
from pathlib import Path
from typing import Any

import numpy as np

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.masks.blame import Guilty
from ledger.masks.groups import divided, seed_of
from ledger.masks.keys import point_of
from ledger.masks.reveals import cast_of, read_packet
from ledger.masks.secret import Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, SetupFile, deal_setup, draw_rounds, read_setup
from ledger.masks.sharing import draw_secret
from ledger.masks.streams import words
from ledger.masks.sums import masked, masked_file, masking, opening, unmasked, unmasking

FILE = Path(__file__).with_name("masks.json")
CHAIN, LEDGER, JOB = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1
INDICES, THRESHOLD, ROUNDS, NUMBER = (0, 1, 3, 6), 3, 2, 2
ROUND = 4
"""The second of its segment."""
CHOSEN, DROPPED, SILENT = (0, 1, 6), 3, 6
TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3), 20))
UPDATES = {
    0: (100, [1, -1, 0, 7, 2, -2, 50, -50]),
    1: (200, [0, 0, 1, 7, 3, -3, 49, -49]),
    3: (1, [1 - (1 << 31), 9, 9, 9, 9, 9, 9, 9]),
    6: ((1 << 24) - 1, [(1 << 31) - 1, -7, 1, 7, 3, -3, 51, 51]),
}
DIVIDED = [(list(INDICES), 4, 3), (list(range(3, 27, 2)), 3, 4), (list(range(13)), 85, 3), (list(range(255)), 12, 20)]
PARTIES = {index: "0x" + bytes([index] * 20).hex() for index in INDICES}
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    2**255 - 20,
]
SECOND_FORMS = [2**255 - 19, 2**255 - 10, 9 + 2**255]


def drawing(label: str) -> Callable[[int], bytes]:
    """Bytes that are always the same, a new run at each call."""
    calls = iter(range(1 << 30))
    return lambda size: shake_256(f"fedledger masks {label} {next(calls)}".encode()).digest(size)


Secrets = dict[int, tuple[RoundSecrets, ...]]


def dealt(before: dict[int, bytes]) -> tuple[dict[int, Secret], Secrets, dict[int, SetupFile]]:
    """Everybody's mask keys, secrets and set-up files; `before` are files whose packets stay as they are."""
    mask_keys = {index: draw_secret(drawing(f"mask key {index}")) for index in INDICES}
    points = {index: point_of(key) for index, key in mask_keys.items()}
    segment = Segment(CHAIN, LEDGER, JOB, NUMBER, ROUNDS, THRESHOLD, points)
    secrets = {index: draw_rounds(segment, drawing(f"secrets {index}")) for index in INDICES}
    setups = {}
    for index in INDICES:
        made = deal_setup(segment, index, secrets[index], drawing(f"shares {index}"))
        with suppress(Malformed, Guilty):
            there = read_setup(before.get(index, b""), segment, index)
            if all(read_packet(there, *one) == read_packet(made, *one) for one in mask_keys.items()):
                made = replace(made, packets=there.packets)
        setups[index] = made
    return mask_keys, secrets, setups


def kept() -> dict[int, bytes]:
    """The set-up files that are there."""
    if not FILE.exists():
        return {}
    return {one["index"]: bytes.fromhex(one["setup"]) for one in json.loads(FILE.read_text())["members"]}


def text() -> str:
    """What the file must hold."""
    mask_keys, secrets, setups = dealt(kept())
    segment = setups[0].segment
    members = [
        {
            "index": index,
            "mask_key": mask_keys[index].reveal().hex(),
            "mask_point": segment.keys[index].hex(),
            "rounds": [_shown(one) for one in secrets[index]],
            "setup": setups[index].encode().hex(),
            "digest": setups[index].digest.hex(),
            "shares": [_held(setups[dealer], index, mask_keys[index]) for dealer in INDICES],
        }
        for index in INDICES
    ]
    whole = {
        "place": {"chain": CHAIN, "ledger": LEDGER, "job": JOB},
        "segment": {"number": NUMBER, "rounds": ROUNDS, "threshold": THRESHOLD},
        "members": members,
        "round": _round(secrets, setups),
        "streams": [_stream(start) for start in (0, 1, 2, 131_073, (1 << 31) - 3)],
        "points": {"low order": _points(LOW_ORDER), "second form": _points(SECOND_FORMS)},
        "groups": {"seed": seed_of(setups).hex(), "divided": [_divided(setups, *one) for one in DIVIDED]},
    }
    return json.dumps(whole, indent=1) + "\n"


def _shown(one: RoundSecrets) -> dict[str, str]:
    return {"key": one.key.reveal().hex(), "point": point_of(one.key).hex(), "seed": one.seed.reveal().hex()}


def _held(setup: SetupFile, holder: int, key: Secret) -> dict[str, Any]:
    packet = read_packet(setup, holder, key)
    rounds = [{kind.name.lower(): share.reveal().hex() for kind, share in one.items()} for one in packet]
    return {"dealer": setup.member, "rounds": rounds}


def _round(secrets: Secrets, setups: dict[int, SetupFile]) -> dict[str, Any]:
    cast, place = cast_of(setups, ROUND), setups[0].segment.place(ROUND)
    now = {index: secrets[index][place] for index in INDICES}
    pairs = [
        {"members": [one, other], "seed": cast.pair(one, now[one].key, other).reveal().hex()}
        for one in INDICES
        for other in INDICES
        if one < other
    ]
    masks = unmasking(cast, CHOSEN, {i: now[i].seed for i in CHOSEN}, {DROPPED: now[DROPPED].key})
    total = np.zeros(8, np.uint64)
    for index in CHOSEN:
        total += _masked(cast, index, now[index])
    opened = unmasked(_masked(cast, 1, now[1]), opening(cast, 1, now[1].key, now[1].seed), 0)
    return {
        "number": ROUND,
        "chosen": list(CHOSEN),
        "dropped": DROPPED,
        "silent": SILENT,
        "tensors": [{"name": one.name, "shape": one.shape, "fraction_bits": one.fraction_bits} for one in TENSORS],
        "pairs": pairs,
        "updates": [_update(cast, index, now[index]) for index in INDICES],
        "sums": [str(value) for value in unmasked(total, masks, 0).tolist()],
        "opened": {"member": 1, "products": [str(value) for value in opened.tolist()]},
    }


def _masked(cast: Any, index: int, now: RoundSecrets) -> np.ndarray:
    weight, values = UPDATES[index]
    return masked(np.array(values, "<i4"), weight, masking(cast, index, now.key, now.seed), 0)


def binding(index: int) -> Binding:
    """What the header of a member's masked update says."""
    about = {"chain": CHAIN, "contract": LEDGER, "job": JOB, "round": ROUND, "party": PARTIES[index]}
    return Binding(kind="masked", base=bytes(range(32)), rows=569, data=bytes(range(32, 64)), **about)  # type: ignore[arg-type]


def _update(cast: Any, index: int, now: RoundSecrets) -> dict[str, Any]:
    weight, values = UPDATES[index]
    layout, masks = Layout(TENSORS), masking(cast, index, now.key, now.seed)
    file = b"".join(masked_file(layout, binding(index), np.array(values, "<i4"), weight, masks))
    size = layout.masked.header_size
    said = binding(index)
    return {
        "member": index,
        "weight": weight,
        "values": values,
        "binding": said.metadata() | {"rows": str(said.rows)},
        "header": file[:size].rstrip(b" ").decode("latin-1"),
        "header_size": size,
        "masked": file[size:].hex(),
        "root": root_of(file[size:]).hex(),
    }


def _stream(start: int) -> dict[str, Any]:
    seed = Secret(bytes(range(32)))
    return {"seed": seed.reveal().hex(), "start": start, "words": words(seed, start, 3).astype("<u8").tobytes().hex()}


def _divided(setups: dict[int, SetupFile], members: list[int], most: int, smallest: int) -> dict[str, Any]:
    made = divided(seed_of(setups), members, most, smallest)
    return {"members": members, "most": most, "smallest": smallest, "groups": [sorted(group) for group in made]}


def _points(numbers: list[int]) -> list[str]:
    return [number.to_bytes(32, "little").hex() for number in numbers]


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
