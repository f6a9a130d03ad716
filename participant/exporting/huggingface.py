"""A folder as the Hugging Face Hub has models: the release's own files, and a config.json."""

from pathlib import Path

import msgspec

from ledger.formats.text import json_text
from ledger.store import disk
from participant.exporting.properties import PREFIX, files_of
from participant.predicting.network import layers_of
from participant.predicting.released import FoundRelease
from participant.predicting.sources import OpenRelease

CONFIG = "config.json"


def write_folder(folder: Path, source: OpenRelease, said: dict[str, str]) -> list[Path]:
    """Write model, card, job and config.json; the paths. Nothing is uploaded. Raises as `release fetch`."""
    written = files_of(source, folder)
    config = folder / CONFIG
    disk.write_whole(config, [json_text(_config(source.released, said)).encode() + b"\n"])
    return [*written, config]


def _config(released: FoundRelease, said: dict[str, str]) -> dict[str, object]:
    """The task with its settings, its layers where the job tells them, and what every export says but the card."""
    task, told = released.job.task, layers_of(released.job)
    config: dict[str, object] = {
        "library_name": "fedledger",
        "model_type": task.name,
        "task": {"name": task.name, "version": task.version, "code": task.code, "settings": task.settings},
    }
    if told is not None:
        config["layers"] = {"inputs": list(told[0]), "layers": msgspec.to_builtins(told[1])}
    named = {name.removeprefix(PREFIX): value for name, value in said.items()}
    return config | {"fedledger": {name: value for name, value in named.items() if name != "card"}}
