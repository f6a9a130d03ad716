"""Whether a package is a Flower app that somebody installed here: a job names code, and may not name just any.

Nothing here imports what it looks for.
"""

import json
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ledger.errors import UsageError

_NEEDS_FLOWER = re.compile(r"flwr(?![\w.-])", re.IGNORECASE)


def require_apps(packages: tuple[str, ...]) -> None:
    """Raise UsageError for a top-level package or module that no installed distribution which needs Flower brings.

    A job is others' text. What it names is imported and called, so it must be what this machine's owner installed as a
    Flower app, and no other code that happens to be there.
    """
    apps = [one for one in distributions() if _needs_flower(one)]
    for package in packages:
        if not any(package in _packages(one) or _is_editable(one, package) for one in apps):
            raise UsageError(
                f"no Flower app that is installed here has the package {package!r}",
                advice="install the app that the job is of: pip install ./app, where its pyproject.toml has flwr among "
                "its dependencies",
                installed=", ".join(sorted({one.name for one in apps}))[:300] or "none",
            )


def _needs_flower(distribution: Distribution) -> bool:
    """Whether it does, whatever extras are asked for."""
    needed = distribution.requires or []
    return any(_NEEDS_FLOWER.match(one) and "extra" not in one.partition(";")[2] for one in needed)


def _packages(distribution: Distribution) -> set[str]:
    """Top-level packages and modules that were installed with it."""
    listed = (distribution.read_text("top_level.txt") or "").split()
    return {*listed, *_top_names(distribution)}


def _top_names(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files or []:
        if len(file.parts) > 1 and file.suffix == ".py":
            yield file.parts[0]
        elif file.suffix == ".py":
            yield file.stem


def _is_editable(distribution: Distribution, package: str) -> bool:
    """Whether it is installed from a folder, and the package lies there."""
    try:
        said = json.loads(distribution.read_text("direct_url.json") or "{}")
        folder = unquote(urlsplit(said["url"]).path) if said["dir_info"]["editable"] else ""
    except (ValueError, KeyError, TypeError):
        return False
    spec = find_spec(package)
    places = [*(spec.submodule_search_locations or []), spec.origin or ""] if spec else []
    return bool(folder) and any(
        Path(place).resolve().is_relative_to(Path(folder).resolve()) for place in places if place
    )
