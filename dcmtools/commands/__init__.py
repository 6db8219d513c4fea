"""The subcommands, one module each: parse, call one room, report."""
