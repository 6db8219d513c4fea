"""``dcmtools peers``: the peers that ``config.toml`` names, one module for each thing to do with them."""

HELP = """Name the peers you talk to.

A name that stands in config.toml as [peers.NAME] can be given wherever a command takes a PEER. Names
are made of letters, digits, dots, dashes and underscores.

\b
Examples:
  dcmtools peers add archive ARCHIVE@pacs.example.org:104 --calling-aet CT1
  dcmtools peers list
  dcmtools store archive night/
"""
