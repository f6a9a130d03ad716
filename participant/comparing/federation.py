"""What each party gets out of joining, without a ledger: its own model, the federated one, and personal ones of it.

A federated round is the ledger's: each party trains from the base model, its change becomes integers, their mean is
exact and weighted by samples, and the next model is what the server optimiser makes of it (FedAvg where there is none).
What the ledger adds, limits of updates, is left out. Each party is measured on rows of its own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ledger.formats.artifact import Layout
from ledger.formats.digest import encode, sha256
from ledger.formats.draws import Draws
from ledger.jobs.document import Setting
from ledger.jobs.server import NONE, Server
from ledger.rounds.rules.arithmetic import Mean, add
from ledger.rounds.rules.weighted_mean import weighted_sum
from participant.comparing.server import FRACTION_BITS, ServerSide
from participant.integers.fixed_point import Stream, difference
from participant.integers.tensors import State, stream_of, table
from participant.tasks import answers
from participant.tasks.correction import Correction
from participant.tasks.devices import place
from participant.tasks.learning import require_correcting
from participant.tasks.protocol import Personal, Task, TrainResult
from participant.tasks.scratch import Scratch
from participant.tasks.sharing import context_of, load_own, load_shared, private_state, shared_state

LOCAL, POOLED, FEDERATED, PRIVATE, FINE_TUNE, DITTO = "local", "pooled", "federated", "private", "fine_tune", "ditto"
METHODS = (LOCAL, FEDERATED, PRIVATE, FINE_TUNE, DITTO, POOLED)
Step = Callable[[str, str, int], None]


@dataclass(frozen=True, slots=True)
class Party:
    """A party by name: what it trains on, and rows of its own that nobody trains on. `task` is the federation's with
    settings of the party's own (`Task.adapt`), which change private tensors alone; None where it has none.
    """

    name: str
    data: Any
    test: Any
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class Methods:
    """How parties are compared: rounds, the seed of initial model and training, the patterns of private tensors, and
    for how many steps, and how hard held (`pull`), personal models are trained on. `server` is what is done with each
    mean update, and `taking_part` how many parties, drawn from the seed, train in a round: all of them where it is 0.
    """

    rounds: int
    seed: int
    private: tuple[str, ...] = ()
    steps: int = 0
    pull: float = 0.1
    wanted: Collection[str] = METHODS
    server: Server = NONE
    taking_part: int = 0


@dataclass(frozen=True, slots=True)
class PartyMerit:
    """What a method's model is worth to a party: the task's figures on its rows, and samples of the last training."""

    method: str
    party: str
    samples: int
    merit: dict[str, float]


def evaluated(federation: "Federation", module: torch.nn.Module, party: Party) -> Mapping[str, float]:
    """The figures that the task itself has of a party's model, on the party's test rows."""
    task = federation.task_of(party)
    return answers.figures(task.name, task.evaluate(module, party.test))


Measure = Callable[["Federation", torch.nn.Module, Party], Mapping[str, float]]
"""What a model is worth to a party: figures by name, `samples` among them, the rows that they are of."""


@dataclass(frozen=True, slots=True)
class Federation:
    """Parties that train a task's model together; `scratch` is a folder to work in, and `measure` makes the figures."""

    task: Task
    settings: Mapping[str, Setting]
    parties: Sequence[Party]
    scratch: Path
    device: str = "cpu"
    step: Step = lambda *_: None
    measure: Measure = evaluated

    def task_of(self, party: Party) -> Task:
        """The task as the party has it."""
        return party.task or self.task

    def compared(self, by: Methods) -> Iterator[PartyMerit]:
        """Each wanted method's figures, party by party. Raises as the task, and Malformed for patterns of nothing."""
        if LOCAL in by.wanted:
            yield from (self._alone(LOCAL, (party,), by) for party in self.parties)
        if {FEDERATED, FINE_TUNE, DITTO} & set(by.wanted):
            yield from self._around(by, *self.train(by, ()))
        if PRIVATE in by.wanted and by.private:
            model, own = self.train(by, by.private)
            for party, tensors in zip(self.parties, own, strict=True):
                yield self._merit(PRIVATE, party, self._model(self.task_of(party), by, model, by.private, tensors))
        if POOLED in by.wanted and (data := self.task.join([party.data for party in self.parties])) is not None:
            module = self._trained_alone(self.task, POOLED, data, by)
            yield from (self._merit(POOLED, party, module) for party in self.parties)

    def train(self, by: Methods, private: tuple[str, ...]) -> tuple[Stream, list[State]]:
        """All rounds; the last model, and each party's private tensors. Raises Saturated where a value does not fit."""
        if by.server.corrects:
            require_correcting(self.task, by.server.name)
        start = shared_state(self.task, self.task.build_model(by.seed), private)
        layout = Layout(table(start, FRACTION_BITS))
        model, server = stream_of(start, layout), ServerSide(by.server, layout, len(self.parties))
        own: list[State] = [{} for _ in self.parties]
        for number in range(1, by.rounds + 1):
            updates, weights = dict[int, Stream](), list[int]()
            for place_ in self._taking_part(by, number):
                party, task = self.parties[place_], self.task_of(self.parties[place_])
                self.step("train", party.name, number)
                module = self._model(task, by, model, private, own[place_])
                name = f"{PRIVATE if private else FEDERATED} {party.name}"
                correction = server.correction(place_, shared_state(task, module, private))
                result = self._train(task, module, name, party.data, by, number, private, correction=correction)
                own[place_] = _copied(private_state(task, module, private)) if private else {}
                updates[place_] = difference(layout, stream_of(shared_state(task, module, private), layout), model)
                weights.append(result.samples)
            mean = Mean(weighted_sum(weights, list(updates.values()).__getitem__), sum(weights))
            model = add(model, server.stepped(updates, mean.divided()), 0)
        return model, own

    def _taking_part(self, by: Methods, number: int) -> Sequence[int]:
        """Who trains in a round, in the parties' order."""
        if not by.taking_part:
            return range(len(self.parties))
        draws = Draws(sha256(encode(["comparison turnout", by.seed, number])))
        return sorted(draws.order(len(self.parties))[: by.taking_part])

    def _around(self, by: Methods, model: Stream, _: Sequence[State]) -> Iterator[PartyMerit]:
        """The federated model, and the personal ones that each party makes of it."""
        for party in self.parties:
            if FEDERATED in by.wanted:
                yield self._merit(FEDERATED, party, self._model(self.task, by, model, (), {}))
            for method, pull in ((FINE_TUNE, 0.0), (DITTO, by.pull)):
                if method in by.wanted and by.steps:
                    module = self._model(self.task, by, model, (), {})
                    self.step("train", party.name, by.rounds + 1)
                    name, chosen = f"{method} {party.name}", Personal(by.steps, pull)
                    self._train(self.task, module, name, party.data, by, by.rounds + 1, (), chosen)
                    yield self._merit(method, party, module)

    def _alone(self, method: str, parties: Sequence[Party], by: Methods) -> PartyMerit:
        party = parties[0]
        return self._merit(method, party, self._trained_alone(self.task_of(party), party.name, party.data, by))

    def _trained_alone(self, task: Task, name: str, data: Any, by: Methods) -> torch.nn.Module:
        """A model that keeps all of itself from round to round."""
        module = place(task.build_model(by.seed), self.device)
        for number in range(1, by.rounds + 1):
            self.step("train", name, number)
            self._train(task, module, name, data, by, number, ())
        return module

    def _model(self, task: Task, by: Methods, model: Stream, private: tuple[str, ...], own: State) -> torch.nn.Module:
        module = place(task.build_model(by.seed), self.device)
        layout = Layout(table(shared_state(task, module, private), FRACTION_BITS))
        load_shared(task, module, layout, model, private)
        load_own(task, module, own)
        return module

    def _train(
        self,
        task: Task,
        module: torch.nn.Module,
        name: str,
        data: Any,
        by: Methods,
        number: int,
        private: tuple[str, ...],
        personal: Personal | None = None,
        correction: Correction | None = None,
    ) -> TrainResult:
        draw = int.from_bytes(sha256(encode(["comparison seed", name, by.seed, number]))[:8], "big") >> 1
        folder = sha256(encode([name, by.seed])).hex()[:16]
        with Scratch(self.scratch / folder).training(number) as working:
            at = number, draw, self.device, working, self.settings
            context = context_of(task, module, *at, correction=correction, private=private, personal=personal)
            return answers.trained(task.name, task.train(module, data, context))

    def _merit(self, method: str, party: Party, module: torch.nn.Module) -> PartyMerit:
        self.step("evaluate", party.name, 0)
        merit = dict(self.measure(self, module, party))
        return PartyMerit(method, party.name, int(merit.get("samples", 0)), merit)


def _copied(state: State) -> State:
    return {name: tensor.clone() for name, tensor in state.items()}
