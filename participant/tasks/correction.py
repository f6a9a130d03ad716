"""A party's half of FedDyn and SCAFFOLD: its steps are corrected by how far its own updates went, in all, from the
others' (docs/tasks.md, "Server optimisers"; the server's half is in `ledger.rounds.optimisers.drift`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ledger.errors import UsageError
from ledger.formats.artifact import Layout
from ledger.jobs.document import Job
from ledger.jobs.server import ONE, Dyn, Scaffold, Server
from ledger.rounds.rules.arithmetic import Ints, Sums
from participant.integers.fixed_point import Stream
from participant.integers.tensors import State, tensors_of

Step = Callable[[list[Tensor]], None]
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a round's steps are corrected by, in units of the model, by the names of shared tensors.

    `pull` is FedDyn's α: each gradient gets α · (w − (w_base + shift)), which is that of the paper's penalty and linear
    term. Where it is 0 the parameters move by shift, in equal parts over the round's steps, as SCAFFOLD's do.
    """

    shift: Mapping[str, Tensor]
    pull: float = 0.0

    def around(self, step: Step, trained: Mapping[str, Tensor], base: Mapping[str, Tensor], steps: int) -> Step:
        """A step of the optimiser, corrected. Parameters that are not shared are left alone."""
        shared = [(place, name) for place, name in enumerate(trained) if name in base]
        places, values = [place for place, _ in shared], list(trained.values())
        parameters = [values[place] for place in places]
        shift = [self.shift[name].to(values[place].dtype) for place, name in shared]
        if self.pull:
            anchors = torch._foreach_add(shift, [base[name].detach() for _, name in shared])
        else:
            shift = list(torch._foreach_div(shift, float(steps)))

        def pulled(gradients: list[Tensor]) -> None:
            chosen = [gradients[place] for place in places]
            torch._foreach_add_(chosen, torch._foreach_sub(parameters, anchors), alpha=self.pull)
            step(gradients)

        def shifted(gradients: list[Tensor]) -> None:
            step(gradients)
            torch._foreach_add_(parameters, shift)

        return pulled if self.pull else shifted


def control_of(server: Server, state: Sequence[Sums], values: int) -> Sums:
    """SCAFFOLD's c, of so many values, in the state beside the model that is built on; zeros for any other."""
    return state[0] if isinstance(server, Scaffold) and state else np.zeros(values, np.int64)


def went_of(update: Ints, control: Sums) -> Sums:
    """What an update that counted adds to how far its party went. FedDyn: Δ_i. SCAFFOLD: Δ_i − c, c being that of the
    model that it builds on: so c_i ← c_i − c + Δ_i.
    """
    return update.astype(np.int64) - control


def drift_of(went: Sums | int, control: Sums) -> Stream:
    """What corrects a party's next training: FedDyn −G, with G how far it went in all; SCAFFOLD c − c_i."""
    drift: Stream = np.clip(control - went, _INT32.min, _INT32.max).astype(np.int32)
    return drift


def correction_of(job: Job, drift: Stream | None, like: State) -> Correction | None:
    """A round's correction; None where the job has none. `drift` are integers of the job's layout, those of `like`.

    Raises UsageError where it is missing.
    """
    if not job.server.corrects:
        return None
    if drift is None:
        raise UsageError("a corrected training needs what the party's updates add up to", job=job.name)
    return correcting(job.server, job.layout, drift, like)


def correcting(server: Server, layout: Layout, drift: Stream, like: State) -> Correction:
    """A round's correction by an optimiser that corrects; `drift` are integers of the layout."""
    alpha = server.integer("alpha") / ONE if isinstance(server, Dyn) else 0.0
    return Correction(tensors_of(layout, drift, like), alpha)
