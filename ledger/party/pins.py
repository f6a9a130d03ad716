"""Names under which a home's store keeps files. Every role keeps a kind of file under the one name that is made here:
a name spelt in two ways would lose a copy silently.
"""

import re

from ledger.jobs.scores import CommittedSet
from ledger.rounds.facts import Base


def job_pin(digest: bytes) -> str:
    """A job's document, by its digest."""
    return f"job/{digest.hex()}"


def initial_pin(root: bytes) -> str:
    """The initial model of jobs, by its tensor root."""
    return f"initial/{root.hex()}"


def model_pin(job: int, round_: int) -> str:
    """The global model of a round."""
    return f"model/{job}/{round_}"


def carried_pin(job: int, round_: int) -> str:
    """What a round carries beside its model, as the file that its claim names."""
    return f"carried/{job}/{round_}"


def state_pin(job: int, round_: int, stream: str) -> str:
    """A stream of the state that a round carries."""
    return f"state/{job}/{round_}/{stream}"


def base_pin(job: int, base: Base) -> str:
    """The model that a round builds on: an earlier round's, or the initial one."""
    return model_pin(job, base.round) if base.round else initial_pin(base.root)


def update_pin(job: int, round_: int, member: int) -> str:
    """An opened update, by its member's index."""
    return f"update/{job}/{round_}/{member}"


def named_update(pin: str) -> tuple[int, int, int] | None:
    """Job, round and member of a name that `update_pin` made; None for any other."""
    found = re.fullmatch("update/([1-9][0-9]*)/([1-9][0-9]*)/(0|[1-9][0-9]*)", pin)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def named_with_update(pin: str) -> tuple[int, int, int] | None:
    """The same of that name, and of those of what an edge's update is the sum of: its list and its children's files."""
    of_sum = re.fullmatch("children(/[^/]+/[^/]+/[^/]+)(?:/(?:0|[1-9][0-9]*))?", pin)
    return named_update(f"update{of_sum[1]}" if of_sum else pin)


def withdrawal_pin(job: int, member: int) -> str:
    """A member's statement that it brings no more of its data into a job."""
    return f"withdrawal/{job}/{member}"


def edge_members_pin(job: int, member: int) -> str:
    """The member list of an edge of a job."""
    return f"edge/{job}/{member}"


def children_pin(job: int, round_: int, member: int) -> str:
    """The list of children of an edge's sum."""
    return f"children/{job}/{round_}/{member}"


def child_pin(job: int, round_: int, member: int, place: int) -> str:
    """A child's update, by its place in that list."""
    return f"{children_pin(job, round_, member)}/{place}"


def receipts_pin(job: int, round_: int, attempt: int) -> str:
    """The receipts file of an attempt at a round's aggregate."""
    return f"receipts/{job}/{round_}/{attempt}"


def opposing_pin(job: int, round_: int, attempt: int, member: int) -> str:
    """The receipts file by which a member opposes an attempt."""
    return f"{receipts_pin(job, round_, attempt)}/{member}"


def set_receipts_pin(job: int, round_: int, digest: bytes) -> str:
    """The receipts file, by its SHA-256, that a proposal of a masked round's set names."""
    return f"receipts/{job}/{round_}/set/{digest.hex()}"


def setup_pin(job: int, segment: int, member: int) -> str:
    """A member's set-up file of a segment of a masked job."""
    return f"setup/{job}/{segment}/{member}"


def members_pin(digest: bytes) -> str:
    """A member list that its edge published, by its SHA-256; jobs that name it come later."""
    return f"edge-members/{digest.hex()}"


def platform_pin(digest: bytes) -> str:
    """A document in which trusted hardware speaks for the machine of an update, by its SHA-256."""
    return f"platform/{digest.hex()}"


def set_pin(evidence: CommittedSet) -> str:
    """A committed evaluation set, by its tensor root."""
    return f"set/{evidence.root}"


def report_pin(digest: bytes) -> str:
    """An evaluation report, by its digest."""
    return f"report/{digest.hex()}"


def reason_pin(digest: bytes) -> str:
    """The reason of a revocation, by its digest."""
    return f"reason/{digest.hex()}"
