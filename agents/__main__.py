"""`python -m agents` is `ebbwatch`."""

from agents.cli import main

main(prog_name="ebbwatch")
