"""Colorizers by name. A method is a module of this package with `INFO` (a MethodInfo) and `load(weights, device)`.

What a method is and takes is read from its source, which is not run before it is used: nearly all import torch, and a
list of them would take seconds. So `INFO` is written out, and so are the defaults of `load` where no section of the
settings has them. Defaults that lie in a file come from a function `own_defaults`, in a module that can do without
torch until it is loaded.

`planning` finds files to colour, `coloring` and `video` colour them with any method, `filing` writes pictures, `notes`
say of what and how each was made.
"""

import ast
import functools
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, located
from ccc.core.errors import CCCError, did_you_mean
from ccc.settings.base import todays_names
from ccc.settings.baselines import Baselines
from ccc.settings.decoding import Decoding

NOT_METHODS = ("base", "coloring", "filing", "notes", "planning", "video")
SETTINGS = {name: type(section).model_fields for name, section in Baselines()} | {"ccc": Decoding.model_fields}

__all__ = ["Colorizer", "MethodInfo", "explained", "files", "info", "load", "names", "options"]


def names() -> list[str]:
    """Names of all methods, sorted. Nothing is imported to find them."""
    return sorted(
        module.name
        for module in pkgutil.iter_modules(__path__)
        if module.name not in NOT_METHODS and not module.name.startswith("_")
    )


def _known(name: str) -> str:
    """Full name of the method's module."""
    if name not in names():
        raise CCCError(f"no method {name!r}: {did_you_mean(name, names())}there are {', '.join(names())}")
    return f"{__name__}.{name}"


def _module(name: str) -> ModuleType:
    return importlib.import_module(_known(name))


@functools.cache
def _source(name: str) -> tuple[ast.Call, dict[str, ast.FunctionDef]]:
    """The call that makes `INFO` in the method's module, and the module's functions by name."""
    _known(name)
    body = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")).body
    assigned = {ast.unparse(node.targets[0]): node.value for node in body if isinstance(node, ast.Assign)}
    info = assigned["INFO"]
    if not isinstance(info, ast.Call):
        raise TypeError(f"{name}: INFO must be a call of MethodInfo")
    return info, {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def info(name: str) -> MethodInfo:
    """Facts about a method. Raises CCCError, with the nearest name, where there is none of that name."""
    call, _ = _source(name)
    return MethodInfo(**{str(word.arg): ast.literal_eval(word.value) for word in call.keywords})


def options(name: str) -> dict:
    """The method's own options with their defaults; what None stands for is `explained`. Raises as `info`."""
    _, functions = _source(name)
    given, settings = functions["load"].args, SETTINGS.get(name, {})
    found = {}
    for option, default in zip((parameter.arg for parameter in given.args), given.defaults, strict=True):
        if option not in ("weights", "device"):
            found[option] = settings[option].default if option in settings else ast.literal_eval(default)
    return found | (_module(name).own_defaults() if "own_defaults" in functions else {})


def explained(name: str) -> str:
    """What the method's `load` says of its options. Raises as `info`."""
    return ast.get_docstring(_source(name)[1]["load"]) or ""


def files(name: str, weights: Weights = None, **options) -> list[Path]:
    """Files that `load` would read with the same arguments, found but not read: what to ask before any work.

    Raises as `load` does: MissingWeights, with the command that gets the file, where one is not at hand, CCCError
    for an unknown name or an option that is missing. A method with files of its own way has a function `files`.
    """
    module = _module(name)
    if hasattr(module, "files"):
        return module.files(weights, **options)
    return [located(module.INFO, weights, options.get("model"))] if module.INFO.weights else []


def todays_options(name: str, given: dict) -> dict:
    """`given` with CCC's options under today's names; a warning is written for each old one."""
    return todays_names(given, Decoding) if name == "ccc" else given


def load(name: str, weights: Weights = None, device: Device = None, **given) -> Colorizer:
    """Make a method ready to colour.

    `weights`: path of its weight file, or None to look where `ccc weights` keeps it; `device`: a torch device or its
    name, None for the GPU where there is one; `given`: the method's own `options`, of which CCC's are taken by old
    names too. Raises CCCError for an unknown name, MissingWeights where a file is not at hand.
    """
    known, given = options(name), todays_options(name, given)
    for option in given:
        if option not in known:
            hint = did_you_mean(option, known)
            raise CCCError(f"{name} has no option {option!r}: {hint}there are {', '.join(sorted(known)) or 'none'}")
    return _module(name).load(weights=weights, device=device, **given)
