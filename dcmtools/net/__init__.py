"""PS3.7 and PS3.8: PDUs, associations, DIMSE messages."""
