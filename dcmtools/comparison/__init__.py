"""What is different between data sets, whatever bytes they are made of."""
