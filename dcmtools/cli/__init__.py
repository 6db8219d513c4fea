"""The shell: click lives here and in commands only."""
