"""What each open job asks of this home: its document, its task's code, its data, and room on the disk."""

import shutil
from functools import partial
from importlib.util import find_spec

from ledger.config import Home
from ledger.events.records import Role
from ledger.formats.cid import RAW, Cid
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.rounds.assignment import copies_wanted
from participant.doctor.findings import Examination, examined, note, trouble, well
from participant.node.inspection import check
from participant.tasks.data.files import DataFiles
from participant.tasks.discovery import require
from participant.tasks.machine import Machine
from participant.trainer.trainers import Trainers

GIGABYTE = 10**9
SPARE = GIGABYTE
"""Bytes that are to be free besides what the rounds need: working files, logs, the index."""


def open_jobs(home: Home, connection: Connection, *, read: bool) -> Examination:
    """Each job that has rounds left; with `read` its data are read as its task does. Nothing is changed or sent."""
    member = connection.history.member_of(address_of(home.keystore))
    trains = member is not None and member.has(Role.PARTICIPANT)
    for state in _going_on(connection):
        if trains:
            yield from examined(f"job {state.number}", partial(_job, home, connection, state, read))
    yield from room(home, connection)


def room(home: Home, connection: Connection) -> Examination:
    """Whether the disk has room for the rounds that open jobs have left: those whose documents are here, since asking
    others for them takes time.
    """
    here = [one for one in _going_on(connection) if connection.holds(Cid(RAW, one.digest))]
    yield from _disk(home, sum(room_needed(one, connection.document(one), connection) for one in here))


def _going_on(connection: Connection) -> list[JobState]:
    return [one for one in connection.history.jobs.values() if not one.closed and not one.complete]


def room_needed(state: JobState, job: Job, connection: Connection) -> int:
    """Bytes that the rounds left bring to a member's store, all members taking part: models, its share of the updates,
    and its own.
    """
    left = state.terms.rounds - state.finalised
    members = len(connection.history.members)
    kept = min(copies_wanted(members, connection.network.replication) + 1, members)
    return left * (kept * job.update_size + job.layout.size)


def _disk(home: Home, needed: int) -> Examination:
    free = shutil.disk_usage(home.folder).free
    rounds = "under 0.1 GB" if 0 < needed < GIGABYTE / 10 else f"{needed / GIGABYTE:.1f} GB"
    said = f"{free / GIGABYTE:.1f} GB free, {rounds} for the rounds of open jobs"
    if free < needed + SPARE:
        yield trouble("disk", said, "make room; " + home.command("store", "prune") + " removes copies that others keep")
    else:
        yield well("disk", said)


def _job(home: Home, connection: Connection, state: JobState, read: bool) -> Examination:
    thing, job = f"job {state.number}", connection.document(state)
    require(job.task)
    yield well(thing, f"{job.name}: its task {job.task.name} is installed, with the job's own code")
    files = DataFiles(home)
    if files.of(state.number, job.task.name) is None:
        yield trouble(thing, "no data are named for it", home.command("node", "data", state.number, "FILE"))
    elif not read or find_spec("torch") is None:
        yield note(thing, "its data were not read")
    else:
        with Trainers(Machine.of(home)) as trainers:
            trainers.prepare()
            yield well(thing, check(trainers, files, state.number, job))
