"""From a page or a command to a picture's bytes."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from product import FEDLEDGER, SECONDS, Product, until
from shown import FOLDER, LARGEST, Command, Shot

WIDTH, COLOURS, COLUMNS = 1280, 48, 100
ROOT = Path(__file__).resolve().parents[2]
VIEWPORT = {"width": WIDTH, "height": 800}
FLAGS = ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking")
TERMINAL = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="#1b1f23" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, 24)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""
"""Rich's drawing of a terminal without its window, and without a font from elsewhere."""


@contextmanager
def browser() -> Iterator[Any]:
    """A context of Debian's Chromium, in light mode."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=[f"--{flag}" for flag in FLAGS])
        yield started.new_context(locale="en-GB", timezone_id="UTC", color_scheme="light", viewport=VIEWPORT)
        started.close()


def take(product: Product, page: Any, shot: Shot, there: bool = False) -> None:
    """A picture of a part of a page, as few colours; `there`: the page is shown already."""
    if not there:
        audited(product, page)
        page.set_viewport_size(VIEWPORT)
        page.goto(product.url + shot.path)
    page.set_viewport_size({"width": WIDTH, "height": page.evaluate("document.documentElement.scrollHeight")})
    top = page.locator(shot.since).bounding_box()["y"] if shot.since else 0
    bottom = page.locator(shot.until).first.bounding_box()["y"]
    clip = {"x": 0, "y": max(top - 16, 0), "width": WIDTH, "height": bottom - max(top - 16, 0) - 8}
    page.mouse.move(0, 0)
    keep(shot.name, reduced(page.screenshot(clip=clip)), product.folder, page.inner_text("body"))


def audited(product: Product, page: Any) -> None:
    """Wait until the pages' audit has come to the last block, and says yes."""

    def says_yes() -> bool:
        said = page.request.get(f"{product.url}/audit.json").json()
        return bool(said["audit"]) and not (said["running"] or said["behind"]) and said["answers"]["right"] == "yes"

    until(says_yes, "the pages' audit does not say yes")


def reduced(content: bytes) -> bytes:
    from PIL import Image

    few = Image.open(BytesIO(content)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    made = BytesIO()
    few.save(made, "PNG", optimize=True)
    return made.getvalue()


def terminal(product: Product, command: Command) -> str:
    """An SVG of what a command prints on a terminal, its prompt above."""
    from rich.console import Console
    from rich.text import Text

    said = on_terminal(product.folder, [FEDLEDGER, *command.words], command.code).rstrip()
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, highlight=False)
    console.print(Text(f"$ fedledger {' '.join(command.words)}", "bold"))
    console.print(Text.from_ansi(said))
    return console.export_svg(title="", code_format=TERMINAL, unique_id=Path(command.name).stem)


def on_terminal(folder: Path, command: Sequence[str], code: int) -> str:
    """What a program prints on a terminal of so many columns, colours included."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    surroundings = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    environment = surroundings | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environment
    )
    os.close(theirs)
    pieces = []
    with suppress(OSError):  # the terminal is closed
        while piece := os.read(ours, 1 << 16):
            pieces.append(piece)
    os.close(ours)
    text = b"".join(pieces).decode().replace("\r\n", "\n")
    if process.wait(SECONDS) != code:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return text


def keep(name: str, content: bytes, scratch: Path, said: str = "") -> None:
    """Write a picture, unless it is too large, or it or its page names a folder of this machine."""
    shown = content.decode(errors="ignore") + said
    for folder in (scratch, ROOT, Path.home()):
        if f"{folder}/" in shown:
            sys.exit(f"{name} would show a folder of this machine: {folder}")
    if len(content) > LARGEST:
        sys.exit(f"{name} has {len(content):,} bytes, and {LARGEST:,} are allowed: show less of it")
    (FOLDER / name).write_bytes(content)
