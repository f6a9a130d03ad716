"""The digest of a task's code, which the members approve: what it covers is found, not listed by hand.

It covers the task's module and, from there, every module of the same top-level package that is imported by an `import`
statement, with the `__init__.py` files that Python runs on the way. Other packages (PyTorch, fedledger for a task of
your own) are not covered, nor what is imported by a name made at run time: `sources` of the task names such modules.
"""

import ast
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256

STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where statements hold statements: no expression holds an import."""


def code_digest(modules: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, over the source files of modules and packages, and of what these import.

    Over the canonical JSON of {"package/module.py": SHA-256 of the file's `canonical` bytes, …}: names are those in the
    package, so the digest is the same wherever it is installed, and on any system it was checked out.
    """
    files = covered(modules)
    return sha256(encode({name: sha256(canonical(path.read_bytes())).hex() for name, path in files.items()})).hex()


def canonical(source: bytes) -> bytes:
    """A module's source as Python reads it, whatever saved it: lines end with LF, no byte order mark."""
    return source.removeprefix(BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def covered(modules: Sequence[str]) -> dict[str, Path]:
    """The files that the digest of `modules` covers, by name. A package stands for all .py files in it, at any depth.

    Raises UsageError where a module's source cannot be found or read as Python.
    """
    files: dict[str, Path] = {}
    looked_for: set[str] = set()
    waiting = [file for module in modules for file in _files(module)]
    waiting += [file for module in modules for parent in _parents(module) for file in _module(parent)]
    while waiting:
        name, path = waiting.pop()
        if name in files:
            continue
        files[name] = path
        named = _imported(name, path) - looked_for
        new = named.union(*map(_parents, named)) - looked_for
        looked_for |= new
        waiting += [file for module in new for file in _module(module)]
    return files


def _files(module: str) -> list[tuple[str, Path]]:
    """A module's file, or every file of a package."""
    spec = _spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise UsageError(f"the source of module {module!r} cannot be found", origin=str(spec and spec.origin))
    if spec.submodule_search_locations is None:
        return _module(module)
    folder, parts = Path(spec.origin).parent, module.split(".")
    return [("/".join([*parts, *path.relative_to(folder).parts]), path) for path in sorted(folder.rglob("*.py"))]


def _module(module: str) -> list[tuple[str, Path]]:
    """The one file that importing `module` itself runs; none for a module without Python source."""
    spec = _spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return []
    inner = ["__init__"] if spec.submodule_search_locations is not None else []
    return [("/".join([*module.split("."), *inner]) + ".py", Path(spec.origin))]


def _parents(module: str) -> list[str]:
    """The packages that a module is in, which Python imports before it."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _imported(name: str, path: Path) -> frozenset[str]:
    """Modules of the file's own top-level package that it imports, at its top or inside its functions."""
    try:
        return _named(name, path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"the task's code cannot be read: {error}", file=str(path)) from error


@lru_cache(maxsize=1024)
def _named(name: str, source: bytes) -> frozenset[str]:
    """What `_imported` finds in a source; it follows from its bytes, so each is read as Python once."""
    package = name.split("/")[:-1]
    top = package[0] if package else name.removesuffix(".py")
    found = {module for node in _run(ast.parse(source)) for module in _names(node, package)}
    return frozenset(module for module in found if module.split(".")[0] == top)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement but those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        only_checked = isinstance(node, ast.If) and _is_for_checkers(node.test)
        for field in ("orelse",) if only_checked else STATEMENTS:
            waiting += getattr(node, field, ())


def _is_for_checkers(test: ast.expr) -> bool:
    """Whether a condition is `TYPE_CHECKING` or `typing.TYPE_CHECKING`."""
    if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name):
        return (test.value.id, test.attr) == ("typing", "TYPE_CHECKING")
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _names(node: ast.AST, package: list[str]) -> list[str]:
    """What an import statement may import: `from a import b` is the module `a`, and `a.b` where that is one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    start = package[: len(package) - node.level + 1] if node.level else []
    module = ".".join([*start, *(node.module.split(".") if node.module else [])])
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is, as Python would find it. Nothing is imported on the way: code whose digest is not known yet
    does not run.
    """
    spec, places = None, None
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        spec = _below(".".join(parts[:length]), places)
        places = spec.submodule_search_locations if spec else None
        if places is None and length < len(parts):
            return None
    return spec


def _below(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    """What is called so in the places of its package; of a module without one, on Python's path."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__spec__", None)
    try:
        for finder in sys.meta_path:
            if spec := finder.find_spec(name, places):
                return spec
    except KeyError:  # a folder without __init__.py, in a package that was not imported
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(Path(place) / name.rpartition(".")[2]) for place in places or ()]
        return spec
    except (ImportError, AttributeError, ValueError):
        pass
    return None
