"""From a draft's `hierarchy` to the job's: member lists in files are read, stored, and named by their digests."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from ledger.errors import UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.edges import members
from ledger.formats.strict import Strict
from ledger.jobs.hierarchy import Hierarchy
from ledger.party.pins import members_pin

_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


class DraftHierarchy(Strict, frozen=True):
    """Which members are edges, by member index, each with the file of its member list or that list's SHA-256; how many
    children a sum has; and what members check of it (docs/spec/job.md, "Edges")."""

    edges: dict[str, str]
    min_children: int = 3
    max_children: int = 1024
    check: Literal["children", "sums"] = "children"

    def placed(self, folder: Path) -> "DraftHierarchy":
        """Files are named as seen from the draft."""
        named = {i: said if _DIGEST.fullmatch(said) else str(folder / said) for i, said in self.edges.items()}
        return msgspec.structs.replace(self, edges=named)


def hierarchy_of(draft: DraftHierarchy | None, put: Callable[[Iterable[Buffer], str], Cid]) -> Hierarchy | None:
    """The job's section; lists in files are stored. Raises UsageError for a file that is not there, Malformed for one
    that is not a member list.
    """
    if draft is None:
        return None
    edges = {index: _digest(said, put) for index, said in draft.edges.items()}
    return Hierarchy(edges=edges, min_children=draft.min_children, max_children=draft.max_children, check=draft.check)


def _digest(said: str, put: Callable[[Iterable[Buffer], str], Cid]) -> str:
    if _DIGEST.fullmatch(said):
        return said
    try:
        data = read_foreign(Path(said), "the member list", members.MAX_SIZE).removesuffix(b"\n")
    except OSError as error:
        raise UsageError(f"cannot read an edge's member list: {error.strerror}", file=said) from error
    listed = members.parse(data)
    put([listed.encode()], members_pin(listed.digest))
    return listed.digest.hex()
