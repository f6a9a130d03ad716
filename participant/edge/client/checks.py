"""What a client makes sure of before it trains: an edge is believed in nothing. Pure.

Without a chain node it cannot know whether members approved the job, whether the base model is the ledger's, nor
whether the round is open: `UNCHECKED` says so, and `participant.edge.client.ledger` checks it.
"""

from dataclasses import dataclass

from ledger.errors import Malformed, Refuted, UsageError
from ledger.formats import merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.formats.edges.members import EdgeMembers
from ledger.formats.edges.members import parse as parse_members
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.receipts import parse as parse_receipt
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job, parse
from ledger.rounds.facts import Place, initial_binding, model_binding
from participant.edge.collecting import hierarchy_of
from participant.edge.documents import EdgeTasks, RoundTask, SignedUpdate
from participant.integers.artifacts import stream_of_body
from participant.integers.fixed_point import Stream

UNCHECKED = (
    "not checked, since no chain node was named (--network): that members approved the job, that the base model is "
    "the ledger's, that the round is open, and that the edge's key speaks for its member"
)


@dataclass(frozen=True, slots=True)
class Verified:
    """A task whose job and base model are what they must be."""

    place: Place
    edge: int
    key: str
    task: RoundTask
    job: Job
    base: Stream


def read_job(task: RoundTask, data: bytes) -> Job:
    """1. The job's document has the task's digest, and 2. can be read. Raises Refuted or Malformed."""
    _same_digest("the job's document", task.digest, data)
    return parse(data)


def check_list(task: RoundTask, tasks: EdgeTasks, job: Job, data: bytes, party: str) -> EdgeMembers:
    """3. The job says that this member is an edge, and names this list; 4. the client's key is in it.

    Raises Refuted, Malformed, or UsageError where the key is not in the list.
    """
    hierarchy = hierarchy_of(job)
    if not hierarchy.is_edge(tasks.edge):
        raise Refuted(
            "the job does not name this member as an edge", expected=str(hierarchy.indices), actual=tasks.edge
        )
    expected = hierarchy.members(tasks.edge).hex()
    if task.members != expected:
        raise Refuted("the edge names another list than its job", expected=expected, actual=task.members)
    _same_digest("the edge's member list", expected, data)
    members = parse_members(data)
    if party not in members.known:
        raise UsageError(
            "this client's key is not in the edge's list for the job",
            advice="ask the edge's operator: a list is fixed with the job that names it",
            key=party,
            job=task.job,
        )
    return members


def read_base(task: RoundTask, place: Place, job: Job, data: Buffer) -> Stream:
    """5. The base model's file has the task's CID, 6. the header of that round's model, and 7. the task's root; 8. of
    the first round it is the job's initial model. Raises Refuted or Malformed.
    """
    cid, root = Cid.parse(task.base.cid), bytes.fromhex(task.base.root)
    found = cid_of([data])[0]
    if found != cid:
        raise Refuted("the base model is another file than the edge said", expected=str(cid), actual=str(found))
    body = list(job.layout.body(iter([data]), _binding(task, place)))
    actual = merkle.root([leaf for piece in body for leaf in merkle.leaf_hashes(piece)])
    if actual != root:
        raise Refuted("the base model does not have its root", expected=root.hex(), actual=actual.hex())
    if task.base.round == 0 and root != job.initial_root:
        raise Refuted("the base model is not the job's initial one", expected=job.initial_model.root, actual=root.hex())
    return stream_of_body(job.layout, body)


def read_receipt(data: bytes, signed: SignedUpdate, key: str) -> EdgeReceipt:
    """A receipt is for the very update that was sent, and the edge's key signed it. Raises Refuted or Malformed."""
    receipt = parse_receipt(data)
    place = (receipt.chain, receipt.ledger)
    if place != (signed.chain, signed.ledger) or receipt.update != signed.said or receipt.child != signed.child:
        raise Refuted("the edge's receipt is for another update", expected=signed.cid, actual=receipt.cid)
    if receipt.signer() != key:
        raise Refuted("the receipt is not signed by the edge's key", expected=key, actual=receipt.signer())
    return receipt


def _binding(task: RoundTask, place: Place) -> Binding:
    if task.base.round == 0:
        return initial_binding()
    if task.base.round >= task.round:
        raise Malformed("a round builds on an earlier one", round=task.round, base=task.base.round)
    return model_binding(place, task.job, task.base.round, bytes.fromhex(task.base.builds_on))


def _same_digest(what: str, expected: str, data: bytes) -> None:
    actual = sha256(data).hex()
    if actual != expected:
        raise Refuted(f"{what} does not have its digest", expected=expected, actual=actual)
