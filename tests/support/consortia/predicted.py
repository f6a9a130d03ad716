"""A council whose members release models of a small table's job: two columns, two classes, a hidden layer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.consortia.synthetic import Trial
from support.consortia.voters import BOTH, NAMES, Council, two_rounds
from support.predicted import SETTINGS, TENSORS

from demo.anvil import find_binary
from demo.consortium import found
from ledger.errors import UsageError
from ledger.jobs.document import JobTask


@contextmanager
def predicting_council(folder: Path, **more: Any) -> Iterator[Council]:
    """Two rounds are finalised, and nothing is released yet; `more` replaces fields of the job."""
    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    local = found(folder, "Four houses", [(name, BOTH) for name in NAMES])
    try:
        made = Council(local)
        with Trial(made, tensors=TENSORS, propose=False) as trial:
            made.trial = trial
            task = JobTask(name="tabular", version="1", code="00" * 32, settings=SETTINGS)
            trial.job = replace(trial.job, **({"task": task} | more))
            trial.parties[0].connection.put([trial.job.encode()], "job")
            trial.propose()
            two_rounds(trial)
            yield made
        made.client.close()
    finally:
        local.stop()
