"""The files under /static."""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from web.drawing.assets import STATIC, version

FOREVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """Files that may be kept forever under the address that pages have for them; under any other they are asked for
    again."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        current = version(Path(full_path).relative_to(STATIC).as_posix()).encode() == scope["query_string"]
        response.headers["Cache-Control"] = FOREVER if current else "no-cache"
        return response
