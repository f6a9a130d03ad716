"""Survival after breast cancer in six regions, as FLamby divides them, or made-up rows of the same form.

TCGA-BRCA (The Cancer Genome Atlas Network 2012), as FLamby's Fed-TCGA-BRCA prepares it (J. Ogier du Terrail et al.
2022): 38 columns of 0 or 1 and the age, a centre for each of six regions of the hospitals that took the tissue, and
FLamby's division into training and test rows, in its files `brca.csv`, `centers.csv` and `train_test_split.csv`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.comparing.arms import PartyFiles

CENTRES = ("Northeast", "South", "West", "Midwest", "Europe", "Canada")
"""By FLamby's numbers, from 0."""
SIZES = ((248, 63), (156, 40), (164, 42), (129, 33), (129, 33), (40, 11))
AGE, TIME, EVENT = "age_at_index", "T", "E"
OTHERS = tuple(
    """ethnicity_not hispanic or latino
ethnicity_not reported
race_asian
race_black or african american
race_not reported
race_white
ajcc_pathologic_m_MX
ajcc_pathologic_n_N0 (i-)
ajcc_pathologic_n_N1
ajcc_pathologic_n_N1a
ajcc_pathologic_n_N2
ajcc_pathologic_n_N2a
ajcc_pathologic_stage_Stage IA
ajcc_pathologic_stage_Stage IIA
ajcc_pathologic_stage_Stage IIB
ajcc_pathologic_stage_Stage IIIA
ajcc_pathologic_stage_Stage IIIC
ajcc_pathologic_t_T1c
ajcc_pathologic_t_T2
ajcc_pathologic_t_T3
ajcc_staging_system_edition_5th
ajcc_staging_system_edition_6th
ajcc_staging_system_edition_7th
icd_10_code_C50.9
morphology_8500/3
morphology_8520/3
primary_diagnosis_Infiltrating duct carcinoma, NOS
primary_diagnosis_Lobular carcinoma, NOS
prior_malignancy_yes
synchronous_malignancy_Not Reported
treatment_or_therapy_not reported
treatment_or_therapy_yes
tumor_stage_stage i
tumor_stage_stage ia
tumor_stage_stage iia
tumor_stage_stage iib
tumor_stage_stage iiia
tumor_stage_stage iiic""".splitlines()
)
RANGES = {AGE: "20:100", **dict.fromkeys(OTHERS, "0:1")}
"""Each column with the range that the job publishes."""
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Centre:
    """A region's rows, as texts by column."""

    name: str
    trained: Sequence[Row]
    tested: Sequence[Row]

    def write(self, folder: Path) -> PartyFiles:
        """Its two files, as the task `survival` reads them."""
        files = []
        for side, rows in (("train", self.trained), ("test", self.tested)):
            path = folder / f"{self.name}-{side}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, [*RANGES, TIME, EVENT], extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
            files.append(path)
        return PartyFiles(self.name, *files)


def read(folder: Path) -> list[Centre]:
    """The six centres of the files in `folder`. Raises UsageError where one is missing or is another file."""
    sides = {row["pid"]: row["fold2"] for row in _rows(folder / "train_test_split.csv", ("pid", "fold2"))}
    found: dict[str, list[Row]] = {f"{side}_{place}": [] for side in ("train", "test") for place in range(len(CENTRES))}
    path = folder / "brca.csv"
    for row in _rows(path, ("pid", TIME, EVENT, *RANGES)):
        if (side := sides.get(row["pid"])) is not None:
            found[side].append({**row, EVENT: row[EVENT].removesuffix(".0")})
    centres = [Centre(name, found[f"train_{place}"], found[f"test_{place}"]) for place, name in enumerate(CENTRES)]
    if tuple((len(one.trained), len(one.tested)) for one in centres) != SIZES:
        raise UsageError("these are not the rows that FLamby divides", file=str(path), expected="1,088 rows")
    return centres


def made_up(seed: int = 1) -> list[Centre]:
    """Six centres of the same sizes with made-up rows: one rule for all, and other shares of each stage and of rows
    that are lost from sight.
    """
    random = np.random.default_rng(seed)
    rule = random.normal(0, 0.6, len(OTHERS))
    centres = []
    for name, (trained, tested) in zip(CENTRES, SIZES, strict=True):
        rows, shares = trained + tested, random.uniform(0.1, 0.6, len(OTHERS))
        ages = random.integers(30, 90, rows)
        others = (random.random((rows, len(OTHERS))) < shares).astype(np.int64)
        risks = others @ rule - (shares @ rule) + (ages - 60) / 40
        times = random.exponential(3000 * np.exp(-risks))
        made = _made(ages, others, times, random.exponential(random.uniform(1500, 4000), rows))
        centres.append(Centre(name, made[:trained], made[trained:]))
    return centres


def _made(
    ages: NDArray[np.int64], others: NDArray[np.int64], times: NDArray[np.float64], lost: NDArray[np.float64]
) -> list[Row]:
    rows = []
    for age, flags, time, end in zip(ages, others, times, lost, strict=True):
        row = {AGE: str(age), **dict(zip(OTHERS, map(str, flags), strict=True))}
        rows.append({**row, TIME: f"{min(time, end):.0f}", EVENT: str(int(time <= end))})
    return rows


def _rows(path: Path, needed: Sequence[str]) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read FLamby's files: {error}", file=str(path)) from error
    missing = [name for name in needed if not rows or rows[0].get(name) is None]
    if missing:
        raise UsageError("this is not FLamby's file", file=str(path), missing_column=missing[0])
    return rows
