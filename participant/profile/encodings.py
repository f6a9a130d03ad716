"""In which encoding a text is: told by its byte order mark, by being UTF-8 all through, else judged by its signs."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from ledger.formats.text import plural
from participant.tasks.data.sources.text import PIECE, open_table

SAMPLE = 1 << 16
CANDIDATES = ("big5hkscs", "gb18030", "cp932", "euc_jp", "euc_kr", "cp1252", "cp1250", "cp1251", "cp1253", "mac_roman")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """Its name, how it was found out, and whether that is a guess that the owner should look at."""

    name: str
    why: str
    guessed: bool = False


def encoding_of(path: Path, ceiling: int) -> Encoding:
    """Read the whole file, and say in which encoding it is. Raises UsageError, Unavailable."""
    with open_table(path, ceiling) as file:
        head = file.read(PIECE)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return Encoding(name, "a byte order mark")
        if name := _wide(head):
            return Encoding(name, "every second byte is zero")
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            try:
                decoder.decode(head, not head)
            except UnicodeDecodeError:
                return _judged(head + file.read(PIECE))
            if not head:
                return Encoding("utf-8", "every byte is UTF-8")
            head = file.read(PIECE)


def _wide(head: bytes) -> str:
    """UTF-16 without a byte order mark: texts of tables are mostly ASCII."""
    even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
    half = len(head[:4096]) // 2
    if half >= 2 and odd > 0.4 * half and not even:
        return "utf-16-le"
    return "utf-16-be" if half >= 2 and even > 0.4 * half and not odd else ""


def _judged(data: bytes) -> Encoding:
    """By the lines that have bytes beyond ASCII."""
    lines = [line for line in data.split(b"\n")[:-1] or [data] if not line.isascii()]
    sample = b"\n".join(lines)[:SAMPLE]
    sample = sample if len(sample) < SAMPLE else sample[: sample.rfind(b"\n")]
    found = from_bytes(sample, cp_isolation=list(CANDIDATES), enable_fallback=False, threshold=0.5)
    best = found.best()
    if best is None:
        return Encoding("cp1252", "no encoding fits, so the first of the West's is tried", guessed=True)
    names = [one.encoding for one in found]
    name = "cp1252" if best.encoding == "cp1250" and "cp1252" in names else best.encoding
    others = [other for other in names if other != name][:3]
    also = f"; {', '.join(others)} would do, too" if others else ""
    return Encoding(name, f"judged by {plural(len(lines), 'line')} with signs beyond ASCII{also}", guessed=True)
