"""What the pictures of a benchmark can and cannot tell apart: intervals, paired tests and ranks of methods."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Every other method against the best one, picture by picture.

    `best`: the method of the best mean; `pictures`: how many were compared; by name of each other method: `statistic`,
    the sum of ranks of the Wilcoxon signed-rank test, `p`, its two-sided p, and `holm`, that p corrected for their
    number.
    """

    best: str
    pictures: int
    statistic: dict[str, float]
    p: dict[str, float]
    holm: dict[str, float]

    def tied(self, level: float = 0.05) -> list[str]:
        """The best method and those that it is not significantly better than at `level`, in the order given."""
        return [self.best] + [name for name, p in self.holm.items() if p >= level]


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Whether methods differ at all: the Friedman test's `statistic` (chi-squared) and `p`, over `pictures` pictures.

    `mean_rank`: by name of the method, 1 for one that is best on every picture; equal values share their mean rank.
    """

    pictures: int
    statistic: float
    p: float
    mean_rank: dict[str, float]


def bootstrap_interval(
    values: Sequence[float], confidence: float = 0.95, resamples: int = 9999, seed: int = 0
) -> tuple[float, float]:
    """Confidence interval of the mean over pictures, bias-corrected and accelerated: (low, high).

    `values`: finite numbers `(N,)`, N at least 2, in any unit; equal values give that value twice. Equal arguments
    give equal intervals. Raises ValueError for other values. Source: Efron 1987, by scipy.
    """
    from scipy.stats import bootstrap

    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError("an interval needs at least two values, all finite")
    if np.ptp(values) == 0:  # every resample is the sample: BCa divides by its spread
        return float(values[0]), float(values[0])
    generator = np.random.default_rng(seed)
    found = bootstrap(
        (values,), np.mean, confidence_level=confidence, n_resamples=resamples, method="BCa", rng=generator
    ).confidence_interval
    return float(found.low), float(found.high)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values corrected so that any false claim among them has the level's probability: by name, as given.

    The smallest is multiplied by their number, the next by one less; none falls below a smaller one, none exceeds 1.
    Source: Holm 1979.
    """
    corrected, floor = {}, 0.0
    for rank, name in enumerate(sorted(p, key=p.get)):
        floor = max(floor, min(1.0, p[name] * (len(p) - rank)))
        corrected[name] = floor
    return {name: corrected[name] for name in p}


def wilcoxon_against_best(values: Mapping[str, Sequence[float]], direction: str) -> Comparison:
    """Test the best method against every other over the same pictures.

    `values`: by name of the method, a number for each picture `(N,)`, in one order of pictures; those for which any
    method has no finite value are left out for all. `direction`: "lower" or "higher" is better. The best has the best
    mean, the first of equal ones. Methods that agree on every picture have p = 1. Raises ValueError for fewer than two
    methods, no common picture, unequal lengths or another direction. Source: Wilcoxon 1945 (two-sided, differences of
    zero dropped), by scipy; Holm 1979.
    """
    from scipy.stats import wilcoxon

    table = _common(values, direction, 2)
    means = table.mean(axis=1)
    best = int(np.argmin(means) if direction == "lower" else np.argmax(means))
    names = list(values)
    statistic, p = {}, {}
    for name, row in zip(names, table, strict=True):
        if name == names[best]:
            continue
        if (row == table[best]).all():
            statistic[name], p[name] = 0.0, 1.0
        else:
            found = wilcoxon(row, table[best])
            statistic[name], p[name] = float(found.statistic), float(found.pvalue)
    return Comparison(names[best], table.shape[1], statistic, p, holm(p))


def friedman(values: Mapping[str, Sequence[float]], direction: str) -> Ranking:
    """Test whether methods differ at all over the same pictures, and rank them.

    `values`, `direction` and pictures left out as in `wilcoxon_against_best`. Methods that agree on every picture have
    statistic 0 and p = 1. Raises ValueError for fewer than three methods, no common picture, unequal lengths or another
    direction. Source: Friedman 1937, by scipy.
    """
    from scipy.stats import friedmanchisquare, rankdata

    table = _common(values, direction, 3)
    ranks = rankdata(table if direction == "lower" else -table, axis=0)
    mean_rank = {name: float(rank) for name, rank in zip(values, ranks.mean(axis=1), strict=True)}
    if (table == table[0]).all():
        return Ranking(table.shape[1], 0.0, 1.0, mean_rank)
    found = friedmanchisquare(*table)
    return Ranking(table.shape[1], float(found.statistic), float(found.pvalue), mean_rank)


def _common(values: Mapping[str, Sequence[float]], direction: str, methods: int) -> np.ndarray:
    """float64 `(methods, pictures)`: the pictures for which every method has a finite value."""
    if direction not in ("lower", "higher"):
        raise ValueError(f'direction must be "lower" or "higher", got {direction!r}')
    if len(values) < methods:
        raise ValueError(f"needs at least {methods} methods, got {len(values)}")
    if len({len(row) for row in values.values()}) > 1:
        raise ValueError("methods must have values for the same pictures")
    table = np.array([np.asarray(row, dtype=np.float64) for row in values.values()])
    table = table[:, np.isfinite(table).all(axis=0)]
    if not table.shape[1]:
        raise ValueError("there is no picture for which every method has a finite value")
    return table
