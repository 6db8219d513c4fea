"""Samples made pictures: modality and VOI transformations, palettes, sizes (PS3.3 C.11, C.7.6.3.1)."""
