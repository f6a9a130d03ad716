"""A member's masks at a glance: its key, its secrets, and what is next of each masked job."""

from typing import Any

from ledger.errors import FedledgerError
from ledger.history.state import JobState, Member
from ledger.history.state.masking import JobMasks, SegmentState
from ledger.masks.segment import sound_keys
from ledger.party.connection import Connection
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.steps import Nudge
from participant.node.masking.home import MaskHome
from participant.node.masking.steps import MemberSituation, due_steps


def masks_of(connection: Connection, key: str) -> dict[str, Any] | None:
    """A member's mask key, and whether its private part is at home; None where no job is masked.

    `trouble` is what stands in the way.
    """
    history, member = connection.history, connection.history.member_of(key)
    if member is None or not history.masks:
        return None
    sound = sound_keys((one.index, one.key) for one in history.mask_keys).get(member.index)
    try:
        at_home, trouble = sound is not None and MaskHome(connection.folder).keys.find(sound) is not None, None
    except FedledgerError as error:
        at_home, trouble = False, f"{error.message}: {error.advice}"
    return {"key": sound.hex() if sound else None, "at_home": at_home, "trouble": trouble}


def job_masks(connection: Connection, state: JobState, key: str, now: int) -> dict[str, Any] | None:
    """The segment of a job's present or next round, this member's part in it, and what is next; None of an open job.

    What was computed of shares and openings, a running node alone knows.
    """
    member, masks = connection.history.member_of(key), connection.history.masks.get(state.number)
    if masks is None or member is None:
        return None
    over = state.current is None or state.current.phase.terminal
    number = len(state.rounds) + over
    at = MemberSituation(now, connection.deep(), name=connection.name)
    due = due_steps(connection.history, state, key, at)
    steps = [type(one).__name__.lower() for one in due.steps if not isinstance(one, Nudge)]
    part = _part(connection, state, masks, member, number)
    return {"segment": masks.number_of(number), "round": number, "part": part, "next": [*steps, due.wait.why][0]}


def _part(connection: Connection, state: JobState, masks: JobMasks, member: Member, number: int) -> str:
    """What this member has to do with a round's masks, in words."""
    if state.complete:
        return "its rounds are over, and their secrets deleted"
    opened = masks.segment_of(number)
    if opened is None:
        return "its segment is not opened"
    if opened.cast is None:
        return "set up" if member.index in opened.setups else "not set up"
    if member.index not in opened.cast:
        return "not in the cast"
    try:
        return "in the cast" if _has_secrets(connection, state, masks, opened, member, number) else "secrets lost"
    except FedledgerError as error:
        return error.message


def _has_secrets(
    connection: Connection, state: JobState, masks: JobMasks, opened: SegmentState, member: Member, number: int
) -> bool:
    segment = segment_of(connection.place, state.number, masks, opened)
    return MaskHome(connection.folder).secrets.of(segment, member.index, number) != []
