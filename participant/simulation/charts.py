"""A simulation's rounds as charts: SVG, one file for each figure. Pure."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from math import floor, isfinite, log10

from participant.simulation.record import Row, figure_names

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 16, 40, 44
COLOURS = ("#1f5fa8", "#b4531f")
TICKS = 5
HIDDEN = frozenset({"samples"})
"""Figures that say nothing of how good a model is."""

Line = tuple[str, Sequence[tuple[int, float]]]
"""A name, and points: round and value."""


def charts(rows: Sequence[Row]) -> dict[str, str]:
    """Charts by file name: the loss of training with that of testing, and each further figure."""
    training: Line = ("training", _points((row.round, row.training_loss) for row in rows))
    lines: dict[str, list[Line]] = {"loss": [training]}
    for name in figure_names(rows):
        if name not in HIDDEN and re.fullmatch("[A-Za-z0-9_]{1,60}", name):
            found = _points((row.round, row.figures.get(name)) for row in rows)
            lines.setdefault(name, []).append(("evaluation", found))
    return {f"{name}.svg": chart(name.replace("_", " "), drawn) for name, drawn in lines.items()}


def chart(title: str, lines: Sequence[Line]) -> str:
    """One chart of lines over rounds, as an SVG document."""
    points = [point for _, found in lines for point in found]
    low, high, step = _scale([value for _, value in points])
    first, last = (min(r for r, _ in points), max(r for r, _ in points)) if points else (0, 1)
    across, up = (WIDTH - LEFT - RIGHT) / max(1, last - first), (HEIGHT - TOP - BOTTOM) / (high - low)

    def at(number: int, value: float) -> tuple[float, float]:
        return LEFT + (number - first) * across, HEIGHT - BOTTOM - (value - low) * up

    parts = [f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>']
    for count in range(round((high - low) / step) + 1):
        value = low + count * step
        y = at(first, value)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for number in sorted({first + (last - first) * part // TICKS for part in range(TICKS + 1)}):
        x = at(number, low)[0]
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{number}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">round</text>')
    for position, (name, found) in enumerate(lines):
        colour = COLOURS[position % len(COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in found)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x = WIDTH - RIGHT - 90 * (len(lines) - position)
        parts.append(f'<text x="{x + 90}" y="22" text-anchor="end" fill="{colour}">{escape(name)}</text>')
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    )
    style = ' font-family="sans-serif" font-size="12" fill="#222" role="img">'
    background = f"<title>{escape(title)}</title><rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>"
    return "\n".join([opening + style, background, *parts, "</svg>", ""])


def _points(pairs: Iterable[tuple[int, float | None]]) -> list[tuple[int, float]]:
    return [(number, value) for number, value in pairs if value is not None and isfinite(value)]


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Bounds and distance of the lines across: 1, 2 or 5 times a power of ten, about five of them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    power = 10.0 ** floor(log10((high - low) / TICKS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= (high - low) * 0.999)
    return floor(low / step) * step, -floor(-high / step) * step, step
