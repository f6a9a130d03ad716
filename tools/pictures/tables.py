"""Tables of people who do not exist, the same every time: one with faults to profile, and one for each clinic."""

import random
from collections.abc import Sequence
from pathlib import Path

CLINICS = {"North": "FM", "South": "FM", "West": "01"}
"""Parties of a draft, and what each writes into its column of sexes."""


def write_tables(folder: Path) -> None:
    """`patients.csv`, and the clinics' tables by their names in lower case."""
    for seed, (name, sexes) in enumerate(CLINICS.items(), 1):
        rows = people(seed, sexes)
        (folder / f"{name.lower()}.csv").write_text(table(rows))
    rows = people(len(CLINICS) + 1, "FM")
    for number, row in enumerate(rows):
        row["chol"] = "0" if number % 13 == 5 else row["chol"]
        row["smokes"] = "Yes" if number % 41 == 7 else row["smokes"]
        row["age"] = "" if number % 29 == 3 else "unclear" if number in (17, 90) else row["age"]
    (folder / "patients.csv").write_text(table(rows))


def people(seed: int, sexes: str) -> list[dict[str, str]]:
    drawn, rows = random.Random(seed), []  # noqa: S311
    for number in range(240):
        age = min(max(round(drawn.gauss(56, 11)), 24), 88)
        rows.append(
            {
                "patient": f"P{seed}{number:04}",
                "age": str(age),
                "sex": drawn.choice(sexes),
                "chol": str(round(drawn.gauss(238, 42))),
                "smokes": "yes" if drawn.random() < 0.35 else "no",
                "ill": "yes" if drawn.random() < (age - 20) / 75 else "no",
            }
        )
    return rows


def table(rows: Sequence[dict[str, str]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"
