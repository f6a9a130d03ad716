"""The owner's own floors: what the members voted binds nobody to tell of fewer rows than its data's owner allows."""

from ledger.config import OwnFloors
from ledger.errors import UsageError
from ledger.jobs.analysis import Analysis


def require_floors(own: OwnFloors, analysis: Analysis) -> None:
    """Refuse an analysis whose floors are below the home's. Raises UsageError, naming both."""
    for field, least in own.items():
        voted = getattr(analysis, field)
        if voted < least:
            raise UsageError(
                f"this analysis is not answered: its {field} of {voted} is below this home's own",
                advice=f"propose it with {field} = {least} or more, or let the data's owner lower the floor: "
                f"fedledger node told --{field.replace('_', '-')} {voted}",
                expected=f"{least} or more",
                actual=voted,
            )
