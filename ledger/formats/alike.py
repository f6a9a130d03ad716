"""In what two texts differ that look alike to a person. For messages alone: no verdict depends on it.

What is compared by bytes stays so (docs/spec/grammar.md); but where a name was not found, a message says which known
one looks the same, and in what it is another.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

_LOOKS = str.maketrans(
    "аАВсСеЕНіІјЈКМоОрРѕЅТуУхХһԁԛԝօ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορ" + "ıɡ‐‑‒–—−‘’“”",
    "aABcCeEHiIjJKMoOpPsSTyYxXhdqwo" + "ABEZHIKMNOPTYXavop" + "ig------''\"\"",
)
"""Letters of Cyrillic, Armenian and Greek, dashes and quotation marks, by what they look like."""


_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Control signs and what shows nothing: Unicode's default ignorable code points, blanks that are not spaces. A table of
its own, so that all interpreters say the same."""

_MISLEADING: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "has a comma in it": re.compile("[,،、︐︑﹐﹑，､]"),
        "has a quotation mark in it": re.compile('["“”„‟«»〝〞〟＂]'),
    }
)
_ADDRESS, _NUMBERED = re.compile(r"0x[0-9a-f]{3}|[0-9a-f]{40}"), re.compile(r"member[0-9]+")
"""As far as a person sees it, with neither capitals nor spaces."""


def _visible(text: str) -> str:
    return _INVISIBLE.sub("", text)


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


def misleading(name: str) -> str:
    """What lets a name pass for more than a name, or for none, in words; empty where nothing does."""
    if not _visible(name).strip():
        return "shows nothing"
    found = [why for why, signs in _MISLEADING.items() if signs.search(name)]
    return next(iter(found), "has what looks like an address in it" if _ADDRESS.search(_seen(name)) else "")


def numbered(name: str) -> bool:
    """Whether a name is, or looks like, what some member without a name is called."""
    return _NUMBERED.fullmatch(_seen(name)) is not None


def look(text: str) -> str:
    """What is the same of texts that look alike. It is shown to nobody, and nothing is filed under it."""
    return _seen(text)


def _seen(text: str, without: str = "") -> str:
    """A text as a person sees it, but for one step."""
    for name, step in _STEPS.items():
        if name != without:
            text = step(text)
    return text
