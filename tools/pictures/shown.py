"""Which pictures there are, and what each shows of the product. Times and keys differ from run to run, names do not."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
LARGEST, TOTAL = 120_000, 1_200_000
"""Bytes of a picture, and of all."""


@dataclass(frozen=True)
class Shot:
    """A part of a page, between the tops of two elements; without the first from the page's own top on."""

    name: str
    path: str
    until: str
    since: str = ""


@dataclass(frozen=True)
class Command:
    """What a command prints on a terminal."""

    name: str
    words: tuple[str, ...]
    code: int = 0


ANYONE = (
    Shot("overview.png", "/?lang=en", until="#h-recent"),
    Shot("overview-zh-hant.png", "/?lang=zh-Hant", until="#h-recent"),
    Shot("refuted.png", "/jobs/1/rounds/11?lang=en", since="#h-aggregates", until="#h-timeline"),
    Shot("audit.png", "/audit?lang=en", until="*:has(> #h-self)"),
    Shot("lie.png", "/audit?lang=en", since="#h-lies", until="#h-open"),
)
DESK = Shot("desk.png", "/desk?lang=en", until="#h-acts")
WIZARD = Shot("draft.png", "/jobs/draft?lang=en", until="footer", since="#merged")
STATISTICS = Shot("statistics.png", "/jobs/2?lang=en", since="#statistics", until="#statistics + *")
AUDIT = Command("audit.svg", ("audit", "--network", "demo/network.toml"))
PROFILE = Command("profile.svg", ("data", "profile", "patients.csv", "--label", "ill"), code=2)
SHARE = Command(
    "share.svg",
    ("data", "share", "north.csv", "--label", "ill", "--name", "North", "--yes", "--output", "north.shared.json"),
)
PICTURES = {one.name for one in (*ANYONE, DESK, WIZARD, STATISTICS, AUDIT, PROFILE, SHARE)}
