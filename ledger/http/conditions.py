"""Conditions of requests (RFC 9110, section 13.1): whether a client has what it asks for."""

import re

_TAG = re.compile(r'(?:W/)?("[!#-~\x80-\xff]*")[ \t]*(?:,[ \t]*|$)')


def has_already(condition: str, tag: str) -> bool:
    """Whether an If-None-Match, empty where there is none, names what has this tag: by weak comparison, in a list too.

    A value that breaks the grammar names nothing.
    """
    if condition.strip() == "*":
        return True
    rest, found = condition.strip(), False
    while rest:
        named = _TAG.match(rest)
        if named is None:
            return False
        found = found or named[1] == tag.removeprefix("W/")
        rest = rest[named.end() :]
    return found
