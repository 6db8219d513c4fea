"""PS3.4 Annex C: what is asked of an archive, and what answers it."""
