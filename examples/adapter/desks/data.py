"""Messages of four desks: made up, or files of one's own.

A made-up message is a handful of made-up words in any order: common ones, and some that only calm or only urgent
messages have, the same for all desks. Each desk mostly sees a quarter of these, and has a share of urgent messages of
its own. Nobody wrote them: they have no grammar, and figures say nothing about language.
"""

import csv
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.comparing.arms import PartyFiles

CLASSES = ("calm", "urgent")
DESKS = {"North": 0.3, "South": 0.5, "East": 0.5, "West": 0.7}
"""Each one's share of urgent messages."""
TRAINED, TESTED = 60, 200
WORDS = tuple("".join(parts) for parts in product("bdfgk", "aeo", "lmnr", "iu"))
"""120 words of two syllables."""
TELLING, COMMON = WORDS[:48], WORDS[48:72]
"""Every second word of the first is of calm messages, the others of urgent ones."""
OWN = 4.0
"""How much likelier a desk's own quarter of the telling words is."""


def read(folder: Path, into: Path, seed: int) -> Sequence[PartyFiles]:
    """NAME-train.csv and NAME-test.csv of each party. Raises UsageError where there are none."""
    names = sorted(path.name.removesuffix("-train.csv") for path in folder.glob("*-train.csv"))
    if not names:
        raise UsageError(
            "the folder has no messages",
            advice="put NAME-train.csv and NAME-test.csv of each party there, with the columns text and label",
            folder=str(folder),
        )
    return [PartyFiles(name, folder / f"{name}-train.csv", folder / f"{name}-test.csv") for name in names]


def made_up(into: Path, seed: int) -> Sequence[PartyFiles]:
    """The four desks' messages."""
    random = np.random.default_rng(1000 + seed)
    found = []
    for number, (name, share) in enumerate(DESKS.items()):
        own = np.arange(len(TELLING)) // 2 % len(DESKS) == number
        files = [into / f"{name}-{side}.csv" for side in ("train", "test")]
        for file, rows in zip(files, (TRAINED, TESTED), strict=True):
            _write(file, rows, random, np.where(own, OWN, 1.0), share)
        found.append(PartyFiles(name, *files))
    return found


def _write(file: Path, rows: int, random: np.random.Generator, chance: NDArray[np.float64], share: float) -> None:
    with file.open("w", newline="", encoding="ascii") as stream:
        table = csv.writer(stream)
        table.writerow(["text", "label"])
        for _ in range(rows):
            label = int(random.random() < share)
            likely = chance[label :: len(CLASSES)] / chance[label :: len(CLASSES)].sum()
            telling = random.choice(TELLING[label :: len(CLASSES)], random.integers(1, 4), p=likely)
            words = [*telling, *random.choice(COMMON, random.integers(3, 7))]
            random.shuffle(words)
            table.writerow([" ".join(words), CLASSES[label]])
