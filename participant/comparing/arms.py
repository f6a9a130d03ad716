"""What a study compares: ways to train, where, by which figures (`participant.comparing.study` runs it)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.jobs.document import Setting
from ledger.jobs.server import NONE, Server
from participant.comparing.federation import DITTO, FINE_TUNE, PRIVATE, Measure, Methods, Party, evaluated

PERSONAL = (FINE_TUNE, DITTO)


@dataclass(frozen=True, slots=True)
class PartyFiles:
    """A party by name, and its files as the task reads them: rows that it trains on, rows that it is measured on. `own`
    are settings of its own of the task, as its node's `head.toml` has them.
    """

    name: str
    train: Path
    test: Path
    own: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A figure of merit by its name, and whether less of it is better."""

    name: str
    least: bool = False

    def best(self, values: Mapping[str, float]) -> str:
        """Whose value is best; of equal ones the first."""
        return (min if self.least else max)(values, key=values.__getitem__)


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train: `method` is one of `participant.comparing.federation.METHODS`; `words` say it in a table.

    `server` is the federated methods' server optimiser, `private` are the patterns of private tensors, `steps` and
    `pull` are of personal models. `settings` stand over the study's, and `rates` in place of its own. With `heads` the
    parties' own settings are taken; any other arm trains the task as the study has it.
    """

    name: str
    words: str
    method: str
    server: Server = NONE
    private: tuple[str, ...] = ()
    steps: int = 0
    pull: float = 0.1
    settings: Mapping[str, Setting] = field(default_factory=dict)
    rates: Sequence[str] = ()
    heads: bool = False

    def goes_with(self, other: "Arm") -> bool:
        """Whether both can be made in one training: by one server optimiser, one task, personal models of one length,
        and not by the same method.
        """
        if (self.server, self.settings, self.heads) != (other.server, other.settings, other.heads):
            return False
        personal = self.method in PERSONAL and other.method in PERSONAL
        return self.method != other.method and not (personal and self.steps != other.steps)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is reached without any training: `merit` has the figures at a party."""

    name: str
    words: str
    merit: Callable[[Party], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Design:
    """What is run. `settings` are the task's, by learning rate; the first of `figures` chooses among `rates`, on so
    many `folds`; `seeds` are those of initial model and training; `taking_part` parties train in a round, or all.
    """

    task: str
    settings: Callable[[str], Mapping[str, Setting]]
    arms: Sequence[Arm]
    figures: Sequence[Criterion]
    rounds: int
    seeds: Sequence[int]
    rates: Sequence[str]
    folds: int = 5
    taking_part: int = 0
    baselines: Sequence[Baseline] = ()
    measure: Measure = evaluated

    def rates_of(self, arm: Arm) -> list[str]:
        """The learning rates that an arm's is chosen from."""
        return list(arm.rates or self.rates)

    def methods(self, group: Sequence[Arm], seed: int) -> Methods:
        """How arms that go with each other are trained."""
        personal = next((arm.steps for arm in group if arm.method in PERSONAL), 0)
        private = next((arm.private for arm in group if arm.method == PRIVATE), ())
        pull = next((arm.pull for arm in group if arm.method == DITTO), 0.0)
        wanted, server = tuple(arm.method for arm in group), group[0].server
        return Methods(self.rounds, seed, private, personal, pull, wanted, server, self.taking_part)


def grouped(arms: Sequence[Arm]) -> list[list[Arm]]:
    """The arms in groups, all of each of which go with each other."""
    groups: list[list[Arm]] = []
    for arm in arms:
        group = next((group for group in groups if all(one.goes_with(arm) for one in group)), None)
        if group is None:
            groups.append(group := [])
        group.append(arm)
    return groups
