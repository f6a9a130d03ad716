"""Puts the native kernel into the wheel where a C compiler stands; without one, the wheel is for every platform."""

import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


class KernelHook(BuildHookInterface[Any]):
    """One wheel a platform, for every Python: the kernel is called through ctypes."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, str(ROOT))
        from ledger.kernel.build import NotBuilt, build

        self.built = TemporaryDirectory()
        try:
            build(Path(self.built.name))
        except NotBuilt as error:
            self.app.display_warning(f"The wheel is without the native kernel: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        for file in Path(self.built.name).iterdir():
            build_data["force_include"][str(file)] = f"ledger/kernel/{file.name}"
