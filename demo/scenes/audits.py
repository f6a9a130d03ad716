"""What the demo's auditor does: it has the network file and nothing else."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from rich.markup import escape

from demo.answers import coloured, describe, told
from demo.parties import Parties
from demo.result import AuditResult, Result
from ledger.errors import Unavailable


def audit(parties: Parties, result: Result, what: str, name: str, *options: str) -> None:
    """Audit `what` the options say; the report goes to evidence/`name`.json, signed statements to evidence/`name`/."""
    begin_audit(parties, result, what, name, *options)()


def begin_audit(parties: Parties, result: Result, what: str, name: str, *options: str) -> Callable[[], None]:
    """Begin an audit as `audit` makes it; what is returned waits for its end and says what it found."""
    stage = parties.stage
    path = stage.folder / "evidence" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    written = ("--output", path, "--evidence", path.with_suffix(""))
    common = ("--network", parties.local.network_file, "--home", stage.folder / "auditor" / name, *written)
    began = time.time()
    auditor = stage.spawn(f"audit-{name}", "audit", *options, *common)

    def finish() -> None:
        code = auditor.wait(stage.patience)
        if not path.exists():
            raise Unavailable("the audit made no report", said=auditor.tail())
        result.seconds[f"audit: {what}"] = round(path.stat().st_mtime - began, 2)
        _tell(parties, result, what, path, code)

    return finish


def begin_conviction(parties: Parties, result: Result, job: int, number: int) -> Callable[[], None]:
    """Begin to write a round's first attempt, which was false, as a conviction file; what is returned waits for it and
    says where it is.
    """
    stage = parties.stage
    path = stage.folder / "evidence" / "conviction.rlp"
    chosen = ("--job", str(job), "--round", str(number), "--attempt", "1", "--dry-run")
    common = ("--network", parties.local.network_file, "--home", stage.folder / "auditor" / "refute", "--output", path)
    auditor = stage.spawn("refute", "refute", *chosen, *common)

    def finish() -> None:
        if auditor.wait(stage.patience):
            raise Unavailable("no conviction file was written", said=auditor.tail())
        result.evidence.append(str(path))
        stage.screen.say(f"one value of it in a file, for fedledger evidence check: [dim]{escape(str(path))}[/]")

    return finish


def _tell(parties: Parties, result: Result, what: str, path: Path, code: int) -> None:
    say, report = parties.stage.screen.say, json.loads(path.read_bytes())
    answer = report["right"]["answer"]
    result.audits[what] = AuditResult(right=answer, lies=report["lies"]["answer"], exit=code)
    result.evidence.append(str(path))
    say(f"audit of {what}: right? {coloured(answer)}; {told(report)}")
    for line in describe(report):
        say(f"  {line}")
    if report["lies"]["list"]:
        for signed in sorted(path.with_suffix("").glob("001-*.json")):
            say(f"    signed by the liar, for fedledger evidence check: [dim]{escape(str(signed))}[/]")
