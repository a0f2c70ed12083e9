"""Weight files: which are known, which are here.

Nothing is fetched by itself. Put a file into $CCC_WEIGHTS, or name its path in the configuration under `weights`.
"""


def add_arguments(parser):
    parser.add_argument("name", nargs="*", help="only these")


def run(args):
    from ccc.errors import MissingWeights
    from ccc.weights import known, locate

    for name in args.name or known():
        try:
            where = str(locate(name))
        except MissingWeights as error:
            where = str(error)
        print(f"{name} (used by {known()[name]['used_by']}): {where}")
