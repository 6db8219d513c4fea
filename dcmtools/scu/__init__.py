"""PS3.4, the user side: one module per service class."""
