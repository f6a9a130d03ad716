"""What tells lines apart: each has a colour, dashes and marks of its own."""

COLOURS = 6


def style_class(style: int) -> str:
    """The class of a line: a colour, and dashes once the colours begin again."""
    return "main" if style < 0 else f"s{style % COLOURS} d{style // COLOURS}"


def mark(style: int, x: float, y: float) -> str:
    """The outline of a mark: disc, square, triangle, diamond, cross, triangle on its tip; the main one is larger."""
    if style < 0:
        return f"M{x - 3.4:g} {y:g} a3.4 3.4 0 1 0 6.8 0 a3.4 3.4 0 1 0 -6.8 0z"
    shapes = (
        f"M{x - 2.8:g} {y:g} a2.8 2.8 0 1 0 5.6 0 a2.8 2.8 0 1 0 -5.6 0z",
        f"M{x - 2.6:g} {y - 2.6:g} h5.2 v5.2 h-5.2z",
        f"M{x - 3.2:g} {y + 2.6:g} h6.4 l-3.2 -5.8z",
        f"M{x:g} {y - 3.6:g} l3.6 3.6 l-3.6 3.6 l-3.6 -3.6z",
        f"M{x - 3.2:g} {y - 1:g} h2.2 v-2.2 h2 v2.2 h2.2 v2 h-2.2 v2.2 h-2 v-2.2 h-2.2z",
        f"M{x - 3.2:g} {y - 2.6:g} h6.4 l-3.2 5.8z",
    )
    return shapes[style % COLOURS]
