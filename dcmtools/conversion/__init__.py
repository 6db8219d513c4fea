"""DICOM into other formats, and back."""
