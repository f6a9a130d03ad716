"""Whose updates edges' sums are made of: read from headers and lists in the background, for the newest rounds."""

from collections.abc import Iterator
from itertools import islice

from ledger.config import Network
from ledger.errors import FedledgerError
from ledger.formats.cid import RAW, Cid
from ledger.formats.edges import children
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.edges.lists import read_list
from ledger.rounds.facts import Place, RoundFacts, read_binding
from ledger.rounds.inputs import Fetch
from web.documents.rounds import ChildDocument, ChildrenDocument
from web.reading.latest import State
from web.reading.ledger import Reading
from web.reading.snapshot import Snapshot

NEWEST = 4
"""Lists are read of so many of the newest rounds of each job."""
SHOWN = 64
"""Children that a page names of a sum; the rest are in its list, under the list's CID."""
Wanted = tuple[JobState, Job, Round, Update]


def wanted(snapshot: Snapshot, state: State) -> Iterator[Wanted]:
    """The opened sums of the newest rounds of jobs with edges."""
    for made in snapshot.jobs.values():
        document = state.documents.get(made.digest)
        if document is None or document.hierarchy is None:
            continue
        for number in islice(sorted(made.rounds, reverse=True), NEWEST):
            round_ = made.rounds[number]
            for update in round_.sorted_updates():
                if document.is_edge(update.index):
                    yield made, document, round_, update


def read(network: Network, one: Wanted, fetch: Fetch) -> ChildrenDocument | None:
    """The children of a sum; None where its header or its list cannot be had, or breaks its form."""
    made, document, round_, update = one
    place = Place(network.chain.id, network.contracts.ledger.address)
    facts = RoundFacts.of(place, made, document, round_)
    entry = next(entry for entry in facts.entries if entry.update.index == update.index)
    try:
        said = read_binding(document, entry, fetch)
        listed = children.parse(read_list(said, fetch))
    except FedledgerError:
        return None
    shown = tuple(
        ChildDocument(party=child.party, weight=child.weight, root=child.root, cid=child.cid)
        for child in listed.children[:SHOWN]
    )
    return ChildrenDocument(count=len(listed.children), cid=str(Cid(RAW, said.children)), children=shown)


def of_update(now: Reading, state: JobState, update: Update) -> ChildrenDocument | None:
    """What is known of the children of an update's member; None of one that is no edge, as far as that is known."""
    document = now.state.documents.get(state.digest)
    if document is None or not document.is_edge(update.index):
        return None
    return now.state.children.get(update.tx) or ChildrenDocument(count=None, cid=None, children=())
