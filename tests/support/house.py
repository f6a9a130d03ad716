"""What holds of the packages' files as a whole. Each check takes a folder of packages and returns what is wrong."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import grimp

FILES_IN_A_FOLDER = 25
LOOSE_MODULES = 3
LINES_OF_A_FUNCTION = 50
LINES_OF_A_FILE = 400
ALONE = Path("ledger/bundle/verify_bundle.py")
"""The one file that stands alone: it imports nothing of ours, so it has all that it needs, by the same names."""
LONGER = {str(ALONE): 1_595}
"""Files that may have more lines, and how many (docs/adr/0148-how-short-the-verifier-can-be.md)."""
BAD_NAMES = frozenset(
    {"decided", "deciding", "scored", "scoring", "wanted", "standing", "board", "telling", "nursery", "words", "bars"}
    | {"basics", "misc", "util", "utils", "helpers"}
)
"""Names of files that tell a story to their author alone, by grammatical form or by whim."""


def sources(root: Path, packages: Sequence[str]) -> list[Path]:
    """Every Python file of the packages."""
    return sorted(path for package in packages for path in (root / package).rglob("*.py"))


def full_folders(root: Path, packages: Sequence[str]) -> list[str]:
    """Folders in which nobody finds a file."""
    folders = Counter(path.parent.relative_to(root) for path in sources(root, packages))
    return [f"{folder} holds {count} files" for folder, count in folders.items() if count > FILES_IN_A_FOLDER]


def loose_modules(root: Path, package: str) -> list[str]:
    """Modules beside a package's folders, where there are too many."""
    found = sorted(path.name for path in (root / package).glob("*.py") if path.name != "__init__.py")
    return found if len(found) > LOOSE_MODULES else []


def circles(packages: Sequence[str]) -> list[str]:
    """Modules that import each other, directly or by others, imports for types and inside functions included."""
    graph = grimp.build_graph(*packages, cache_dir=None)
    reach = {module: graph.find_downstream_modules(module) for module in graph.modules}
    return sorted(module for module, importers in reach.items() if any(module in reach[other] for other in importers))


def shared_class_names(root: Path, packages: Sequence[str]) -> dict[str, list[str]]:
    """Public classes at a module's level that have a name in common, and their files."""
    files = defaultdict(list)
    for path in sources(root, packages):
        if path.relative_to(root) == ALONE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].append(str(path.relative_to(root)))
    return {name: found for name, found in files.items() if len(found) > 1}


def bad_names(root: Path, packages: Sequence[str]) -> list[str]:
    """Files whose name does not say their subject."""
    return [str(path.relative_to(root)) for path in sources(root, packages) if path.stem in BAD_NAMES]


def long_functions(root: Path, packages: Sequence[str]) -> list[str]:
    """Functions that are longer than one can hold in mind, without their decorators."""
    return [
        f"{path.relative_to(root)}: {name} has {lines} lines"
        for path in sources(root, packages)
        for name, lines in _functions(path)
        if lines > LINES_OF_A_FUNCTION
    ]


def long_files(root: Path, packages: Sequence[str]) -> list[str]:
    """Files that hold more than one subject."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(root, packages)}
    named = {str(path.relative_to(root)): n for path, n in lengths.items()}
    return [f"{name} has {n} lines" for name, n in named.items() if n > LONGER.get(name, LINES_OF_A_FILE)]


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
