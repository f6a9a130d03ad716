"""A study of what joining is worth: several ways to train, each with a learning rate of its own, over several seeds.

The rate is chosen on folds of the training rows (M. Stone 1974, "Cross-validatory choice and assessment of statistical
predictions"): rows that figures are measured on have no part in it. `participant.comparing.federation` trains.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ledger.jobs.document import Setting
from participant.comparing.arms import Arm, Design, PartyFiles, grouped
from participant.comparing.federation import Federation, Party
from participant.tasks.discovery import find
from participant.tasks.protocol import Task
from participant.tasks.split import leaves_of

Merits = dict[str, Mapping[str, float]]
"""Figures by party."""
FOLD_SEED = 100
"""Seeds of training on folds start here."""


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """A figure of an arm: by party, in the mean over seeds; the parties' mean, and their mean weighted by test rows,
    each with its standard deviation over seeds; and by party for each seed.
    """

    by_party: Mapping[str, float]
    mean: float
    spread: float
    weighted: float
    weighted_spread: float
    seeds: Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class StudyRow:
    """An arm at its rate, with what was measured of it, by figure."""

    arm: str
    words: str
    rate: str
    figures: Mapping[str, StudyFigure]


@dataclass(slots=True)
class Study:
    """A design among parties. Their rows may differ from seed to seed, and are then in other files. `folder` is worked
    in; `tell` hears what is done.
    """

    design: Design
    parties: Callable[[int], Sequence[PartyFiles]]
    folder: Path
    tell: Callable[[str], None] = lambda _: None
    _read: dict[tuple[Path, str], Any] = field(default_factory=dict)

    def lines(self) -> Iterator[StudyRow]:
        """The baselines, then each arm. Raises as the task, and WrongAnswer for one that does not tell its rows apart
        where there is a rate to choose.
        """
        design, chosen = self.design, self.choose()
        found: dict[str, list[Merits]] = {name: [] for name in (*(one.name for one in design.baselines), *chosen)}
        for seed in design.seeds:
            self.tell(f"seed {seed}")
            homes = self.parties(seed)
            if design.baselines:
                parties = self._loaded(self._task(design.rates[0], {}), homes, {})
                for baseline in design.baselines:
                    found[baseline.name].append({party.name: baseline.merit(party) for party in parties})
            for rate in sorted(set(chosen.values()), key=float):
                wanted = [arm for arm in design.arms if chosen[arm.name] == rate]
                for name, merits in self._merits(homes, rate, seed, wanted).items():
                    found[name].append(merits)
        words = {one.name: one.words for one in design.baselines} | {one.name: one.words for one in design.arms}
        for name, runs in found.items():
            if runs:
                figures = {figure.name: _measured(figure.name, runs) for figure in design.figures}
                yield StudyRow(name, words[name], chosen.get(name, ""), figures)

    def choose(self) -> dict[str, str]:
        """Each arm's rate: that with the best mean of the parties' first figures, on folds of the training rows."""
        design, figure = self.design, self.design.figures[0]
        rates = {arm.name: design.rates_of(arm) for arm in design.arms}
        scores = {name: {rate: list[float]() for rate in own} for name, own in rates.items() if len(own) > 1}
        homes = self.parties(design.seeds[0])
        for fold in range(design.folds if scores else 0):
            self.tell(f"choosing learning rates: fold {fold + 1} of {design.folds} of the training rows")
            for rate in sorted({rate for own in scores.values() for rate in own}, key=float):
                wanted = [arm for arm in design.arms if rate in scores.get(arm.name, ())]
                for name, merits in self._merits(homes, rate, FOLD_SEED + fold, wanted, fold).items():
                    scores[name][rate].append(fmean(merit[figure.name] for merit in merits.values()))
        made = {name: {rate: fmean(values) for rate, values in own.items() if values} for name, own in scores.items()}
        return {name: figure.best(made[name]) if made.get(name) else own[0] for name, own in rates.items()}

    def _merits(
        self, homes: Sequence[PartyFiles], rate: str, seed: int, wanted: Sequence[Arm], fold: int | None = None
    ) -> dict[str, Merits]:
        """What these arms reach at a rate: on the test rows, or on a fold of the training rows."""
        found: dict[str, Merits] = {}
        for number, group in enumerate(grouped(wanted)):
            over, names = group[0].settings, {arm.method: arm.name for arm in group}
            task = self._task(rate, over)
            parties = self._loaded(task, homes, over, rate if group[0].heads else "", fold)
            scratch = self.folder / f"{seed}-{rate}-{number}"
            settings = {**self.design.settings(rate), **over}
            federation = Federation(task, settings, parties, scratch, measure=self.design.measure)
            for row in federation.compared(self.design.methods(group, seed)):
                found.setdefault(names[row.method], {})[row.party] = row.merit
        return found

    def _task(self, rate: str, over: Mapping[str, Setting], own: Mapping[str, Setting] | None = None) -> Task:
        task = find(self.design.task).create({**self.design.settings(rate), **over})
        if own:
            task.adapt(own)
        return task

    def _loaded(
        self,
        task: Task,
        homes: Sequence[PartyFiles],
        over: Mapping[str, Setting],
        heads: str = "",
        fold: int | None = None,
    ) -> list[Party]:
        """The parties' rows as a task reads them, or as each one's own does, at the rate `heads`; with a fold, the
        training rows without every n-th, and those.
        """
        parties = []
        for files in homes:
            own = self._task(heads, over, files.own) if heads and files.own else None
            known = repr((sorted(over.items()), sorted(files.own.items()) if own else ()))
            train = self._rows(own or task, files.train, known)
            if fold is None:
                parties.append(Party(files.name, train, self._rows(own or task, files.test, known), own))
                continue
            places = range(len(leaves_of(task, train, files.train)))
            kept = task.part(train, [place for place in places if place % self.design.folds != fold])
            parties.append(Party(files.name, kept, task.part(train, places[fold :: self.design.folds]), own))
        return parties

    def _rows(self, task: Task, path: Path, known: str) -> Any:
        """A file's rows, read once for each way that a task reads it."""
        if (path, known) not in self._read:
            self._read[path, known] = task.load_data(path)
        return self._read[path, known]


def _measured(figure: str, runs: Sequence[Merits]) -> StudyFigure:
    values = [{name: merit[figure] for name, merit in run.items()} for run in runs]
    means = [fmean(value.values()) for value in values]
    weighted = []
    for run, value in zip(runs, values, strict=True):
        rows = {name: merit.get("samples", 1.0) for name, merit in run.items()}
        weighted.append(sum(rows[name] * value[name] for name in rows) / sum(rows.values()))
    by_party = {name: fmean(value[name] for value in values) for name in values[0]}
    return StudyFigure(by_party, fmean(means), _spread(means), fmean(weighted), _spread(weighted), values)


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0
