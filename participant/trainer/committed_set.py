"""The evaluation set that a job commits to, made by a trainer from its rows, and opened here."""

from pathlib import Path

from ledger.errors import Malformed, UsageError
from ledger.formats.unixfs import cid_of
from ledger.history.state import JobState
from ledger.jobs.scores import committed_set
from ledger.party.connection import Connection
from ledger.party.pins import set_pin
from participant.trainer.messages import MakeSet, SetMade
from participant.trainer.trainers import Trainers


def open_set(trainers: Trainers, connection: Connection, state: JobState, path: Path) -> dict[str, object]:
    """Make the set that a job commits to from its rows, and put it into the own store.

    Raises UsageError where the job commits to none, its task is not installed or its code fails, Malformed where these
    rows make another set.
    """
    document = connection.document(state)
    evidence = committed_set(document.scoring)
    if evidence is None:
        raise UsageError("this job commits to no evaluation set", job=state.number, method=document.scoring.method)
    with trainers.carried_out(document, state.number, MakeSet(), path) as errand:
        made = errand.expect(SetMade)
        cid = cid_of(errand.file(0))[0]
        if (str(cid), made.root) != (evidence.cid, evidence.root):
            raise Malformed(
                "these rows are not the evaluation set that the job commits to",
                advice="pass the very file that the job was made from",
                file=str(path),
                expected=evidence.root,
                actual=made.root,
            )
        connection.put(errand.file(0), set_pin(evidence), expected=cid)  # its process may have changed the file since
    return {"job": state.number, "rows": evidence.samples, "cid": evidence.cid, "root": evidence.root}
