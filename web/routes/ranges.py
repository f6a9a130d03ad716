"""One range of a file's bytes, as a client asks for it (RFC 9110, section 14)."""

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


def wanted(headers: Mapping[str, str], tag: str, size: int) -> range | None:
    """The bytes wanted of a file with this strong tag; None for all of it. Raises HTTPException (416) for none of it.

    All of it is also sent where If-Range names another file, or by its date, and for several ranges, other units and
    what breaks the grammar: a server may.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", tag) != tag or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        asked = range(max(size - int(last), 0), size)
    else:
        asked = range(int(first), min(int(last) + 1, size) if last else size)
        if last and int(last) < int(first):
            return None
    if not asked:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"})
    return asked
