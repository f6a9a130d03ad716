"""What a job's model may be used for, and until when: the section `permitted_use` (docs/spec/job.md).

Words between parties, under their names: software shows them, and heeds the date. It does not know whether a purpose
is the one that was agreed.
"""

import re
from datetime import UTC, date, datetime

from ledger.errors import Malformed, UsageError
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict
from ledger.jobs.bounds import within

MAX_DATA_SETS = 255
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Expired(UsageError):
    """The date is past until which a job's data and model may be used."""


class PermittedUse(Strict, frozen=True, omit_defaults=True):
    """`data_sets` by the names that their owners give them; `licence` is that of the released model; `expires` is the
    last day in UTC, such as 2027-12-31, on which rounds are trained and the model is used; empty where there is none.
    """

    purpose: str
    data_sets: tuple[str, ...]
    legal_basis: str
    licence: str
    expires: str = ""

    @property
    def last_day(self) -> date | None:
        """None where it never expires."""
        return date.fromisoformat(self.expires) if self.expires else None

    def allows(self, day: date) -> bool:
        """Whether it may be used on a day, in UTC."""
        return self.last_day is None or day <= self.last_day

    @property
    def words(self) -> list[tuple[str, str]]:
        """Each field by its name for people, and what it says."""
        return [
            ("purpose", self.purpose),
            ("data sets", ", ".join(self.data_sets)),
            ("legal basis", self.legal_basis),
            ("licence", self.licence),
            ("expires", f"after {self.expires} (UTC)" if self.expires else "never"),
        ]


def check_permitted_use(use: PermittedUse) -> None:
    """Refuse what nobody can be held to. Raises Malformed.

    1. Purpose, legal basis, licence and each data set are texts for people.
    2. Data sets are named, each once.
    3. The last day is a date.
    """
    for field in ("purpose", "legal_basis", "licence"):
        check_text(getattr(use, field), f"permitted_use.{field}")
    within("the number of permitted_use.data_sets", len(use.data_sets), 1, MAX_DATA_SETS)
    for name in use.data_sets:
        check_text(name, "a name in permitted_use.data_sets")
    twice = sorted({name for name in use.data_sets if use.data_sets.count(name) > 1})
    if twice:
        raise Malformed("permitted_use.data_sets names one twice", advice="name each once", actual=twice[0])
    if use.expires and not _is_date(use.expires):
        raise Malformed(
            "permitted_use.expires is not a date",
            advice='write the last day in UTC, such as "2027-12-31", or leave it out',
            actual=use.expires[:80],
        )


def day_of(seconds: int) -> date:
    """The day in UTC of a time in seconds since 1970, as a block has it; of one that no calendar has, the last day."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC).date()


def ended(use: PermittedUse | None, seconds: int) -> str:
    """Why nothing more is trained at a time, in seconds since 1970 as a block has it; empty where training goes on."""
    if use is None or use.allows(day_of(seconds)):
        return ""
    return f"the job's permitted use ended with {use.expires} (UTC)"


def require_permitted(use: PermittedUse | None, day: date, what: str, by: str = "") -> None:
    """Raise Expired where a job's data or model may no longer be used on a day, in UTC; `what` was to be done then, and
    `by` says whose day it is.
    """
    if use is not None and not use.allows(day):
        raise Expired(
            f"{what}: the job's permitted use ended",
            advice="agree on a new job: fedledger job create with a later [permitted_use] expires",
            last_day=use.expires,
            today=day.isoformat(),
            **({"by": by} if by else {}),
        )


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
