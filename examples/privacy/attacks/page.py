"""One page that needs nothing but itself: the originals, what each attack made of them, and the table."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from itertools import groupby

import numpy as np

from attacks.digits import SIDE, Images
from attacks.report import READING
from attacks.rows import Row

SHOWN = 10
"""Pairs drawn of a row, at most."""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2024; background: #fff; max-width: 76rem; margin: 2rem auto;
       padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: middle; border-bottom: 1px solid #e3e6e8 }
th { font-weight: 600 }
.pictures td { border: 0; padding: .15rem .5rem .15rem 0 }
.pictures td { white-space: nowrap }
img { width: 38px; height: 38px; image-rendering: pixelated; vertical-align: middle; border: 1px solid #c8cdd1 }
img + img { margin-left: 2px }
.quiet { color: #60686f }
.no { color: #b3261e; font-weight: 600 }
"""


def page(rows: Sequence[Row]) -> str:
    """The whole page as HTML."""
    drawn = [row for row in rows if row.pairs]
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>What an update tells</title><style>{_STYLE}</style>\n<h1>What an update tells</h1>\n"
        f"<p>{escape(READING)}</p>\n{''.join(map(_pictures, _by_attack(drawn)))}\n<h2>Figures</h2>\n{_table(rows)}"
        "</html>\n"
    )


def png(image: Images) -> bytes:
    """A grey image, shape (64,), values from 0 (black) to 1, as PNG (ISO/IEC 15948)."""
    grey = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8).reshape(SIDE, SIDE)
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _by_attack(rows: Sequence[Row]) -> list[list[Row]]:
    return [list(group) for _, group in groupby(rows, lambda row: row.attack)]


def _pictures(rows: list[Row]) -> str:
    """A line of pairs for each row of one attack."""
    lines = "".join(
        f"<tr><td>{escape(row.read)}</td><td class=quiet>{row.value:.2f}</td>"
        + "".join(
            f"<td>{_image(pair.original, 'original')}{_image(pair.found, 'found')}</td>" for pair in row.pairs[:SHOWN]
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f"<h2>{escape(rows[0].attack)}</h2>\n<p class=quiet>Each pair: the original on the left, on the right what the "
        "attack found; beside a sum's result, an original that is in the sum. The number is the mean SSIM.</p>\n"
        f"<table class=pictures>{lines}</table>\n"
    )


def _image(image: Images, name: str) -> str:
    return f'<img alt="{name}" src="data:image/png;base64,{b64encode(png(1 - image)).decode()}">'


def _table(rows: Sequence[Row]) -> str:
    heads = ("attack", "what is read", "measure", "reached", "instead of it", "label found (chance)", "bar", "")
    lines = "".join(f"<tr>{_cells(row)}</tr>\n" for row in rows)
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>\n{lines}</table>"


def _cells(row: Row) -> str:
    controls = "<br>".join(f"{escape(control.name)} {control.value:.2f}" for control in row.controls)
    label = "" if row.label is None else f"{row.label:.2f} ({row.label_control:.2f})"
    words, held = row.bound or ("", True)
    bar = escape(words) if held else f"<span class=no>{escape(words)}: failed</span>"
    texts = (escape(row.attack), escape(row.read), row.measure, f"{row.value:.3f} ± {row.spread:.3f}", controls, label)
    return "".join(f"<td>{text}</td>" for text in (*texts, bar, escape(row.note)))
