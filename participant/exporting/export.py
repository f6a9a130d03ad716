"""Writing the forms that were asked for, one after the other, of one checked release."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger.errors import UsageError
from ledger.party.publishing import verify
from participant.exporting.huggingface import write_folder
from participant.exporting.onnx_graph import write_onnx
from participant.exporting.properties import card_of, files_of, properties
from participant.exporting.torchscript import write_torchscript
from participant.predicting.arrays import ArrayDescription
from participant.predicting.describing import describe
from participant.predicting.description import Description, require_whole
from participant.predicting.sources import OpenRelease


@dataclass(frozen=True, slots=True)
class ExportForms:
    """Where each form goes; None where it is not wanted. `mlflow` is the address of a tracking server or store."""

    onnx: Path | None = None
    folder: Path | None = None
    torchscript: Path | None = None
    mlflow: str = ""

    @property
    def any(self) -> bool:
        return any((self.onnx, self.folder, self.torchscript, self.mlflow))


def write(source: OpenRelease, wanted: ExportForms) -> list[str]:
    """The files written, and what was registered.

    A folder's files go into what is written, so all of them are held against the ledger where there is one to ask.
    Raises UsageError for a form that the model does not have, and as `release fetch` and `release verify`.
    """
    released = source.released
    if source.folder is not None and source.connection is not None:
        verify(source.connection, source.folder, released.title)
    source.require_permitted()
    said = properties(released, card_of(source))
    written: list[Path] = []
    if wanted.onnx or wanted.torchscript:
        require_whole(released.job)
    if wanted.onnx:
        write_onnx(wanted.onnx, released, _table(source), said)
        written.append(wanted.onnx)
    if wanted.folder:
        written += write_folder(wanted.folder, source, said)
    if wanted.torchscript:
        write_torchscript(wanted.torchscript, released, said)
        written.append(wanted.torchscript)
    registered = [_register(source, wanted.mlflow)] if wanted.mlflow else []
    return [*map(str, written), *registered]


def _register(source: OpenRelease, tracking: str) -> str:
    """The release's own files as a version of a model in MLflow; what it is called there."""
    from participant.tracking.model import export_model

    with TemporaryDirectory(prefix="fedledger-export-") as made:
        files_of(source, Path(made))
        found = export_model(Path(made), tracking)
    return f"{found.name} version {found.version} in MLflow"


def _table(source: OpenRelease) -> Description | ArrayDescription | None:
    """How the job's rows are prepared; None where nothing says it."""
    try:
        return describe(source.released.job)
    except UsageError:
        return None
