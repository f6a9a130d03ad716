"""What a job says of a Flower app, and the values of Flower's configurations: they have floats, a job has none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.jobs.document import Setting
from participant.tasks.settings import Settings

Value = str | int | bool | float | list[str] | list[int] | list[float]
RUN, CONFIG = "run.", "config."
_NAMED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The app and what makes its first model, "package.module:name" (`initial` may be empty); the packages that the
    digest covers; what the app is told of the run, and with each message; and its metrics that are loss and accuracy.
    """

    app: str
    initial: str
    sources: tuple[str, ...]
    run: Mapping[str, Value]
    config: Mapping[str, Value]
    loss: str
    accuracy: str

    @classmethod
    def read(cls, task: str, settings: Mapping[str, Setting]) -> "AppSettings":
        """From a task's settings. Raises Malformed."""
        plain = {name: value for name, value in settings.items() if not name.startswith((RUN, CONFIG))}
        read = Settings(task, plain)
        app, initial = read.text("app"), read.text("initial", "-")
        for name, value in (("app", app), ("initial", initial)):
            if not _NAMED.fullmatch(value) and (name, value) != ("initial", "-"):
                raise read.wrong(name, '"package.module:name"', value)
        sources = tuple(read.texts("sources", [app.partition(":")[0].partition(".")[0]]))
        for name in sources:
            if not _MODULE.fullmatch(name):
                raise read.wrong("sources", "names of packages", name)
        loss, accuracy = read.text("loss", "eval_loss"), read.text("accuracy", "eval_acc")
        read.done()
        run, config = (
            {name.removeprefix(kind): of_setting(value) for name, value in settings.items() if name.startswith(kind)}
            for kind in (RUN, CONFIG)
        )
        for name, said in run.items():
            if isinstance(said, list) or not name:
                raise read.wrong(RUN + name, "a name, and a text, a number, true or false", said)
        return cls(app, "" if initial == "-" else initial, sources, run, config, loss, accuracy)

    @property
    def covered(self) -> tuple[str, ...]:
        """Names of the top-level packages, or modules, that the digest covers."""
        named = (self.app, self.initial, *self.sources)
        return tuple(sorted({name.partition(":")[0].partition(".")[0] for name in named if name}))


def of_setting(value: Setting) -> Value:
    """A configuration's value as Flower has it. A text that is a decimal number with a point is a float, for a job has
    none; in double quotes it stays a text. A list is of integers, floats or texts by the same rule.
    """
    if isinstance(value, bool | int):
        return value
    if isinstance(value, list):
        if value and all(_INTEGER.fullmatch(item) for item in value):
            return [int(item) for item in value]
        if value and all(_DECIMAL.fullmatch(item) or _INTEGER.fullmatch(item) for item in value):
            return [float(item) for item in value]
        return [_unquoted(item) for item in value]
    return float(value) if _DECIMAL.fullmatch(value) else _unquoted(value)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1] if quoted else text
