"""A pytest plugin: no look finds done what it began, as on a machine that is busy beyond measure.

    PYTHONPATH=tests .venv/bin/pytest -p support.unhurried tests/aggregator

Workers wait half a second for what is short; here they do not. A test that fails only so counts on a quiet machine.
"""

from ledger.party import copies, documents
from ledger.party.nodes import witnesses
from participant.trainer import trainers

MOMENT = 0.001
for module in (copies, documents, witnesses, trainers):
    setattr(module, "PROMPT", MOMENT)  # noqa: B010  (they name no attribute of modules in general)
documents.Documents.get.__defaults__ = (MOMENT,)
witnesses.Witnesses.ask.__defaults__ = (MOMENT,)
