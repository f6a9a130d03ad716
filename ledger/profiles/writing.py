"""The draft of a job as a file, from merged profiles: every figure says where it is from."""

from collections.abc import Iterator, Sequence

from ledger.errors import UsageError
from ledger.formats.text import listed, plural
from ledger.jobs.permitted_use import PermittedUse, check_permitted_use
from ledger.jobs.preparation import Category, Missing, Number
from ledger.profiles.differences import said
from ledger.profiles.labels import MergedLabel
from ledger.profiles.merging import Merged, MergedColumn
from ledger.profiles.numbers import text
from ledger.profiles.parties import ColumnGroup
from ledger.profiles.proposals import TaskProposal, propose
from ledger.profiles.targets import NumberTarget, Target, TimeTarget
from ledger.profiles.toml import array, comment, inline, quoted_text

MAX_SIDES = 8
"""Parties whose figures stand beside a column, at most."""


def draft_text(merged: Merged) -> str:
    """The draft that `fedledger job create` reads. Raises UsageError where something has to be decided first."""
    if merged.disagreements or merged.target is None:
        raise UsageError(
            f"there is no draft yet: {plural(len(merged.disagreements), 'disagreement')}",
            advice=merged.disagreements[0].advice if merged.disagreements else "say --label COLUMN",
            first=merged.disagreements[0].message if merged.disagreements else "no label",
        )
    target, proposal = merged.target, propose(merged)
    lines = [
        *_head(merged),
        f"name = {quoted_text(_name(merged, target))}",
        "hold_out = 20           # percent of its rows that each party never trains on",
        "",
        *_preparation(merged, target),
        *_permitted_use(merged),
        *_task(target, proposal),
        *_limits(merged, proposal),
    ]
    return "\n".join(lines) + "\n"


def _name(merged: Merged, target: Target) -> str:
    return merged.choices.name or f"{target.groups[0].name} at {plural(len(merged.parties), 'party', 'parties')}"[:200]


def undone(merged: Merged) -> Iterator[str]:
    """What a draft's head says of what parties do first, and of columns that are left out."""
    if merged.todo:
        yield "#"
        yield "# What parties do first, in the columns files of their tables:"
        for one in merged.todo:
            yield from comment(f"- {one.party}, {one.column}: {one.why}" + (f": {one.line}" if one.line else ""))
    if merged.left_out:
        yield "#"
        yield "# Columns that are left out:"
        for left in merged.left_out:
            yield from comment(f"- {left.column}: {left.why}")


def _head(merged: Merged) -> Iterator[str]:
    rows = listed(merged.parties)
    yield from comment(f"A draft from the shared profiles of {rows}: fedledger job create THIS_FILE")
    yield from comment("Written by fedledger job draft. Change what you know better; then members read it and vote.")
    yield from undone(merged)
    yield ""


def _preparation(merged: Merged, target: Target) -> Iterator[str]:
    yield "# What every party does with a row, in training, scoring and prediction. Ranges are all parties' coarse"
    yield "# ones together; what lies outside is clipped, since the rarest values are not told."
    yield "[preparation]"
    yield "inputs = ["
    for column in merged.columns:
        yield from _told(column)
        yield f"    {_input(column.input)},"
    yield "]"
    label = target.events if isinstance(target, TimeTarget) else target
    if isinstance(label, MergedLabel) and label.values:
        values = inline({quoted_text(word): quoted_text(other) for word, other in label.values.items()})
        yield f"labels = [{inline({'column': quoted_text(label.group.name), 'values': values})}]"
    yield ""


def _told(column: MergedColumn) -> Iterator[str]:
    for side in column.sides[:MAX_SIDES]:
        yield from comment(f"{side.party}: {said(side)}", "    ")
    for note in column.notes:
        yield from comment(note, "    ")


def _input(one: Number | Category) -> str:
    fields = {"column": quoted_text(one.column)}
    if isinstance(one, Number):
        fields |= {"kind": '"number"', "low": one.low, "high": one.high, "outside": f'"{one.outside}"'}
        if one.sentinels:
            fields["sentinels"] = array(one.sentinels)
    else:
        fields |= {"kind": '"category"', "vocabulary": array(map(quoted_text, one.vocabulary))}
        fields["unknown"] = f'"{one.unknown}"'
    if one.missing is not None:
        fields["missing"] = _missing(one.missing, number=isinstance(one, Number))
    return inline(fields)


def _missing(missing: Missing, *, number: bool) -> str:
    value = missing.value if number else quoted_text(missing.value)
    return inline({"by": f'"{missing.by}"'} | ({"value": value} if missing.value else {}))


def _permitted_use(merged: Merged) -> Iterator[str]:
    said = merged.choices
    if not (said.purpose or said.legal_basis or said.licence or said.expires):
        yield "# What the model may be used for: job draft --purpose … --legal-basis … --licence … --expires 2027-12-31"
        yield ""
        return
    if not (said.purpose and said.legal_basis and said.licence):
        raise UsageError("a permitted use needs --purpose, --legal-basis and --licence", advice="give all three")
    use = PermittedUse(
        purpose=said.purpose, data_sets=merged.parties, legal_basis=said.legal_basis, licence=said.licence,
        expires=said.expires,
    )  # fmt: skip
    check_permitted_use(use)
    yield "[permitted_use]"
    yield f"purpose = {quoted_text(use.purpose)}"
    yield f"data_sets = {array(map(quoted_text, use.data_sets))}     # the parties: name the sets as their owners do"
    yield f"legal_basis = {quoted_text(use.legal_basis)}"
    yield f"licence = {quoted_text(use.licence)}"
    if use.expires:
        yield f"expires = {quoted_text(use.expires)}"
    yield ""


def _task(target: Target, proposal: TaskProposal) -> Iterator[str]:
    yield from comment(f"{target.why}.") if target.why else ()
    yield "[task]"
    yield f"name = {quoted_text(proposal.task)}"
    yield ""
    yield from comment(f"The model and its training are chosen by size: {proposal.why}.")
    yield "[task.settings]"
    for name, value in proposal.settings.items():
        yield f"{name} = {value}"
    match target:
        case MergedLabel():
            yield from _classes(target)
        case NumberTarget():
            yield from _number(target)
        case TimeTarget():
            yield from _times(target)
    yield ""


def _classes(label: MergedLabel) -> Iterator[str]:
    yield f"label = {quoted_text(label.group.name)}"
    yield f"classes = {array(map(quoted_text, label.classes))}"
    yield from comment(_rows_of(label, "of each class"))
    if label.weights:
        yield f"class_weights = {array(label.weights)}     # so that rare classes count as much as frequent ones"


def _number(target: NumberTarget) -> Iterator[str]:
    yield from _told_of(target.groups)
    yield from comment(
        "All parties scale it by this range; a row outside of it is refused, naming its line. Wider than"
    )
    yield from comment("what parties tell, whose rarest values are not told: job draft --target-range LOW:HIGH")
    yield f"targets = {array([quoted_text(target.group.name)])}"
    yield f"target_ranges = {array([quoted_text(f'{text(target.low)}:{text(target.high)}')])}"


def _times(target: TimeTarget) -> Iterator[str]:
    yield from _told_of(target.groups)
    yield f"time = {quoted_text(target.time.name)}"
    yield f"event = {quoted_text(target.event.name)}"
    yield from comment(_rows_of(target.events, "with 0, lost from sight before, and with 1, the event"))
    yield f"bins = {array(target.bins)}"


def _told_of(groups: Sequence[ColumnGroup]) -> Iterator[str]:
    for group in groups:
        for side in group.sides[:MAX_SIDES]:
            yield from comment(f"{side.party}, {group.name}: {said(side)}")


def _rows_of(label: MergedLabel, what: str) -> str:
    return f"rows {what}, about: " + ", ".join(f"{name} {count:,}" for name, count in label.counts.items())


def _limits(merged: Merged, proposal: TaskProposal) -> Sequence[str]:
    largest = max(merged.rows.values())
    return [
        "[admission]",
        f"min_updates = {proposal.min_updates}         # of {plural(len(merged.parties), 'party', 'parties')}",
        f"max_weight = {proposal.max_weight}       # rows that one update may count for; the largest party has about "
        f"{largest:,}",
        "max_value = 4.0         # no weight of the model may move further in one round",
        f"max_norm = {proposal.max_norm}         # nor the model as a whole",
        "",
        "[terms]",
        f"rounds = {proposal.rounds}",
        f"update_seconds = {proposal.update_seconds}    # to train",
        f"aggregate_seconds = {proposal.aggregate_seconds}",
        f"attest_seconds = {proposal.attest_seconds}",
    ]
