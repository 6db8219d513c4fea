"""Looking into data sets."""
