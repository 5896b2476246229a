"""The source of a bare ASGI app, for tests that say what it does with a request."""

BEGINNING = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
"""


def answering(body: str) -> str:
    """Return the last lines of an app, which answer a request with an expression."""
    return f"""
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": {body}}})
"""
