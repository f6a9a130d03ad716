"""MLflow: imported only by what writes to it, and its errors as fedledger's."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.errors import Unavailable, UsageError

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""MLflow tells its makers of its use otherwise, and writes into the user's home for it."""
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
"""A server that is away is said so after seconds, not after minutes. The user's own settings count before these."""
_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")
"""A user and a password in a URL: MLflow's own messages repeat them."""
_IMPOSSIBLE = frozenset({"INVALID_PARAMETER_VALUE", "PERMISSION_DENIED", "UNAUTHENTICATED", "FEATURE_DISABLED"})


def client_of(tracking: str) -> Any:
    """A client of the MLflow at a URI, also for its models. Raises UsageError where MLflow is not installed or does not
    know the URI, Unavailable.
    """
    os.environ.update(QUIET)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise UsageError("MLflow is not installed", advice='pip install "fedledger[mlflow]"', missing=error.name) from (
            error
        )
    with translated(tracking):
        return MlflowClient(tracking_uri=tracking, registry_uri=tracking)


@contextmanager
def translated(tracking: str) -> Iterator[None]:
    """MLflow's errors as UsageError, for what it does not take, or Unavailable, for what it cannot do now."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        said = _LOGIN.sub("…@", str(error).replace(tracking, shown_uri(tracking)))[:600]
        facts = {"tracking": shown_uri(tracking)}
        code = getattr(error, "error_code", "")
        if "MLFLOW_ALLOW_FILE_STORE" in said:
            raise UsageError(
                "MLflow keeps no files in folders any more, unless it is told to",
                advice="name a server or a database (sqlite:///mlflow.db), or set MLFLOW_ALLOW_FILE_STORE=true",
                **facts,
            ) from error
        if code in _IMPOSSIBLE or "URI" in type(error).__name__:
            raise UsageError(f"MLflow does not take this: {said}", advice="check --tracking", **facts) from error
        raise Unavailable(
            f"MLflow could not be written to: {said}",
            advice="run the same command again once it answers: it goes on where it stopped",
            **facts,
        ) from error


def shown_uri(tracking: str) -> str:
    """A URI without the password that may stand in it."""
    before, at, after = tracking.rpartition("@")
    scheme, _, _ = before.partition("://")
    return f"{scheme}://…@{after}" if at and "://" in before else tracking
