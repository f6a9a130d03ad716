"""What one sees of a demo: rounds, loss and accuracy, and who did what, as the ledger has it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ledger.formats.text import plural
from ledger.history.state import Phase

if TYPE_CHECKING:
    from ledger.history.fold import History
    from ledger.history.state import Round

RECENT = 8
_COLOURS = {Phase.FINALISED: "green", Phase.REFUTED: "red", Phase.ABANDONED: "yellow"}

Metrics = dict[int, dict[str, float]]


class DemoScreen:
    """Rounds in a table that redraws itself, under what happened before; without a terminal, a line for each thing."""

    def __init__(self, console: Console, name: Callable[[int], str], *, live: bool) -> None:
        self.console, self.name = console, name
        self._live = Live(console=console, refresh_per_second=8, transient=False) if live else None
        self._rows: dict[int, tuple[str, ...]] = {}
        self._recent: list[str] = []
        self._seen: dict[tuple[object, ...], None] = {}
        self._began = time.monotonic()
        self._final = 0

    def __enter__(self) -> "DemoScreen":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Something that happened, in words."""
        seconds = time.monotonic() - self._began
        line = f"[dim]{seconds:5.1f} s[/]  {text}"
        if self._live:
            self._recent.append(line)
            if len(self._recent) > RECENT:
                self.console.print(self._recent.pop(0), soft_wrap=True)  # above the live part, where it stays
            self._draw()
        else:
            self.console.print(line, soft_wrap=True)

    def show(self, history: "History", job: int, metrics: Metrics) -> None:
        """Take in the state of a job; says what is new and redraws."""
        state = history.jobs.get(job)
        if state is None:
            return
        for round_ in state.rounds.values():
            if self._live:
                self._say_who(round_)
            measured = metrics.get(round_.number, {})
            self._rows[round_.number] = _row(round_, len(history.members), measured, self.name)
            self._announce(round_, measured)
        self._draw()

    def _announce(self, round_: "Round", measured: dict[str, float]) -> None:
        """Without a live table: one line a round, when it has ended and was measured."""
        done = round_.phase.terminal and (measured or round_.phase is not Phase.FINALISED)
        if self._live or round_.number <= self._final or not done:
            return
        self._final = round_.number
        numbers = [f"{key} {value:.4f}" for key, value in measured.items() if key in ("loss", "accuracy")]
        said = [round_.phase.value, plural(len(round_.updates), "update"), *numbers]
        self.say(f"round {round_.number}: {', '.join(said)}")

    def _say_who(self, round_: "Round") -> None:
        where = f"round {round_.number}:"
        for update in round_.sorted_updates():
            self._once((round_.number, update.index), f"{where} {self._who(update.index)} submitted its update")
        for aggregate in round_.aggregates:
            key = (round_.number, aggregate.attempt)
            self._once((*key, "made"), f"{where} {self._who(aggregate.index)} published the global model")
            for attestation in aggregate.attestations:
                word = "[green]attested[/]" if attestation.agrees else "[red]refuted[/]"
                self._once((*key, attestation.index, ""), f"{where} {self._who(attestation.index)} {word} it")

    def _once(self, key: tuple[object, ...], text: str) -> None:
        if key not in self._seen:
            self._seen[key] = None
            self.say(text)

    def _who(self, index: int) -> str:
        return f"[bold]{escape(self.name(index))}[/]"

    def _draw(self) -> None:
        if self._live:
            self._live.update(Group(self._table(), Text(), *map(Text.from_markup, self._recent)))

    def _table(self) -> Table:
        columns = ("round", "updates", "aggregator", "attested", "loss", "accuracy", "state")
        table = Table(*columns, box=None, header_style="dim", pad_edge=False)
        for number in sorted(self._rows):
            table.add_row(*self._rows[number])
        return table


def _row(round_: "Round", members: int, measured: dict[str, Any], name: Callable[[int], str]) -> tuple[str, ...]:
    last = round_.aggregates[-1] if round_.aggregates else None
    attested = f"{1 + sum(a.agrees for a in last.attestations)} of {members}" if last else ""
    colour = _COLOURS.get(round_.phase, "cyan")
    return (
        str(round_.number),
        str(len(round_.updates)),
        escape(name(last.index)) if last else "",
        attested,
        f"{measured['loss']:.4f}" if "loss" in measured else "",
        f"{measured['accuracy']:.4f}" if "accuracy" in measured else "",
        f"[{colour}]{round_.phase.value}[/]",
    )
