class app:
    def __init__(self, scope):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])

    async def __call__(self, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"hello ASGI 2"})
