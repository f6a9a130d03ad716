"""The files without which an edge's sum cannot be judged: its list of children, member lists that the job names, and,
where the job checks children, each child's update. A member that signs to hold a sum holds all of them.
"""

from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.edges import children, members
from ledger.party.pins import child_pin, children_pin, edge_members_pin
from ledger.rounds.edges.lists import Rosters, check_list, read_list
from ledger.rounds.facts import Entry, RoundFacts, read_binding
from ledger.rounds.inputs import Fetch


class FileBeside(NamedTuple):
    """A file of at most `size` bytes, the pin to keep it under, and what it is called."""

    cid: Cid
    pin: str
    name: str
    size: int


def member_lists(facts: RoundFacts, entry: Entry) -> list[FileBeside]:
    """The member lists that say whose children an edge's are; none of a member that is no edge."""
    hierarchy, index = facts.job.hierarchy, entry.update.index
    if hierarchy is None or not hierarchy.is_edge(index):
        return []
    return [
        FileBeside(
            hierarchy.list_cid(one),
            edge_members_pin(facts.round.job, one),
            f"the member list of edge {one}",
            members.MAX_SIZE,
        )
        for one in hierarchy.indices
        if one <= index
    ]


def list_of(facts: RoundFacts, entry: Entry, fetch: Fetch) -> FileBeside | None:
    """The list of children that a sum's header names, once the sum is at hand; None where its header is wrong. Raises
    Unavailable.
    """
    try:
        said = read_binding(facts.job, entry, fetch)
    except Malformed:
        return None
    index = entry.update.index
    pin = children_pin(facts.round.job, facts.round.number, index)
    return FileBeside(Cid(RAW, said.children), pin, f"the children of edge {index}", children.MAX_SIZE)


def updates_of(facts: RoundFacts, entry: Entry, fetch: Fetch) -> tuple[FileBeside, ...]:
    """The children's updates, once sum and lists are at hand: none where the job does not check them, nor where the
    list is not in order, since the verdict then needs none. Raises Unavailable where it cannot be said yet.
    """
    job, index = facts.job, entry.update.index
    if job.hierarchy is None or not job.hierarchy.reads_children:
        return ()
    try:
        said = read_binding(job, entry, fetch)
        rosters = Rosters(job.hierarchy, fetch)
        listed = check_list(read_list(said, fetch), said, index, entry.update.weight, job.hierarchy, rosters)
    except Malformed:
        return ()
    number, size = facts.round.number, job.layout.size
    return tuple(
        FileBeside(
            of_file(bytes.fromhex(one.cid), size),
            child_pin(facts.round.job, number, index, place),
            f"the children's updates of edge {index}",
            size,
        )
        for place, one in enumerate(listed.children)
    )
