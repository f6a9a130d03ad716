"""The files that pages load, each with its digest in its address: browsers may keep it, and mix no two versions."""

from functools import cache
from pathlib import Path

from ledger.formats.digest import sha256

STATIC = Path(__file__).parents[1] / "static"


def address(name: str) -> str:
    """Where pages load a file of `web/static`."""
    return f"/static/{name}?{version(name)}"


@cache
def version(name: str) -> str:
    """The query under which a file never changes."""
    return f"v={sha256((STATIC / name).read_bytes()).hex()[:16]}"
