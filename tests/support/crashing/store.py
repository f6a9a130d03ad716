"""Changes to an embedded store, in processes of their own that kill themselves (SIGKILL) at an effect on the disk."""

import resource
from collections.abc import Callable
from pathlib import Path
from random import Random

from support.crashing import children
from support.crashing.children import die

from ledger.errors import Unavailable
from ledger.formats.cid import CHUNK, raw
from ledger.store import disk
from ledger.store.block_index import BlockIndex
from ledger.store.embedded import Embedded

PRELOADED = ["support.crashing.store"]
DATA = Random(1).randbytes(2 * CHUNK + 5)
EFFECTS = ["create", "write", "trim", "sync", "publish", "append"]
CHANGES: dict[str, Callable[[Embedded], object]] = {
    "put": lambda store: store.put([DATA], "new"),
    "replace": lambda store: store.put([b"old"], "new", replace=True),
    "pin": lambda store: store.pin("new", raw(b"old")),
    "unpin": lambda store: store.unpin("old"),
}
TOO_LARGE = 7


def change(folder: Path, name: str, number: int, kept: bool) -> int:
    """Make a change to a store, and die at its effect of this number: before it, or right after; the exit code."""
    return children.run(PRELOADED, _change, folder, name, number, kept)


def put_without_room(folder: Path) -> int:
    """Store more than a process may write to a file: `TOO_LARGE` where the store says so in words."""
    return children.run(PRELOADED, _put_without_room, folder)


def put_side_by_side(folder: Path, writers: int, turns: int) -> list[int]:
    """Store `turns` files in each of some processes; their exit codes."""
    started = [children.started(PRELOADED, _put_turns, folder, number, turns) for number in range(writers)]
    return [children.ended(child) for child in started]


def _change(folder: Path, name: str, number: int, kept: bool) -> None:
    store = Embedded(folder)
    _arm(number, kept)
    CHANGES[name](store)


def _arm(number: int, kept: bool) -> None:
    """From now on the process dies at the effect with this number: before it, or right after."""
    count = iter(range(1, 1000))

    def wrap(effect: Callable[..., object]) -> Callable[..., object]:
        def dying(*arguments: object) -> object:
            fatal = next(count) == number
            if fatal and not kept:
                die()
            result = effect(*arguments)
            if fatal:
                die()
            return result

        return dying

    for name in EFFECTS:
        setattr(disk, name, wrap(getattr(disk, name)))
    BlockIndex.replace = wrap(BlockIndex.replace)  # type: ignore[method-assign]


def _put_without_room(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, CHUNK))
    store = Embedded(folder)
    try:
        store.put([DATA], "big")
    except Unavailable as error:
        raise SystemExit(TOO_LARGE if "File too large" in error.message else 1) from error


def _put_turns(folder: Path, number: int, turns: int) -> None:
    store = Embedded(folder)
    for turn in range(turns):
        store.put([b"%d" % turn, DATA[: CHUNK + number]], f"{number}/{turn}")
