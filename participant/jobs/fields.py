"""What a draft's sections take: for messages about fields that they do not have."""

import re
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ledger.formats.alike import hint
from ledger.profiles.parties import near

_PLACE = re.compile(r" - at `\$\.?([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def told(said: str, within: str, kind: type) -> tuple[str, str]:
    """A message of msgspec's about a `kind`, which stands in the draft's section `within`, in the draft's words, and
    the way out.

    Both are empty for other messages than of a field that is missing or unknown.
    """
    place = _PLACE.search(said)
    path = [part for part in re.split(r"[.\[]", place[1]) if part] if place else []
    names = [part for part in (within, *path) if part and not part.endswith("]")]
    section = f"[{'.'.join(names)}]" if names else "the draft"
    fields = sorted({name for found in _at(kind, path) for name in _fields(found)})
    if unknown := _UNKNOWN.search(said):
        like = hint(unknown[1], fields) or next((f"did you mean {name!r}?" for name in near(unknown[1], fields)), "")
        listed = f"{section} takes: {', '.join(fields)}" if fields else ""
        return f"{section} has no field {unknown[1]!r}", "; ".join(words for words in (like, listed) if words)
    if missing := _MISSING.search(said):
        return f"{section} lacks {missing[1]!r}", f"say {missing[1]} in {section}"
    return "", ""


def _at(kind: Any, path: Sequence[str]) -> Iterator[Any]:
    """The types that stand at a path within a type."""
    if get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _at(one, path)
    elif path and path[0].endswith("]"):
        yield from _at((*get_args(kind), Any)[0], path[1:])
    elif not path:
        yield kind
    elif _is_struct(kind) and path[0] in kind.__struct_fields__:
        yield from _at(get_type_hints(kind)[path[0]], path[1:])


def _fields(kind: Any) -> Iterator[str]:
    if _is_struct(kind):
        yield from kind.__struct_fields__
        if kind.__struct_config__.tag_field:
            yield kind.__struct_config__.tag_field


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
