"""Shared profiles side by side, and the draft of a job that follows from them. Pure: nothing of the ledger is read.

The profiles come from other parties by way of a clerk; `ledger.profiles` reads them, and decides all that is decided.
"""

from collections.abc import Iterator, Sequence

from ledger.errors import Malformed, UsageError
from ledger.formats.text import option
from ledger.jobs.preparation import Preparation, describe
from ledger.profiles.differences import Choices, Disagreement, side_by_side
from ledger.profiles.labels import parse_label_map
from ledger.profiles.merging import Merged, merge
from ledger.profiles.shared import SharedProfile, parse
from ledger.profiles.writing import draft_text
from web.documents.drafts import ColumnSideBySide, DraftChoices, DraftParty, DraftTodo, MergedDraft, ProfilesToMerge

COMMAND = "fedledger job create draft.toml"


def merged_draft(handed: ProfilesToMerge) -> MergedDraft:
    """The draft of what was handed in. Raises Malformed, which says which profile it is, and UsageError."""
    merged = merge([_profile(place, text) for place, text in enumerate(handed.profiles, 1)], _choices(handed.choices))
    differing = tuple(_differing(merged))
    return MergedDraft(
        parties=tuple(_party(merged, party) for party in merged.parties),
        columns=(*differing, *_label(merged), *_used(merged), *_left_out(merged)),
        classes=dict(merged.label.counts) if merged.label else {},
        undecided=len(differing),
        draft=None if merged.disagreements else draft_text(merged),
        command=COMMAND,
    )


def _profile(place: int, text: str) -> SharedProfile:
    try:
        return parse(text.encode())
    except (Malformed, UnicodeEncodeError) as error:
        why = error.message if isinstance(error, Malformed) else "it has signs that are not text"
        advice = "hand in files that fedledger data share made, as they are"
        raise Malformed(f"profile {place}: {why}", advice=advice, **getattr(error, "facts", {})) from error


def _choices(said: DraftChoices) -> Choices:
    """What was chosen, as the command takes it. Raises UsageError."""
    classes = tuple(one.strip() for one in said.classes.split(",") if one.strip())
    if len(set(classes)) < len(classes):
        raise UsageError("the classes name one twice", actual=said.classes[:80])
    return Choices(
        name=said.name,
        label=said.label,
        classes=classes,
        label_map=parse_label_map(said.label_map) if said.label_map.strip() else {},
        drop=said.drop,
        accept=said.accept,
        category=said.category,
        rounds=said.rounds,
        purpose=said.purpose,
        legal_basis=said.legal_basis,
        licence=said.licence,
        expires=said.expires,
        predict=said.predict,
        target_range=said.target_range,
        time=said.time,
        event=said.event,
    )


def _party(merged: Merged, party: str) -> DraftParty:
    todo = (one for one in merged.todo if one.party == party)
    return DraftParty(
        name=party,
        rows=merged.rows[party],
        todo=tuple(DraftTodo(column=one.column, why=one.why, line=one.line) for one in todo),
    )


def _row(merged: Merged, name: str, state: str, kind: str, **more: object) -> ColumnSideBySide:
    sides: dict[str, str] = dict(more.pop("sides", ()))  # type: ignore[call-overload]
    told = tuple(sides.get(party, "") for party in merged.parties)
    return ColumnSideBySide(name=name, state=state, kind=kind, sides=told, **{"advice": "", **more})  # type: ignore[arg-type]


def _differing(merged: Merged) -> Iterator[ColumnSideBySide]:
    """One row for each column in which something has to be decided, however much of it that is."""
    together: dict[tuple[str, str], list[Disagreement]] = {}
    for one in merged.disagreements:
        together.setdefault((one.column, "" if one.column else one.message), []).append(one)
    for (column, _), found in together.items():
        words, advice = ("; ".join(dict.fromkeys(texts)) for texts in _said(found))
        yield _row(merged, column, "differs", found[0].kind, sides=found[0].sides, words=words, advice=advice)


def _said(found: Sequence[Disagreement]) -> tuple[list[str], list[str]]:
    return [one.message for one in found], [_in_page(one) for one in found]


def _in_page(one: Disagreement) -> str:
    """The advice, with the page's choices in place of the command's options."""
    words = {option(name, one.column): f"choose “{choice}”" for name, choice in _CHOICES.items()}
    advice = one.advice.replace("say --label COLUMN", "name it above, under “Column to be learnt”")
    for typed, choice in words.items():
        advice = advice.replace(typed, choice)
    return advice


_CHOICES = {"--drop": "leave out", "--accept": "take as it is", "--category": "numbers are words"}


def _label(merged: Merged) -> Iterator[ColumnSideBySide]:
    target = merged.target
    if target is None:
        return
    label = merged.label
    words = target.why
    if label is not None:
        words = ", ".join(f"{word} = {stands}" for word, stands in label.values.items()) or ", ".join(label.classes)
    for group in target.groups:
        yield _row(merged, group.name, "label", "label", sides=side_by_side(group.sides), words=words)


def _used(merged: Merged) -> Iterator[ColumnSideBySide]:
    for one in merged.columns:
        ((_, words),) = describe(Preparation(inputs=(one.input,)))
        kind = str(one.input.__struct_config__.tag)
        yield _row(merged, one.name, "used", kind, sides=side_by_side(one.sides), words=words)


def _left_out(merged: Merged) -> Iterator[ColumnSideBySide]:
    for one in merged.left_out:
        yield _row(merged, one.column, "left_out", "", sides=one.sides, words=one.why)
