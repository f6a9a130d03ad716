"""The digest of a task's code, which the members approve: what it covers is found, not listed by hand.

It covers the task's module and, from there, every module of the same top-level package that is imported by an `import`
statement, with the `__init__.py` files that Python runs on the way. Other packages (PyTorch, fedledger for a task of
your own) are not covered, nor what is imported by a name made at run time: `sources` of the task names such modules.
"""

import ast
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256


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
    waiting = [file for module in modules for file in (*_parents(module), *_files(module))]
    while waiting:
        name, path = waiting.pop()
        if name in files:
            continue
        files[name] = path
        for module in _imported(name, path):
            waiting += [*_parents(module), *_module(module)]
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


def _parents(module: str) -> list[tuple[str, Path]]:
    parts = module.split(".")
    return [file for length in range(1, len(parts)) for file in _module(".".join(parts[:length]))]


def _imported(name: str, path: Path) -> Iterator[str]:
    """Modules of the file's own top-level package that it imports, at its top or inside its functions."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"the task's code cannot be read: {error}", file=str(path)) from error
    package = name.split("/")[:-1]
    top = package[0] if package else name.removesuffix(".py")
    for node in _run(tree):
        for module in _names(node, package):
            if module.split(".")[0] == top:
                yield module


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from (inner for other in node.orelse for inner in (other, *_run(other)))
            continue
        yield node
        yield from _run(node)


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
    try:
        return find_spec(module)
    except (ImportError, AttributeError, ValueError):
        return None
