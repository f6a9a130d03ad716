"""How much of the project's reader the corpus holds: `python tests/corpus/mutants.py` bends its rules one at a time.

A mutant has one comparison whose edge is moved (< for <=, and so on), one rule that is asked no more (`require`), or
one line of `REWRITTEN` that says something else.
The corpus catches it where some file's verdict is another, or no verdict comes. Those it does not are listed.
"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import json
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import ledger.bundle.check  # noqa: F401 - what it loads beside itself need not be loaded for each mutant
from ledger.config import load_network

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
BENT = [
    *(f"ledger/bundle/replay/{name}.py" for name in ("ballots", "jobs", "members", "run", "state")),
    *(f"ledger/bundle/{name}.py" for name in ("calls", "check", "convictions", "findings", "rounds", "statements")),
    "ledger/chain/evidence/arguments.py",
]
LOADED_AGAIN = ("ledger.bundle", "ledger.chain.evidence.arguments", "ledger.court.calldata")
REWRITTEN = (
    ("ledger/history/rounds.py", "job.terms.buffer, job.digest", "job.terms.buffer, NOTHING", "opened has no document"),
    (
        "ledger/history/state/rounds.py",
        "self.commitments[update.index].digest",
        "bytes(28)",
        "opened has no keys",
    ),
    ("ledger/bundle/convictions.py", " or state.number not in jobs.by_value", "", "convicts by any terms"),
)
"""A file, a text in it, what stands there instead, and what that comes to."""
EDGES: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


class Mutant(NamedTuple):
    """One change: of which file, in which line, the how manieth there, and what it is.

    Of `REWRITTEN`, `place` is the place in it, counted from -1 down.
    """

    file: str
    place: int
    line: int
    what: str


class _Bending(ast.NodeTransformer):
    """Counts the places of a file that can be bent, and bends the one that is wanted."""

    def __init__(self, wanted: int = -1) -> None:
        self.wanted, self.found = wanted, list[tuple[int, str]]()

    def _is_next(self, node: ast.expr, what: str) -> bool:
        self.found.append((node.lineno, what))
        return len(self.found) - 1 == self.wanted

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for place, one in enumerate(node.ops):
            if type(one) in EDGES and self._is_next(node, f"{type(one).__name__} to {EDGES[type(one)].__name__}"):
                node.ops[place] = EDGES[type(one)]()
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "require" and self._is_next(node, "not required"):
            node.args[0] = ast.copy_location(ast.Constant(True), node.args[0])
        return node


def mutants() -> Iterator[Mutant]:
    """All of them, in order."""
    for file in BENT:
        bending = _Bending()
        bending.visit(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        for place, (line, what) in enumerate(bending.found):
            yield Mutant(file, place, line, what)
    for place, (file, old, _, what) in enumerate(REWRITTEN, 1):
        before, found, _ = (ROOT / file).read_text(encoding="utf-8").partition(old)
        if not found:
            raise ValueError(f"{file} has no {old!r} to rewrite")
        yield Mutant(file, -place, before.count("\n") + 1, what)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module bent."""

    place = -1

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        text = self.get_data(path).decode()
        if self.place < 0:
            _, old, new, _ = REWRITTEN[-self.place - 1]
            text = text.replace(old, new)
        tree = _Bending(self.place).visit(ast.parse(text))
        code: CodeType = compile(ast.fix_missing_locations(tree), path, "exec")
        return code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, file: str, place: int) -> None:
        self._name, self._path, self._place = file.removesuffix(".py").replace("/", "."), str(ROOT / file), place

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        loader = _Loader(name, self._path)
        loader.place = self._place
        return importlib.machinery.ModuleSpec(name, loader, origin=self._path)


def catches(one: Mutant) -> str:
    """The first file of the corpus on which the bent reader says something else; empty where there is none.

    For a process that does nothing else: the reader is loaded again.
    """
    bent = "ledger." if one.place < 0 else LOADED_AGAIN
    for name in [name for name in sys.modules if name.startswith(bent)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(one.file, one.place))
    try:
        checked = importlib.import_module("ledger.bundle.check")
    except Exception as error:  # noqa: BLE001 - a mutant may break anything, and that is seen
        return f"{type(error).__name__}"
    for row in json.loads((FOLDER / "corpus.json").read_text(encoding="utf-8")):
        how = checked.BundleCheck(load_network(FOLDER / row["network"])) if "network" in row else None
        try:
            said = checked.check_bundle(FOLDER / f"{row['file']}.car", how).encode()
        except Exception as error:  # noqa: BLE001 - as above
            return f"{row['file']}: {type(error).__name__}"
        if said != (FOLDER / f"{row['file']}.json").read_bytes():
            return str(row["file"])
    return ""


def main() -> None:
    """Try every mutant, each in a process of its own; print how many are caught, and the others."""
    every, caught = list(mutants()), 0
    with get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        for number, (one, by) in enumerate(zip(every, pool.imap(catches, every), strict=True), 1):
            caught += bool(by)
            if not by:
                print(f"{one.file}:{one.line}: {one.what}", flush=True)
            print(f"{number} of {len(every)}", end="\r", file=sys.stderr, flush=True)
    print(f"{caught} of {len(every)} are caught")


if __name__ == "__main__":
    main()
