"""Data sets changed: their elements replaced, inserted and removed."""
