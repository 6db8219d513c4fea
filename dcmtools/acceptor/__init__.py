"""PS3.8, the acceptor's side: a server that answers associations with whatever services it is given."""
