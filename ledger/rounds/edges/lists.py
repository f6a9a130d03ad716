"""Whether a sum's list of children is in order: what is asked of it before any child's update is read."""

from threading import Lock

from ledger.errors import Malformed
from ledger.formats.cid import RAW, Cid
from ledger.formats.edges import children, members
from ledger.formats.edges.children import ChildRecord, Children, check_signature
from ledger.formats.header import Binding
from ledger.jobs.hierarchy import Hierarchy
from ledger.rounds.inputs import Fetch


class Rosters:
    """Whose child a key is, by the member lists that a job names: that of the edge with the lowest index whose list has
    it. A list that breaks its form is one of nobody. Lists are read when they are asked for, each once; for several
    threads.
    """

    def __init__(self, hierarchy: Hierarchy | None, fetch: Fetch) -> None:
        self._hierarchy, self._fetch, self._lock = hierarchy, fetch, Lock()
        self._lists: dict[int, frozenset[str]] = {}

    def stranger(self, index: int, listed: Children) -> ChildRecord | None:
        """The first that is no child of the edge; None where all are. Raises Unavailable."""
        with self._lock:
            own = self._list(index)
            others = [self._list(one) for one in self._before(index)]
        taken = (one for one in listed.children if one.party not in own or any(one.party in other for other in others))
        return next(taken, None)

    def children_of(self, index: int) -> frozenset[str]:
        """The keys whose updates may be in the sums of an edge. Raises Unavailable."""
        with self._lock:
            return self._list(index).difference(*map(self._list, self._before(index)))

    def _before(self, index: int) -> list[int]:
        return [one for one in self._hierarchy.indices if one < index] if self._hierarchy is not None else []

    def _list(self, index: int) -> frozenset[str]:
        if index not in self._lists:
            self._lists[index] = self._read(index)
        return self._lists[index]

    def _read(self, index: int) -> frozenset[str]:
        if self._hierarchy is None or not self._hierarchy.is_edge(index):
            return frozenset()
        cid = self._hierarchy.list_cid(index)
        try:
            return members.parse(block(cid, self._fetch, members.MAX_SIZE)).known
        except Malformed:
            return frozenset()


def block(cid: Cid, fetch: Fetch, limit: int) -> bytes:
    """A whole small file, or one byte more than `limit`. Raises as `fetch`."""
    return b"".join(bytes(piece) for piece in fetch(cid, 0, limit + 1))


def read_list(said: Binding, fetch: Fetch) -> bytes:
    """The bytes of the list that a sum's header names. Raises Unavailable."""
    return block(Cid(RAW, said.children), fetch, children.MAX_SIZE)


def check_list(data: bytes, said: Binding, index: int, weight: int, hierarchy: Hierarchy, rosters: Rosters) -> Children:
    """The list of children of a sum whose header says `said` and whose edge registered `weight`.

    1. It is a document in its form: ascending, each child once.
    2. It has as many children, and the root, that the header names.
    3. They are not too few for the job, nor too many.
    4. Their weights add up to what was registered.
    5. Each is this edge's child, by the member lists that the job names.
    6. Each signed its update of this round, for this edge.

    Raises Malformed where one of these fails, Unavailable where a member list cannot be had.
    """
    listed = children.parse(data)
    count = len(listed.children)
    if count != said.count:
        raise Malformed("the list has another number of children than the header", expected=said.count, actual=count)
    if listed.root != said.children_root:
        expected, actual = said.children_root.hex(), listed.root.hex()
        raise Malformed("the list has another root than the header names", expected=expected, actual=actual)
    if not hierarchy.min_children <= count <= hierarchy.max_children:
        expected = f"{hierarchy.min_children} to {hierarchy.max_children}"
        raise Malformed("the job allows another number of children", expected=expected, actual=count)
    if listed.weight != weight:
        raise Malformed("the children's weights add up to another number", expected=weight, actual=listed.weight)
    stranger = rosters.stranger(index, listed)
    if stranger is not None:
        raise Malformed("a key in the list is no child of this edge", party=stranger.party)
    for one in listed.children:
        check_signature(said.chain, said.contract, one.update(said.job, said.round, index), one)
    return listed
