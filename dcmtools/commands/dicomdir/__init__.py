"""``dcmtools dicomdir``: DICOM media, one module for each thing to do with them."""

HELP = """Make, read, check and unpack DICOM media.

MEDIUM is the folder that holds a DICOMDIR, that DICOMDIR itself, or a zip file with one: a CD, a stick,
or a copy of one.

\b
Examples:
  dcmtools dicomdir create studies/ -o medium/
  dcmtools dicomdir list /media/cdrom
  dcmtools dicomdir verify /media/cdrom
  dcmtools dicomdir extract /media/cdrom -o incoming/
"""
