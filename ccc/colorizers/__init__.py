"""Colorizers by name. A method is a module of this package with `INFO` (a MethodInfo) and `load(weights, device)`.

Facts and options are parsed from the module's source, because importing nearly any method imports torch, which takes
seconds. So `INFO`, and the defaults of `load` that no section of the settings declares, are literals. Defaults stored
in a file come from a function `own_defaults`, in a module that imports torch only when it loads its network.

`planning` finds files to colour, `coloring` and `video` colour them with any method, `filing` writes pictures, `notes`
record how each was made and from which source.
"""

import ast
import functools
import importlib
import os
import pkgutil
from pathlib import Path
from types import ModuleType

from ccc.colorizers.base import Colorizer, Device, MethodInfo, Weights, located
from ccc.core.errors import CCCError, did_you_mean, unknown
from ccc.settings.base import dotted, todays_names
from ccc.settings.baselines import Baselines, Oracle
from ccc.settings.decoding import Decoding

NOT_METHODS = ("base", "coloring", "filing", "notes", "planning", "video")
SETTINGS = {name: type(section) for name, section in Baselines()} | {"ccc": Decoding, "oracle": Oracle}

__all__ = ["Colorizer", "MethodInfo", "explained", "files", "info", "kinds", "load", "names", "options"]


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
        raise unknown("method", name, names())
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
    """Facts about a method. Raises CCCError, naming the nearest method, for an unknown name."""
    call, _ = _source(name)
    return MethodInfo(**{str(word.arg): ast.literal_eval(word.value) for word in call.keywords})


def options(name: str) -> dict:
    """The method's own options with their defaults; `explained` describes them. Raises as `info`."""
    _, functions = _source(name)
    given, settings = functions["load"].args, SETTINGS[name].model_fields if name in SETTINGS else {}
    found = {}
    for option, default in zip((parameter.arg for parameter in given.args), given.defaults, strict=True):
        if option not in ("weights", "device"):
            found[option] = settings[option].default if option in settings else ast.literal_eval(default)
    return found | (_module(name).own_defaults() if "own_defaults" in functions else {})


def kinds(name: str) -> dict[str, str]:
    """The annotations of the options of the method's `load`, such as "int" or "str | os.PathLike". Raises as `info`."""
    given = _source(name)[1]["load"].args.args
    return {parameter.arg: ast.unparse(parameter.annotation) for parameter in given if parameter.annotation}


def explained(name: str) -> str:
    """The docstring of the method's `load`, which describes its options. Raises as `info`."""
    return ast.get_docstring(_source(name)[1]["load"]) or ""


def files(name: str, weights: Weights = None, **options) -> list[Path]:
    """Files that `load` would read with the same arguments, found but not read.

    Raises MissingWeights, with the command that gets the file, where one is missing, CCCError for an unknown name, a
    wrong or a missing option. A method overrides the default, its weight file, by a function `files`.
    """
    module, options = _module(name), _checked(name, options)
    if hasattr(module, "files"):
        return module.files(weights, **options)
    return [located(module.INFO, weights, options.get("model"))] if module.INFO.weights else []


def todays_options(name: str, given: dict) -> dict:
    """`given` with CCC's options under their current names; writes a warning for each old name."""
    return todays_names(given, Decoding) if name == "ccc" else given


def _checked(name: str, given: dict) -> dict:
    """`given` under current names, each option checked and converted by the method's settings."""
    known, given = options(name), todays_options(name, given)
    for option, value in given.items():
        if option not in known:
            hint = did_you_mean(option, known)
            raise CCCError(f"{name} has no option {option!r}: {hint}there are {', '.join(sorted(known)) or 'none'}")
        if name in SETTINGS:
            value = os.fspath(value) if isinstance(value, os.PathLike) else value
            section = SETTINGS[name].checked({option: value}, lambda place: dotted((name, *place)))
            given[option] = getattr(section, option)
    return given


def load(name: str, weights: Weights = None, device: Device = None, **given) -> Colorizer:
    """Load a method.

    `weights`: path of its weight file, or None to look where `ccc weights` keeps it; `device`: a torch device or its
    name, None for the GPU where there is one; `given`: the method's own `options`; CCC also accepts their old names.
    Raises CCCError for an unknown name, a wrong option or value, MissingWeights where a file is missing.
    """
    given = _checked(name, given)
    return _module(name).load(weights=weights, device=device, **given)
