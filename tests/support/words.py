"""What people read: the documents, the pages, and the strings and comments of the packages; and what stumbles in it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

THINGS = (
    "valid|known|whole|member|party|scorer|file|address|key|number|name|role|text|message|report|origin|"
    "job|model|release|proposal|evaluation|signature|session|transaction|contribution|store|block|pack|finding|JSON|UTF"
)
COUNTED = (
    "updates|rounds|members|parties|hospitals|scorers|files|jobs|models|votes|checks|problems|approvals|attempts|"
    "tensors|values|blocks|bytes|samples|requests|messages|seconds|minutes|days"
)
STUMBLES = {
    "anew": r"\banew\b",
    "for ever": r"\bfor ever\b",
    "in vain": r"\bin vain\b",
    "mend": r"\bmend(s|ed|ing)?\b",
    "hereby": r"\bhereby\b",
    "had not the right": r"\bhad not the right\b",
    "that cannot be": r"\bthat cannot be(?=[.,;:)]|$)",
    "whoever": r"\bwhoever\b",
    "headless who": r"(^|[.;] )who (has no|only|wants|sends|signs|reads|listens|asks|enters|copies|erases)\b",
    "is no X": rf"(?<!there )\b(is|are|was|were) no (valid )?({THINGS})s?\b",
    "1 updates": rf"(?<![\d.,])1 ({COUNTED})\b",
}


def stumbles(text: str) -> list[str]:
    """The names of what stumbles in a text."""
    plain = re.sub(r"\s+", " ", text)
    return [name for name, pattern in STUMBLES.items() if re.search(pattern, plain, re.IGNORECASE)]


def texts(root: Path, folders: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Everything that people read, and where: the documents at the root and in docs, and what the packages say."""
    documents = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    packages = [path for folder in folders for path in (root / folder).rglob("*")]
    for path in sorted([*documents, *packages]):
        name = str(path.relative_to(root))
        if path.suffix == ".py":
            yield from ((f"{name}:{line}", text) for line, text in _said(path.read_text(encoding="utf-8")))
        elif path.suffix == ".md":
            yield from ((f"{name}:{line}", text) for line, text in _paragraphs(path.read_text(encoding="utf-8")))
        elif path.suffix in {".html", ".js", ".sol", ".toml"}:
            lines = path.read_text(encoding="utf-8").splitlines()
            yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, 1))


def _paragraphs(document: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, whole where they are broken into lines, with their first lines."""
    lines: list[str] = []
    for number, line in enumerate([*document.splitlines(), ""], 1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield number - len(lines), "\n".join(lines)
            lines = []


def _said(source: str) -> Iterator[tuple[int, str]]:
    """Strings, whole where they are written in parts, and comments, with their lines."""
    inner: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inner |= set(node.values)
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inner:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
