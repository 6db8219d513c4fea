"""PS3.4, the provider side: the server and its services."""
