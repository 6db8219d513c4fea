"""Data without its patient: PS3.15 Annex E."""
