"""Pages of the site that are not in docs/: the files beside it, and a reference made from the commands themselves.

Links that leave the site, to code and folders, become plain words: the site says nothing of where the code is kept.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ledger.cli.main import fedledger

ROOT = Path(__file__).parents[2]
BESIDE = {
    "README.md": "readme.md",
    "README.zh-TW.md": "readme.zh-tw.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "policy.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<mark>#[^)\s]*)?\)")


def reference(command: click.Command, name: str, depth: int, parent: click.Context | None = None) -> Iterator[str]:
    """What each command says of itself, as a terminal of 80 columns shows it."""
    shown = {"terminal_width": 78, "max_content_width": 78, "help_option_names": ["-h", "--help"]}
    context = click.Context(command, parent=parent, info_name=name.rsplit(maxsplit=1)[-1], **shown)
    yield f"{'#' * min(depth, 4)} {name if depth > 1 else 'Commands'}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            if below is not None and not below.hidden:
                yield from reference(below, f"{name} {word}", depth + 1, context)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, page in BESIDE.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, "commands.md", content="\n".join(reference(fedledger, "fedledger", 1))))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    here = page.file.src_uri
    origin = next((ROOT / name for name, made in BESIDE.items() if made == here), ROOT / "docs" / here)

    def placed(found: re.Match[str]) -> str:
        return _placed(found, origin, here, files)

    return LINK.sub(placed, markdown)


def _placed(found: re.Match[str], origin: Path, here: str, files: Files) -> str:
    """A link as the site has it."""
    target = found["target"]
    if ":" in target:
        return found[0]
    path = (origin.parent / target).resolve()
    page = BESIDE.get(path.name) if path.parent == ROOT else None
    if page is None and path.is_relative_to(ROOT / "docs"):
        page = path.relative_to(ROOT / "docs").as_posix()
    if page is None or files.get_file_from_path(page) is None:
        return found["text"]
    up = "../" * here.count("/")
    return f"[{found['text']}]({up}{page}{found['mark'] or ''})"
