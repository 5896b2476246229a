"""Rules for HTTP (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
