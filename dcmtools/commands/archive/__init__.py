"""``dcmtools archive``: what dcmtools serve keeps, one module for each thing to do with it."""

HELP = """Look after what serve has received.

DIR is the folder that dcmtools serve receives into: files as PATIENT/STUDY/SERIES/SOP.dcm, and an index
of them, DIR/.index.sqlite. The files are the archive; the index is made of them, and repaired whenever a
server starts.

\b
Examples:
  dcmtools archive list archive/
  dcmtools archive verify archive/
  dcmtools archive remove archive/ --study 1.2.840.113619.2.1 --dry-run
"""
