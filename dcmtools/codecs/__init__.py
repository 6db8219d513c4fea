"""PS3.5 section 8 and Annex A: pixel data, frame by frame, in and out of transfer syntaxes."""
