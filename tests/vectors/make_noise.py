"""Writes noise.json beside it: `python tests/vectors/make_noise.py`. A change of any byte is a new format."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ledger.budget.members import member_cost
from ledger.formats.claims import RoundName
from ledger.masks.noise import MemberNoise, beacon_point, noise_seed
from ledger.masks.secret import Secret
from ledger.masks.skellam import reach, skellam, thresholds

SEEDS = (bytes(32), bytes(range(32)))
DRAWS = ((8, 1, 0, 24), (2048, 64, 0, 24), (2048, 64, 999_999, 4), (1 << 24, 1 << 20, (1 << 31) - 4, 4))
"""Rate, grain, the first value's number, how many."""
PLACES = {8: (-40, -12, -1, 0, 1, 12, 40), 2048: (-800, -64, -1, 0, 64, 800)}
TIES = ((8, 0), (8, -3), (2048, 64))
"""Rate, and the value whose threshold a word is the upper half of."""
ROUND = RoundName(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 1, 4)
BEACONS = (bytes(32), bytes(range(32)))
COSTS = ((256, 12288, 610), (1, 48, 1), (1 << 20, 1 << 40, 10**7), (3000, 10**6, 1 << 20))
"""Clip, variance, values."""


def text() -> str:
    """What the file must hold."""
    return (
        json.dumps(
            {
                "draws": [_draw(seed, *said) for seed in SEEDS for said in DRAWS],
                "thresholds": [_thresholds(rate, places) for rate, places in PLACES.items()],
                "ties": [one for said in TIES for one in _ties(*said)],
                "seeds": [_seed(beacon, member) for beacon in BEACONS for member in (0, 254)],
                "costs": [
                    {"clip": clip, "variance": variance, "values": values, "cost": member_cost(clip, variance, values)}
                    for clip, variance, values in COSTS
                ],
            },
            indent=1,
        )
        + "\n"
    )


def _draw(seed: bytes, rate: int, grain: int, start: int, count: int) -> dict[str, Any]:
    drawn = np.zeros(count, np.uint64)
    MemberNoise(rate, grain, Secret(seed)).apply(drawn, start)
    said = {"seed": seed.hex(), "rate": rate, "grain": grain, "start": start, "count": count}
    return said | {"values": drawn.view(np.int64).tolist()}


def _thresholds(rate: int, places: tuple[int, ...]) -> dict[str, Any]:
    found = thresholds(rate)
    return {"rate": rate, "at": {str(place): f"{found[place + reach(rate)]:032x}" for place in places}}


def _ties(rate: int, value: int) -> list[dict[str, Any]]:
    """The value of a word that is a threshold's upper half, just below the threshold and on it."""
    threshold = thresholds(rate)[value + reach(rate)]
    found = []
    for number in (threshold - 1, threshold):
        word, lower = number >> 64, number & (1 << 64) - 1
        drawn = skellam(rate).settle(word, lower)
        found.append({"rate": rate, "word": f"{word:016x}", "lower": f"{lower:016x}", "value": drawn})
    return found


def _seed(beacon: bytes, member: int) -> dict[str, Any]:
    key = Secret(bytes(range(1, 33)))
    seed = noise_seed(ROUND, member, key, beacon)
    said = {"beacon": beacon.hex(), "point": beacon_point(beacon).hex(), "member": member}
    return said | {"key": key.reveal().hex(), "round": ROUND.words.hex(), "seed": seed.reveal().hex()}


if __name__ == "__main__":
    Path(__file__).with_name("noise.json").write_text(text())
