"""A client's round: trained by the same trainer and the same digest of code as a node's, then signed."""

from pathlib import Path
from typing import NamedTuple

from ledger.errors import UsageError
from ledger.formats.digest import encode, sha256
from ledger.formats.edges.signed import ChildUpdate, update_to_sign
from ledger.formats.header import Binding
from ledger.keys import Signer
from ledger.rounds.admission import Verdict, judge_values
from participant.edge.client.checks import Verified
from participant.edge.client.home import ClientHome
from participant.edge.documents import SignedUpdate
from participant.integers.artifacts import UpdateFile
from participant.integers.fixed_point import Stream
from participant.rows.records import RowRecords
from participant.tasks.machine import Machine
from participant.trainer.errand import Errand
from participant.trainer.messages import Train, TrainedUpdate
from participant.trainer.trainers import PROMPT, Trainers


def seed_of(job: bytes, round_: int, party: str) -> int:
    """The random seed of a client's training in a round: 63 bits that nobody chooses. `job` is its digest."""
    return int.from_bytes(sha256(encode(["client's training seed", job.hex(), round_, party]))[:8], "big") >> 1


class ClientTraining:
    """Trains on the file `data`, in the trainers of the client's home."""

    def __init__(self, home: ClientHome, signer: Signer, trainers: Trainers, data: Path) -> None:
        self._home, self._signer, self._trainers, self._data = home, signer, trainers, data

    def update(self, of: Verified, seconds: float) -> SignedUpdate:
        """The round's update, kept and signed: trained now, within `seconds`.

        Raises UsageError for data, task or values that do not fit the job, and as
        `participant.trainer.errand.Errand.expect`.
        """
        job, task = of.job, of.task
        do = Train(round=task.round, seed=seed_of(job.digest, task.round, self._signer.address))
        own = self._home.left_before(task.job, task.round) if job.private.tensors else b""
        errand = self._trainers.begin(job, task.job, do, self._data, seconds=seconds, model=of.base, own=own)
        try:
            while not errand.wait(PROMPT):
                pass
            return self._made(of, errand)
        finally:
            self._trainers.close_errand(errand)

    def _made(self, of: Verified, errand: Errand) -> SignedUpdate:
        trained, values = errand.expect(TrainedUpdate), errand.update(of.job.layout.values)
        made = MadeUpdate(values, trained.weight, errand.leaves(), errand.left())
        return kept_and_signed(self._home, self._signer, of, made)


class UnfitUpdate(UsageError):
    """Training went beyond the job's limits: the round is missed, and the next one is tried."""


class MadeUpdate(NamedTuple):
    """What training came to: integers, the weight that it asks for, the leaves of its rows, and what stays at home."""

    values: Stream
    weight: int
    leaves: tuple[bytes, ...]
    left: bytes = b""


def kept_and_signed(home: ClientHome, signer: Signer, of: Verified, made: MadeUpdate) -> SignedUpdate:
    """Judge an update as everyone will, bind it to its rows, keep it, and sign it: in this order, so that no second one
    is ever signed. Raises UnfitUpdate for one that would be refused, Unavailable for a full disk.
    """
    job, task = of.job, of.task
    decision = judge_values(made.values, job.admission)
    if decision.verdict is not Verdict.ADMITTED:
        raise UnfitUpdate(
            "this update would be refused, so it is not sent",
            advice="the job's limits and its training do not fit these data; the next round is tried again",
            verdict=decision.verdict.name,
            because=decision.message,
        )
    rows = RowRecords(Machine.of(home.home).rows)
    tree = rows.draw(job).tree(task.round, made.leaves)
    rows.keep(job, made.leaves)
    binding = _binding(of, signer.address).on(len(tree.trained), tree.root)
    file, weight = UpdateFile.of(job.layout, binding, made.values), min(made.weight, job.admission.cap(of.edge))
    said = ChildUpdate(task.job, task.round, of.edge, weight, file.root, file.cid.digest)
    signature = signer.sign_typed_data(*update_to_sign(of.place.chain, of.place.contract, said))
    signed = SignedUpdate.of(of.place.chain, of.place.contract, said, signer.address, signature)
    home.round(task.job, task.round).keep(file.pieces, made.left, signed)
    return signed


def _binding(of: Verified, party: str) -> Binding:
    return Binding(
        kind="update",
        chain=of.place.chain,
        contract=of.place.contract,
        job=of.task.job,
        round=of.task.round,
        party=party,
        base=bytes.fromhex(of.task.base.root),
    )
