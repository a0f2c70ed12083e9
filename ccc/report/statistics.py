"""Intervals, paired tests and ranks of methods over the pictures of a benchmark."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import bootstrap, friedmanchisquare, rankdata, wilcoxon

# Coverage in percent of a 95% interval of the mean of 50 lognormal values (sigma 1), skewed as ratios can be;
# tests/report/test_statistics.py simulates it.
COVERAGE = {"bca": 90, "bootstrap-t": 93}
FEWEST = 10  # values of a bootstrap-t: with fewer, too many resamples have almost no spread
BATCH = 2**22  # pictures drawn at a time: 32 MiB for each array of them, some 200 MiB in all


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Every other method against the best one, picture by picture.

    `best`: the method of the best mean; `pictures`: how many were compared; by name of each other method: `statistic`,
    the smaller sum of ranks of the Wilcoxon signed-rank test, `p`, its two-sided p, `holm`, that p corrected for their
    number, and `behind`, whether the larger sum of ranks speaks against it.
    """

    best: str
    pictures: int
    statistic: dict[str, float]
    p: dict[str, float]
    holm: dict[str, float]
    behind: dict[str, bool]

    def tied(self, level: float = 0.05) -> list[str]:
        """The best method and those that are not significantly worse at `level`, in the order given."""
        return [self.best] + [name for name, p in self.holm.items() if p >= level or not self.behind[name]]


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Whether methods differ at all: the Friedman test's `statistic` (chi-squared) and `p`, over `pictures` pictures.

    `mean_rank`: by name of the method, 1 for one that is best on every picture; equal values share their mean rank.
    """

    pictures: int
    statistic: float
    p: float
    mean_rank: dict[str, float]


def bootstrap_intervals(
    table: np.ndarray, confidence: float = 0.95, resamples: int = 9999, seed: int = 0, method: str = "bca"
) -> np.ndarray:
    """Confidence intervals of means over pictures.

    `table`: a row of finite numbers for each mean, `(rows, N)`, N at least 2, in any unit; equal values give that value
    twice. `method`: "bca", bias-corrected and accelerated, or "bootstrap-t", which is wider and covers the mean of
    skewed values more often, and is NaN below `FEWEST` values. Returns low and high, float64 `(rows, 2)`; equal
    arguments give equal intervals. Raises ValueError for other values. All rows share their resamples: scipy draws
    pictures, and the statistic is the means of all rows at once. Source: Efron 1987, by scipy; Efron and Tibshirani
    1993, section 12.5.
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError("an interval needs at least two values, all finite")
    mean = table.mean(axis=1, keepdims=True)
    spread = np.abs(table - mean).max(axis=1, keepdims=True)
    found = np.repeat(mean, 2, axis=1)
    varied = (spread > 1e-14 * np.abs(mean)).ravel()  # where not, every resample is the sample
    if not varied.any():
        return found
    residual = (table - mean)[varied] / spread[varied]
    bounds = (_bootstrap_t if method == "bootstrap-t" else _bca)(residual, confidence, resamples, seed)
    found[varied] += spread[varied] * bounds
    return found


def _bootstrap_t(residual: np.ndarray, confidence: float, resamples: int, seed: int) -> np.ndarray:
    """Low and high of the means of rows of mean 0: the error of a resample's mean in units of its own spread."""
    size = residual.shape[1]
    if size < FEWEST:
        return np.full((len(residual), 2), np.nan)
    random, errors = np.random.default_rng(seed), []
    for drawn in np.diff([*range(0, resamples, max(1, BATCH // size)), resamples]):
        counts = random.multinomial(size, np.full(size, 1 / size), drawn)
        means, squares = counts @ residual.T / size, counts @ (residual**2).T / size
        deviations = np.sqrt(np.maximum(squares - means**2, 0))
        errors.append(np.where(deviations > 1e-9, means, np.nan) / np.where(deviations > 1e-9, deviations, 1))
    tail = (1 - confidence) / 2
    high, low = np.nanquantile(np.concatenate(errors), [1 - tail, tail], axis=0)
    return -np.stack([high, low], axis=1) * residual.std(axis=1, keepdims=True)


def _bca(residual: np.ndarray, confidence: float, resamples: int, seed: int) -> np.ndarray:
    """Low and high of the means of rows of mean 0, by scipy."""
    size = residual.shape[1]

    def means(drawn: np.ndarray, axis: int) -> np.ndarray:
        rows = drawn.reshape(-1, drawn.shape[-1])
        places = (rows + size * np.arange(len(rows))[:, None]).ravel()
        counts = np.bincount(places, minlength=size * len(rows)).reshape(*drawn.shape[:-1], size).astype(np.float64)
        # Rounded, because BCa counts ties, and means that differ by rounding alone are ties.
        return np.tensordot(residual, counts, (-1, -1)).round(12) / drawn.shape[-1]

    interval = bootstrap(
        (np.arange(size),), means, n_resamples=resamples, confidence_level=confidence, method="BCa",
        rng=np.random.default_rng(seed), batch=max(1, BATCH // size),
    ).confidence_interval  # fmt: skip
    return np.stack([interval.low, interval.high], axis=1)


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values corrected so that any false claim among them has the level's probability: by name, as given.

    The smallest is multiplied by their number, the next by one less; none falls below a smaller one, none exceeds 1.
    Source: Holm 1979.
    """
    values = np.array(list(p.values()))
    order = np.argsort(values, kind="stable")
    values[order] = np.maximum.accumulate(np.minimum(1, values[order] * np.arange(len(p), 0, -1)))
    return dict(zip(p, values.tolist(), strict=True))


def wilcoxon_against_best(values: Mapping[str, Sequence[float]], direction: str, best: str | None = None) -> Comparison:
    """Test the best method against every other over the same pictures.

    `values`: by name of the method, a number for each picture `(N,)`, in one order of pictures; those for which any
    method has no finite value are left out for all. `direction`: "lower" or "higher" is better. `best`: name of the
    method to test against; None for that of the best mean, the first of equal ones. Methods that agree on every picture
    have p = 1. Raises ValueError for fewer than two methods, no common picture, unequal lengths or another direction.
    Source: Wilcoxon 1945 (two-sided, differences of zero dropped), by scipy; Holm 1979.
    """
    table = _common(values, direction, 2)
    names = list(values)
    if best is None:
        best = names[int(np.argmin(_ascending(table, direction).mean(axis=1)))]
    others = [name for name in names if name != best]
    # Positive where the other method is worse.
    differences = _ascending(table[[names.index(name) for name in others]] - table[names.index(best)], direction)
    statistic, p, behind = (dict(zip(others, x.tolist(), strict=True)) for x in signed_ranks(differences))
    return Comparison(best, table.shape[1], statistic, p, holm(p), behind)


def signed_ranks(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wilcoxon's signed-rank test of each row: its statistic, two-sided p, and whether positive ranks prevail.

    `differences`: finite, float64 `(rows, pictures)`, in any unit; zeros are dropped, and a row of zeros has p = 1.
    Returns float64, float64 and bool `(rows,)`. Source: Wilcoxon 1945, by scipy.
    """
    statistic, p = np.zeros(len(differences)), np.ones(len(differences))
    sizes = np.sort(np.abs(differences), axis=1)
    untied = (sizes[:, 0] > 0) & (np.diff(sizes, axis=1) > 0).all(axis=1)
    # scipy takes the exact distribution only where no row at all has ties or zeros: these are tested apart.
    for rows in (untied, ~untied & (sizes[:, -1] > 0)):
        if rows.any():
            found = wilcoxon(differences[rows], axis=1)
            statistic[rows], p[rows] = found.statistic, found.pvalue
    nonzero = np.where(differences == 0, np.nan, differences)
    ranks = rankdata(np.abs(nonzero), axis=1, nan_policy="omit")
    return statistic, p, np.nansum(ranks * np.sign(nonzero), axis=1) > 0


def friedman(values: Mapping[str, Sequence[float]], direction: str) -> Ranking:
    """Test whether methods differ at all over the same pictures, and rank them.

    `values`, `direction` and pictures left out as in `wilcoxon_against_best`. Methods that agree on every picture have
    statistic 0 and p = 1. Raises ValueError for fewer than three methods, no common picture, unequal lengths or another
    direction. Source: Friedman 1937, by scipy.
    """
    table = _common(values, direction, 3)
    ranks = rankdata(_ascending(table, direction), axis=0)
    mean_rank = {name: float(rank) for name, rank in zip(values, ranks.mean(axis=1), strict=True)}
    if (table == table[0]).all():
        return Ranking(table.shape[1], 0.0, 1.0, mean_rank)
    statistic, p = friedmanchisquare(*table)
    return Ranking(table.shape[1], float(statistic), float(p), mean_rank)


def _ascending(table: np.ndarray, direction: str) -> np.ndarray:
    """The table so that lower is better."""
    return table if direction == "lower" else -table


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
