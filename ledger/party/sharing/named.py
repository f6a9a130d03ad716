"""Files that are named by job and round: JOB-ROUND, and maybe more after another dash."""

from collections.abc import Mapping
from pathlib import Path


def is_over(path: Path, needed: Mapping[int, int]) -> bool:
    """Whether a file is of an earlier round than the first one that is needed of its job."""
    numbers = path.stem.split("-")[:2]
    if len(numbers) < 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
        return False
    return int(numbers[1]) < needed.get(int(numbers[0]), 0)
