"""Words that fit their numbers, times and commands as people read them, and JSON that every reader of JSON reads."""

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite, isnan
from typing import Any

_DOUBTFUL = re.compile(r'[,，､、،;；:："()\\]')


def plural(count: int, noun: str, many: str = "") -> str:
    """A count and its noun: "1 update", "2,000 updates"; `many` is the plural where it is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def clock_text(seconds: int) -> str:
    """A time of the chain, in seconds since 1970, as the time of day in UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"


def quoted(text: str) -> str:
    """Foreign text within a sentence of ours, between quotation marks: what follows it is not part of it."""
    return json.dumps(text, ensure_ascii=False)


def listed(names: Iterable[str]) -> str:
    """Names with commas between them; one that could pass for several, or for more than a name, is quoted."""
    return ", ".join(quoted(name) if _DOUBTFUL.search(name) else name for name in names)


def command(*words: object) -> str:
    """A `fedledger` command to type into a shell, every word quoted that needs it."""
    return shlex.join(["fedledger", *map(str, words)])


def option(name: str, value: str) -> str:
    """An option of a command and its value, quoted where a shell needs it: a value may be foreign text."""
    return shlex.join([name, value])


def json_text(document: object, default: Callable[[Any], object] | None = None) -> str:
    """A document as JSON (RFC 8259), which has no numbers NaN and Infinity: here they are texts of these names.

    `default` turns what JSON has no form for into what has one; without it, such a value raises TypeError.
    """
    try:
        return json.dumps(document, default=default, allow_nan=False)
    except ValueError:  # NaN or infinity; rare, so it is looked for only now
        return json.dumps(_named(document), default=default, allow_nan=False)


def _named(value: object) -> object:
    """The same document, its floats that are not finite as texts: "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: _named(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner) for inner in value]
    return value
