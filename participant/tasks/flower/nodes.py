"""What an app is told of the node that it runs on, Flower's `node_config`: from the party's data file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, Unavailable, UsageError

MAX_BYTES = 1 << 20
DATA = "data-path"
ALONE: Mapping[str, str | int | float | bool] = {"partition-id": 0, "num-partitions": 1}
"""A party's data are its own: all of its file is the one partition."""


@dataclass(frozen=True, slots=True)
class FlowerNode:
    """`config` is the app's `context.node_config`."""

    config: Mapping[str, str | int | float | bool]


def read_node(path: Path) -> FlowerNode:
    """A file of data is the node's `data-path`; a .toml file is its configuration, whose `data-path`, where it has one,
    is as seen from there, and may be a folder.

    Raises UsageError for a file or folder that is not there, Malformed for one that says something else, Unavailable.
    """
    if path.suffix.lower() != ".toml":
        _require(path, path)
        return FlowerNode({**ALONE, DATA: str(path.resolve())})
    config = _read(path)
    for name, value in config.items():
        if not isinstance(value, str | int | float | bool):
            raise Malformed(
                f"{name!r} of the node's configuration is not valid",
                advice="Flower's node_config has texts, numbers, true and false alone",
                file=str(path),
                actual=type(value).__name__,
            )
    if DATA in config:
        data = path.parent / str(config[DATA])
        _require(data, path)
        config[DATA] = str(data.resolve())
    return FlowerNode({**ALONE, **config})


def _require(data: Path, path: Path) -> None:
    if not data.exists():
        raise UsageError("no such data file", file=str(data), **({} if data == path else {"named_in": str(path)}))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError("it is too long")
        return tomllib.loads(data.decode())
    except FileNotFoundError as error:
        raise UsageError("no such data file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the node's configuration: {error.strerror}", file=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the node's configuration is not TOML: {error}", file=str(path)) from error
