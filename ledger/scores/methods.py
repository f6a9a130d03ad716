"""Methods that turn what coalitions are worth into what each update contributed (docs/spec/scores.md, "Methods").

Every method is a pure function of game, seed and weights, in exact integers and fractions; the two regressions solve
their equations in single IEEE-754 operations of a fixed order.

L. S. Shapley, A Value for n-Person Games, 1953. A. Ghorbani, J. Zou, Data Shapley, ICML 2019. Z. Liu et al.,
GTG-Shapley, ACM TIST 2022. S. Lundberg, S.-I. Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017.
I. Covert, S.-I. Lee, Improving KernelSHAP, AISTATS 2021.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, factorial

from ledger.formats.draws import Draws
from ledger.formats.integers import ratio
from ledger.jobs.scores import (
    GroupShapley,
    GtgShapley,
    LeaveOneOut,
    Measured,
    PairedRegression,
    Shapley,
    SurrogateShapley,
    TruncatedMonteCarlo,
)
from ledger.scores import regression
from ledger.scores.game import Exhausted, Game, TooFewEvaluations, TooManyPlayers, Worth

MAX_EXACT = 12
Values = list[Fraction]


def scores(method: Measured, weights: Sequence[int], seed: bytes, utility: Worth) -> tuple[int, ...]:
    """One score for each player, in whole parts per million of the utility; `weights` are the players' in the mean.

    Raises Unscorable for a round that the method cannot take, BadUtility for what is not a utility, Malformed for
    what is not a seed.
    """
    game = Game(len(weights), utility, getattr(method, "evaluations", None))
    return to_scores(values(method, game, weights, Draws(seed)))


def values(method: Measured, game: Game, weights: Sequence[int], draws: Draws) -> Values:
    """What `scores` rounds."""
    match method:
        case Shapley() | GroupShapley():
            return shapley(game)
        case LeaveOneOut():
            return leave_one_out(game)
        case TruncatedMonteCarlo(tolerance=tolerance):
            return truncated_monte_carlo(game, draws, tolerance)
        case GtgShapley(tolerance=tolerance):
            return gtg_shapley(game, draws, tolerance)
        case PairedRegression():
            return paired_regression(game, draws)
        case SurrogateShapley():
            return surrogate_shapley(game, draws, weights)


def to_scores(shares: Sequence[Fraction]) -> tuple[int, ...]:
    """Whole parts per million: rounded half away from zero."""
    return tuple(ratio(share.numerator, share.denominator) for share in shares)


def shapley(game: Game) -> Values:
    """The Shapley value, exactly: what a player adds, on average over all orders in which players may come.

    The sum over coalitions S without the player of |S|! (n - |S| - 1)! / n! · (v(S with it) - v(S)).
    """
    _require_few(game)
    return _shapley(game.players, [game.value(members) for members in _all(game.players)])


def table(game: Game) -> dict[frozenset[int], int]:
    """What every coalition is worth. Raises TooManyPlayers above 12 players."""
    _require_few(game)
    return {members: game.value(members) for members in _all(game.players)}


def leave_one_out(game: Game) -> Values:
    """What everyone together loses without the player (Cook 1977)."""
    _require(game, game.players + 1)
    return [Fraction(game.value(game.everyone) - game.value(game.everyone - {k})) for k in range(game.players)]


def truncated_monte_carlo(game: Game, draws: Draws, tolerance: int) -> Values:
    """The mean of what players add in random orders, each left where the rest matters no more (Ghorbani, Zou 2019)."""
    return _mean_over(game, tolerance, lambda _: draws.order(game.players))


def gtg_shapley(game: Game, draws: Draws, tolerance: int) -> Values:
    """Guided truncation gradient Shapley (Liu et al. 2022): as above, but

    - a round that changed the utility by no more than `tolerance` gives everyone zero (between-round truncation);
    - players come first in turn, and only those behind them in random order (guided sampling).
    """
    if abs(game.value(game.everyone) - game.value(())) <= tolerance:
        return [Fraction(0)] * game.players
    return _mean_over(game, tolerance, lambda turn: _guided(turn % game.players, draws.order(game.players)))


def _guided(first: int, order: list[int]) -> list[int]:
    return [first, *(player for player in order if player != first)]


def _mean_over(game: Game, tolerance: int, order: Callable[[int], list[int]]) -> Values:
    """The mean over orders, until one needs more evaluations than are left; that one does not count.

    No more orders than evaluations, since in a small game all is soon known. Raises TooFewEvaluations where not one
    order was finished.
    """
    totals, orders = [0] * game.players, 0
    limit = game.evaluations or 0
    try:
        for turn in range(limit):
            for player, added in _walk(game, order(turn), tolerance):
                totals[player] += added
            orders += 1
    except Exhausted:
        pass
    if not orders:
        raise TooFewEvaluations("the budget is too small for one whole order", evaluations=limit, players=game.players)
    return [Fraction(total, orders) for total in totals]


def _walk(game: Game, order: list[int], tolerance: int) -> list[tuple[int, int]]:
    """What each player adds to those before it; nothing from where they are within `tolerance` of everyone's worth."""
    whole, before, found = game.value(game.everyone), game.value(()), []
    for count, player in enumerate(order, 1):
        if abs(whole - before) <= tolerance:
            break
        after = game.value(order[:count])
        found.append((player, after - before))
        before = after
    return found


def paired_regression(game: Game, draws: Draws) -> Values:
    """The Shapley value of the additive game nearest to v, on coalitions measured together with their complements.

    KernelSHAP (Lundberg and Lee 2017) with paired sampling (Covert and Lee 2021): sizes from 1 upwards, whole while the
    budget lasts, then a sample of the next. Exact where v has interactions of two players only.
    """
    n = game.players
    pairs = list(_paired(game, draws))
    rows = [[1 if k in members else -1 for k in range(n)] for members in pairs]
    gains = [game.value(members) - game.value(game.everyone - members) for members in pairs]
    sizes = [len(members) for members in pairs]
    odds = [regression.weight(n, size) for size in sizes]
    return regression.constrained(rows, odds, gains, game.value(game.everyone) - game.value(()))


def surrogate_shapley(game: Game, draws: Draws, weights: Sequence[int]) -> Values:
    """The exact Shapley value of a smooth game fitted to a sample of coalitions, for at most 12 players.

    A coalition's model is the base plus a mixture of updates, and what it is worth varies smoothly with the mixture.
    So a kernel regression on the shares of the mixture (Rasmussen and Williams 2006) foretells the coalitions that were
    not measured. Measured are nobody, everyone, each player alone, all but each, and pairs of coalition and complement
    whose sizes follow the Shapley kernel.
    """
    _require_few(game)
    n = game.players
    sample = [frozenset[int](), game.everyone, *_spread(game, draws)]
    known = {members: game.value(members) for members in sample}
    everyone = list(_all(n))
    guessed = regression.smooth(weights, list(known), list(known.values()), everyone)
    exact = {frozenset[int](): game.value(()), game.everyone: game.value(game.everyone)}
    return _shapley(n, [exact.get(members, guess) for members, guess in zip(everyone, guessed, strict=True)])


def _all(players: int) -> Iterator[frozenset[int]]:
    """All coalitions, each next to the one before it but for one player (Gray's code): so models are soon made."""
    for number in range(1 << players):
        code = number ^ (number >> 1)
        yield frozenset(k for k in range(players) if code >> k & 1)


def _shapley(n: int, worths: Sequence[int]) -> Values:
    """The Shapley value of a game whose coalitions are worth `worths`, in the order of `_all`."""
    share = [factorial(size) * factorial(n - size - 1) for size in range(n)]
    totals = [0] * n
    for members, worth in zip(_all(n), worths, strict=True):
        size = len(members)
        for k in range(n):
            totals[k] += worth * share[size - 1] if k in members else -worth * share[size]
    return [Fraction(total, factorial(n)) for total in totals]


def _paired(game: Game, draws: Draws) -> Iterator[frozenset[int]]:
    """One of each pair of coalition and complement, smallest sizes first, as many as the budget allows."""
    n = game.players
    _require(game, min(2 * n + 2, 1 << n))
    left = ((game.evaluations or 0) - 2) // 2
    for size in range(1, n // 2 + 1):
        count = comb(n, size) // (2 if 2 * size == n else 1)
        chosen = _subsets(n, size) if count <= left else _sample(n, size, left, draws)
        for members in chosen:
            yield members
            left -= 1


def _subsets(n: int, size: int) -> list[frozenset[int]]:
    chosen = [frozenset(members) for members in combinations(range(n), size)]
    return chosen[: len(chosen) // 2] if 2 * size == n else chosen


def _sample(n: int, size: int, count: int, draws: Draws) -> list[frozenset[int]]:
    """`count` different subsets, none another's complement, in the order drawn."""
    found: dict[frozenset[int], None] = {}
    everyone = frozenset(range(n))
    while len(found) < count:
        members = frozenset(draws.order(n)[:size])
        if everyone - members not in found:
            found[members] = None
    return list(found)


def _spread(game: Game, draws: Draws) -> Iterator[frozenset[int]]:
    """Each player alone and all but each; then pairs of every size, drawn with the Shapley kernel's weight."""
    n = game.players
    _require(game, min(2 * n + 2, 1 << n))
    for k in range(n):
        yield frozenset({k})
        yield game.everyone - {k}
    total = min(game.evaluations or 0, 1 << n)
    sizes = [size for size in range(2, n // 2 + 1) for _ in range(_odds(n, size))]
    found: set[frozenset[int]] = set()
    while sizes and 2 * n + 2 + len(found) + 2 <= total:
        members = frozenset(draws.order(n)[: sizes[draws.below(len(sizes))]])
        if members not in found:
            found |= {members, game.everyone - members}
            yield from (members, game.everyone - members)


def _odds(n: int, size: int) -> int:
    """How often a size is drawn, out of some: 1 / (size · (n - size)), half of it where complements have it too."""
    return 10_000 // (size * (n - size)) // (2 if 2 * size == n else 1)


def _require(game: Game, evaluations: int) -> None:
    if game.evaluations is not None and game.evaluations < evaluations:
        raise TooFewEvaluations(
            "the job's budget of evaluations is too small for this round",
            players=game.players,
            needed=evaluations,
            evaluations=game.evaluations,
        )


def _require_few(game: Game) -> None:
    if game.players > MAX_EXACT:
        raise TooManyPlayers(
            "all coalitions of so many updates cannot be measured",
            players=game.players,
            maximum=MAX_EXACT,
            advice="a job of more than 12 parties takes another method, such as paired_regression",
        )
