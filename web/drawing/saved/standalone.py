"""A figure as a file of its own: its style is within it, in the light colours, without variables."""

import re
from functools import cache

from web.drawing.assets import STATIC

_RULES = """
text { font-family: sans-serif; }
.paper { fill: var(--paper); }
.title { font: 600 14px var(--sans); fill: var(--ink); }
.name, .source { font: 12px var(--sans); fill: var(--ink); }
.source { fill: var(--quiet); font-size: 10px; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; }
.dot { fill: currentColor; }
"""


@cache
def style() -> str:
    """The rules of figures, each colour in its place."""
    pages, figures = ((STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "charts.css"))
    colours = {**_variables(pages), **_variables(figures)}
    rules = re.sub(r"@media [^{]*\{\s*:root \{[^}]*\}\s*\}|:root \{[^}]*\}|/\*.*?\*/", "", figures, flags=re.DOTALL)
    return re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], _RULES + rules).strip().replace('"', "'")


def _variables(css: str) -> dict[str, str]:
    """Those of the first block, which is the light one."""
    block = re.search(r":root \{([^}]*)\}", css)
    return dict(re.findall(r"--([\w-]+): ([^;]+);", block[1] if block else ""))
