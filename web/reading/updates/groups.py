"""Who is in which group of a masked job's segments: read from set-up files in the background, for the newest ones."""

from collections.abc import Iterator
from itertools import islice

from ledger.config import Network
from ledger.errors import FedledgerError
from ledger.history.state import JobState
from ledger.history.state.masking import JobMasks, SegmentState
from ledger.jobs.document import Job
from ledger.masks.groups import Groups, groups_of
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.setups import cast_files
from web.reading.latest import State
from web.reading.ledger import Reading
from web.reading.snapshot import Snapshot

NEWEST = 4
"""Groups are read of so many of the newest segments of each job."""
Wanted = tuple[JobState, Job, JobMasks, SegmentState]


def wanted(snapshot: Snapshot, state: State) -> Iterator[Wanted]:
    """The newest segments that have a cast, of jobs with groups."""
    for number, masks in snapshot.masks.items():
        made = snapshot.jobs[number]
        document = state.documents.get(made.digest)
        if document is None or document.masked is None or not document.masked.groups:
            continue
        for segment in islice(sorted(masks.segments.values(), key=lambda one: -one.number), NEWEST):
            if segment.cast:
                yield made, document, masks, segment


def read(network: Network, one: Wanted, fetch: Fetch) -> Groups | None:
    """The groups of a segment's cast; None where a file that tells cannot be had, or the cast is none to agree with."""
    made, document, masks, segment = one
    masked, place = document.masked, Place(network.chain.id, network.contracts.ledger.address)
    if masked is None:
        return None
    try:
        files = cast_files(place, made.number, masks, segment, fetch)
    except FedledgerError:
        return None
    return groups_of(files, masked.groups, masked.smallest)


def of_round(now: Reading, job: int, round_: int) -> Groups:
    """The groups of a round's cast; none where they are not known, or the job has none."""
    masks = now.snapshot.masks.get(job)
    segment = masks.segment_of(round_) if masks is not None else None
    return now.state.groups.get(segment.tx, ()) if segment is not None and segment.cast else ()
