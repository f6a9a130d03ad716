"""What is done with the mean update before it is added to the base model: the job's section `server` (docs/spec/job.md,
"Server optimisers"; the arithmetic is in `ledger.rounds.optimisers`).

Decimals are texts in their one form; all arithmetic is with the integers that they stand for: round(x · 2^16), and
round(x · 2^24) for `tau`, half away from zero.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

from ledger.errors import Malformed
from ledger.formats.strict import Strict

ONE = 1 << 16
"""The integer that a decimal of 1 stands for."""
TAU_BITS = 24
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,3})(\.[0-9]{0,15}[1-9])?", re.ASCII)
_BOUNDS: dict[str, tuple[int, int]] = {
    "rate": (1, ONE),
    "beta": (0, ONE - 1),
    "beta1": (0, ONE - 1),
    "beta2": (0, ONE - 1),
    "tau": (16, 1 << TAU_BITS),
    "alpha": (1, 100 * ONE),
}
"""The least and the largest integer of each field."""
_WIDE = {"momentum": 16 * ONE, "scaffold": 2 * ONE}
"""The largest `rate` where it multiplies the update itself."""


class _Optimiser(Strict, frozen=True, tag_field="optimiser"):
    streams: ClassVar[tuple[str, ...]] = ()
    """Names of its state's streams, in the order of the carried file."""
    corrects: ClassVar[bool] = False
    """Whether its other half is in training: each party corrects its steps, so the job's task must do that."""

    @property
    def name(self) -> str:
        """Its name in the document."""
        return str(self.__struct_config__.tag)

    def integer(self, field: str) -> int:
        """What a field's decimal stands for. Raises Malformed for a text that is not a decimal in its one form."""
        return scaled(field, getattr(self, field))


class NoOptimiser(_Optimiser, frozen=True, tag="none"):
    """The mean update is added as it is."""


class Momentum(_Optimiser, frozen=True, tag="momentum"):
    """FedAvgM (T. Hsu et al. 2019)."""

    rate: str
    beta: str
    streams = ("m",)


class _Adaptive(_Optimiser, frozen=True):
    rate: str
    beta1: str
    beta2: str
    tau: str
    streams = ("m", "v")


class Adam(_Adaptive, frozen=True, tag="adam"):
    """FedAdam (S. Reddi et al. 2021)."""


class Yogi(_Adaptive, frozen=True, tag="yogi"):
    """FedYogi (S. Reddi et al. 2021)."""


class Adagrad(_Optimiser, frozen=True, tag="adagrad"):
    """FedAdagrad (S. Reddi et al. 2021), without a first moment."""

    rate: str
    tau: str
    streams = ("v",)


class Dyn(_Optimiser, frozen=True, tag="dyn"):
    """FedDyn (D. A. E. Acar et al. 2021). `alpha` is for training alone: the server's half is free of it."""

    alpha: str
    streams = ("h",)
    corrects = True


class Scaffold(_Optimiser, frozen=True, tag="scaffold"):
    """SCAFFOLD, option II (S. P. Karimireddy et al. 2020)."""

    rate: str
    streams = ("c",)
    corrects = True


Server = NoOptimiser | Momentum | Adam | Yogi | Adagrad | Dyn | Scaffold
NONE = NoOptimiser()
DEFAULTS: dict[str, dict[str, str]] = {
    "none": {},
    "momentum": {"rate": "1", "beta": "0.9"},
    "adam": {"rate": "0.1", "beta1": "0.9", "beta2": "0.99", "tau": "0.001"},
    "yogi": {"rate": "0.1", "beta1": "0.9", "beta2": "0.99", "tau": "0.001"},
    "adagrad": {"rate": "0.1", "tau": "0.001"},
    "dyn": {"alpha": "0.1"},
    "scaffold": {"rate": "1"},
}
"""What a draft's `[server]` may leave out, by optimiser."""


def integers(server: Server) -> Iterator[tuple[str, str, int]]:
    """Each field of an optimiser: its name, the decimal, and the integer that it stands for."""
    for field in server.__struct_fields__:
        yield field, getattr(server, field), server.integer(field)


def scaled(field: str, text: str) -> int:
    """The integer that a decimal stands for. Raises Malformed for a text that is not a decimal in its one form."""
    if not _DECIMAL.fullmatch(text):
        raise Malformed(
            f"server.{field} is not a decimal number in its one form",
            advice="digits, and a point where more follow that end in no zero: 0.05",
            actual=text[:80],
        )
    value = Fraction(text) * (1 << TAU_BITS if field == "tau" else ONE)
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def check_server(server: Server, rule: str, weighting: str, privacy: str) -> None:
    """Refuse an optimiser whose numbers are out of their bounds, or that the job's other rules make senseless.

    What corrects training works out each party's half from its own updates, as the ledger has them: open ones.
    """
    for field, text, value in integers(server):
        low, high = _BOUNDS[field]
        _check_number(field, text, value, low, _WIDE.get(server.name, high) if field == "rate" else high)
    if server.corrects and (rule, weighting, privacy) != ("weighted_mean", "none", "none"):
        raise Malformed(
            f"server.optimiser {server.name} needs open updates, and their mean by samples alone",
            advice='say server.optimiser = "adam", or what is expected of the others',
            expected="aggregation.rule weighted_mean, scoring.weighting none, privacy.mode none",
            actual=f"{rule}, {weighting}, {privacy}",
        )


def _check_number(field: str, text: str, value: int, low: int, high: int) -> None:
    """Refuse a decimal by its bounds, as the person reads them who wrote it. Raises Malformed."""
    one = 1 << TAU_BITS if field == "tau" else ONE
    if not low <= value <= high:
        raise Malformed(
            f"server.{field} = {text} is out of range",
            advice=f"say one from {_short(low / one)} to {_short(high / one)}",
            minimum=f"{low} / {one}",
            maximum=f"{high} / {one}",
            actual=f"{value} / {one}",
        )


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def describe(server: Server) -> str:
    """An optimiser in words: each decimal, and the integer that all arithmetic is with."""
    said = [
        f"{field} {text} ({value:,} / 2^{TAU_BITS if field == 'tau' else ONE.bit_length() - 1})"
        for field, text, value in integers(server)
    ]
    return ", ".join([server.name, *said]) if said else "the mean update is added as it is"
