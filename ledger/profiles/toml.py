"""Values as TOML 1.0 has them: texts of other parties stay texts."""

from collections.abc import Iterable, Mapping
from textwrap import wrap

import tomli_w


def quoted_text(text: str) -> str:
    """A text between quotation marks, on one line."""
    return tomli_w.dumps({"x": text}).removeprefix("x = ").rstrip("\n")


def inline(fields: Mapping[str, str]) -> str:
    """A table on one line; its values are TOML already."""
    return "{ " + ", ".join(f"{key} = {value}" for key, value in fields.items()) + " }"


def array(values: Iterable[str]) -> str:
    """An array on one line; its values are TOML already."""
    return "[" + ", ".join(values) + "]"


def comment(text: str, indent: str = "") -> list[str]:
    """A text as lines of comments that are not too long."""
    return wrap(
        text,
        width=118,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )
