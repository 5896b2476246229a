"""Apps and servers called as a client does."""
