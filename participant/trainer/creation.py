"""A job that a trainer makes from a draft: waited for, checked and stored here, where none of the task's code runs."""

from collections.abc import Iterable
from typing import Protocol

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.unixfs import Buffer, cid_of
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.jobs.scores import committed_set
from ledger.party.pins import initial_pin, job_pin, set_pin
from participant.trainer.errand import Errand
from participant.trainer.messages import Create, Created, StoredFile
from participant.trainer.trainers import PROMPT, Trainers


class PutExpected(Protocol):
    """Stores a file that has the CID `expected` under a pin, as `ledger.store.Store.put` does: any other raises
    Malformed, and is not kept.
    """

    def __call__(self, pieces: Iterable[Buffer], pin: str, *, expected: Cid) -> object: ...


def create(trainers: Trainers, wanted: Create, task: str, put: PutExpected) -> tuple[Job, tuple[str, ...]]:
    """The job that a draft describes, its files stored; and the names of the tensors that stay at home.

    Raises UsageError where the task is not installed or its code fails, or for impossible settings, limits or models;
    nothing is stored then.
    """
    errand = trainers.begin_without_job(wanted, task=task, job=wanted.draft)
    try:
        while not errand.wait(PROMPT):
            pass
        answer = errand.expect(Created)
        return _stored(errand, answer, put), answer.at_home
    finally:
        trainers.close_errand(errand)


def _stored(errand: Errand, answer: Created, put: PutExpected) -> Job:
    """The job, once its files are stored: all are checked before the first is."""
    made = parse(_document(errand, len(answer.files) - 1))
    evidence = committed_set(made.scoring)
    known = {
        initial_pin(bytes.fromhex(made.initial_model.root)): made.initial_model.cid,
        job_pin(made.digest): str(made.cid),
    }
    if evidence is not None:
        known[set_pin(evidence)] = evidence.cid
    for number, file in enumerate(answer.files):
        if known.get(file.pin) != file.cid:
            raise _other(file)
        _require(cid_of(errand.file(number))[0], file)
    for number, file in enumerate(answer.files):
        put(errand.file(number), file.pin, expected=Cid.parse(file.cid))  # its process may have changed it since
    return made


def _require(found: Cid, file: StoredFile) -> None:
    if str(found) != file.cid:
        raise _other(file)


def _other(file: StoredFile) -> Malformed:
    return Malformed("what the trainer made is not what the job says", file=file.cid, pin=file.pin)


def _document(errand: Errand, number: int) -> bytes:
    content = b""
    for piece in errand.file(number):
        content += piece
        if len(content) > MAX_SIZE:
            raise Malformed("the job's document is too large", maximum=MAX_SIZE)
    return content
