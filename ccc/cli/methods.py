"""List the colorization methods.

`ccc methods NAME` also explains the method's options, which `ccc colorize --option NAME=VALUE` sets.
"""

import textwrap
from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", help="methods (default: all)")


def run(args: Namespace) -> None:
    from ccc import colorizers
    from ccc.assets import weights

    for name in args.name or colorizers.names():
        info = colorizers.info(name)
        print(f"{name}: {info.title}")
        print(f"  paper       {info.paper}")
        print(f"  licence     {info.licence}")
        print(f"  parameters  {info.parameters:,}" if info.parameters else "  parameters  -")
        if not info.weights:
            print("  weights     none needed")
        for file in info.weights:
            if file not in weights.known():
                print(f"  weights     {file}: train it and give it with --weights")
            else:
                print(f"  weights     {file}: {weights.find(file) or f'missing, run `ccc weights fetch {file}`'}")
        options = [f"{key}={value}" if value is not None else key for key, value in colorizers.options(name).items()]
        print(f"  options     {', '.join(options) or '-'}")
        if info.note:
            print(f"  note        {info.note}")
        if args.name and options:
            print(textwrap.indent(colorizers.explained(name), "    "))
