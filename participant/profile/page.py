"""A profile as one page of HTML with histograms: no scripts, no addresses, nothing fetched."""

from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from ledger.errors import plain
from participant.profile.document import CategoryCount, ColumnProfile, Numbers, Profile, Remark

WIDTH, HEIGHT, FOOT = 280, 90, 16
SHOWN = 12
"""Categories that have a bar of their own."""

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5b6570; --line: #d5dae0; --bar: #2f6f9f; --bad: #b3261e;
  --look: #8a5a00; --good: #1f7a3d; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #9aa5b1; --line: #38414b; --bar: #6fb1dd;
  --bad: #ff8a80; --look: #f0b85a; --good: #7fd79b; --paper: #14181c; } }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; font: 15px/1.5 system-ui, "Noto Sans TC", sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; } p { margin: .3rem 0; } .dim { color: var(--dim); }
.bad { color: var(--bad); } .look { color: var(--look); } .good { color: var(--good); }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: var(--dim); }
th { white-space: nowrap; } td:first-child { min-width: 5rem; }
td, th { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem; }
article { border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; }
svg { display: block; width: 100%; height: auto; margin-top: .5rem; } svg text { font-size: 11px; fill: var(--dim); }
rect { fill: var(--bar); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
</style>
</head>
<body>
$body
</body>
</html>
""")


def page(found: Profile) -> str:
    """The page. It tells of the rows: it is for the table's owner."""
    body = [
        f"<h1>{_text(found.file)}</h1>",
        f"<p>{found.rows:,} rows, {len(found.columns):,} columns, {found.size:,} bytes. {_verdict(found)}</p>",
        '<p class="dim">This page tells of the rows, so it stays at home.</p>',
        *_findings("Faults", "bad", found.faults),
        *_findings("To look at", "look", found.warnings),
        "<h2>How it is read</h2>",
        _reading(found),
        "<h2>Columns</h2>",
        f'<div class="columns">{"".join(map(_column, found.columns))}</div>',
    ]
    return _PAGE.substitute(title=_text(found.file), body="\n".join(body))


def _text(text: object) -> str:
    """Foreign text: signs that would be invisible or turn the line around are spelled out."""
    return escape(plain(str(text)))


def _verdict(found: Profile) -> str:
    if found.right:
        return '<strong class="good">Every row can be read.</strong>'
    return f'<strong class="bad">Kinds of faults: {len(found.faults)}. Rows are refused.</strong>'


def _findings(title: str, css: str, findings: Sequence[Remark]) -> Iterable[str]:
    if not findings:
        return
    yield f'<h2 class="{css}">{title}</h2>'
    yield '<table><tr><th>column<th class="number">count<th>lines<th>what<th>what to do</tr>'
    for one in findings:
        lines = ", ".join(f"{line:,}" for line in one.lines) + (" …" if one.count > len(one.lines) > 0 else "")
        example = f" <span class=dim>{_text(repr(one.example))}</span>" if one.example else ""
        cells = f'<td>{_text(one.column)}<td class="number">{one.count:,}<td>{lines}<td>{_text(one.message)}{example}'
        yield f"<tr>{cells}<td>{_text(one.advice)}</tr>"
    yield "</table>"


def _reading(found: Profile) -> str:
    pairs = [words.partition(": ") for words in found.inferred]
    said = [(name, rest) if rest else ("found out", name) for name, _, rest in pairs]
    made = "made now by what was found out: look whether it is right" if found.made else "as its owner left it"
    facts = [("columns file", f"{found.columns_file}, {made}"), *said]
    return f"<dl>{''.join(f'<dt>{_text(name)}<dd>{_text(value)}' for name, value in facts)}</dl>"


def _column(column: ColumnProfile) -> str:
    facts = [("kind", column.kind), ("missing", f"{column.missing:,}")]
    if column.distinct is not None:
        facts.append(("different", f"{column.distinct:,}"))
    figure = ""
    if column.numbers is not None:
        numbers = column.numbers
        facts.append(("least to most", f"{numbers.minimum:.6g} to {numbers.maximum:.6g}"))
        facts.append(("mean", f"{numbers.mean:.6g}, standard deviation {numbers.deviation:.4g}"))
        figure = _histogram(column.name, numbers)
    elif column.categories and column.kind != "ignore":
        figure = _bars(column.name, column.categories)
    told = "".join(f"<dt>{_text(name)}<dd>{_text(value)}" for name, value in facts)
    return f"<article><h3>{_text(column.name)}</h3><dl>{told}</dl>{figure}</article>"


def _histogram(name: str, numbers: Numbers) -> str:
    """Bars over the range of numbers; each as wide as its bin."""
    bins = numbers.histogram
    low, high, most = bins[0].low, bins[-1].high, max(one.count for one in bins)
    whole = high / 2 - low / 2  # by halves: the range of all float64 is none
    bars = []
    for one in bins:
        tall = max(one.count / most * HEIGHT, 1)
        left = (one.low / 2 - low / 2) / whole * WIDTH
        wide = max((one.high / 2 - one.low / 2) / whole * WIDTH - 1, 0.5)
        title = f"<title>{one.low:.6g} to {one.high:.6g}: {one.count:,}</title>"
        bars.append(
            f'<rect x="{left:.2f}" y="{HEIGHT - tall:.2f}" width="{wide:.2f}" height="{tall:.2f}">{title}</rect>'
        )
    ends = (
        f'<text x="0" y="{HEIGHT + 12}">{low:.6g}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 12}" text-anchor="end">{high:.6g}</text>'
    )
    return _svg(f"histogram of {name}", HEIGHT + FOOT, "".join(bars) + ends)


def _bars(name: str, categories: Sequence[CategoryCount]) -> str:
    """A bar for each of the most frequent categories."""
    most, bars = max(one.count for one in categories), []
    for place, one in enumerate(categories[:SHOWN]):
        top, wide = place * 20, max(one.count / most * (WIDTH - 150), 1)
        label = one.value if len(one.value) <= 14 else f"{one.value[:13]}…"
        bars.append(f'<text x="0" y="{top + 13}">{_text(label)}</text>')
        bars.append(f'<rect x="90" y="{top + 3}" width="{wide:.2f}" height="12"/>')
        bars.append(f'<text x="{94 + wide:.2f}" y="{top + 13}">{one.count:,}</text>')
    return _svg(f"categories of {name}", 20 * min(len(categories), SHOWN), "".join(bars))


def _svg(label: str, height: int, inside: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_text(label)}">{inside}</svg>'
