"""What identifies things and nobody can read: hashes, CIDs, keys, transactions."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, pass_environment
from markupsafe import Markup


def identifier(text: str | None) -> Markup:
    """A hash, CID or key, linked to what it names: all of it can be copied, the style shows its beginning."""
    if not text:
        return Markup("–")
    return Markup('<a class="id" href="/search?q={0}"><code class="hash">{0}</code></a>').format(text)


def code(text: str) -> Markup:
    """The same inside a link that leads elsewhere."""
    return Markup('<code class="hash" title="{0}">{0}</code>').format(text)


@pass_environment
def transaction(page: Environment, text: str | None) -> Markup:
    """A transaction's hash, and a link to it in the explorer that the network file names, if any."""
    return identifier(text) + (explored(page, text) if text else "")


@pass_environment
def explored(page: Environment, text: str) -> Markup:
    """The link alone; nothing where the network file names no explorer."""
    known: Mapping[str, Any] = page.globals
    if not known["explorer"]:
        return Markup("")
    where, word = known["explorer"].replace("{}", "0x" + text), known["t"]("activity", "explorer")
    return Markup(' · <a class="quiet" rel="noreferrer" href="{}">{}</a>').format(where, word)
