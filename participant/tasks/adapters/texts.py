"""Texts with a class each, read from a CSV file, and the tokens that the backbone's tokenizer makes of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats.alike import hint
from participant.tasks.adapters.backbone import MAX_TOKENIZER, TOKENIZER, configuration
from participant.tasks.data.sources.rows import open_rows
from participant.tasks.data.tables import read_bytes

MAX_BYTES = 2 << 30
Encode = Callable[[Sequence[str], Sequence[int]], NDArray[np.int64]]
"""Texts and the lines that they begin on → tokens int64 n × length."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of the file are read, and the classes that the second one names."""

    text: str
    label: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """`texts`, the number of each one's class, and the line of the file that each begins on."""

    texts: list[str]
    targets: NDArray[np.int64]
    lines: list[int]


def read_texts(path: Path, columns: Columns) -> LabelledTexts:
    """Read a table as its columns file says, or else a CSV file (RFC 4180, UTF-8, with a header); other columns are
    ignored.

    Raises UsageError for a file that is not there or too large, Malformed for what it holds, naming file, line and
    column: an empty text and an unknown label are refused.
    """
    texts, targets, lines = list[str](), list[int](), list[int]()
    numbers = {name: number for number, name in enumerate(columns.classes)}
    for line, text, label in _rows(path, columns):
        where: dict[str, Any] = {"file": str(path), "line": line}
        if not text.strip():
            raise Malformed("a text is missing", advice="leave the row out", column=columns.text, **where)
        if label not in numbers:
            raise Malformed(
                "the label is none of the job's classes",
                advice=hint(label, columns.classes) or "write the classes as the job does",
                column=columns.label,
                value=repr(label[:80]),
                classes=", ".join(columns.classes)[:300],
                **where,
            )
        texts.append(text)
        targets.append(numbers[label])
        lines.append(line)
    if not texts:
        raise Malformed("the file has no rows", file=str(path))
    return LabelledTexts(texts, np.array(targets, np.int64), lines)


def _rows(path: Path, columns: Columns) -> Iterator[tuple[int, str, str]]:
    """Line, text and label of each row. Raises Malformed."""
    wanted = (columns.text, columns.label)
    with open_rows(path, MAX_BYTES, wanted) as rows:
        text, label = (_place(path, rows.names, name) for name in wanted)
        for line, row in rows:
            yield line, row[text], row[label].strip()


def _place(path: Path, names: Sequence[str], name: str) -> int:
    if names.count(name) == 1:
        return names.index(name)
    raise Malformed(
        f"column {name!r} is missing, or stands more than once",
        advice=hint(name, names) or "the job names the columns: rename or add the column",
        file=str(path),
        line=1,
        columns=", ".join(names)[:300],
    )


def padding_of(config: Mapping[str, Any]) -> int:
    """The token that fills rows up. Raises Malformed for a backbone without one."""
    padding = config.get("pad_token_id")
    if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
        raise Malformed(
            "the backbone's configuration names no token that fills rows up (pad_token_id)",
            advice="take a backbone that has one, or write its number into config.json: that is another backbone",
            actual=repr(padding)[:80],
        )
    return padding


def reader_of(folder: Path, length: int, reads: str) -> Encode:
    """How texts become tokens: by the tokenizer in the backbone's folder, or as `ids`, numbers between spaces.

    What is longer than `length` tokens is cut. Raises UsageError or Malformed for a folder without what that needs.
    """
    config = configuration(folder)
    padding, vocabulary = padding_of(config), config.get("vocab_size")
    if not isinstance(vocabulary, int) or not 0 < vocabulary < 1 << 31:
        raise Malformed("the backbone's configuration says no vocab_size", actual=repr(vocabulary)[:80])
    if reads == "ids":
        return lambda texts, lines: _numbers(texts, lines, length, padding, vocabulary)
    tokenizer = _tokenizer(folder, length, padding)

    def encode(texts: Sequence[str], lines: Sequence[int]) -> NDArray[np.int64]:
        tokens = np.array([one.ids for one in tokenizer.encode_batch(list(texts))], np.int64)
        if tokens.max() >= vocabulary:
            raise Malformed(
                "the backbone's tokenizer makes tokens that its weights do not know",
                advice="take a backbone whose tokenizer.json and config.json are of one model",
                vocab_size=vocabulary,
                token=int(tokens.max()),
            )
        return tokens

    return encode


def _tokenizer(folder: Path, length: int, padding: int) -> Any:
    file = folder / TOKENIZER
    if not file.is_file():
        raise Malformed(
            f"the backbone has no {TOKENIZER}",
            advice="save its tokenizer beside it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER); "
            'or let the job read numbers: reads = "ids"',
            folder=str(folder),
        )
    from tokenizers import Tokenizer

    text = read_bytes(file, MAX_TOKENIZER).decode("utf-8", "replace")
    try:
        made = Tokenizer.from_str(text)
    except Exception as error:  # foreign bytes alone are in here, and the library raises no narrower kind
        raise Malformed(f"this is not a tokenizer: {str(error)[:200]}", file=str(file)) from error
    made.enable_truncation(length)
    made.enable_padding(length=length, pad_id=padding, pad_token=made.id_to_token(padding) or "")
    return made


def _numbers(
    texts: Sequence[str], lines: Sequence[int], length: int, padding: int, vocabulary: int
) -> NDArray[np.int64]:
    tokens = np.full((len(texts), length), padding, np.int64)
    for row, (text, line) in enumerate(zip(texts, lines, strict=True)):
        words = text.split()
        good = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10]
        if len(good) != len(words) or max(good) >= vocabulary:
            raise Malformed(
                "a row of tokens is not numbers of tokens with spaces between them",
                advice='write them so, or let the job read text: reads = "text"',
                line=line,
                expected=f"numbers below {vocabulary}",
                actual=repr(text[:80]),
            )
        tokens[row, : len(good)] = good[:length]
    return tokens
