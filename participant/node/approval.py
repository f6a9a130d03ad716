"""A job's data, checked before anything depends on them: when its member names them, and before it proposes or approves
the job.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from msgspec.structs import replace

from ledger.config import Home, save
from ledger.errors import plain
from ledger.events.records import Role
from ledger.jobs.document import Job
from ledger.keys import address_of
from ledger.party.connection import Connection
from participant.node.inspection import check
from participant.tasks.data.files import DEFAULT, DataFiles
from participant.tasks.machine import Machine
from participant.trainer.trainers import Trainers

UNNUMBERED = 0
"""In the place of a job's number, which is that of its proposal."""


def check_before_approval(home: Home, number: int, say: Callable[[str], None]) -> None:
    """Read the data that this home names for a job as the job's task does; `say` hears what came out.

    Raises UsageError where they cannot be trained on, Unavailable where chain or document cannot be read. The key is
    not unlocked yet.
    """
    with Connection.open(home) as connection:
        connection.refresh()
        state, member = connection.job(number), connection.history.member_of(address_of(home.keystore))
        if member is None or not member.has(Role.PARTICIPANT):
            return
        files, document = DataFiles(home), connection.document(state)
        if document.is_edge(member.index):
            say(f"job {number} names this member as an edge: its clients train, and it needs no data of its own")
        elif files.of(number, document.task.name) is None:
            say(f"no data are named for job {number}: fedledger node data {number} FILE")
        else:
            _read(home, files, number, document, f"job {number}", say)


def check_before_proposal(home: Home, document: Job, say: Callable[[str], None]) -> None:
    """Read the data that this home names for a job's task, or for all jobs, as the task does, before the job is
    proposed and so approved; `say` hears what came out. Raises as `check_before_approval`.
    """
    files = DataFiles(home)
    if files.of(UNNUMBERED, document.task.name) is None:
        return
    with Connection.open(home) as connection:
        connection.refresh()
        member = connection.history.member_of(address_of(home.keystore))
    if member is not None and member.has(Role.PARTICIPANT) and not document.is_edge(member.index):
        _read(home, files, UNNUMBERED, document, f"{plain(document.name)}, this home", say)


def _read(home: Home, files: DataFiles, number: int, document: Job, whose: str, say: Callable[[str], None]) -> None:
    if find_spec("torch") is None:
        say(f"{whose}: the data are not checked: this machine has no PyTorch")
        return
    with Trainers(Machine.of(home)) as trainers:
        trainers.prepare()
        say(f"{whose}: {check(trainers, files, number, document)}")


def name_data(home: Home, job: str, file: Path, *, unchecked: bool = False) -> str:
    """Keep in the home's settings which file a job's data are in: `job` is its number, a task's name, or `default`.

    What was found is returned, in words. Raises as `check_before_approval`; nothing is changed then.
    """
    files, found = DataFiles(home, given=file), ""
    files.check()
    if job.isdecimal() and home.network_file.exists() and not unchecked:
        with Connection.open(home) as connection, Trainers(Machine.of(home)) as trainers:
            connection.refresh()
            document = connection.document(connection.job(int(job)))
            found = check(trainers, files, int(job), document)
    settings = home.settings()
    named = {DEFAULT: settings.data} if isinstance(settings.data, str) else dict(settings.data)
    kept = {name: value for name, value in (named | {job: str(file.resolve())}).items() if value}
    save(home.settings_file, replace(settings, data=kept))
    return found
