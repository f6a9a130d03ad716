"""A fetched release as a model version in MLflow, with its files: what `release fetch` wrote, byte for byte."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, UsageError
from ledger.files.foreign import read_named
from ledger.formats.digest import sha256
from ledger.releases.card import FILE as CARD
from ledger.releases.file import MAX_HEADER, read_metadata
from participant.tracking.library import client_of, translated
from participant.tracking.writing import ALIAS, TAG

EXPERIMENT = "fedledger releases"
FILES = "files"
"""The folder of a run that has them."""


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """Where it is: a registered model's name and version, and the run that has the files. `new` where it was made."""

    name: str
    version: str
    run: str
    new: bool


def export_model(folder: Path, tracking: str, name: str | None = None) -> ExportedModel:
    """Put a release's files into MLflow as a version of the model `name`, the release's own where it is left out.

    The caller has verified the folder against the ledger. The same files are put there once: the version is found again
    by their digest. The alias `released` is left to `fedledger track mlflow`, which knows what was revoked.

    Raises UsageError for a folder that is not a fetched release, and as `library.translated`.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    said = _said(folder, paths)
    called = name or said["name"]
    digest = sha256(b"".join(sha256(read_named(path)) + path.name.encode() for path in paths)).hex()
    tags = {TAG + key: said[key] for key in ("chain", "ledger", "release", "version", "job", "round", "root")}
    tags[TAG + "files"] = digest
    client = client_of(tracking)
    with translated(tracking):
        return _found(client, called, digest) or _made(client, called, paths, tags, said)


def _said(folder: Path, paths: list[Path]) -> dict[str, str]:
    models = [path for path in paths if path.suffix == ".safetensors"]
    if len(models) != 1 or not any(path.name == CARD for path in paths):
        raise UsageError(
            "this is not the folder of a fetched release",
            advice="fedledger release fetch NAME writes one",
            folder=str(folder),
            expected=f"one .safetensors file, and {CARD}",
            actual=", ".join(path.name for path in paths)[:300] or "nothing",
        )
    said = read_metadata(read_named(models[0], MAX_HEADER + 8))
    missing = sorted({"name", "version", "chain", "ledger", "release", "job", "round", "root"} - said.keys())
    if missing:
        raise Malformed("the model file does not say which release it is", file=str(models[0]), missing=missing[0])
    return said


def _found(client: Any, name: str, digest: str) -> ExportedModel | None:
    """A version that has these files already, and all of them."""
    for one in client.search_model_versions(f"name = '{name}'"):
        if one.tags.get(TAG + "files") == digest:
            return ExportedModel(name, str(one.version), str(one.run_id), False)
    return None


def _made(client: Any, name: str, paths: list[Path], tags: dict[str, str], said: dict[str, str]) -> ExportedModel:
    """The version is made last, so that one which is there has its files."""
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    run = client.create_run(experiment, tags=tags, run_name=f"{said['name']} {said['version']}")
    for path in paths:
        client.log_artifact(run.info.run_id, str(path), FILES)
    client.set_terminated(run.info.run_id)
    if not any(one.name == name for one in client.search_registered_models(f"name = '{name}'")):
        client.create_registered_model(name, tags={key: tags[key] for key in (TAG + "chain", TAG + "ledger")})
    source = f"{run.info.artifact_uri}/{FILES}"
    version = client.create_model_version(name, source, run_id=run.info.run_id, tags=tags)
    return ExportedModel(name, str(version.version), str(run.info.run_id), True)


__all__ = ["ALIAS", "ExportedModel", "export_model"]
