"""What names, texts and documents may say: closed rules (docs/spec/grammar.md).

No table of Unicode, no normalisation and no leniency of a library: an interpreter that is upgraded decides nothing.
"""

import json
import re

from ledger.errors import SHOWN, Malformed, plain

LONGEST = 200
LONGEST_EXPLORER = 512
MAX_DEPTH = 8
MAX_INTEGER = (1 << 63) - 1

_NAME_SIGN = re.compile(r"[!#-\[\]-~]")
_ESCAPE = re.compile(r'\\["\\]')
_NO_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)
"""Strings, closed or cut, and all else but brackets. It matches at every quote, so that no text makes it slow."""


def check_name(text: str, what: str) -> None:
    r"""Refuse what is not a name that machines compare: 1 to 200 of U+0021 to U+007E but " and \. Raises Malformed."""
    _check_signs(text, what, _NAME_SIGN, 'U+0021 to U+007E but " and \\')


def check_text(text: str, what: str) -> None:
    """Refuse what is not text for people: 1 to 200 of `SHOWN`, no space first, last or twice. Raises Malformed."""
    _check_signs(text, what, SHOWN, '"Text for people" in docs/spec/grammar.md')
    if text.startswith(" ") or text.endswith(" ") or "  " in text:
        raise Malformed(f"{what} has a space first or last, or two in a row", actual=plain(text[:80]))


def check_explorer(address: str, file: str) -> None:
    """Refuse what is not where pages link transactions to: a place for the hash, once, behind the name of a server that
    is reached by https or http; or nothing at all. `file` is what says it. Raises Malformed.
    """
    if not address:
        return
    signs = len(address) <= LONGEST_EXPLORER and re.fullmatch("[!-~]+", address)
    server = re.match("https?://[^/?#@{}]+/", address)
    if not (signs and server and address.count("{}") == 1 == address.count("{") == address.count("}")):
        raise Malformed(
            "chain.explorer is not an https or http address with one pair of braces, for a transaction's hash",
            file=file,
            actual=address[:200],
            advice='such as explorer = "https://explorer.example/tx/{}"',
        )


def check_json(data: bytes, what: str) -> None:
    """Refuse a document that is not in the strict grammar, or not in its one encoding. Raises Malformed.

    1. UTF-8; arrays and objects at most 8 deep; no escapes but those of the quotation mark and the backslash.
    2. JSON (RFC 8259); numbers are integers within ±(2^63 - 1).
    3. Written again, members sorted by code point, it is the same bytes.
    """
    try:
        check_depth(data)
        text = data.decode()
        if "\\" in _ESCAPE.sub("", text):
            raise ValueError('an escape that is neither \\" nor \\\\')
        document = json.loads(text, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number)
    except ValueError as error:
        raise Malformed(f"{what} is not a valid document: {error}") from error
    if json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() != data:
        raise Malformed(
            f"{what} is not in canonical form", advice="encode it with sorted keys, each once, and no white space"
        )


def check_depth(data: bytes) -> None:
    """Refuse JSON nested more than 8 levels deep. Raises ValueError.

    Python's recursion limit must not decide that: libraries change it, so that two auditors would come to different
    verdicts, or overflow their stack.
    """
    depth = 0
    for sign in _NO_BRACKETS.sub(b"", data):
        depth += 1 if sign in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested too deeply, more than {MAX_DEPTH} levels")


def _check_signs(text: str, what: str, allowed: re.Pattern[str], rule: str) -> None:
    if not 0 < len(text) <= LONGEST:
        raise Malformed(f"{what} must be 1 to {LONGEST} characters", actual=len(text))
    rest = allowed.sub("", text)
    if rest:
        raise Malformed(f"{what} has a character that is not allowed", allowed=rule, actual=f"U+{ord(rest[0]):04X}")


def _integer(digits: str) -> int:
    """Python's limit for the digits of an integer is a setting, so they are counted first."""
    if len(digits) > 20 or abs(int(digits)) > MAX_INTEGER:
        raise ValueError(f"not an integer within ±(2^63 - 1): {digits[:40]}")
    return int(digits)


def _no_number(text: str) -> None:
    raise ValueError(f"not an integer: {text[:40]}")
