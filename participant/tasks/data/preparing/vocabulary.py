"""Words of a table and those of a job: the same text, or else the same number in another form."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from ledger.jobs.preparation import is_decimal
from participant.tasks.data.numbers import read_number

Find = Callable[[str], str | None]


def finder(words: Iterable[str]) -> Find:
    """Finds a text among words: as it is, or else, of words that are decimal numbers, as the same number: "1.0" is "1".

    Programs write a code as a number with a point, or without. Compared are decimals, so nothing is rounded.
    """
    known = set(words)
    numbers = {Decimal(word): word for word in known if is_decimal(word)}

    def find(text: str) -> str | None:
        if text in known:
            return text
        if not numbers:
            return None
        try:
            read_number(text)
        except ValueError:
            return None
        return numbers.get(Decimal(text.strip()))

    return find
