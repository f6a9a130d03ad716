"""The completion script, in a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import fedledger

ASK = """
source <(fedledger completion bash)
complete -p fedledger
COMP_WORDS=(fedledger {words})
COMP_CWORD={last}
_fedledger_completion fedledger
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("compl",), {"completion"}),
        (("release", "re"), {"report", "revoke"}),
        (("completion", "f"), {"fish"}),
        (("status", "--w"), {"--wide"}),
        (("job", "cr"), {"create"}),
    ],
)
def test_bash_completes_commands_and_options(words: tuple[str, ...], expected: set[str]) -> None:
    """Those of the roles, which are plugged in, too."""
    script = ASK.format(words=" ".join(words), last=len(words))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"PATH": path},
    )
    first, *found = done.stdout.splitlines()
    assert "_fedledger_completion" in first
    assert set(found) == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    done = fedledger("completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_FEDLEDGER_COMPLETE" in done.stdout
    assert f"fedledger completion {shell}" in fedledger("completion", "--help").stdout
