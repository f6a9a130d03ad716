"""The documents of a job drafted from shared profiles: what a clerk hands in and chooses, and what follows."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from web.documents.common import Document

MOST_PROFILES = 10
LARGEST = 4 << 20
Name = Annotated[str, Meta(max_length=200)]
Names = Annotated[tuple[Name, ...], Meta(max_length=4096)]


class DraftChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person decides, as `fedledger job draft` takes it; empty where nothing was decided yet."""

    name: Name = ""
    label: Name = ""
    label_map: Annotated[str, Meta(max_length=2000)] = ""
    classes: Annotated[str, Meta(max_length=2000)] = ""
    drop: Names = ()
    accept: Names = ()
    category: Names = ()
    rounds: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    purpose: Name = ""
    legal_basis: Name = ""
    licence: Name = ""
    expires: Annotated[str, Meta(max_length=10)] = ""
    predict: Literal["", "class", "number", "time"] = ""
    target_range: Name = ""
    time: Name = ""
    event: Name = ""


class ProfilesToMerge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shared profiles, each the very text of its file, and what was chosen."""

    profiles: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_PROFILES)]
    choices: DraftChoices = DraftChoices()


class DraftParty(Document, frozen=True):
    """A party that shared a profile, about how many rows it has, and what is left for it to do."""

    name: str
    rows: int
    todo: tuple["DraftTodo", ...]


class DraftTodo(Document, frozen=True):
    """What a party looks at, or writes into its columns file: `line`, empty for none."""

    column: str
    why: str
    line: str


class ColumnSideBySide(Document, frozen=True):
    """A column, and what each party says of it, in the order of the parties. `words` say how the job reads it.

    `state` is used, left_out, label, or differs: then `words` say what has to be decided, and `advice` how.
    """

    name: str
    state: str
    kind: str
    sides: tuple[str, ...]
    words: str
    advice: str


class MergedDraft(Document, frozen=True, tag_field="fedledger", tag="merged-draft/1"):
    """Profiles side by side. `draft` is the file for `fedledger job create`, null while something has to be decided."""

    parties: tuple[DraftParty, ...]
    columns: tuple[ColumnSideBySide, ...]
    classes: dict[str, int]
    undecided: int
    draft: str | None
    command: str
