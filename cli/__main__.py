"""``python -m intrex.cli``."""

from intrex.cli.app import main

main()
