"""The command of an example (docs/examples.md): `python examples/NAME` makes one table, of real data or a stand-in."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from ledger.cli.screen import print_json
from ledger.errors import FedledgerError
from participant.comparing.arms import Design, PartyFiles
from participant.comparing.paired import above_all, leads
from participant.comparing.study import Study, StudyFigure, StudyRow

SHOWN = 8
"""Parties that a table has a column each for."""


@dataclass(frozen=True, slots=True)
class Example:
    """A study with its data: `read` takes the folder of the real ones, `made_up` makes the stand-in, and both write
    each party's files into a folder, for a seed of the study. `data` says in words what the first folder holds, and
    `stand_in` what made-up rows show. `ahead` names a figure, an arm that should be ahead by it, and the other one.
    """

    name: str
    about: str
    data: str
    stand_in: str
    read: Callable[[Path, Path, int], Sequence[PartyFiles]]
    made_up: Callable[[Path, int], Sequence[PartyFiles]]
    whole: Design
    small: Design
    ahead: tuple[str, str, str] | None = None

    def lines(self, data: Path | None, design: Design, tell: Callable[[str], None] = lambda _: None) -> list[StudyRow]:
        """The table, of the data in a folder, or of the stand-in. Raises UsageError for a folder that lacks them."""
        with TemporaryDirectory(prefix=f"fedledger-{self.name}-") as name:
            folder, known = Path(name), dict[int, Sequence[PartyFiles]]()

            def parties(seed: int) -> Sequence[PartyFiles]:
                if seed not in known:
                    (own := folder / f"data-{seed}").mkdir()
                    known[seed] = self.read(data, own, seed) if data else self.made_up(own, seed)
                return known[seed]

            return list(Study(design, parties, folder / "scratch", tell).lines())


def command(first: Example, *others: Example) -> click.Command:
    """The example's command, with the same options as that of any other; further ways to deal its rows are options."""
    ways = {one.name: one for one in others}

    @click.command(name=first.name, help=first.about)
    @click.option("--data", type=click.Path(path_type=Path, file_okay=False, exists=True), help=first.data)
    @click.option("--dealt", type=click.Choice(list(ways)), hidden=not ways, help="Deal the rows in another way.")
    @click.option("--small", is_flag=True, help="One seed and few rounds: to see that it runs.")
    @click.option("--json", "as_json", is_flag=True, help="Print the table for programs.")
    def run(data: Path | None, dealt: str | None, small: bool, as_json: bool) -> None:
        import torch

        torch.set_num_threads(1)
        example = ways[dealt] if dealt else first
        design = example.small if small else example.whole
        try:
            lines = example.lines(data, design, lambda text: click.echo(text, err=True))
        except FedledgerError as error:
            click.echo(f"{error}\n{error.advice}".rstrip(), err=True)
            sys.exit(error.exit_code)
        if as_json:
            said = {"example": example.name, "made_up": data is None, "lines": list(map(document, lines))}
            print_json(said | ({"ahead": ahead(lines, *example.ahead)} if example.ahead else {}))
            return
        if data is None:
            click.echo(example.stand_in)
        if small:
            click.echo("--small: one seed and few rounds, to see that it runs. Which line is ahead means nothing.")
        for line in table(lines, [figure.name for figure in design.figures]):
            click.echo(line)
        if example.ahead and not small:
            click.echo("\n".join(["", *ahead_words(lines, *example.ahead)]))

    return run


def ahead(lines: Sequence[StudyRow], figure: str, first: str, other: str) -> Mapping[str, Any]:
    """How far the arm `first` is ahead of `other`, for programs: at each party, and of the best of all."""
    one, two = (next(line for line in lines if line.arm == arm).figures[figure] for arm in (first, other))
    several = len(one.seeds) > 1
    found = [asdict(lead) | {"t": lead.t} if several else asdict(lead) | {"error": None} for lead in leads(one, two)]
    above, mean = above_all(one, two)
    return {"figure": figure, "arm": first, "of": other, "parties": found, "above_all": above, "of_the_best": mean}


def ahead_words(lines: Sequence[StudyRow], figure: str, first: str, other: str) -> Iterator[str]:
    """The same as text."""
    one, two = (next(line for line in lines if line.arm == arm) for arm in (first, other))
    yield f"{one.words}, {figure}, minus {two.words}, by party, with its standard error"
    for lead in leads(one.figures[figure], two.figures[figure]):
        told = f"t = {lead.t:.1f}; ahead in {lead.above} of {lead.seeds}"
        yield f"  {lead.party:12} {lead.mean:+.4f} ± {lead.error:.4f}  {told}"
    above, mean = above_all(one.figures[figure], two.figures[figure])
    best = f"the best of them, known afterwards only: {mean:+.4f}"
    yield f"  {best}; ahead in {above} of {len(one.figures[figure].seeds)}"


def document(line: StudyRow) -> Mapping[str, Any]:
    """A line for programs."""
    return {key: value for key, value in asdict(line).items() if key != "words"}


def table(lines: Sequence[StudyRow], figures: Sequence[str]) -> Iterator[str]:
    """The lines as text: for each figure the parties' mean, the mean weighted by test rows, and each party's, or, of
    many, that of the worst and of the best.
    """
    wide = max(len(line.words) for line in lines)
    for number, figure in enumerate(figures):
        if number:
            yield ""
        parties = list(_shown(lines[0].figures[figure].by_party))
        columns = [max(len(one), 7) for one in parties]
        heads = " ".join(f"{one:>{width}}" for one, width in zip(parties, columns, strict=True))
        yield f"{figure:{wide}} {'rate':>5} {'mean':>14} {'by rows':>14}  {heads}".rstrip()
        for line in lines:
            measured = line.figures[figure]
            values = _shown(measured.by_party).values()
            cells = (f"{value:{width}.3f}" for value, width in zip(values, columns, strict=True))
            yield f"{line.words:{wide}} {line.rate:>5} {_means(measured)}  {' '.join(cells)}"


def _shown(by_party: Mapping[str, float]) -> Mapping[str, float]:
    """What a table shows of so many parties."""
    values = by_party.values()
    return by_party if len(by_party) <= SHOWN else {"least": min(values), "most": max(values)}


def _means(measured: StudyFigure) -> str:
    """The means, with their spread where it is of several seeds."""
    several = len(measured.seeds) > 1
    pairs = ((measured.mean, measured.spread), (measured.weighted, measured.weighted_spread))
    own, by_rows = (f"{mean:.4f} ± {spread:.3f}" if several else f"{mean:.4f}" for mean, spread in pairs)
    return f"{own:>14} {by_rows:>14}"
