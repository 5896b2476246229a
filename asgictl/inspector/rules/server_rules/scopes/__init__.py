"""What a server gives in the scope of a connection."""
