"""Files of JSON lines that another thread or process writes while a test reads them."""

import json
from pathlib import Path
from typing import Any


def entries(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file, which need not be there yet; the last may be half written."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]
