"""Which files a command is to work on: the expressions of ``--where``."""
