"""`python -m callbot_lab` is `callbot-lab`."""

from .cli import main

main()
