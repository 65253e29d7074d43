"""What the commands say when something is wrong."""

import sys


def complain(text: object) -> None:
    """Print ``text`` on stderr as one line, whatever it holds."""
    print("lamella:", " ".join(str(text).split()), file=sys.stderr)
