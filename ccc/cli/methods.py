"""The methods that `ccc colorize --method` knows."""


def add_arguments(parser):
    parser.add_argument("name", nargs="*", help="only these")


def run(args):
    from ccc import colorizers

    for name in args.name or colorizers.names():
        info = colorizers.info(name)
        print(f"{name}: {info.title}")
        print(f"  paper       {info.paper}")
        print(f"  licence     {info.licence}")
        print(f"  parameters  {info.parameters:,}" if info.parameters else "  parameters  -")
        print(f"  weights     {', '.join(info.weights) or 'none needed'}")
        if info.note:
            print(f"  note        {info.note}")
