"""What `fedledger status` says of a masked job: its latest segment, and the set of its current round."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.history.state import Round
    from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState

Name = Callable[[int], str]


def masks_in(masks: "JobMasks | None", current: "Round | None", name: Name) -> dict[str, Any] | None:
    """The segment opened last, and the set of the current round where one is proposed; None for an open job."""
    if masks is None:
        return None
    latest, said = masks.segments.get(masks.latest), masks.rounds.get(current.number) if current else None
    return {
        "segments": len(masks.segments),
        "latest": _segment(latest, name) if latest else None,
        "set": _set(said, name) if said else None,
    }


def _segment(segment: "SegmentState", name: Name) -> dict[str, Any]:
    return {
        "number": segment.number,
        "roster": _names(segment.roster, name),
        "set_up": _names(segment.setups, name),
        "deadline": segment.deadline,
        "cast": None if segment.cast is None else _names(segment.cast, name),
        **_agreement(segment, name),
    }


def _set(said: "RoundMasks", name: Name) -> dict[str, Any]:
    fixed = said.set is not None
    return {
        "round": said.round,
        "members": _names(said.set or said.proposals[-1].members, name),
        "fixed": fixed,
        **_agreement(said, name),
        "unmasked": _names(said.answers, name),
        "silent": _names(said.silent, name),
        "unmask_deadline": said.unmask_deadline if fixed else None,
        "share_deadline": said.share_deadline if fixed else None,
        "opened": _names(said.shown, name),
    }


def _agreement(of: "SegmentState | RoundMasks", name: Name) -> dict[str, Any]:
    """Who agrees with what was proposed last, until when, and how many fix it."""
    latest = of.proposals[-1] if of.proposals else None
    return {
        "proposer": name(latest.proposer) if latest else None,
        "agreeing": _names(latest.agreeing, name) if latest else [],
        "majority": of.majority,
        "agree_until": latest.deadline if latest else None,
    }


def _names(members: Iterable[int], name: Name) -> list[str]:
    return [name(index) for index in sorted(members)]


def mask_notes(job: dict[str, Any]) -> Iterator[str]:
    """Where a masked job's casts and sets are, in words."""
    masks, place = job["masks"], f"job {job['job']}, masked"
    if masks is None:
        return
    if masks["latest"] is None:
        yield f"{place}: no segment is opened yet"
    elif masks["latest"]["cast"] is None:
        yield f"{place}: segment {masks['latest']['number']} has no cast yet; {_way_to_cast(masks['latest'])}"
    if masks["set"] is not None:
        yield f"{place}: round {masks['set']['round']}, {_way_to_sum(masks['set'])}"


def _way_to_cast(segment: dict[str, Any]) -> str:
    if segment["proposer"]:
        return f"{len(segment['agreeing'])} of {segment['majority']} agree with the one that is proposed"
    return f"{len(segment['set_up'])} of {plural(len(segment['roster']), 'member')} set it up"


def _way_to_sum(said: dict[str, Any]) -> str:
    size = len(said["members"])
    if not said["fixed"]:
        return f"a set of {size} is proposed; {len(said['agreeing'])} of {said['majority']} agree"
    silent = f", silent: {', '.join(said['silent'])}" if said["silent"] else ""
    return f"the set of {size} is fixed; own masks taken off the sum: {len(said['unmasked'])} of {size}{silent}"
