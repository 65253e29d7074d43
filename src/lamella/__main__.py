"""``python -m lamella``: the command line, see `lamella.cli`."""

import sys

from lamella.cli import main

if __name__ == "__main__":
    sys.exit(main())
