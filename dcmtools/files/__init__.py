"""PS3.10: inputs found and opened, Part 10 files read and written, safe names."""
