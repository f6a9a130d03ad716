"""An audit's report under the auditor's own signature, for others to show beside theirs."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.audit.report import Report
    from ledger.keys import Signer


def write_signed(report: "Report", signer: "Signer", output: Path) -> None:
    """Sign a report and write it, whole or not at all. Raises as `Signer.sign_typed_data`."""
    from ledger.audit.signed_report import SignedReport, to_sign
    from ledger.cli.streams import write_file

    text = report.to_json()
    signature = signer.sign_typed_data(*to_sign(report, text))
    made = SignedReport(
        fedledger="signed-report/1", signer=signer.address, signature="0x" + signature.hex(), report=text.decode()
    )
    write_file(output, [made.encode() + b"\n"])
