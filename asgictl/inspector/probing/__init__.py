"""Calling an app as servers may call it, in this process, to see which rules of ASGI it breaks."""
