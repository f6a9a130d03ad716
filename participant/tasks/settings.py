"""Reading a task's settings from the job: every name known, every value of its kind, decimals written as text."""

from collections.abc import Mapping, Sequence

from ledger.errors import Malformed
from ledger.formats.alike import hint
from ledger.jobs.document import Setting
from participant.tasks.data.numbers import read_number


class Settings:
    """A task's settings, taken one by one; `done` refuses what is left over. All methods raise Malformed."""

    def __init__(self, task: str, values: Mapping[str, Setting]) -> None:
        self._task = task
        self._values = values
        self._known: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether a setting is given; one that may be left out."""
        self._known.add(name)
        return name in self._values

    def text(self, name: str, default: str | None = None, *, choices: Sequence[str] = ()) -> str:
        value = self._take(name, default)
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "a text", value)
        if choices and value not in choices:
            raise self.wrong(name, "one of " + ", ".join(choices), value)
        return value

    def integer(self, name: str, default: int | None = None, *, low: int = 1, high: int = (1 << 31) - 1) -> int:
        value = self._take(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(name, f"an integer from {low} to {high}", value)
        return value

    def flag(self, name: str) -> bool:
        """true or false; left out, false."""
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false", value)
        return value

    def decimal(self, name: str, default: str | None = None, *, low: float = 0, high: float = 1e9) -> float:
        """A decimal number, in the job a text such as "0.05"; an integer is one too."""
        value = self._take(name, default)
        number = None if isinstance(value, bool | list) else _number(str(value))
        if number is None or not low <= number <= high:
            raise self.wrong(name, f"a decimal number from {low:g} to {high:g}", value)
        return number

    def texts(self, name: str, default: list[str] | None = None, *, minimum: int = 1) -> list[str]:
        value = self._take(name, default)
        if not isinstance(value, list) or len(value) < minimum or not all(value):
            raise self.wrong(name, f"a list of at least {minimum} texts", value)
        return list(value)

    def unique(self, name: str, *, minimum: int = 1) -> list[str]:
        """Texts of which none stands twice."""
        value = self.texts(name, minimum=minimum)
        twice = sorted({item for item in value if value.count(item) > 1})
        if twice:
            raise self.wrong(name, "texts that differ from each other", twice)
        return value

    def sizes(self, name: str, default: list[str], *, minimum: int = 1) -> list[int]:
        """Sizes of layers: a list of positive integers, in the job texts such as "32"."""
        value = self.texts(name, default, minimum=minimum)
        if not all(item.isascii() and item.isdigit() and 0 < int(item) <= 1 << 20 for item in value):
            raise self.wrong(name, "a list of positive integers, each in quotes", value)
        return [int(item) for item in value]

    def decimals(self, name: str, count: int, *, low: float = 0, high: float = 1e9) -> list[float]:
        """`count` decimal numbers, in the job texts such as "0.5"; none where the setting is left out."""
        if name not in self._values:
            self._known.add(name)
            return []
        value = self.texts(name)
        found = [number for item in value if (number := _number(item)) is not None and low <= number <= high]
        if not len(found) == len(value) == count:
            raise self.wrong(name, f"{count} decimal numbers from {low:g} to {high:g}, each in quotes", value)
        return found

    def pairs(self, name: str, count: int) -> list[tuple[float, float]]:
        """`count` ranges "low:high"."""
        value = self.texts(name)
        if len(value) != count:
            raise self.wrong(name, f"{count} ranges, one for each column", f"{len(value)} ranges")
        return [self._pair(name, item) for item in value]

    def pair(self, name: str) -> tuple[float, float]:
        """A range "low:high"."""
        return self._pair(name, self.text(name))

    def done(self) -> None:
        """Raise Malformed where a setting was given that the task does not have."""
        unknown = sorted(self._values.keys() - self._known)
        if unknown:
            raise Malformed(
                f"task {self._task!r} has no setting {unknown[0]!r}",
                advice=hint(unknown[0], sorted(self._known)) or "correct its name, or take it out of the job",
                known=", ".join(sorted(self._known)),
            )

    def _take(self, name: str, default: Setting | None) -> Setting:
        self._known.add(name)
        value = self._values.get(name, default)
        if value is None:
            raise Malformed(f"task {self._task!r} needs the setting {name!r}")
        return value

    def _pair(self, name: str, item: str) -> tuple[float, float]:
        low, separator, high = item.partition(":")
        numbers = _number(low), _number(high)
        if not separator or numbers[0] is None or numbers[1] is None or not numbers[0] < numbers[1]:
            raise self.wrong(name, 'ranges "low:high", low below high', item)
        return numbers[0], numbers[1]

    def wrong(self, name: str, expected: str, actual: object) -> Malformed:
        """The error that a setting is not valid."""
        return Malformed(
            f"setting {name!r} of task {self._task!r} is not valid", expected=expected, actual=repr(actual)[:200]
        )


def _number(text: str) -> float | None:
    try:
        return read_number(text)
    except ValueError:
        return None
