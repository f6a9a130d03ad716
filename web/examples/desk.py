"""A member's desk, and a job that is checked before it is proposed: examples in the interface's description."""

from typing import Any

import msgspec

from ledger.formats.artifact import Tensor
from ledger.formats.cid import RAW, Cid
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.plain import PLAIN
from ledger.jobs.privacy import OPEN
from ledger.jobs.rules import WeightedMean
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.profiles.shared import FORMAT, CountedBin, SharedColumn, SharedProfile, ValueCount, encode
from web.documents.desk import (
    CheckedJob,
    ContractCall,
    DeskPage,
    Duty,
    GatewayCheck,
    LackedFile,
    MissedRounds,
    NodeHealth,
    SeenRound,
    WaitingJob,
    WaitingVote,
)
from web.documents.drafts import MergedDraft, ProfilesToMerge
from web.documents.ledger import Approval
from web.documents.relay import builtins
from web.examples import answers
from web.examples.consortium import CHAIN, CID, LEDGER, MEMBERS, NORTH, ROOT, dated
from web.examples.decisions import PROPOSAL
from web.examples.rounds import JOB as LINE
from web.examples.rounds import MODEL_TERMS, TERMS
from web.reading.desk.draft import merged_draft

_JOB = Job(
    fedledger="job/2",
    name="Retinopathy",
    task=JobTask(name="tabular", version="1", code="0c" * 32, settings={"epochs": 1}),
    tensors=(Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3))),
    initial_model=InitialModel(cid=CID, root=ROOT, seed=1),
    aggregation=WeightedMean(),
    admission=Admission(min_updates=2, max_weight=1_000, max_value=1 << 20, max_norm=1 << 28),
    terms=TERMS,
    scoring=NoScoring(),
    hold_out=20,
    privacy=OPEN,
    server=NONE,
    **PLAIN,
)
_DESK = DeskPage(
    chain=CHAIN,
    member=MEMBERS[1],
    count=4,
    votes=(WaitingVote(proposal=PROPOSAL, command="fedledger proposal vote 1 for"),),
    executable=(),
    jobs=(
        WaitingJob(
            job=LINE,
            approval=Approval(counted=1, needed=2, command="fedledger job approve 1"),
            differs=None,
            begins=None,
        ),
    ),
    halted=(),
    duties=(Duty(kind="commit", job=1, round=2, attempt=None, deadline=1_800_000_900, path="/jobs/1/rounds/2"),),
    lacked=(LackedFile(job=1, round=1, members=(NORTH,), path="/jobs/1/rounds/1", command="fedledger node run"),),
    told=answers.TOLD,
    node=NodeHealth(
        committed=SeenRound(job=1, round=1, **dated(24)),
        attested=SeenRound(job=1, round=1, **dated(32)),
        missed=(MissedRounds(kind="update", job=1, count=1, of=10),),
        gateway="https://south.example/gateway",
        checked=GatewayCheck(url="https://south.example/gateway", at=1_800_000_700, answers=True, trouble=""),
    ),
)
_CALL = ContractCall(function="proposeJob", to=LEDGER, data="0xa9e4ab22" + _JOB.digest.hex() + "00" * 32)
_CHECKED = CheckedJob(
    digest=_JOB.digest.hex(),
    cid=str(Cid(RAW, _JOB.digest)),
    size=len(_JOB.encode()),
    document=_JOB,
    model=MODEL_TERMS,
    known=None,
    begins=None,
    follows=(),
    call=_CALL,
    command="fedledger job propose JOB.json",
)


def _profile(name: str, healthy: int) -> str:
    """A party's profile, of two columns."""
    age = SharedColumn(
        name="age",
        kind="number",
        missing=0,
        bins=(CountedBin(low="20", high="50", count=60), CountedBin(low="50", high="80", count=40)),
    )
    ill = SharedColumn(
        name="ill",
        kind="category",
        missing=0,
        values=(ValueCount(value="no", count=healthy), ValueCount(value="yes", count=100 - healthy)),
    )
    made = SharedProfile(format=FORMAT, name=name, rows=100, floor=10, noise="", label="ill", columns=(age, ill))
    return encode(made).decode()


_PROFILES = ProfilesToMerge(profiles=(_profile("North", 60), _profile("South", 50)))
_DOCUMENTS: dict[Any, msgspec.Struct] = {
    DeskPage: _DESK,
    Job: _JOB,
    CheckedJob: _CHECKED,
    ProfilesToMerge: _PROFILES,
    MergedDraft: merged_draft(_PROFILES),
}
EXAMPLES: dict[Any, Any] = {kind: builtins(document) for kind, document in _DOCUMENTS.items()}
