"""What an attacker has: a file of a store, by its CID, as numbers. Masked, noised or open, it is read the same way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from ledger.formats import header
from ledger.formats.artifact import Layout
from ledger.formats.cid import Cid
from ledger.store import BlockSource
from ledger.store.files import read

Tensors = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Seen:
    """A file's numbers by tensor, and what its header says of it."""

    kind: str
    about: dict[str, str]
    tensors: Tensors


def read_file(store: BlockSource, cid: Cid, layout: Layout) -> Seen:
    """A model's or an update's file of a job with this layout; words of a masked update are read as signed integers.

    Raises Malformed for a file of another layout, and what the store raises.
    """
    data = b"".join(read(store, cid, limit=layout.masked.size))
    form = layout.masked if len(data) == layout.masked.size else layout
    if len(data) != form.size:
        raise Malformed(
            f"{cid} is not a file of this job's model",
            advice="name the job that the update belongs to",
            expected=f"{layout.size} or {layout.masked.size} bytes",
            actual=f"{len(data)} bytes",
        )
    found = header.parse(data[: form.header_size], form.header_size, form.dtype)
    about = {str(name): str(value) for name, value in found.pop("__metadata__", {}).items()}
    if found != form.entries():
        raise Malformed(
            f"{cid} has other tensors than this job's model",
            advice="name the job that the update belongs to",
            expected=sorted(form.entries()),
            actual=sorted(found)[:20],
        )
    values = np.frombuffer(data, f"<i{form.width}", offset=form.header_size)
    return Seen(about.get("kind", ""), about, _split(layout, values))


def read_change(store: BlockSource, model: Cid, base: Cid, layout: Layout) -> Seen:
    """What two global models differ by: the mean of the updates between them, which everyone can read."""
    after, before = read_file(store, model, layout), read_file(store, base, layout)
    change = {name: values - before.tensors[name] for name, values in after.tensors.items()}
    return Seen("change", after.about, change)


def _split(layout: Layout, values: NDArray[Any]) -> Tensors:
    return {
        tensor.name: np.ldexp(values[start : start + tensor.values].astype(np.float64), -tensor.fraction_bits).reshape(
            tensor.shape
        )
        for tensor, start in zip(layout.tensors, layout.starts, strict=False)
    }
