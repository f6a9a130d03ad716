"""A card's section on how its model is used: loaded, or asked for predictions."""

from collections.abc import Iterator

from ledger.releases import peft
from ledger.releases.file import ModelFile
from ledger.releases.markdown import fenced, json_lines, plain

PREDICTED = frozenset({"tabular", "regression", "survival", "sklearn"})
"""Tasks that say how the columns of a table become inputs, and what outputs mean (docs/spec/prediction.md)."""


def use(file: ModelFile) -> Iterator[str]:
    """The lines of the section."""
    task = file.job.task
    lora = peft.lora_of(file.job)
    if lora is None:
        load = f'state = load_file("{file.file_name}")  # by tensor name'
        yield from fenced("python", "from safetensors.torch import load_file", "", load)
    else:
        yield from peft.use(task.settings)
    yield ""
    if _reads_a_table(file):
        yield "Or have rows of a table predicted, prepared as in training, without a line of code:"
        yield ""
        yield from fenced("sh", "fedledger predict . --data new.csv --output out.csv")
        yield ""
    yield from _missing(file)
    yield f"The tensors are those of the task {plain(task.name)}, version {plain(task.version)}, under these settings:"
    yield ""
    yield from fenced("json", *json_lines(task.settings))


def _reads_a_table(file: ModelFile) -> bool:
    """Whether `fedledger predict` knows the task, and the release is a whole model."""
    return file.job.task.name in PREDICTED and not file.job.private.tensors


def _missing(file: ModelFile) -> Iterator[str]:
    """Which of the model's tensors are not in the file, and where they come from."""
    private = file.job.private
    if not private.tensors:
        return
    yield "**This is a part of a model.** Each party keeps tensors of its own, which are not in the file and not on the"
    yield f"ledger: {plain(', '.join(private.tensors))}. Without others in their place the task builds them from the"
    yield "job's seed, untrained; a party that has data makes its own:"
    yield ""
    where = f"--job {file.release.job} --round {file.release.round}"
    yield from fenced("sh", f"fedledger node personalise --method fine_tune --steps 100 {where}")
    yield ""
