"""Names, and what identifies things: how pages show what somebody chose, and what nobody can read."""

from markupsafe import Markup

from ledger.errors import plain

SHORT_NAME, LONGEST_NAME = 20, 60


def name(text: str) -> Markup:
    """A name that somebody chose: isolated in its direction, printable, and cut if it is very long."""
    clean = plain(text).replace("\n", " ")
    if len(clean) <= SHORT_NAME:
        return Markup('<bdi class="short">{}</bdi>').format(clean)
    if len(clean) <= LONGEST_NAME:
        return Markup("<bdi>{}</bdi>").format(clean)
    return Markup('<bdi title="{}">{}…</bdi>').format(clean[:500], clean[: LONGEST_NAME - 1])


def identifier(text: str | None) -> Markup:
    """A hash, CID or key, linked to what it names: all of it can be copied, the style shows its beginning."""
    if not text:
        return Markup("–")
    return Markup('<a class="id" href="/search?q={0}"><code class="hash">{0}</code></a>').format(text)


def explored(text: str, explorer: str, word: str) -> Markup:
    """A link to a transaction in the explorer, called `word`; nothing where the network file names no explorer."""
    if not explorer:
        return Markup("")
    address = explorer.replace("{}", "0x" + text)
    return Markup(' · <a class="quiet" rel="noreferrer" href="{}">{}</a>').format(address, word)
