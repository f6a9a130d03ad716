"""Which estimators of scikit-learn a job may name, with which parameters, and how each goes on from a model.

A job names one of a closed list: what it says is others' text, and an estimator by any name would be any code.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import UsageError
from participant.tasks.settings import Settings

PARAMETERS = "parameters."
Parameters = Mapping[str, Any]
Floats = NDArray[np.float64]
Report = Callable[[int], None]
_PENALTIES = ("l2", "l1", "elasticnet")
_RATES = ("optimal", "constant", "invscaling", "adaptive")


@dataclass(frozen=True, slots=True)
class Estimator:
    """One of scikit-learn's linear models: by which parameters, and whether it tells classes apart.

    `steps` trains by passes of stochastic gradient descent, which go on over the rounds; others solve for their optimum
    and are stopped after so many iterations.
    """

    name: str
    classifies: bool
    steps: bool
    choices: Mapping[str, tuple[str, ...]]
    decimals: Mapping[str, tuple[float, float]]

    def read(self, read: Settings) -> Parameters:
        """The parameters that a job gives; scikit-learn's own defaults hold for others. Raises Malformed."""
        given: dict[str, Any] = {}
        for name, allowed in self.choices.items():
            if read.has(PARAMETERS + name):
                given[name] = read.text(PARAMETERS + name, choices=allowed)
        for name, (low, high) in self.decimals.items():
            if read.has(PARAMETERS + name):
                given[name] = read.decimal(PARAMETERS + name, low=low, high=high)
        return given


_SGD: Mapping[str, tuple[float, float]] = {
    "alpha": (0, 1e3),
    "l1_ratio": (0, 1),
    "eta0": (1e-9, 1e3),
    "power_t": (0, 10),
    "epsilon": (0, 1e3),
}
ESTIMATORS = {
    "sklearn.linear_model:SGDClassifier": Estimator(
        name="SGDClassifier",
        classifies=True,
        steps=True,
        choices={
            "loss": ("log_loss", "hinge", "modified_huber", "squared_hinge", "perceptron"),
            "penalty": _PENALTIES,
            "learning_rate": _RATES,
        },
        decimals=_SGD,
    ),
    "sklearn.linear_model:LogisticRegression": Estimator(
        name="LogisticRegression",
        classifies=True,
        steps=False,
        choices={"solver": ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")},
        decimals={"C": (1e-9, 1e9), "tol": (0, 1), "l1_ratio": (0, 1)},
    ),
    "sklearn.linear_model:SGDRegressor": Estimator(
        name="SGDRegressor",
        classifies=False,
        steps=True,
        choices={
            "loss": ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
            "penalty": _PENALTIES,
            "learning_rate": _RATES,
        },
        decimals=_SGD,
    ),
}
CLOSED = ("Ridge", "LinearRegression", "Lasso", "ElasticNet", "RidgeClassifier")
"""Those that are solved from the data alone, whatever model they begin with: rounds would do nothing."""


def named(name: str, read: Settings) -> Estimator:
    """The estimator that a job names. Raises Malformed, with the way out."""
    found = ESTIMATORS.get(name)
    if found is not None:
        return found
    error = read.wrong("estimator", "one of " + ", ".join(ESTIMATORS), name)
    if name.rpartition(":")[2] in CLOSED:
        error.advice = (
            "it is solved from the data alone, whatever model it begins with, so rounds would do nothing: "
            "take SGDRegressor or SGDClassifier, with penalty and alpha"
        )
    raise error


@dataclass(frozen=True, slots=True)
class Fit:
    """What training is: `rows` are inputs (n × columns) and targets, `classes` how many there are, with their
    `class_weights`; it goes on from coefficients (outputs × columns) and intercepts (outputs), after `seen` rows, a
    pass counted each time.
    """

    estimator: Estimator
    parameters: Parameters
    rows: tuple[Floats, NDArray[Any]]
    classes: int
    class_weights: Mapping[int, float]
    coefficients: Floats
    intercepts: Floats
    seen: int
    epochs: int
    seed: int


def fitted(fit: Fit, report: Report) -> tuple[Floats, Floats]:
    """Coefficients and intercepts after so many epochs: passes over the rows, or a solver's iterations.

    Raises UsageError for rows that the estimator cannot be trained on, or where training diverges.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            made = _stepped(fit, report) if fit.estimator.steps else _solved(fit, report)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{fit.estimator.name} cannot be trained on these rows: {str(error)[:300]}",
            advice="lower parameters.eta0, or correct what is said",
            estimator=fit.estimator.name,
        ) from error
    return np.atleast_2d(made.coef_), np.atleast_1d(made.intercept_)


def _stepped(fit: Fit, report: Report) -> Any:
    """Stochastic gradient descent, its schedule as if these passes followed those of earlier rounds."""
    made, classifies = _made(fit, random_state=np.random.RandomState(fit.seed % (1 << 32))), fit.estimator.classifies
    known: dict[str, Any] = {"classes": np.arange(fit.classes)} if classifies else {}
    made.coef_ = fit.coefficients.copy() if classifies else fit.coefficients[0].copy()
    made.intercept_, made.t_ = fit.intercepts.copy(), 1.0 + fit.seen
    for epoch in range(fit.epochs):
        made.partial_fit(*fit.rows, **known)
        report(epoch + 1)
    return made


def _solved(fit: Fit, report: Report) -> Any:
    """A solver's iterations, from the model on."""
    found = len(np.unique(fit.rows[1]))
    if found != fit.classes:
        raise ValueError(f"there are rows of {found} classes out of {fit.classes}; SGDClassifier takes such data")
    made = _made(fit, warm_start=True, max_iter=fit.epochs, random_state=fit.seed % (1 << 32))
    made.coef_, made.intercept_ = fit.coefficients.copy(), fit.intercepts.copy()
    made.classes_ = np.arange(fit.classes)
    made.fit(*fit.rows)
    report(fit.epochs)
    return made


def _made(fit: Fit, **options: Any) -> Any:
    from sklearn import linear_model

    if fit.class_weights:
        options["class_weight"] = dict(fit.class_weights)
    return getattr(linear_model, fit.estimator.name)(**fit.parameters, **options)
