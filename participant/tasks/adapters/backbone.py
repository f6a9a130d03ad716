"""Backbones: folders of safetensors, configuration and tokenizer, each named by the digest of what is read of it.

A job names its backbone by this digest and says nothing of where it is: every party brings the folder itself, by
`fedledger task backbone FOLDER`, and it is found by its digest again. Files that the digest does not cover are not kept
and so never read: no pickled weights, no code, no adapter of somebody else's.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.digest import encode, sha256
from participant.tasks.data.version import file_version

FORMAT = "backbone/1"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_CONFIG, MAX_INDEX, MAX_TOKENIZER = 1 << 20, 64 << 20, 256 << 20
_SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")
_FOREIGN = ("auto_map", "quantization_config", "custom_pipelines")
"""Of a configuration: what names code or kernels that are not those of the library."""
ADVICE = "put it there again: fedledger task backbone FOLDER"


class OtherBackbone(Malformed):
    """A backbone that is not the one that the job names; the facts `expected` and `actual` are digests."""


def places() -> Path:
    """Where this user's backbones are, a folder each: $FEDLEDGER_BACKBONES, or else `fedledger/backbones` among the
    user's data (XDG Base Directory specification).
    """
    if named := os.environ.get("FEDLEDGER_BACKBONES"):
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fedledger" / "backbones"


def files_of(folder: Path) -> dict[str, Path]:
    """What is read of a backbone, by name: its configuration, its weights in one file or in shards with their index,
    and its tokenizer where it has one. Raises UsageError where it is not whole, Malformed for what it holds.
    """
    configuration(folder)
    names = [CONFIG, *_weights(folder)]
    if (folder / TOKENIZER).is_file():
        names.append(TOKENIZER)
    return {name: folder / name for name in sorted(names)}


def configuration(folder: Path) -> dict[str, Any]:
    """A backbone's configuration. Raises UsageError where there is none, Malformed where it is not one, or names code
    of others.
    """
    file = folder / CONFIG
    found = _json(file, MAX_CONFIG)
    if not isinstance(found, dict) or not isinstance(found.get("model_type"), str):
        raise Malformed("this is not the configuration of a transformers model", file=str(file), missing="model_type")
    foreign = [name for name in _FOREIGN if name in found]
    if foreign:
        raise Malformed(
            f"the backbone's configuration asks for other code or kernels: {foreign[0]}",
            advice="take a backbone of one of the library's own kinds, with plain weights",
            file=str(file),
        )
    return found


def digest_of(folder: Path) -> str:
    """SHA-256, in hexadecimal, over the canonical JSON of {"fedledger": "backbone/1", "files": {name: SHA-256, …}}.

    Raises as `files_of`, and Unavailable where a file cannot be read. Files that did not change are not read again.
    """
    return _digest(tuple((name, path, file_version(path)) for name, path in files_of(folder).items()))


def keep(folder: Path) -> str:
    """Keep a backbone on this machine, under its digest, which is returned: as further names of the same files where
    the disk can do that, as copies otherwise. Raises as `digest_of`.
    """
    digest = digest_of(folder)
    target = places() / digest
    with suppress(UsageError):
        if target.is_dir() and digest_of(target) == digest:
            return digest
    draft = target.with_name(f".{digest[:16]}-{secrets.token_hex(8)}")
    try:
        draft.mkdir(parents=True)
        for name, path in files_of(folder).items():
            _place(path.resolve(), draft / name)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
    except OSError as error:
        raise Unavailable(f"cannot keep the backbone: {error.strerror}", folder=str(target)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    require(digest)
    return digest


def require(digest: str) -> Path:
    """The folder of the backbone of that digest. Raises UsageError where it is not on this machine, OtherBackbone where
    what is there is not it (any more).
    """
    folder = places() / digest
    if not folder.is_dir():
        raise UsageError(
            "the job's backbone is not on this machine",
            advice="get it from where the job's proposer has it, then: fedledger task backbone FOLDER",
            backbone=digest,
            expected=str(folder),
        )
    try:
        actual = digest_of(folder)
    except UsageError as error:
        raise OtherBackbone(
            f"this is a backbone of another digest: {error.message}", advice=ADVICE, folder=str(folder), backbone=digest
        ) from error
    if actual != digest:
        raise OtherBackbone(
            "this is a backbone of another digest than the job names",
            advice=ADVICE,
            folder=str(folder),
            expected=digest,
            actual=actual,
        )
    return folder


def _weights(folder: Path) -> list[str]:
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (folder / INDEX).is_file():
        raise UsageError(
            f"the backbone has no {WEIGHTS}",
            advice="save it as safetensors: model.save_pretrained(FOLDER); other forms are never loaded",
            folder=str(folder),
        )
    index = _json(folder / INDEX, MAX_INDEX)
    named = index.get("weight_map") if isinstance(index, dict) else None
    shards = sorted(set(map(str, named.values()))) if isinstance(named, Mapping) else []
    if not shards or not all(_SHARD.fullmatch(name) for name in shards):
        raise Malformed("this is not an index of safetensors shards", file=str(folder / INDEX))
    for name in shards:
        if not (folder / name).is_file():
            raise UsageError("a shard of the backbone is missing", file=str(folder / name))
    return [INDEX, *shards]


def _json(file: Path, ceiling: int) -> Any:
    try:
        with file.open("rb") as stream:
            data = stream.read(ceiling + 1)
    except FileNotFoundError as error:
        raise UsageError(
            f"the backbone has no {file.name}", advice="name the folder of a backbone", file=str(file)
        ) from error
    except OSError as error:
        raise Unavailable(f"cannot read the backbone: {error.strerror}", file=str(file)) from error
    if len(data) > ceiling:
        raise Malformed("the file is too long", file=str(file), maximum=ceiling)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the file is not JSON: {str(error)[:200]}", file=str(file)) from error


@lru_cache(maxsize=16)
def _digest(files: tuple[tuple[str, Path, tuple[int, int]], ...]) -> str:
    digests = dict[str, str]()
    for name, path, _ in files:
        try:
            with path.open("rb") as stream:
                digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise Unavailable(f"cannot read the backbone: {error.strerror}", file=str(path)) from error
    return sha256(encode({"fedledger": FORMAT, "files": digests})).hex()


def _place(source: Path, target: Path) -> None:
    """The same file under another name, or a copy of it where the disk has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
