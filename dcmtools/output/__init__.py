"""Results made visible, to people and to machines."""
