"""The one error that the command line shows as a single line instead of a traceback."""


class LabError(Exception):
    """Something the user gave is wrong; the message says what, and what is accepted."""
