"""`python -m ledger.kernel`: build the native kernel beside its source, and say in one line what is in use."""

from ledger.kernel import in_use
from ledger.kernel.build import NotBuilt, build


def main() -> None:
    """Ends well without a kernel: the pure functions do."""
    try:
        came = f"built with {build()}"
    except NotBuilt as error:
        came = f"not built: {error}"
    print(f"The kernel is {came}. In use: {in_use()}.")  # noqa: T201


if __name__ == "__main__":
    main()
