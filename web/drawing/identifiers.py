"""What identifies things and nobody can read: hashes, CIDs, keys, transactions."""

from markupsafe import Markup


def identifier(text: str | None) -> Markup:
    """A hash, CID or key, linked to what it names: all of it can be copied, the style shows its beginning."""
    if not text:
        return Markup("–")
    return Markup('<a class="id" href="/search?q={0}"><code class="hash">{0}</code></a>').format(text)


def code(text: str) -> Markup:
    """The same inside a link that leads elsewhere."""
    return Markup('<code class="hash" title="{0}">{0}</code>').format(text)


def explored(text: str, explorer: str, word: str) -> Markup:
    """A link to a transaction in the explorer, called `word`; nothing where the network file names no explorer."""
    if not explorer:
        return Markup("")
    address = explorer.replace("{}", "0x" + text)
    return Markup(' · <a class="quiet" rel="noreferrer" href="{}">{}</a>').format(address, word)
