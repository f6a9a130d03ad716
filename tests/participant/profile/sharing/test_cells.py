"""No cell below the floor follows from what is told: another table, in which it is empty, tells the very same."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("polars", reason='polars is not installed: pip install "fedledger[node]"')

from participant.profile.sharing.cells import MAX_BINS, MAX_CODES, Cells, _step, coarse, of_numbers, of_words

FLOORS = st.integers(2, 12)
COUNTS = st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(1, 40), max_size=12)


def spread(seed: int, count: int, width: int) -> list[int]:
    """Numbers as of a measurement, more of them in the middle."""
    random = Random(seed)
    return [int(random.gauss(200, width)) for _ in range(count)]


NUMBERS = st.builds(spread, st.integers(0, 10_000), st.integers(40, 160), st.integers(20, 120))
FEW = st.dictionaries(st.integers(0, 9), st.integers(1, 40), max_size=10)


def words_of(numbers: Mapping[Fraction, int]) -> dict[str, int]:
    return {str(number): count for number, count in numbers.items()}


def told(numbers: Mapping[Fraction, int], missing: int, floor: int) -> Cells:
    return of_numbers(words_of(numbers), sorted(numbers.items()), {}, missing, floor)


def floored(cells: Cells, floor: int) -> bool:
    counts = [count for _, count in (*cells.values, *cells.apart)] + [count for _, _, count in cells.bins]
    return all(count >= floor for count in counts) and (cells.missing == 0 or cells.missing >= floor)


@given(COUNTS, st.integers(0, 40), FLOORS)
def test_a_rare_word_could_as_well_not_be_there(counts: dict[str, int], missing: int, floor: int) -> None:
    assume(sum(counts.values()) + missing >= floor)
    cells = of_words(counts, missing, floor)
    assert floored(cells, floor)
    assume(cells.values)
    often = min(counts, key=lambda word: (-counts[word], word))
    for word in (word for word, count in counts.items() if count < floor):
        without = {other: count for other, count in counts.items() if other != word}
        without[often] += counts[word]
        assert of_words(without, missing, floor) == cells
    if 0 < missing < floor:
        assert of_words(counts | {often: counts[often] + missing}, 0, floor) == cells


@given(FEW, st.integers(0, 40), FLOORS)
def test_a_rare_code_could_as_well_not_be_there(few: dict[int, int], missing: int, floor: int) -> None:
    assume(sum(few.values()) + missing >= floor)
    numbers = {Fraction(number): count for number, count in few.items()}
    cells = told(numbers, missing, floor)
    assert floored(cells, floor)
    assume(cells.values)
    often = min(numbers, key=lambda number: (-numbers[number], str(number)))
    for code in (code for code, count in numbers.items() if count < floor):
        without = {other: count for other, count in numbers.items() if other != code}
        without[often] += numbers[code]
        assert told(without, missing, floor) == cells
    if 0 < missing < floor:
        assert told(numbers | {often: numbers[often] + missing}, 0, floor) == cells


@given(NUMBERS, st.integers(0, 30), FLOORS, st.data())
def test_rare_numbers_could_as_well_not_be_there(
    drawn: list[int], missing: int, floor: int, data: st.DataObject
) -> None:
    """A part of a bin that holds fewer rows than the floor: as well all of them could be at numbers that nobody had, in
    the part that made the bin large enough to be told.
    """
    numbers = Counter(map(Fraction, drawn))
    cells = told(numbers, missing, floor)
    assert floored(cells, floor)
    assume(cells.bins and len(numbers) > MAX_CODES)
    assert sum(count for _, _, count in cells.bins) == len(drawn) + (missing if missing < floor else 0)
    first, last = sorted(drawn)[floor - 1], sorted(drawn)[-floor]
    step = _step(Fraction(first), Fraction(last), min(MAX_BINS, max(1, (len(drawn) + missing) // (2 * floor))))
    parts = Counter[int]()
    for number, count in numbers.items():
        parts[min(max(int(number // step), int(first // step)), int(last // step))] += count
    small = [part for part in range(int(first // step), int(last // step)) if 0 < parts[part] < floor]
    assume(small)
    part = data.draw(st.sampled_from(small))
    begin, end = next((int(low / step), int(high / step)) for low, high in ends_of(cells) if low <= part * step < high)
    held = [sum(parts[at] for at in range(begin, upto + 1)) for upto in range(begin, end)]
    closing = begin + next(place for place, count in enumerate(held) if count >= floor)
    gone = {number for number in numbers if int(number // step) == part}
    moved = sum(numbers[number] for number in gone)
    low = max(closing * step, Fraction(first))
    high = min((closing + 1) * step, Fraction(last))
    assume(part != closing and low < high)
    without = numbers - Counter({number: numbers[number] for number in gone})
    for place in range(moved):
        without[low + (high - low) * Fraction(2 * place + 1, 2 * moved + 7)] += 1
    assert told(without, missing, floor) == cells


def ends_of(cells: Cells) -> list[tuple[Fraction, Fraction]]:
    """The bins' ends."""
    return [(Fraction(low), Fraction(high)) for low, high, _ in cells.bins]


@given(NUMBERS, FLOORS)
def test_a_range_is_never_that_of_one_person(drawn: list[int], floor: int) -> None:
    """Whoever has the lowest or highest number may have any other beyond: the ends do not move."""
    numbers = Counter(map(Fraction, drawn))
    cells = told(numbers, 0, floor)
    assume(cells.bins and len(numbers) > MAX_CODES + 1 and floor > 2)
    further = numbers - Counter([max(numbers)]) + Counter([Fraction(10**6)])
    assert told(further, 0, floor) == cells


@given(NUMBERS, st.integers(1, 11), FLOORS)
def test_a_few_missing_values_count_with_the_largest_bin(drawn: list[int], missing: int, floor: int) -> None:
    assume(missing < floor)
    numbers = Counter(map(Fraction, drawn))
    cells = told(numbers, missing, floor)
    assume(cells.bins)
    assert cells.missing == 0
    assert sum(count for _, _, count in cells.bins) == len(drawn) + missing


def test_numbers_that_stand_apart_are_told_apart_or_not_at_all() -> None:
    numbers = {Fraction(number): 3 for number in range(100, 130)} | {Fraction(0): 12}
    cells = of_numbers(words_of(numbers), sorted(numbers.items()), {"0": 12}, 0, 10)
    assert cells.apart == (("0", 12),)
    assert cells.bins[0][0] >= 100
    few = numbers | {Fraction(0): 9}
    hidden = of_numbers(words_of(few), sorted(few.items()), {"0": 9}, 0, 10)
    assert not hidden.apart
    assert sum(count for _, _, count in hidden.bins) == 99


@given(st.integers(0, 10_000), FLOORS)
def test_counts_are_told_in_steps(count: int, floor: int) -> None:
    assert coarse(count, floor) % floor == 0
    assert coarse(count, floor) >= floor
    assert count < floor or abs(coarse(count, floor) - count) <= floor // 2 + 1


def test_ends_have_few_digits() -> None:
    numbers = {Fraction(number, 7): 1 for number in range(900, 1400)}
    for low, high, _ in told(numbers, 0, 10).bins:
        assert len((low / 5).normalize().as_tuple().digits) <= 3
        assert high > low
