"""How a draft asks for its updates to be protected, and what the job says then (docs/spec/job.md, "Masked jobs").

What is left out follows from the times that the draft gives anyway: members of a masked job do more in each phase, and
no new waiting is asked of anybody.
"""

from typing import Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from ledger.jobs.privacy import LEAST_SET, OPEN, READERS, WORK_SECONDS, Masked, Privacy, Reader, SealedTo
from ledger.jobs.versions import require_mode

SEGMENT = 16
"""Rounds that a set-up is made for: the latest of its keys are that many rounds old when they are used."""
LARGER_FROM = 5
"""Members from which on one may be absent, and each of the others is still hidden among three."""


class DraftPrivacy(Strict, frozen=True):
    """The draft's [privacy]: `ledger.jobs.privacy` says what the fields mean. Only a masked job has others than
    `mode`, but for `readers`, which are a sealed job's.
    """

    mode: str = "none"
    segment: int | None = None
    smallest: int | None = None
    threshold: int | None = None
    set_up_seconds: int | None = None
    set_seconds: int | None = None
    unmask_seconds: int | None = None
    share_seconds: int | None = None
    weights: Literal["public", "equal"] | None = None
    on_bad_sum: Literal["open"] | None = None
    groups: int | None = None
    readers: tuple[Reader, ...] | None = None

    @property
    def masked(self) -> bool:
        """Whether updates are to be masked."""
        return self.mode == "masked"

    @property
    def said(self) -> dict[str, int | str]:
        """What it says beside the mode."""
        fields = msgspec.structs.asdict(self)
        return {name: value for name, value in fields.items() if name not in {"mode", "readers"} and value is not None}

    def check(self) -> None:
        """Raise Malformed for a mode that is not known, and for numbers of masks without masks."""
        require_mode(self.mode)
        if self.readers is not None and self.mode != "sealed":
            raise Malformed(
                f"privacy.readers is of sealed jobs, and privacy.mode is {self.mode}",
                advice='give mode = "sealed", or leave readers out',
                actual=", ".join(self.readers),
            )
        if self.said and not self.masked:
            field = next(iter(self.said))
            raise Malformed(
                f"privacy.{field} is of masked jobs, and privacy.mode is {self.mode}",
                advice=f'give mode = "masked", or leave {field} out',
                actual=self.said[field],
            )


def smallest_of(members: int) -> int:
    """How many updates a sum has at least, where the draft does not say and a consortium has so many members."""
    return LEAST_SET if members < LARGER_FROM else LEAST_SET + 1


def privacy_of(draft: DraftPrivacy, smallest: int, update_seconds: int, aggregate_seconds: int) -> Privacy:
    """What the job says; `smallest` is how many updates each sum has at least, where the draft leaves it open.

    Set, answers and shares take a quarter of the aggregator's time each, less where that leaves it none; set-ups have
    the time that an update has, since they are the same members' work.
    """
    if draft.mode == "sealed":
        return SealedTo(readers=draft.readers or READERS[-1])
    if not draft.masked:
        return OPEN
    part = max(1, min(aggregate_seconds // 4, (aggregate_seconds - WORK_SECONDS) // 3))
    proposed: dict[str, int | str] = {
        "segment": SEGMENT,
        "smallest": smallest,
        "threshold": 0,
        "set_up_seconds": update_seconds,
        "set_seconds": part,
        "unmask_seconds": part,
        "share_seconds": part,
        "weights": "public",
        "on_bad_sum": "open",
    }
    return msgspec.convert(proposed | draft.said, Masked)
