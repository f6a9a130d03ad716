"""`fedledger privacy`: what noise costs, before anybody votes on it."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.options import json_option
from ledger.cli.screen import print_json, shown
from ledger.cli.tables import print_line, print_table

if TYPE_CHECKING:
    from participant.simulation.plan import Planned, PlanRequest

FILE = click.Path(path_type=Path, dir_okay=False)
EPSILONS = ("0.5", "1", "2", "4", "8")
FEW_MEMBERS = 20
"""Below it hiding whole members costs much at a small ε (docs/privacy.md has figures)."""


class Epsilon(click.ParamType[Decimal]):
    """A decimal number above 0."""

    name = "epsilon"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal(0)
        if not number.is_finite() or number <= 0:
            self.fail(f"{value!r} is not a decimal number above 0", param, ctx)
        return number


@click.group(short_help="Plan how much noise a job needs.")
def privacy() -> None:
    """Differential privacy: noise that hides single rows or whole members, and what it costs (docs/spec/privacy.md)."""


@privacy.command("plan")
@click.argument("draft", type=FILE)
@click.option("--data", type=FILE, multiple=True, required=True, help="Rows to deal to clients; or one file for each.")
@click.option("--test", type=FILE, help="Rows to evaluate on.  [default: what the clients hold out]")
@click.option("--clients", type=click.IntRange(1, 255), help="How many.  [default: 4, or one for each file]")
@click.option("--partition", default="iid", show_default=True, help="How rows are dealt, as `simulate` has it.")
@click.option("--rounds", type=click.IntRange(1, 100_000), help="Rounds of the job.  [default: the draft's]")
@click.option(
    "--epsilon", type=Epsilon(), multiple=True, default=EPSILONS, help="An ε to try; several. [default: 0.5 1 2 4 8]"
)
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Trainings for each line.")
@click.option("--figure", default="accuracy", show_default=True, help="The task's figure to show.")
@json_option
def plan_command(as_json: bool, draft: Path, data: tuple[Path, ...], figure: str, **asked: Any) -> None:
    """Show what a figure of the model is at several ε.

    DRAFT (.toml) has a section [dp].

    The job is simulated on your own rows, which stay here: for each ε with the least noise that its rounds need, and
    once without noise. At level client it matters how many clients there are: their noise is one sum's. The draft's own
    epsilon, noise and orders play no part.

    \b
    Example:  fedledger privacy plan job.toml --data mine.csv --epsilon 1 --epsilon 8

    Exit codes: 0 done; 2 wrong usage or input, such as an ε for which no noise is enough; 3 unavailable.
    """
    from ledger.cli.progress import bar
    from participant.simulation.plan import plan

    request = _request(draft, data, **asked)
    steps = (1 + len(request.epsilons)) * request.seeds * (request.rounds or request.draft.terms.rounds)
    with bar("rounds", steps, quiet=as_json, unit="steps") as advance:
        rows = list(plan(request, figure, advance))
    print_json(_facts(request, rows)) if as_json else _show(request, rows, figure)


def _request(draft: Path, data: tuple[Path, ...], **asked: Any) -> "PlanRequest":
    from ledger.errors import UsageError
    from participant.jobs.draft import read
    from participant.simulation.plan import PlanRequest

    for file in (*data, *([asked["test"]] if asked["test"] else [])):
        if not file.is_file():
            raise UsageError("no such file", file=str(file))
    epsilons = tuple(sorted(set(asked.pop("epsilon"))))
    clients = asked.pop("clients") or (len(data) if len(data) > 1 else 4)
    return PlanRequest(draft=read(draft), data=data, clients=clients, epsilons=epsilons, **asked)


def _facts(request: "PlanRequest", rows: "Sequence[Planned]") -> dict[str, Any]:
    return {
        "job": request.draft.name,
        "clients": request.clients,
        "seeds": request.seeds,
        "level": next((row.noise.level for row in rows if row.noise), None),
        "rows": [
            {
                "epsilon": None if row.epsilon is None else str(row.epsilon),
                "delta": None if row.noise is None else row.noise.delta,
                "noise": None if row.noise is None else row.noise.noise,
                "orders": None if row.noise is None else row.noise.orders,
                "cost": None if row.noise is None else row.noise.cost,
                "budget": None if row.noise is None else row.noise.budget,
                "rounds": row.rounds,
                "admitted": row.admitted,
                "figures": row.figures,
                "least": row.spread[0],
                "most": row.spread[1],
            }
            for row in rows
        ],
    }


def _show(request: "PlanRequest", rows: "Sequence[Planned]", figure: str) -> None:
    from participant.jobs.draft import DraftMembers

    heads = ("ε", "noise", "ε of one round", "rounds", shown(figure), "least to most")
    print_table(heads, [_cells(row, figure) for row in rows])
    delta = request.draft.dp.delta if request.draft.dp else ""
    print_line(f"δ = {delta}; each line {request.seeds} times, on {request.clients} clients of your own rows")
    if isinstance(request.draft.dp, DraftMembers) and request.clients < FEW_MEMBERS:
        print_line(
            f"[yellow]note[/] of fewer than {FEW_MEMBERS} members each is much of the sum, and hiding a whole one at a "
            'small ε costs much of the model; dp.level = "example" hides single rows for less'
        )
    for row in rows:
        if row.admitted < request.clients:
            print_line(
                f"[yellow]note[/] at ε = {row.epsilon or 'none'} a round admitted {row.admitted} of {request.clients} "
                "updates: raise the draft's max_norm and max_value"
            )


def _cells(row: "Planned", figure: str) -> tuple[str, ...]:
    least, most = row.spread
    value, spread = f"{row.figures[figure]:.4f}", f"{least:.4f} to {most:.4f}"
    if row.noise is None:
        return "no noise", "", "", str(row.rounds), value, spread
    return f"{row.epsilon}", row.noise.noise, f"{row.noise.epsilon(row.noise.cost)}", str(row.rounds), value, spread
