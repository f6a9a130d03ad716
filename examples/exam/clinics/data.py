"""Made-up clinics of the shape of EXAM: an image, a few measurements, and whether oxygen is needed; some lack one.

EXAM (I. Dayan et al. 2021, "Federated learning for predicting clinical outcomes in patients with COVID-19") had chest
X-rays, vital signs and laboratory values of 20 hospitals, which are not public. Here nothing is of a patient: images
are drawn by the rule below, and show only that the parts fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.comparing.arms import PartyFiles

SIZE = 16
COLUMNS = {"age": "18:100", "oxygen": "60:100", "breaths": "8:50", "protein": "0:400"}
"""Each column with the range that the job publishes."""
CLASSES = ("room air", "oxygen")


@dataclass(frozen=True, slots=True)
class Clinic:
    """How a clinic's rows are drawn: how many are trained on and tested, how ill they are, how dark its images, and the
    shares of rows without an image and without a table.
    """

    name: str
    trained: int
    tested: int
    ill: float
    dark: float
    no_image: float
    no_table: float


CLINICS = (
    Clinic("North", 160, 80, 0.0, 0.00, 0.1, 0.1),
    Clinic("East", 120, 80, 0.4, 0.10, 0.1, 0.2),
    Clinic("South", 80, 80, -0.4, 0.05, 0.3, 0.0),
    Clinic("West", 60, 80, 0.2, 0.15, 0.0, 0.3),
    Clinic("Islands", 40, 80, -0.2, 0.10, 0.5, 0.1),
    Clinic("Valley", 40, 80, 0.6, 0.00, 0.2, 0.2),
)


def made_up(folder: Path, seed: int = 1) -> list[PartyFiles]:
    """Each clinic's two files, drawn by the seed."""
    parties = []
    for place, clinic in enumerate(CLINICS):
        random = np.random.default_rng([seed, place])
        files = []
        for side, rows in (("train", clinic.trained), ("test", clinic.tested)):
            files.append(folder / f"{clinic.name}-{side}.npz")
            np.savez(files[-1], **_drawn(clinic, rows, random))
        parties.append(PartyFiles(clinic.name, *files))
    return parties


def read(data: Path) -> list[PartyFiles]:
    """The clinics whose files lie in a folder: NAME-train.npz and NAME-test.npz. Raises UsageError where there are not
    two clinics at least, or one lacks a file.
    """
    names = sorted({path.name.removesuffix("-train.npz") for path in data.glob("*-train.npz")})
    if len(names) < 2:
        raise UsageError(
            "a folder for this example has NAME-train.npz and NAME-test.npz of two clinics or more",
            advice="examples/exam/README.md says what is in them",
            folder=str(data),
            found=", ".join(names)[:200] or "none",
        )
    parties = [PartyFiles(name, data / f"{name}-train.npz", data / f"{name}-test.npz") for name in names]
    for party in parties:
        if not party.test.is_file():
            raise UsageError("a clinic has no test rows", advice="write the file", file=str(party.test))
    return parties


def _drawn(clinic: Clinic, rows: int, random: np.random.Generator) -> dict[str, Any]:
    """Rows whose need of oxygen follows from opacity in the image and from the measurements, half and half."""
    opacity, state = random.normal(clinic.ill, 1, rows), random.normal(clinic.ill, 1, rows)
    need = (opacity + state + random.normal(0, 0.4, rows) > 0).astype(np.int64)
    has_image, has_table = random.random(rows) >= clinic.no_image, random.random(rows) >= clinic.no_table
    has_table |= ~has_image
    table = np.stack(
        [
            random.uniform(25, 95, rows),
            np.clip(93 - 4 * state + random.normal(0, 1, rows), 60, 100),
            np.clip(20 + 4 * state + random.normal(0, 2, rows), 8, 50),
            np.clip(90 + 50 * state + random.normal(0, 20, rows), 0, 400),
        ],
        axis=1,
    )
    images = _images(opacity, clinic.dark, random)
    images[~has_image], table[~has_table] = 0, 0
    return {"x_image": images, "x_table": table, "y": need, "has_image": has_image, "has_table": has_table}


def _images(opacity: NDArray[np.float64], dark: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Two dark fields on a grey ground, with a brighter spot in one of them, the larger the more opaque."""
    rows, (y, x) = len(opacity), np.mgrid[:SIZE, :SIZE]
    fields = sum(((x - middle) / 3) ** 2 + ((y - 8) / 6) ** 2 < 1 for middle in (4, 11))
    pictures = np.where(fields, 0.25, 0.6)[None] - dark + random.normal(0, 0.05, (rows, SIZE, SIZE))
    for picture, size in zip(pictures, np.clip(opacity + 2, 0, 4), strict=True):
        middle = random.choice([4, 11]), random.uniform(6, 11)
        picture[(x - middle[0]) ** 2 + (y - middle[1]) ** 2 < size**2] += 0.35
    return np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8)
