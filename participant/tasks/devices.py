"""The device that a model is trained and evaluated on: cpu, cuda, cuda:N or mps; `auto` is the best there is."""

from typing import Any, TypeVar

import torch

from ledger.errors import UsageError

AUTO = "auto"
T = TypeVar("T")


def present() -> list[str]:
    """The devices of this machine, best first."""
    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def choose(wanted: str) -> str:
    """The device that is meant: `auto` is the best one, `cuda` the first of its kind.

    Raises UsageError, naming what there is, for a device that is not there.
    """
    there = present()
    for device in there:
        if wanted in (AUTO, device) or (wanted == "cuda" and device.startswith("cuda:")):
            return device
    raise UsageError(
        f"this machine has no device {wanted!r}",
        advice="name another with --device, or as `device` in the home's node.toml",
        devices=", ".join([AUTO, *there]),
    )


def place(thing: T, device: str | torch.device) -> T:
    """A model or data on a device: what has no method `to` stays where it is."""
    move: Any = getattr(thing, "to", None)
    return thing if move is None else move(torch.device(device))
