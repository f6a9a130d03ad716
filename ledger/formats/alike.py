"""In what two texts differ that look alike to a person. For messages alone: no verdict depends on it.

What is compared by bytes stays so (docs/spec/grammar.md); but where a name was not found, a message says which known
one looks the same, and in what it is another.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

_LOOKS = str.maketrans(
    "аАВсСеЕНіІјЈКМоОрРѕЅТуУхХһԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορ" + "ıɡ‐‑‒–—−‘’“”",
    "aABcCeEHiIjJKMoOpPsSTyYxXhdqw" + "ABEZHIKMNOPTYXavop" + "ig------''\"\"",
)
"""Letters of Cyrillic and Greek, dashes and quotation marks, by what they look like."""


def _visible(text: str) -> str:
    return "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc") or sign in "\t\n\r")


_STEPS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "invisible signs": _visible,
        "the Unicode form (composed or not)": lambda text: unicodedata.normalize("NFC", text),
        "wide or styled signs": lambda text: unicodedata.normalize("NFKC", text),
        "look-alike signs": lambda text: text.translate(_LOOKS),
        "upper and lower case": str.casefold,
        "spaces, _ or -": lambda text: "".join(text.replace("_", " ").replace("-", " ").split()),
    }
)


def difference(text: str, other: str) -> str:
    """In what two texts differ that look alike, in words; nothing where they are equal or do not look alike."""
    if text == other or _seen(text) != _seen(other):
        return ""
    needed = [name for name in _STEPS if _seen(text, without=name) != _seen(other, without=name)]
    return " and ".join(needed) or _first_step(text, other)


def _first_step(text: str, other: str) -> str:
    """The step after which they are equal: a later one does its work too, so that leaving it out shows nothing."""
    for name, step in _STEPS.items():
        text, other = step(text), step(other)
        if text == other:
            return name
    raise AssertionError("unreachable")


def hint(text: str, known: Iterable[str]) -> str:
    """Advice where one of the known texts looks like `text`: which one, and in what they differ; else nothing."""
    for other in known:
        differs = difference(text, other)
        if differs:
            return f"{other!r} looks the same: they differ in {differs}"
    return ""


def twins(texts: Iterable[str]) -> tuple[str, str] | None:
    """Two texts among these that look alike and are not equal; None where there are none."""
    first: dict[str, str] = {}
    for text in texts:
        other = first.setdefault(_seen(text), text)
        if other != text:
            return other, text
    return None


def _seen(text: str, without: str = "") -> str:
    """A text as a person sees it, but for one step."""
    for name, step in _STEPS.items():
        if name != without:
            text = step(text)
    return text
