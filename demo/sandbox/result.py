"""What a sandbox came to, as `--json` prints it."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class SandboxResult:
    """Where the files are that are of use later, a `figure` by method and party (`accuracy`, whatever the figure), and
    the audit's answer.

    `port` is the chain's: `fedledger up` of the folder goes on with it there. `released` is the folder of the released
    model; `held_out` are figures of all parties' held-out rows together.
    """

    folder: str
    draft: str
    document: str
    digest: str
    network: str
    port: int
    rounds: int
    finalised: int = 0
    audit: str = ""
    released: str = ""
    figure: str = "accuracy"
    accuracy: dict[str, dict[str, float]] = field(default_factory=dict)
    held_out: dict[str, str] = field(default_factory=dict)
