"""When something came about, as pages show it: the time in UTC, the block, and what is to be said of that time."""

from datetime import UTC, datetime

from markupsafe import Markup

from web.documents.common import Dated
from web.drawing.language import Texts

LAST = 253402300799
"""The last second of the year 9999: what lies behind it is shown as a number."""


def when(seconds: int) -> Markup:
    """A time, for people and programs."""
    if not 0 <= seconds <= LAST:
        return Markup("<bdi>{} s</bdi>").format(seconds)
    moment = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M:%S")
    )


def moment(one: Dated, t: Texts) -> Markup:
    """When something came about, with its block; a time that only the node says, or one in the future, is marked."""
    block = Markup('<span class="quiet">{} {}</span>').format(t("block"), one.block)
    if one.time is None:
        return Markup('{} <span class="quiet">({})</span>').format(block, t("activity", "unread"))
    doubts = ["ahead"] * one.time_ahead + ["unproved"] * (not one.time_proved)
    marks = (Markup(' <span class="mark">{}</span>').format(t("activity", doubt)) for doubt in doubts)
    return when(one.time) + Markup(" · ") + block + Markup("").join(marks)
