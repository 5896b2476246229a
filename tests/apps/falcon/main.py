import falcon.asgi


class Hello:
    async def on_get(self, req, resp):
        resp.text = "hello Falcon"

    async def on_websocket(self, req, ws):
        await ws.accept()
        try:
            while True:
                await ws.send_text(await ws.receive_text())
        except falcon.WebSocketDisconnected:
            pass


application = falcon.asgi.App()
application.add_route("/", Hello())
application.add_route("/ws", Hello())
