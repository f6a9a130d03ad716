"""Clients behind edges, every update on record: the members are the edges, and each client is a child of one.

A thousand clients are then twenty registrations a round. The model is that of all clients at once, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from ledger import keys
from ledger.errors import Malformed, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.claims import SALT, UpdateOpening
from ledger.formats.digest import encode, sha256
from ledger.formats.edges.children import MAX_CHILDREN, ChildRecord, Children
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.signed import ChildUpdate, update_to_sign
from ledger.formats.rows import Draw
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job, check
from ledger.jobs.hierarchy import Hierarchy
from ledger.party.pins import child_pin, children_pin, edge_members_pin, update_pin
from ledger.rounds.admission import Verdict, judge_values
from ledger.rounds.edges.children import child_binding
from ledger.rounds.edges.lists import Rosters
from ledger.rounds.edges.making import make_sum
from ledger.rounds.facts import update_binding
from ledger.rounds.outcome import Outcome
from participant.integers.artifacts import file_of, root_of
from participant.integers.fixed_point import Stream
from participant.simulation.clients import SimulatedClient, salt_of
from participant.simulation.consortium import Consortium, RecordedTally
from participant.simulation.training import Batch


def with_edges(job: Job, edges: int, clients: int, seed: int) -> tuple[Job, list[EdgeMembers]]:
    """The same job, for so many edges, each with its share of the clients; and the edges' member lists.

    Raises UsageError where an edge has too many clients, and where the job asks for more updates than there are edges;
    Malformed where it asks for what does not go with edges.
    """
    if edges > clients:
        raise UsageError("every edge has a client", advice="simulate fewer --edges", edges=edges, clients=clients)
    most = -(-clients // edges)
    if most > MAX_CHILDREN:
        advice = "simulate more --edges, or fewer --clients"
        raise UsageError(f"an edge has at most {MAX_CHILDREN:,} children", advice=advice, clients=most)
    if job.admission.min_updates > edges:
        advice = "lower the draft's admission.min_updates, or simulate more --edges"
        raise UsageError("a round needs more updates than there are edges", advice=advice, edges=edges)
    lists = [EdgeMembers.of([child_signer(seed, k).address for k in range(e, clients, edges)]) for e in range(edges)]
    named = {str(edge): one.digest.hex() for edge, one in enumerate(lists)}
    hierarchy = Hierarchy(edges=named, min_children=1, max_children=most, check="children")
    made = msgspec.structs.replace(job, hierarchy=hierarchy)
    check(made)
    return made, lists


def child_signer(seed: int, client: int) -> keys.LocalSigner:
    """A client's key, which is nowhere on the chain: anyone who knows the seed has it."""
    from ledger.keys.library import accounts

    return keys.LocalSigner(accounts().from_key(sha256(encode(["simulated child", seed, client]))), light=True)


@dataclass
class EdgesConsortium(Consortium):
    """The edges as members; `lists` are their member lists."""

    lists: list[EdgeMembers] = field(default_factory=list)
    children: dict[int, keys.LocalSigner] = field(default_factory=dict)

    def tally(self, number: int, clients: list[SimulatedClient]) -> "EdgesTally":
        """What takes the updates of round `number`."""
        return EdgesTally(self, number, clients)

    def open_job(self, initial: Stream) -> None:
        """As `Consortium.open_job`, the member lists stored first."""
        super().open_job(initial)
        for edge, one in enumerate(self.lists):
            self.connection.put([one.encode()], edge_members_pin(self.number, edge))

    def child(self, client: int) -> keys.LocalSigner:
        """A client's key."""
        if client not in self.children:
            self.children[client] = child_signer(self.seed, client)
        return self.children[client]


@dataclass
class EdgesTally(RecordedTally):
    """Takes clients' updates as their edges would, and registers a sum for each edge when all are there."""

    _children: dict[int, list[ChildRecord]] = field(default_factory=dict)
    _files: list[tuple[str, bytes]] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Store and judge a batch, its files in one pack."""
        super().take(batch)
        if self._files:
            self.consortium.connection.put_all(self._files)
            self._files = []

    def _take(self, client: int, update: Stream, samples: int) -> None:
        ours, facts = self._edges, self._facts
        edge, signer, job = client % len(ours.signers), ours.child(client), ours.job
        decision = judge_values(update, job.admission)
        if decision.verdict is not Verdict.ADMITTED:
            self._refused[client] = decision
            return
        tree = Draw(job.digest, salt_of(ours.seed, client), job.hold_out).tree(
            self.number, self.clients[client].data.leaves
        )
        known = update_binding(facts.place, facts.round, ours.signers[edge].address, facts.base, "sum")
        binding = child_binding(known, signer.address).on(len(tree.trained), tree.root)
        file = b"".join(bytes(piece) for piece in file_of(job.layout, binding, update))
        listed = self._children.setdefault(edge, [])
        pin = child_pin(ours.number, self.number, edge, len(listed))
        self._files.append((pin, file))
        said = ChildUpdate(ours.number, self.number, edge, samples, root_of(update), cid_of([file])[0].digest)
        signed = signer.sign_typed_data(*update_to_sign(facts.place.chain, facts.place.contract, said))
        listed.append(ChildRecord.of(signer.address, said, signed))

    def _played(self) -> Outcome:
        """As `RecordedTally`, of the edges' sums."""
        if self.number not in self.consortium.state.rounds:
            for edge, listed in sorted(self._children.items()):
                self._openings[edge] = self._summed(edge, Children.of(listed))
        return super()._played()

    def _summed(self, edge: int, listed: Children) -> UpdateOpening:
        ours, facts, connection = self._edges, self._facts, self.consortium.connection
        key = ours.signers[edge].address
        known = update_binding(facts.place, facts.round, key, facts.base, "sum")

        def keep(pieces: Iterator[Buffer]) -> Cid:
            return connection.put(pieces, update_pin(ours.number, self.number, edge))

        connection.put([listed.encode()], children_pin(ours.number, self.number, edge))
        rosters = Rosters(ours.job.hierarchy, connection.fetch)
        try:
            made = make_sum(ours.job, edge, known, listed, rosters, connection.fetch, keep)
        except Malformed as error:
            advice = "raise the draft's admission.max_weight, or simulate more --edges"
            raise UsageError(error.message, advice=advice, edge=edge, **error.facts) from error
        hidden = sha256(encode(["simulated opening", ours.seed, self.number, edge]))[:SALT]
        return UpdateOpening(key, made.weight, made.root, made.cid.digest, hidden)

    def _counted(self, outcome: Outcome) -> int:
        """Clients, not edges."""
        admitted = [one.update.index for one in outcome.judged if one.decision.verdict is Verdict.ADMITTED]
        return sum(len(self._children.get(edge, ())) for edge in admitted)

    @property
    def _edges(self) -> EdgesConsortium:
        if not isinstance(self.consortium, EdgesConsortium):
            raise TypeError("edges' sums are registered by a consortium of edges")
        return self.consortium
