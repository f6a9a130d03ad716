"""What the ledger's events add up to: members, jobs, rounds and scores. `ledger.history.fold` fills it."""

from ledger.history.state.jobs import Conviction, JobSpending, JobStage, JobState, ShowCall, ShowPlace, WithdrawnData
from ledger.history.state.members import Member
from ledger.history.state.rounds import Aggregate, Attestation, Phase, Round, Update, UpdateCommitment
from ledger.history.state.scorings import Commitment, Reveal, ScoreBoard, Scoring, ScoringPhase

__all__ = [
    "Aggregate",
    "Attestation",
    "Commitment",
    "Conviction",
    "JobSpending",
    "JobStage",
    "JobState",
    "Member",
    "Phase",
    "Reveal",
    "Round",
    "ScoreBoard",
    "Scoring",
    "ScoringPhase",
    "ShowCall",
    "ShowPlace",
    "Update",
    "UpdateCommitment",
    "WithdrawnData",
]
