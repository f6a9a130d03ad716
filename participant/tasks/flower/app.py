"""An app called without Flower's servers: one message to it, and its reply, by either of Flower's two interfaces."""

import inspect
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.tasks.flower.library import INTERFACE, NODE, RUN, flower
from participant.tasks.flower.settings import AppSettings, Value
from participant.tasks.flower.tensors import Arrays, numbered

TRAIN, EVALUATE = "train", "evaluate"
EXAMPLES = "num-examples"
_FOREVER = 1e9
"""Seconds that a message may be answered in; rounds have deadlines of their own."""


class Unsaid(UsageError, KeyError):
    """The app asks for something that its job, or its node, does not say."""

    __str__ = UsageError.__str__


class Config(dict[str, Any]):
    """A configuration that says what is missing from it, and where to say it."""

    def __init__(self, values: Mapping[str, Any], name: str, advice: str) -> None:
        super().__init__(values)
        self._name, self._advice = name, advice

    def __missing__(self, key: str) -> Any:
        raise Unsaid(
            f"the app asks for {self._name}[{key!r}], which nobody said",
            advice=self._advice.format(key=key),
            known=", ".join(self)[:300] or "nothing",
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: arrays by name (None of an evaluation), examples, and the metrics that are single numbers."""

    arrays: dict[str, NDArray[Any]] | None
    examples: int
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class App:
    """An app as a job has it; `client` is its ClientApp."""

    said: AppSettings
    client: Any

    @classmethod
    def load(cls, said: AppSettings) -> "App":
        """Raises UsageError where the name is not that of a ClientApp, and what its modules raise."""
        client = named(said.app)
        if not isinstance(client, flower().ClientApp):
            raise UsageError(
                f"{said.app!r} is not a ClientApp of Flower's",
                advice='name it as in the app\'s pyproject.toml: [tool.flwr.app.components] clientapp = "…"',
                expected="flwr.clientapp.ClientApp",
                actual=type(client).__name__,
            )
        return cls(said, client)

    @property
    def legacy(self) -> bool:
        """Whether it is made of a `client_fn`, whose messages have other names, and arrays without any."""
        return getattr(self.client, INTERFACE) is not None

    def context(self, state: Any, node: Mapping[str, Any]) -> Any:
        """What an app's function is called with besides the message."""
        return flower().Context(
            run_id=RUN,
            node_id=NODE,
            node_config=Config(node, "context.node_config", "say it in a .toml file, and name that as the data"),
            state=state,
            run_config=Config(self.said.run, "context.run_config", "say run.{key} in [task.settings] of the draft"),
        )

    def train(self, arrays: Arrays, number: int, context: Any) -> Reply:
        """One round's training. Raises UsageError for a reply that Flower's own server would not take, either, and what
        the app raises.
        """
        config = {"server-round": number, **self.said.config}
        if not self.legacy:
            return self._reply(self._asked(TRAIN, self._content(arrays, config), context), TRAIN)
        known = flower()
        asked = known.FitIns(_parameters(arrays), {**config, "server_round": number})
        result = known.recorddict_to_fitres(self._asked(TRAIN, known.fitins_to_recorddict(asked, True), context), False)
        self._require_ok(result.status)
        came = known.parameters_to_ndarrays(result.parameters)
        names = list(arrays) if len(came) == len(arrays) else [str(place) for place in range(len(came))]
        return Reply(dict(zip(names, came, strict=True)), self._examples(result.num_examples), _scalars(result.metrics))

    def evaluate(self, arrays: Arrays, context: Any) -> Reply:
        """How good arrays are on the node's data. Raises as `train`."""
        config: dict[str, Value] = {"server-round": 0, **self.said.config}
        if not self.legacy:
            return self._reply(self._asked(EVALUATE, self._content(arrays, config), context), EVALUATE)
        known = flower()
        asked = known.EvaluateIns(_parameters(arrays), {**config, "server_round": 0})
        content = self._asked(EVALUATE, known.evaluateins_to_recorddict(asked, True), context)
        result = known.recorddict_to_evaluateres(content)
        self._require_ok(result.status)
        figures = {"loss": float(result.loss), **_scalars(result.metrics)}
        return Reply(None, self._examples(result.num_examples), figures)

    def initial(self, context: Any) -> Arrays:
        """The first model's arrays: what `initial` makes, or what a `client_fn`'s client says are its parameters.

        Raises UsageError where nothing says them, and what the app raises.
        """
        if self.said.initial:
            return _arrays(_made(named(self.said.initial), self.said.initial, context), self.said.initial)
        if not self.legacy:
            raise self._without_initial("an app of the Message API does not tell its first model")
        known = flower()
        asked = known.getparametersins_to_recorddict(known.GetParametersIns({}))
        try:
            content = self._asked(known.MessageTypeLegacy.GET_PARAMETERS, asked, context)
            found = known.recorddict_to_getparametersres(content, False)
            arrays = known.parameters_to_ndarrays(found.parameters)
        except Exception as error:  # the edge to an app's own code
            raise self._without_initial(f"the app did not tell its parameters: {error!r:.300}") from error
        return numbered(arrays)

    def _without_initial(self, why: str) -> UsageError:
        return UsageError(
            why,
            advice='say initial = "module:function" in [task.settings]: the network\'s class, or what makes its arrays',
            app=self.said.app,
        )

    def _content(self, arrays: Arrays, config: Mapping[str, Value]) -> Any:
        known = flower()
        sent = known.ArrayRecord({name: known.Array(array) for name, array in arrays.items()})
        return known.RecordDict({"arrays": sent, "config": known.ConfigRecord(dict(config))})

    def _asked(self, kind: str, content: Any, context: Any) -> Any:
        """The content of the app's reply to a message."""
        known = flower()
        metadata = known.Metadata(
            run_id=RUN,
            message_id="1",
            src_node_id=NODE,
            dst_node_id=NODE,
            reply_to_message_id="",
            group_id=str(context.run_id),
            created_at=time.time(),
            ttl=_FOREVER,
            message_type=kind,
        )
        reply = self.client(known.Message(content=content, metadata=metadata), context)
        if not isinstance(reply, known.Message):
            raise self._wrong(kind, "a Message", type(reply).__name__)
        if reply.has_error():
            raise self._wrong(kind, "content", f"an error: {reply.error.reason}"[:300])
        return reply.content

    def _reply(self, content: Any, kind: str) -> Reply:
        wanted = 1 if kind == TRAIN else 0
        if wanted and len(content.array_records) != 1:
            raise self._wrong(kind, "one ArrayRecord", f"{len(content.array_records)}")
        if len(content.metric_records) != 1:
            raise self._wrong(kind, "one MetricRecord", f"{len(content.metric_records)}")
        (metrics,) = content.metric_records.values()
        if EXAMPLES not in metrics:
            raise self._wrong(kind, f"{EXAMPLES!r} among the metrics", ", ".join(metrics)[:300] or "none")
        arrays = None
        if wanted:
            (record,) = content.array_records.values()
            arrays = {name: array.numpy() for name, array in record.items()}
        return Reply(arrays, self._examples(metrics[EXAMPLES]), _scalars(metrics))

    def _examples(self, number: object) -> int:
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            raise self._wrong("train or evaluate", f"{EXAMPLES}: an integer, at least 1", repr(number)[:100])
        return int(number)

    def _require_ok(self, status: Any) -> None:
        if status.code != flower().Code.OK:
            raise self._wrong("train or evaluate", "status OK", f"{status.code.name}: {status.message}"[:300])

    def _wrong(self, kind: str, expected: str, actual: str) -> UsageError:
        return UsageError(
            f"the app's reply to {kind} is not one that a model can be made of",
            advice="let it reply as Flower's own strategies demand",
            app=self.said.app,
            expected=expected,
            actual=actual,
        )


def named(name: str) -> Any:
    """What "package.module:name" stands for. Raises UsageError where there is no such thing."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{name!r} cannot be imported: {error}",
            advice="install the app, with what it needs: pip install ./app",
            missing=error.name,
        ) from error
    except AttributeError as error:
        raise UsageError(f"there is no {name!r}: {error}", advice="correct its name in [task.settings]") from error


def _made(function: Any, name: str, context: Any) -> Any:
    """What a function, or a class, returns that is called with nothing, or with the run's context."""
    if not callable(function):
        return function
    needed = [
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    if needed not in ([], ["context"]):
        raise UsageError(
            f"{name!r} needs arguments that nobody gives it",
            advice="name a function without any, or with `context` alone, whose run_config it reads",
            arguments=", ".join(needed),
        )
    return function(*([context] if needed else []))


def _arrays(made: Any, name: str) -> dict[str, NDArray[Any]]:
    """A network, its state_dict, an ArrayRecord, arrays by name, or a list of arrays, as arrays by name."""
    import torch

    if isinstance(made, torch.nn.Module):
        made = made.state_dict()
    if isinstance(made, flower().ArrayRecord):
        return {key: array.numpy() for key, array in made.items()}
    if isinstance(made, Mapping) and all(isinstance(key, str) for key in made):
        return {key: value.detach().cpu().numpy() if hasattr(value, "detach") else value for key, value in made.items()}
    if isinstance(made, list | tuple) and all(isinstance(array, np.ndarray) for array in made):
        return numbered(made)
    raise UsageError(
        f"{name!r} makes nothing that a model could begin with",
        expected="a torch module, its state_dict, an ArrayRecord, or a list of numpy arrays",
        actual=type(made).__name__,
    )


def _parameters(arrays: Arrays) -> Any:
    return flower().ndarrays_to_parameters(list(arrays.values()))


def _scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are single numbers, without the examples."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name != EXAMPLES
    }
