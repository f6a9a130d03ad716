"""Damaged copies: which holder keeps them, and what they are copies of; and copies that are too few. No author is
blamed for one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from ledger.audit.report import Check, Open
from ledger.config import Network
from ledger.formats.artifact import Layout
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.copies import BadCopy
from ledger.formats.digest import NOTHING
from ledger.history.fold import History
from ledger.history.state import Round, Update
from ledger.jobs.document import Job
from ledger.jobs.scores import committed_set
from ledger.rounds.assignment import copies_owed
from ledger.rounds.server_state import layout_of


@dataclass(frozen=True, slots=True)
class _Known:
    what: str
    job: int
    round: int | None = None
    party: str | None = None
    layout: Layout | None = None


class StateFile(NamedTuple):
    """The file of a stream of the state that a finalised round carries."""

    job: int
    round: int
    stream: str


@dataclass(slots=True)
class CopiesFound:
    """How many holders answered, and how many of them have each file, in a good copy or one that is told of already."""

    answering: int = 0
    files: Counter[Cid] = field(default_factory=Counter)


def scarce_copies(
    history: History,
    documents: Mapping[int, Job],
    rounds: Iterable[tuple[int, int]],
    there: CopiesFound,
    network: Network,
) -> Iterator[Open]:
    """Each update of which fewer copies were found than are to be kept, as far as so many holders answered. Open,
    and nobody's fault: a member that was to keep it may have lost it since.
    """
    for number, round_number in rounds:
        if number not in documents:
            continue
        round_ = history.jobs[number].rounds[round_number]
        wanted = min(copies_owed(round_.members, network.replication), there.answering)
        for update in round_.sorted_updates():
            cid = documents[number].file_of(update.index, update.cid)
            if 0 < there.files[cid] < wanted:
                yield _scarce(history, round_, update, cid, f"{there.files[cid]} of {wanted} that are to be kept")


def _scarce(history: History, round_: Round, update: Update, cid: Cid, found: str) -> Open:
    party = history.name(update.index)
    return Open(
        check=Check.COPIES,
        what=f"the copies of the update of {party} in job {round_.job}, round {round_.number}",
        why=f"{found} were found",
        job=round_.job,
        round=round_.number,
        party=party,
        cid=str(cid),
    )


def damaged_copies(
    history: History,
    documents: Mapping[int, Job],
    copies: Iterable[BadCopy],
    describe: Callable[[str], str],
    states: Mapping[Cid, StateFile] = MappingProxyType({}),
) -> list[Open]:
    """Each damaged copy as an open matter, its holder's fault, which touches no claim. `states` are the streams that
    were read of carried files.

    It names holder, CID, party, round, tensor and chunk as far as they are known.
    """
    known = _artifacts(history, documents, describe)
    for cid, (job, round_, stream) in states.items():
        layout = layout_of(documents[job].layout, stream)
        known.setdefault(cid, _Known(f"stream {stream!r} of the state", job, round_, layout=layout))
    return [_finding(copy, known.get(copy.file)) for copy in copies]


def _artifacts(history: History, documents: Mapping[int, Job], describe: Callable[[str], str]) -> dict[Cid, _Known]:
    """By CID. The party that committed to an update first is named."""
    known: dict[Cid, _Known] = {}
    for number, job in documents.items():
        known[job.cid] = _Known("the job's document", number)
        known[job.initial_cid] = _Known("the initial model", number, 0, layout=job.layout)
        evidence = committed_set(job.scoring)
        if evidence is not None:
            known[Cid.parse(evidence.cid)] = _Known("the evaluation set", number)
        for round_ in history.jobs[number].rounds.values():
            for update in _by_commitment(round_):
                owner = describe(update.party)
                mine = _Known(f"the update of {owner}", number, round_.number, owner, job.layout_of(update.index))
                known.setdefault(job.file_of(update.index, update.cid), mine)
            for aggregate in round_.aggregates:
                maker = describe(aggregate.aggregator)
                model = _Known(f"the model that {maker} published", number, round_.number, layout=job.layout)
                known[of_file(aggregate.cid, job.layout.size)] = model
                beside = _Known(f"what {maker} published beside a model", number, round_.number)
                if aggregate.carried != NOTHING:
                    known.setdefault(Cid(RAW, aggregate.carried), beside)
    return known


def _by_commitment(round_: Round) -> list[Update]:
    return [round_.updates[index] for index in round_.commitments if index in round_.updates]


def _finding(copy: BadCopy, known: _Known | None) -> Open:
    what = known.what if known else "a file that is not a known artifact"
    found = "a good copy was read from another holder" if copy.located else "no good copy was found to compare with"
    tensor, chunk, value = _place(copy, known.layout) if known and known.layout else (None, None, None)
    return Open(
        check=Check.COPIES,
        what=f"the copy that {copy.holder} holds of {what}",
        why=f"it is damaged; {found}",
        fault=copy.holder,
        holder=copy.holder,
        cid=str(copy.file),
        job=known.job if known else None,
        round=known.round if known else None,
        party=known.party if known else None,
        tensor=tensor,
        chunk=chunk,
        value=value,
    )


def _place(copy: BadCopy, layout: Layout) -> tuple[str | None, int | None, int | None]:
    """Tensor, chunk and value of the first damaged byte; of the block's first byte where it could not be located. A
    chunk is the model's that the value has a part in.

    Nothing where the block may be the whole file: then every place is as likely.
    """
    nowhere = not copy.located and copy.end == 0
    if nowhere or copy.offset >= layout.size:
        return None, None, None
    offset = copy.offset - layout.header_size
    if offset < 0 and copy.located:
        return "(header)", None, None
    place = max(offset, 0) // layout.width
    tensor, value = layout.locate(place)
    return tensor, layout.chunk_of(place), value if copy.located else None
