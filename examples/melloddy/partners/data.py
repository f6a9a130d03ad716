"""Molecules that were never made: fingerprints, and what partners' assays say of some of them.

The shape is MELLODDY's (W. Heyndrickx et al. 2023): ten partners have molecules of their own, and assays that no other
partner knows of; of most molecules most assays say nothing. Here a molecule is a point in six dimensions, partners'
clouds of points differ a little, and a fingerprint's bits are drawn from the point. Three mechanisms, the same
everywhere, act where three properties of the point are high at once; an assay tells of one of them, and a little of the
others. So a trunk that finds the mechanisms is of use to every head.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from participant.comparing.arms import PartyFiles

BITS, DIMENSIONS, MECHANISMS, PROPERTIES = 128, 6, 3, 3
COLUMNS = tuple(f"bit{number:03}" for number in range(BITS))
SIZES = ((300, 5), (250, 5), (250, 4), (200, 4), (200, 4), (150, 3), (150, 3), (150, 3), (120, 3), (120, 3))
PARTNERS = {f"partner-{number}": size for number, size in enumerate(SIZES, 1)}
"""Molecules to train on, and assays, of each partner."""
TESTED = 300
"""Further molecules of each, which nobody trains on."""
SHIFT, OTHERS = 0.5, 0.2
"""How far clouds lie apart, in their own widths; how much an assay tells of other mechanisms than its own."""
KNOWN, POSITIVE = 0.4, 0.25
"""Shares: of an assay's results that are there, and of those that are positive."""

Floats = NDArray[np.float64]


def assays(partner: str) -> list[str]:
    """What a partner's assays are called, which is nobody else's business."""
    return [f"{partner}-{number}" for number in range(1, PARTNERS[partner][1] + 1)]


ALL = [name for partner in PARTNERS for name in assays(partner)]


def made_up(folder: Path, seed: int) -> Sequence[PartyFiles]:
    """The partners' files, with a column for every assay of all: those of others are empty."""
    random = np.random.default_rng([2023, seed])
    bits = random.normal(0, 1.5, (DIMENSIONS, BITS))
    turns = random.normal(0, 1, (MECHANISMS, PROPERTIES, DIMENSIONS))
    parties = []
    for partner, (molecules, count) in PARTNERS.items():
        points = random.normal(0, SHIFT, DIMENSIONS) + random.normal(0, 1, (molecules + TESTED, DIMENSIONS))
        fingerprints = random.random((len(points), BITS)) < 1 / (1 + np.exp(2 - points @ bits))
        mechanisms = (turns @ points.T).min(axis=1)
        mechanisms = (mechanisms - mechanisms.mean(axis=1, keepdims=True)) / mechanisms.std(axis=1, keepdims=True)
        told = np.eye(MECHANISMS)[random.integers(0, MECHANISMS, count)]
        results = ((told + OTHERS * random.normal(0, 1, told.shape)) @ mechanisms).T
        labels = (results > np.quantile(results, 1 - POSITIVE, axis=0)).astype(float)
        labels[random.random(labels.shape) > KNOWN] = np.nan
        kept = ~np.isnan(labels).all(axis=1)
        first, paths = np.arange(len(points)) < molecules, list[Path]()
        for side, rows in (("train", first & kept), ("test", ~first & kept)):
            paths.append(_write(folder / f"{partner}-{side}.csv", fingerprints[rows], labels[rows], assays(partner)))
        parties.append(PartyFiles(partner, *paths, own={"tasks": assays(partner)}))
    return parties


def _write(path: Path, fingerprints: NDArray[np.bool_], labels: Floats, own: Sequence[str]) -> Path:
    with path.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, *ALL])
        for bits, known in zip(fingerprints, labels, strict=True):
            said = {name: "" if np.isnan(value) else int(value) for name, value in zip(own, known, strict=True)}
            writer.writerow([*bits.astype(int), *(said.get(name, "") for name in ALL)])
    return path
