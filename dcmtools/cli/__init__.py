"""The shell: click lives here and in commands only."""

import gc

# While modules load nothing becomes garbage: not looking for it saves 1.5 ms of every start. What a long
# run leaves in cycles is still collected, in larger portions.
gc.set_threshold(50_000, 20, 20)
