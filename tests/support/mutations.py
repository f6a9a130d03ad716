"""Bent copies of bytes and of JSON, for readers that must end in a value or in an error of ours."""

import json
from typing import Any

import numpy as np


class Mutations:
    """Bent copies of some bytes, drawn from a seed."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.data, self.random = data, np.random.default_rng(seed)

    def __next__(self) -> bytes:
        copy, random = bytearray(self.data), self.random
        for _ in range(int(random.integers(1, 5))):
            at, other = (int(place) for place in random.integers(0, max(len(copy), 1), 2))
            size = int(random.integers(1, 64))
            match int(random.integers(0, 6)):
                case 0 if copy:
                    copy[at] ^= 1 << int(random.integers(0, 8))
                case 1 if copy:
                    copy[at] = int(random.choice([0, 0x7F, 0x80, 0xB7, 0xB8, 0xBF, 0xC0, 0xF7, 0xF8, 0xFF]))
                case 2:
                    del copy[at : at + size]
                case 3:
                    copy[at:at] = random.bytes(size)
                case 4:
                    copy[at:at] = copy[other : other + size]
                case _:
                    del copy[at:]
        return bytes(copy)


ODD: list[Any] = [
    *(None, True, -1, 0, 1 << 31, 1 << 40, 1 << 63, 1 << 64, 1 << 256, 0.5, 1e300),
    *("", "0x", "zz", "0x" + "ff" * 32, "00" * 16, "\ud800", "\0", "9" * 400, [], {}, [[]] * 9, {"a": 1}),
]
"""What stands where something else should."""


class JsonMutations:
    """Bent copies of a JSON document: a part lost, doubled, exchanged, put elsewhere, or another kind of thing."""

    def __init__(self, data: bytes, seed: int) -> None:
        self.data, self.random = data, np.random.default_rng(seed)

    def __next__(self) -> bytes:
        document = json.loads(self.data)
        for _ in range(int(self.random.integers(1, 4))):
            self._bend(document)
        return json.dumps(document).encode()

    def _bend(self, document: Any) -> None:
        places = list(_places(document))
        if not places:
            return
        (holder, name), (other, theirs) = (places[int(place)] for place in self.random.integers(0, len(places), 2))
        found = holder[name]
        match int(self.random.integers(0, 7)):
            case 0:
                del holder[name]
            case 1:
                holder[name] = json.loads(json.dumps(other[theirs]))
            case 2 if isinstance(holder, dict):
                holder[f"{name}s"] = found
            case 3 if isinstance(found, str) and found:
                at = int(self.random.integers(0, len(found)))
                holder[name] = (
                    found[:at] + "0123456789abcdefABCDEFx"[int(self.random.integers(0, 23))] + found[at + 1 :]
                )
            case 4 if isinstance(found, str):
                holder[name] = found[: int(self.random.integers(0, len(found) + 1))]
            case 5 if isinstance(found, int):
                holder[name] = found + int(self.random.integers(-2, 3))
            case _:
                holder[name] = json.loads(json.dumps(ODD[int(self.random.integers(0, len(ODD)))]))


def _places(item: Any) -> Any:
    """Every place of a document: what holds it, and its name or number in that."""
    for name in list(item) if isinstance(item, dict) else range(len(item)):
        yield item, name
        if isinstance(item[name], dict | list):
            yield from _places(item[name])
