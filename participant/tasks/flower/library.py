"""Flower itself: imported only where an app of it is used, and every name of it that this bridge needs, in one place.

What Flower promises to its users is `flwr.app` and `flwr.clientapp`. An app is called here without Flower's servers,
for which no interface is promised: the other names are Flower's own, and may go in any release. So the range of
versions is pinned, and one that lacks a name is refused by that name.
"""

import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ledger.errors import UsageError

FIRST, BEYOND = (1, 42), (1, 43)
"""Versions that the bridge was written for: from the first, below the second (pyproject.toml has the same range)."""
RANGE = f"flwr>={FIRST[0]}.{FIRST[1]},<{BEYOND[0]}.{BEYOND[1]}"
NAMES = {
    "flwr.app": (
        "Array",
        "ArrayRecord",
        "ConfigRecord",
        "Context",
        "Message",
        "Metadata",
        "MetricRecord",
        "RecordDict",
    ),
    "flwr.clientapp": ("ClientApp",),
    "flwr.common.constant": ("MessageTypeLegacy",),
    "flwr.common.serde": ("recorddict_from_proto", "recorddict_to_proto"),
    "flwr.compat.common.parameter": ("ndarrays_to_parameters", "parameters_to_ndarrays"),
    "flwr.compat.common.recorddict_compat": (
        "evaluateins_to_recorddict",
        "fitins_to_recorddict",
        "getparametersins_to_recorddict",
        "recorddict_to_evaluateres",
        "recorddict_to_fitres",
        "recorddict_to_getparametersres",
    ),
    "flwr.compat.common.typing": ("Code", "EvaluateIns", "FitIns", "GetParametersIns"),
    "flwr.proto.recorddict_pb2": ("RecordDict as RecordsProto",),
    "flwr.supercore.task_identity": ("TaskIdentity",),
    "google.protobuf.message": ("DecodeError",),
}
"""Every name that is used, by module; `as` gives it another one here."""
INTERFACE = "_call"
"""Of a ClientApp: what `client_fn` was made into, None for an app of functions that are registered."""
RUN = NODE = 1
"""There is no server that numbers runs and nodes."""


@dataclass(frozen=True)
class FlowerLibrary:
    """Flower's names, as attributes of this object."""

    names: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.names[name]


@cache
def flower() -> FlowerLibrary:
    """Flower, its telemetry off. Raises UsageError, with the way out, where it is not installed, of another version, or
    without a name that is needed.
    """
    os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
    installed = _version()
    if not FIRST <= tuple(int(part) for part in installed.split(".")[:2] if part.isdigit()) < BEYOND:
        raise _another(installed, "its version")
    found = dict[str, Any]()
    for module, names in NAMES.items():
        for name in names:
            known, _, called = name.partition(" as ")
            found[called or known] = _named(module, known, installed)
    if not hasattr(found["ClientApp"](), INTERFACE):
        raise _another(installed, f"flwr.clientapp.ClientApp.{INTERFACE}")
    identity = found["TaskIdentity"]
    identity.run_id, identity.node_id, identity.task_id = RUN, NODE, RUN
    return FlowerLibrary(found)


def _version() -> str:
    try:
        return version("flwr")
    except PackageNotFoundError as error:
        raise UsageError(
            "the task flower needs Flower", advice='pip install "fedledger[flower]"', missing="flwr"
        ) from error


def _named(module: str, name: str, installed: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise _another(installed, f"{module}.{name}") from error


def _another(installed: str, lacks: str) -> UsageError:
    return UsageError(
        "the Flower that is installed is not one that this bridge was written for",
        advice='pip install "fedledger[flower]", which takes one that is',
        expected=RANGE,
        actual=installed,
        differs=lacks,
    )
