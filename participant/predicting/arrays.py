"""Rows to predict from where a job's rows are arrays: images, or images beside the columns of a table. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed, UsageError
from ledger.formats.artifact import Tensor
from ledger.jobs.preparation import Preparation
from ledger.scores.inference import FRACTION_BITS
from ledger.store import disk
from participant.integers.fixed_point import to_integers
from participant.predicting.meaning import Meaning
from participant.predicting.table import Rows, Unreadable, sha256_of
from participant.tasks.data.preparing.arrays import (
    MODALITIES,
    ImageShape,
    PreparedArrays,
    prepared_images,
    prepared_modalities,
    read_image_members,
    read_modal_members,
)
from participant.tasks.data.preparing.faults import by_line
from participant.tasks.data.preparing.scaling import PixelScale
from participant.tasks.settings import Settings

Members = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class ArrayDescription:
    """A job's arrays: by name the shape of what a row has in each, the shape of an input of the network, the meaning of
    its outputs, and how arrays become inputs. `preparation` is that of the table among them.
    """

    arrays: Mapping[str, tuple[int, ...]]
    shape: tuple[int, ...]
    meaning: Meaning
    preparation: Preparation | None
    take: Callable[[Path, Members], PreparedArrays]
    members: Callable[[Path], dict[str, NDArray[Any]]]

    def rows(self, prepared: PreparedArrays, sha256: str = "") -> Rows:
        """Inputs as integers with 16 fraction bits, of rows that can be read; of the others every reason."""
        bad = by_line(prepared.faults)
        kept = np.setdiff1d(np.arange(len(prepared.inputs)), list(bad))
        inputs = prepared.inputs[kept].reshape(-1, *self.shape)
        made = to_integers(Tensor("inputs", inputs.shape, FRACTION_BITS), inputs).reshape(inputs.shape)
        unreadable = [
            Unreadable(row, one.column, one.example, one.message, one.advice)
            for row, reasons in bad.items()
            for one in reasons
        ]
        return Rows(made, kept.tolist(), unreadable, sha256, place="row")

    def read(self, path: Path) -> Rows:
        """The rows of an .npz file. Raises as `read_npz`, and UsageError for another file, or one that is changed."""
        if path.suffix.lower() != ".npz":
            raise UsageError(
                "the model's rows are arrays, and this is not an .npz file",
                advice=f"numpy.savez(file, {', '.join(f'{name}={name}' for name in self.arrays)})",
                file=str(path),
            )
        before = disk.version(path)
        found = self.rows(self.take(path, self.members(path)), sha256_of(path))
        if before != disk.version(path):
            raise UsageError("the file was changed while it was read", advice="run the command again", file=str(path))
        return found


def described_images(read: Settings, meaning: Meaning) -> ArrayDescription:
    """Of the task `image`."""
    shape = image_shape(read)
    take = partial(_images, shape=shape)
    return ArrayDescription({"x": shape.of_a_row}, shape.of_an_input, meaning, None, take, read_image_members)


def described_modalities(read: Settings, meaning: Meaning, preparation: Preparation) -> ArrayDescription:
    """Of the task `multimodal`, whose table is prepared as the job or its settings say."""
    shape, columns = image_shape(read), len(preparation.columns)
    arrays = dict(zip(MODALITIES, (shape.of_a_row, (columns,), (), ()), strict=True))
    inputs = (prod(shape.of_an_input) + len(preparation.outputs) + 2,)
    take = partial(_modalities, shape=shape, preparation=preparation)
    return ArrayDescription(arrays, inputs, meaning, preparation, take, read_modal_members)


def image_shape(read: Settings) -> ImageShape:
    """From settings of a task for images. Raises Malformed."""
    channels = read.integer("channels", 1, high=64)
    height, width = (read.integer(name, low=4, high=4096) for name in ("height", "width"))
    return ImageShape(channels, height, width, PixelScale.read(read.decimal))


def _images(path: Path, members: Members, shape: ImageShape) -> PreparedArrays:
    if not len(members["x"]):
        raise Malformed("the file has no rows", file=str(path))
    return prepared_images(path, members, shape)


def _modalities(path: Path, members: Members, shape: ImageShape, preparation: Preparation) -> PreparedArrays:
    return prepared_modalities(path, members, shape, preparation)
