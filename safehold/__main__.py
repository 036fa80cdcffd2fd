"""`python -m safehold`."""

from safehold.cli import main

main()
