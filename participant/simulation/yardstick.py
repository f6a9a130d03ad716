"""What the models of a simulation are evaluated on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger.errors import UsageError
from participant.integers.fixed_point import Stream
from participant.simulation.clients import SimulatedClient, held_out
from participant.tasks import answers
from participant.tasks.devices import place
from participant.tasks.protocol import Task
from participant.tasks.seam import load_data
from participant.tasks.sharing import load_shared
from participant.tasks.training import Local


class Yardstick:
    """A model's figures on rows that are the same in every round. `rows` says in words which."""

    def __init__(self, local: Local, clients: Sequence[SimulatedClient], test: Path | None) -> None:
        self._local, task = local, local.task
        self._model = place(task.build_model(local.job.initial_model.seed), local.device)
        if test is not None:
            self._data, self.rows = load_data(task, test, local.device), "the test file"
            return
        self._data, self.rows = held_out(task, clients), "what the clients hold out"
        if self._data is None and not local.job.hold_out:
            self._data, self.rows = _all(task, clients), "what the clients train on"
        if self._data is None:
            raise UsageError(
                "the job's task does not join data, so there is nothing to evaluate on",
                advice="name rows that nobody trains on with --test FILE",
                task=task.name,
            )

    def figures(self, model: Stream) -> dict[str, float]:
        """The task's figures of a model."""
        task = self._local.task
        load_shared(task, self._model, self._local.job.layout, model, self._local.job.private.tensors)
        return answers.figures(task.name, task.evaluate(self._model, self._data))


def _all(task: Task, clients: Sequence[SimulatedClient]) -> Any | None:
    parts = [client.data.trained for client in clients]
    return task.join(parts) if len(parts) > 1 else parts[0]
