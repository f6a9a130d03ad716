"""FedDyn's and SCAFFOLD's share at the server, in integers (docs/spec/round.md, "Server optimisers").

Both hold back what parties with unlike data pull towards, by a term in each party's training. What the server adds up
of that follows from the updates alone, in units of the model: step lengths and numbers of steps cancel.
"""

from ledger.jobs.server import Scaffold
from ledger.rounds.optimisers.arithmetic import held, ratio, share
from ledger.rounds.rules.arithmetic import Sums


def dyn(mean: Sums, h: Sums, updates: int, parties: int) -> tuple[Sums, tuple[Sums]]:
    """The change of the model, and the next h: h ← h + d·n/N, change d + h.

    D. A. E. Acar et al., Federated Learning Based on Dynamic Regularization, ICLR 2021, algorithm 1: this h is theirs
    times −1/α, so that no α is left. n of N parties took part; the paper's means count parties, these their samples.
    """
    h = held(h + ratio(mean * updates, parties))
    return mean + h, (h,)


def scaffold(by: Scaffold, mean: Sums, c: Sums, updates: int, parties: int) -> tuple[Sums, tuple[Sums]]:
    """The change of the model, and the next c: c ← c + (d − c)·n/N, change η·d.

    S. P. Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, ICML 2020, option II: a
    party's next control variate is c_i − c + (x − y_i)/(K·η_l), so Δc_i = −c − Δ_i/(K·η_l), and the mean over N parties
    moves c by −(c + d/(K·η_l))·n/N. This c is theirs times −K·η_l, which leaves d alone.
    """
    c = held(c + ratio((mean - c) * updates, parties))
    return share(mean, by.integer("rate")), (c,)
