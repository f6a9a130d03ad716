"""The page that checks bundles as one file, which needs no server: its scripts, style and texts within it.

Scripts are modules under web/static/verify. Here they become one script, without a build step: each is a function that
is called once, after those that it imports from, and returns what it exports.
"""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath

from markupsafe import Markup

from ledger.formats.digest import sha256
from web.drawing.assets import STATIC
from web.drawing.language import LANGUAGES, texts
from web.drawing.render import Renderer

FILE = "verify.html"
FOLDER = STATIC / "verify"
CONTROLS, WORKER = "page/controls.js", "worker.js"
"""The scripts of the server's page, and of its workers."""
_ENTRY, _STYLE = "page/saved_page.js", "style.css"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
GROUPS = ("verify", "verify_said", "verify_codes", "roles_of")
"""The tables of texts that scripts say on the page."""


@cache
def sources() -> Mapping[str, str]:
    """The modules, by name under web/static/verify, and the style, as they were when this was asked first.

    A server asks when it starts: where files are replaced under it, by an upgrade, it goes on with those that it has.
    """
    found = {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.js")}
    return {**found, _STYLE: (STATIC / _STYLE).read_text(encoding="utf-8")}


@cache
def version() -> str:
    """The digest of all of them, by which scripts of one version are known, and never mixed with another's."""
    return sha256(json.dumps(sources(), sort_keys=True).encode()).hex()[:16]


def address(name: str) -> str:
    """Where the page loads a module; what that imports is beside it."""
    return f"/verify/{version()}/{name}"


def script(of: str, name: str) -> bytes | None:
    """What is at the address of a module; None where it is of another version, or there is none. Workers' is one file,
    so that a worker costs one request."""
    if of != version() or name not in sources() or name == _STYLE:
        return None
    return worker() if name == WORKER else _text(name).encode()


@cache
def saved() -> bytes:
    """The file: the same bytes for everyone."""
    script, style = _script(), sources()[_STYLE]
    return Renderer().fresh(
        "verify_file.html",
        LANGUAGES[0],
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        script_digest=_digest(script),
        style_digest=_digest(style),
    )


@cache
def saved_digest() -> str:
    """SHA-256 of the file."""
    return sha256(saved()).hex()


def modules(entry: str = _ENTRY) -> list[str]:
    """The modules that one needs, by name under web/static/verify, each after those that it imports."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        for _, said in _IMPORT.findall(_text(name)):
            visit(_joined(name, said))
        found.append(name)

    visit(entry)
    return found


def _joined(name: str, said: str) -> str:
    """The name of the module that another imports from."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / said).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _text(name: str) -> str:
    return sources()[name]


@cache
def worker() -> bytes:
    """The script of the page's workers, with all modules that it needs."""
    return f'"use strict";\n{_joined_up(WORKER)}{_variable(WORKER)}.start(self);\n'.encode()


def _joined_up(entry: str) -> str:
    """The modules that one needs, as statements of one script."""
    return "".join(f"const {_variable(name)} = {_function(name)};\n" for name in modules(entry))


def _script() -> str:
    """All modules as one script, which calls the entry's `open`."""
    said = json.dumps({language: texts(language).groups(*GROUPS) for language in LANGUAGES}, sort_keys=True)
    call = f"{_variable(_ENTRY)}.open({said});\n"
    return f'"use strict";\n{_joined_up(_ENTRY)}{call}'.replace("</", "<\\/")


def _function(name: str) -> str:
    """A module as a function that was called. Raises ValueError where it imports what is not exported by name."""
    for names, said in _IMPORT.findall(_text(name)):
        missing = set(re.findall(r"\w+", names)) - set(_EXPORT.findall(_text(_joined(name, said))))
        if missing:
            raise ValueError(f"{name} imports {', '.join(sorted(missing))} from {said}, which does not export it")
    text = _IMPORT.sub(lambda found: f"const {found[1]} = {_variable(_joined(name, found[2]))};", _text(name))
    return f"(() => {{\n{_EXPORT.sub('', text)}return {{ {', '.join(_EXPORT.findall(text))} }};\n}})()"


def _variable(name: str) -> str:
    return "in_" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode())).decode()
