"""DICOM media: file-sets and their DICOMDIR (PS3.10 section 8, PS3.3 Annex F, PS3.11)."""
