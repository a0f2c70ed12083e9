"""Facts about metrics by name, and the families they come in.

Families are the modules of `ccc.metrics.families`, found by file name and imported by name on demand. No `import`
statement here names one, because the workflow derives a family's dependencies from import statements. Docs:
docs/add-metrics.md.
"""

import dataclasses
import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Sequence

import ccc.metrics.families
from ccc.core.errors import CCCError, did_you_mean

FORMAT = "ccc-metrics-2"  # of the stored summary; raised when its shape or the names in it change
NATIVE = "native"  # in place of the size in a name, where the pictures have no common short side
FOREIGN = "pyiqa:"  # before the name of a metric of the package pyiqa
FOREIGN_FAMILY = "pyiqa-"  # before the name of the family that is that metric
_FIRST = ("pixel", "perceptual", "distribution")  # of every list; other families follow by name


@dataclasses.dataclass(frozen=True)
class Metric:
    """Facts about a metric. `name` is its column and states all that makes values incomparable (net, layer, size).

    `pair`: from a `ccc.metrics.pair.Pair` to a float, for metrics of single pictures; what the metric needs is its
    second argument. `set`: from two arrays, of the predictions and of the truths, to a float, for metrics of whole
    sets; `interval`: from the same to the 95% interval of it. The arrays come from `counts`, which takes a Pair to
    `(2, K)`, summed over the pictures, or from `gather`, which takes the metrics that share it, the matches, what they
    need, the file of the truth's features or None, and `progress`, to both arrays by the metric's name.
    """

    name: str
    title: str
    direction: str | None  # "lower" or "higher" is better, None where neither is
    range: str
    compares: str
    source: str
    version: int | str = 1  # raised when its numbers change
    pair: Callable | None = None
    set: Callable | None = None
    interval: Callable | None = None
    counts: Callable | None = None
    gather: Callable | None = None
    needs: str | None = None  # "codebook", the name of a weight file, or "pyiqa:" and the name of a network
    load: Callable | None = None  # from the path given for what it needs, or None, to it; None: the path of the file
    dimension: int | None = None  # of the Inception features
    resize: str = ""  # how pictures reach Inception, see `ccc.metrics.inception.RESIZE`
    enough: int = 0  # pictures below which a metric of whole sets is biased
    undefined: str = ""  # which pictures have no value
    default: bool = True
    sized: bool = False  # its value depends on the pictures' size, which `at` puts into its name
    base: str = ""  # the name without the size, of a sized metric that has one
    family: str = ""  # the registry's: the name of the module that holds it

    @property
    def kind(self) -> str:
        """Whether every picture has a value ("pair") or only the whole set has one ("set")."""
        return "pair" if self.pair else "set"

    def at(self, side: int | str) -> "Metric":
        """The metric as it is called for pictures whose short side is `side` pixels: "cnr" becomes "cnr_256"."""
        if not self.sized:
            return self
        name, title = self.name.replace("cnr", f"cnr_{side}", 1), self.title.replace("CNR", f"CNR {side}")
        return dataclasses.replace(self, name=name, title=title, base=self.name)


def families() -> list[str]:
    """Names of the families; each metric of the package pyiqa is one more, "pyiqa-" before its name."""
    found = [module.name for module in pkgutil.iter_modules(ccc.metrics.families.__path__)]
    return sorted(found, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))


def module(family: str) -> str:
    """Name of the module that holds a family: "ccc.metrics.families.pixel". Raises CCCError for a name of none."""
    if family.startswith(FOREIGN_FAMILY):
        return "ccc.metrics.foreign"
    if family not in families():
        raise CCCError(
            f"no family of metrics {family!r}: {did_you_mean(family, families())}there are {', '.join(families())}, "
            f"and {FOREIGN_FAMILY}NAME for metrics of pyiqa"
        )
    return f"ccc.metrics.families.{family}"


@functools.cache
def _family(name: str) -> dict[str, Metric]:
    held = importlib.import_module(module(name))
    found = [held.metric(name.removeprefix(FOREIGN_FAMILY))] if name.startswith(FOREIGN_FAMILY) else held.METRICS
    if not isinstance(found, tuple | list) or not all(isinstance(metric, Metric) for metric in found):
        raise CCCError(f"{held.__file__}: METRICS must be a tuple of Metric, with a comma after a single one")
    for metric in found:
        if metric.direction not in ("lower", "higher", None):
            raise CCCError(f'{held.__file__}: direction of {metric.name} must be "lower", "higher" or None')
    return {metric.name: dataclasses.replace(metric, family=name) for metric in found}


def metrics(family: str | None = None) -> dict[str, Metric]:
    """Metrics by name: those of a family, or of all but pyiqa's. Raises CCCError as `module` and `find` do."""
    found: dict[str, Metric] = {}
    for one in [family] if family else families():
        for name, metric in _family(one).items():
            if name in found:
                raise CCCError(f"families {found[name].family} and {one} both have a metric {name!r}: rename one")
            found[name] = metric
    return found


@functools.cache
def find(name: str, family: str | None = None) -> Metric:
    """The metric of that name, which may hold a size ("cnr_256") or be one of the package pyiqa ("pyiqa:musiq").

    `family`: the only one to look in. Raises CCCError, with the nearest name, for a name that no metric has.
    """
    if family is None and name.startswith(FOREIGN):
        return _family(FOREIGN_FAMILY + name.removeprefix(FOREIGN))[name]
    known = metrics(family)
    if name in known:
        return known[name]
    if sized := re.fullmatch(rf"cnr_(\d+|{NATIVE})(_\w+)?", name):
        metric = known.get("cnr" + (sized[2] or ""))
        if metric and metric.sized:
            return metric.at(sized[1])
    of = f" in the family {family}" if family else ""
    others = "" if family else f", and {FOREIGN}NAME for those of pyiqa"
    longer = [other for other in known if other.startswith(name)]  # "lpips" stands for the first of its nets
    hint = f"did you mean {longer[0]!r}? " if longer else did_you_mean(name, known)
    raise CCCError(f"no metric {name!r}{of}: {hint}there are {', '.join(known)}{others}")


def choose(names: Sequence[str] | None = None, codebook: bool = False, family: str | None = None) -> list[Metric]:
    """Metrics by name in the registry's order, further ones of pyiqa after it; the default ones where none is given.

    `codebook`: whether the default ones include those that need a codebook; `family`: the only one to choose from,
    of whose metrics all are taken where none is a default one. Raises CCCError, with the nearest name, for a name
    that no metric has.
    """
    known = metrics(family)
    if not names:
        usual = [m for m in known.values() if m.default or (codebook and m.needs == "codebook")]
        return usual or list(known.values())
    order = list(known)
    found = [find(name, family) for name in names]
    return sorted(found, key=lambda m: order.index(base) if (base := m.base or m.name) in order else len(order))
