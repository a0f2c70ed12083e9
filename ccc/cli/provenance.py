"""Write the provenance of a run: versions, seeds, checksums."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, help="manifests, statistics of shards, codebook, model")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON to write")
    parser.add_argument("--configuration", default="{}", help="configuration of the workflow as JSON (default: none)")


def run(args: Namespace) -> None:
    from ccc.core.errors import CCCError
    from ccc.core.files import write_json
    from ccc.report.provenance import gather

    try:
        configuration = json.loads(args.configuration)
    except json.JSONDecodeError as error:
        raise CCCError(f"--configuration is not JSON ({error})") from None
    if not isinstance(configuration, dict):
        raise CCCError("--configuration must be a JSON object")
    found = gather(args.files, configuration)
    write_json(args.output, found)
    print(f"{args.output}: {len(found['packages'])} packages, {len(found['checksums'])} checksums")
