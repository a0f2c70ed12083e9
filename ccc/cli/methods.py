"""The methods that `ccc colorize --method` knows, and whether their weights are here."""


def add_arguments(parser):
    parser.add_argument("name", nargs="*", help="only these")


def run(args):
    from ccc import colorizers, weights

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
                print(f"  weights     {file}: trained here, give --weights")
            else:
                print(f"  weights     {file}: {weights.find(file) or f'missing, `ccc weights fetch {file}` gets it'}")
        if info.note:
            print(f"  note        {info.note}")
