"""The messages of ASGI, and the keys that each may have."""

# https://asgi.readthedocs.io/en/latest/specs/www.html, .../specs/lifespan.html, and .../extensions.html
KEYS: dict[str, frozenset[str]] = {
    name: frozenset(("type", *keys))
    for name, keys in {
        "http.request": ("body", "more_body"),
        "http.disconnect": (),
        "http.response.start": ("status", "headers", "trailers"),
        "http.response.body": ("body", "more_body"),
        "http.response.push": ("path", "headers"),
        "http.response.zerocopysend": ("file", "offset", "count", "more_body"),
        "http.response.pathsend": ("path",),
        "http.response.early_hint": ("links",),
        "http.response.trailers": ("headers", "more_trailers"),
        "http.response.debug": ("info",),
        "websocket.connect": (),
        "websocket.accept": ("subprotocol", "headers"),
        "websocket.receive": ("bytes", "text"),
        "websocket.send": ("bytes", "text"),
        "websocket.disconnect": ("code", "reason"),
        "websocket.close": ("code", "reason"),
        "websocket.http.response.start": ("status", "headers"),
        "websocket.http.response.body": ("body", "more_body"),
        "lifespan.startup": (),
        "lifespan.startup.complete": (),
        "lifespan.startup.failed": ("message",),
        "lifespan.shutdown": (),
        "lifespan.shutdown.complete": (),
        "lifespan.shutdown.failed": ("message",),
    }.items()
}

# Those of extensions that an app sends over HTTP.
EXTENSIONS = frozenset(
    f"http.response.{name}" for name in ("push", "zerocopysend", "pathsend", "early_hint", "trailers", "debug")
)
