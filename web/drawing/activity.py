"""An event of the ledger in a sentence: the one place that words what happened."""

from markupsafe import Markup

from web.documents.activity import ActivityLine
from web.drawing.language import Texts
from web.drawing.names import name

VARIANTS = ("form", "choice", "outcome")


def sentence(line: ActivityLine, t: Texts) -> Markup:
    """What happened, with a link to who did it."""
    party = line.party
    who = Markup("–")
    if party is not None:
        who = Markup('<a class="party" href="/members/{}">{}</a>').format(party.index, name(party.name))
    return Markup(_text(line, t)).format(party=who, **_parts(line, t))  # noqa: S704  the text is ours


def plain_sentence(line: ActivityLine, t: Texts) -> str:
    """The same without markup."""
    return sentence(line, t).striptags()


def _text(line: ActivityLine, t: Texts) -> str:
    variant = next((line.facts[one] for one in VARIANTS if one in line.facts), "")
    return t("events", f"{line.kind}_{variant}" if variant else line.kind)


def _parts(line: ActivityLine, t: Texts) -> dict[str, object]:
    parts: dict[str, object] = {name: getattr(line, name) for name in ("job", "round", "attempt", "proposal")}
    facts = {key: name(value) for key, value in line.facts.items()}
    why = t("reasons", line.facts.get("reason", "")).rstrip(".。")
    return parts | {"release": Markup("<bdi>{}</bdi>").format(line.release or ""), "why": why} | facts
