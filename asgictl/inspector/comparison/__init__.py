"""How two exchanges differ, and what of that could not be told."""
