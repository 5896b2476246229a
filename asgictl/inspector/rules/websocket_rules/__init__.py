"""Rules for WebSocket (https://asgi.readthedocs.io/en/latest/specs/www.html#websocket)."""
