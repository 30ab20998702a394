"""Runs the command line as `python -m creditbot`."""

import sys

from creditbot.cli import main

if __name__ == "__main__":
    sys.exit(main())
