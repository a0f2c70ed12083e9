"""`python -m ccc` is the `ccc` command."""

import sys

from ccc.cli import main

if __name__ == "__main__":
    sys.exit(main())
