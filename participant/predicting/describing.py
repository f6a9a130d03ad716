"""What a job's rows are, tables or arrays, and what its model's outputs mean; for which jobs there is no prediction."""

from pathlib import Path

from ledger.errors import UsageError
from ledger.jobs.document import Job
from participant.predicting.arrays import ArrayDescription, described_images, described_modalities
from participant.predicting.description import MEANINGS, Description
from participant.predicting.table import Rows, read_table
from participant.tasks.data.preparing.job import preparation_of
from participant.tasks.settings import Settings

INSTEAD = {
    "adapter": "PEFT loads the files of fedledger release fetch beside the backbone: docs/tasks.md, “adapter”",
    "flower": "run it by your Flower app, with the tensors of fedledger release fetch",
    "statistics": "an analysis has no model: fedledger stats says what was counted",
}
ELSE = "load its tensors by the task's own code: fedledger export --huggingface FOLDER writes them, with the settings"


def describe(job: Job) -> Description | ArrayDescription:
    """Inputs and outputs. Raises UsageError for a task that says of no rows what its model makes of them, with what to
    use instead, and Malformed for its settings.
    """
    name = job.task.name
    read, meaning = Settings(name, job.task.settings), MEANINGS.get(name)
    if meaning is not None and name == "image":
        return described_images(read, meaning(read))
    preparation = preparation_of(job)
    if meaning is None or preparation is None:
        raise UsageError(
            f"nothing says what the rows and outputs of the task {name!r} are, so there are no predictions by it here",
            advice=INSTEAD.get(name, ELSE),
            tasks=", ".join(sorted(MEANINGS)),
        )
    if name == "multimodal":
        return described_modalities(read, meaning(read), preparation)
    return Description(preparation, meaning(read))


def read_rows(path: Path, description: Description | ArrayDescription) -> Rows:
    """The rows of a table, or of arrays where the job has those. Raises as `read_table`, and as their `read`."""
    return read_table(path, description) if isinstance(description, Description) else description.read(path)
