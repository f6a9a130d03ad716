"""A member's own store: files by the names under which a home keeps them, and the layouts of its jobs."""

from collections.abc import Iterator

from ledger.errors import Malformed, UsageError
from ledger.formats import header
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.header import FileDtype
from ledger.jobs import document
from ledger.store import Store
from ledger.store.files import read

MAX_HEADER = 1 << 24
"""Bytes of a header, at most."""
_DTYPES: tuple[FileDtype, ...] = ("I32", "U64")


def named(store: Store, name: str) -> Cid:
    """The file of a name such as `update/1/5/2` (job, round, member) or `model/1/5`, or of a CID.

    Raises UsageError for a name that the store has not, Malformed for what is neither.
    """
    if "/" not in name:
        return Cid.parse(name)
    found = store.pins().get(name)
    if found is None:
        raise UsageError(f"{store.name} keeps nothing under {name}", advice="list its names: fedledger store ls")
    return found


def layout_of(store: Store, cid: Cid) -> Layout:
    """The layout of a file: that of a job whose document is in the store, for its fraction bits; else what the header
    says, with the same bits for all tensors.

    Raises Malformed for what is not a file of the ledger's form.
    """
    declared = _declared(store, cid)
    shapes = [(tensor.name, tensor.shape) for tensor in declared.tensors]
    for layout in _of_jobs(store):
        if [(tensor.name, tensor.shape) for tensor in layout.tensors] == shapes:
            return layout
    return declared


def _of_jobs(store: Store) -> Iterator[Layout]:
    for pin, cid in sorted(store.pins().items()):
        if pin.startswith("job/"):
            yield document.parse(b"".join(read(store, cid, limit=document.MAX_SIZE))).layout


def _declared(store: Store, cid: Cid) -> Layout:
    data = b"".join(read(store, cid, 0, MAX_HEADER))
    size = 8 + int.from_bytes(data[:8], "little")
    errors = []
    for dtype in _DTYPES:
        try:
            found = header.parse(data[:size], size, dtype)
        except Malformed as error:
            errors.append(error)
            continue
        found.pop("__metadata__", None)
        return Layout(tuple(Tensor(name, tuple(found[name]["shape"])) for name in sorted(found)))
    raise errors[0]
