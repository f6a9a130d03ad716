"""What the demo's auditor does: it has the network file and nothing else."""

import json

from rich.markup import escape

from demo.findings import coloured, describe
from demo.parties import Parties
from demo.result import Result
from ledger.errors import Unavailable


def audit(parties: Parties, result: Result, what: str, name: str, *options: str) -> None:
    """Audit `what` the options say; the report goes to evidence/`name`.json, signed statements to evidence/`name`/."""
    stage = parties.stage
    path = stage.folder / "evidence" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    with result.timed(f"audit: {what}"):
        written = ("--output", path, "--evidence", path.with_suffix(""))
        common = ("--network", parties.local.network_file, "--home", stage.folder / "auditor", *written)
        auditor = stage.spawn(f"audit-{name}", "audit", *options, *common)
        auditor.wait(stage.patience)
        if not path.exists():
            raise Unavailable("the audit made no report", said=auditor.tail())
        report = json.loads(path.read_bytes())
    result.verdicts[what] = report["verdict"]
    result.evidence.append(str(path))
    stage.screen.say(f"audit of {what}: {coloured(report['verdict'])}")
    for finding in report["findings"]:
        for line in describe(finding):
            stage.screen.say(f"  {line}")
    for signed in sorted(path.with_suffix("").glob("001-*.json")):
        stage.screen.say(f"    signed by the culprit, for fedledger evidence check: [dim]{escape(str(signed))}[/]")
