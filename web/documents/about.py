"""What a reader asks first of a released model: how large it is, under which licence, from how much data; its card."""

from web.documents.common import Document


class About(Document, frozen=True):
    """`size` in bytes, of the file with this `sha256`: null while it was not read here, or is too large to be.

    `license` is empty where the release names none, null with `card` while the report that says it could not be read.
    `samples` of `parties` went into the last round; `hold_out` is the percentage of rows that nothing is trained on.
    `card` is Markdown, the same as the file served.
    """

    size: int
    sha256: str | None
    license: str | None
    samples: int
    parties: int
    hold_out: int
    card: str | None
