"""The job's section `hierarchy`: which members are edges, whose updates are sums of their children's (docs/spec/job.md,
"Edges").

H. B. McMahan et al. 2017 add up clients at one server; L. Liu et al., Client-Edge-Cloud Hierarchical Federated
Learning, ICC 2020, put edges between. Sums are exact, so a tree of them makes the same model as one sum.
"""

import re
from typing import Literal, NamedTuple

from ledger.errors import Malformed
from ledger.formats.cid import RAW, Cid
from ledger.formats.edges.children import MAX_CHILDREN
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within

LAST_MEMBER = 254
_INDEX, _DIGEST = re.compile("0|[1-9][0-9]{0,2}", re.ASCII), re.compile("[0-9a-f]{64}", re.ASCII)


class Hierarchy(Strict, frozen=True):
    """`edges` names each edge, by member index in decimal digits, and the SHA-256 of its member list.

    A sum is made of `min_children` to `max_children` updates. `check` says what members make sure of before they attest
    a round: of `children`, that every sum is that of its children's updates; of `sums`, all but that.
    """

    edges: dict[str, str]
    min_children: int
    max_children: int
    check: Literal["children", "sums"]

    @property
    def reads_children(self) -> bool:
        """Whether the verdict on a sum needs the updates that it is made of."""
        return self.check == "children"

    def is_edge(self, index: int) -> bool:
        """Whether a member brings sums, and never an update of its own."""
        return str(index) in self.edges

    @property
    def indices(self) -> list[int]:
        """The edges' member indices, ascending."""
        return sorted(map(int, self.edges))

    def members(self, index: int) -> bytes:
        """The digest of an edge's member list. Raises KeyError for a member that is no edge."""
        return bytes.fromhex(self.edges[str(index)])

    def list_cid(self, index: int) -> Cid:
        """Where an edge's member list is."""
        return Cid(RAW, self.members(index))


class Beside(NamedTuple):
    """What else a job says that does not always go with edges."""

    rule: str
    privacy: str
    noise: bool
    optimiser: str
    scoring: str
    clips: bool
    compressed: bool


_ALONE = "or leave hierarchy out, and let every client be a member"
_HALVES = frozenset({"dyn", "scaffold"})


def check_hierarchy(said: Hierarchy, beside: Beside) -> None:
    """Refuse what no sum can be judged by, naming the field and the way out. Raises Malformed.

    1. Edges are members, each with a list of its own. 2. The numbers of children are within their bounds. 3. Nothing in
    the job needs a single update where the ledger has a sum.
    """
    if not said.edges:
        raise Malformed("hierarchy.edges names no edge", advice="name a member, or leave hierarchy out")
    for index, digits in said.edges.items():
        if not _INDEX.fullmatch(index) or int(index) > LAST_MEMBER:
            raise Malformed("hierarchy.edges names no member", maximum=LAST_MEMBER, actual=index[:80])
        if not _DIGEST.fullmatch(digits):
            raise Malformed(f"hierarchy.edges.{index} is not 64 hexadecimal digits", actual=digits[:80])
    if len(set(said.edges.values())) != len(said.edges):
        raise Malformed("two edges have one member list", advice="give every edge a list of its own children")
    within("hierarchy.max_children", said.max_children, 1, MAX_CHILDREN)
    within("hierarchy.min_children", said.min_children, 1, said.max_children)
    _check_beside(beside)


def _check_beside(beside: Beside) -> None:
    if beside.rule != "weighted_mean":
        _refuse("aggregation.rule", beside.rule, "it compares single updates", "weighted_mean")
    if beside.clips:
        _refuse("admission.on_norm", "clip", "a sum does not show what single updates would be cut to", "refuse")
    if beside.compressed:
        problem = "compression does not go with hierarchy: a sum has 64 bits for each value"
        raise Malformed(problem, advice=f"leave compression out, {_ALONE}")
    if beside.privacy != "none":
        _refuse("privacy.mode", beside.privacy, "a sum is checked against updates that are read", "none")
    if beside.noise:
        problem = "hierarchy does not go with dp: budgets are members', and children have none on the ledger"
        raise Malformed(problem, advice=f"leave dp out, {_ALONE}")
    if beside.optimiser in _HALVES:
        why = "its half in training follows from a party's own updates on the ledger, and children's are not there"
        _refuse("server.optimiser", beside.optimiser, why, "momentum")
    if beside.scoring != "none":
        _refuse("scoring.method", beside.scoring, "scores are of single updates", "none")


def _refuse(field: str, said: str, why: str, instead: str) -> None:
    raise Malformed(
        f"{field} = {said} does not go with hierarchy: {why}",
        advice=f'say {field} = "{instead}", {_ALONE}',
        expected=instead,
        actual=said,
    )


def describe(said: Hierarchy | None) -> str:
    """Who are edges, and what is checked of them, in a sentence for people."""
    if said is None:
        return "none: every update is a member's own"
    who = ", ".join(map(str, said.indices))
    checked = "every child's update is read" if said.reads_children else "children's updates are not read for a verdict"
    return f"members {who}, each with {said.min_children} to {said.max_children} children; {checked}"
