"""Writes the corpus beside it: `python tests/corpus/make_corpus.py`. A change of any byte is a new format.

Each file is a bundle of docs/spec/bundle.md that follows from its class and its seed alone. The verdict beside it is
what the project's own reader says; tests hold it against two other readers and against who lied (README.md).
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.corpus import (
    bounds,
    decided,
    documents,
    honest,
    lies,
    malformed,
    turns,
    undecided,
    unknown,
    unsent,
    worded,
)
from support.corpus.scene import SEEDS, Case, Draw

from ledger.bundle.check import BundleCheck, check_bundle
from ledger.config import load_network

FOLDER = Path(__file__).resolve().parent
LIST = "corpus.json"
Make = Callable[[Draw], Case]


class CorpusClass(NamedTuple):
    """Files of one kind: how each is made from its numbers, in words what it is, and how many there are."""

    make: Make
    about: str
    seeds: int


def classes() -> dict[str, CorpusClass]:
    """Every class by the name of its files, in order."""
    made = {}
    groups = (
        *(("honest", honest, 1), ("honest", decided, 1), ("unknown", unknown, 1)),
        *(("malformed", one, SEEDS) for one in (malformed, undecided, bounds, unsent)),
    )
    for folder, group, most in groups:
        for name, one in _functions(group).items():
            made[f"{folder}/{name}"] = _of(one, one, group.COUNTS.get(name, most))
    made["honest/last_seconds"] = _of(turns.last_seconds, turns.last_seconds, turns.COUNTS["last_seconds"])
    made["malformed/out_of_turn"] = _of(turns.out_of_turn, turns.out_of_turn, turns.COUNTS["out_of_turn"])
    for module in (documents, worded):
        for name, folder in module.FOLDERS.items():
            one = getattr(module, name)
            made[f"{folder}/{name}"] = _of(one, one, module.COUNTS.get(name, 1))
    for name in lies.ALONE:
        made[f"lies/{name}"] = _of(getattr(lies, name), getattr(lies, name), lies.COUNTS.get(name, 1))
    for name, lie in lies.LIES.items():
        made[f"lies/{name}"] = _of(lie, lies.stands(lie), lies.COUNTS.get(name, 1))
        if name in lies.CAUGHT:
            made[f"caught/{name}"] = _of(lie, lies.caught(lie))
        if name in lies.CONVICTED:
            made[f"lies/convicted-{name}"] = _of(lie, lies.convicted(lie, fails=False), SEEDS)
            made[f"caught/convicted-{name}"] = _of(lie, lies.convicted(lie, fails=True))
    return {name.replace("_", "-"): one for name, one in sorted(made.items())}


def files(name: str) -> Iterator[tuple[str, Case]]:
    """The files of a class: the name of each without an ending, and what is in it."""
    one = classes()[name]
    for seed in range(one.seeds):
        yield f"{name}-{seed}", one.make(Draw(name, seed))


def verdict(made: Case, folder: Path) -> bytes:
    """What the project's reader says of a file."""
    path, network = folder / "it.car", folder / "it.toml"
    path.write_bytes(made.data)
    how = BundleCheck()
    if made.network:
        network.write_bytes(made.network)
        how = BundleCheck(load_network(network))
    return check_bundle(path, how).encode()


def row(file: str, about: str, made: Case) -> dict[str, object]:
    """What corpus.json says of a file."""
    said: dict[str, object] = {"file": file, "about": about, "liars": sorted(made.liars, key=str.lower)}
    return said | ({"network": f"{file}.toml"} if made.network else {})


def pieces(made: Case, folder: Path) -> dict[str, bytes]:
    """A file, the verdict on it and its network file, by their endings."""
    with_network = {".toml": made.network} if made.network else {}
    return {".car": made.data, ".json": verdict(made, folder)} | with_network


def _of(one: Callable[[Draw], object], make: Make, seeds: int = 1) -> CorpusClass:
    return CorpusClass(make, " ".join((one.__doc__ or "").split()), seeds)


def _functions(module: object) -> dict[str, Make]:
    """The public functions that a module has of its own, in its order."""
    name = module.__name__  # type: ignore[attr-defined]
    return {
        one.__name__: one
        for one in vars(module).values()
        if callable(one) and getattr(one, "__module__", "") == name and one.__name__[0] not in "_<"
    }


def main() -> None:
    """Write every file, and take away those that are none of the corpus any more."""
    rows, kept = [], set[Path]()
    with TemporaryDirectory() as folder:
        for name, one in classes().items():
            for file, made in files(name):
                for ending, data in pieces(made, Path(folder)).items():
                    path = FOLDER / f"{file}{ending}"
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(data)
                    kept.add(path)
                rows.append(json.dumps(row(file, one.about, made), sort_keys=True))
    (FOLDER / LIST).write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    for path in FOLDER.glob("*/*"):
        if path.suffix in (".car", ".json", ".toml") and path not in kept:
            path.unlink()


if __name__ == "__main__":
    main()
