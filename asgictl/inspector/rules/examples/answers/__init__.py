"""Examples for answers over HTTP."""
