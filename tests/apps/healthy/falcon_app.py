from pathlib import Path

import falcon
import falcon.asgi

from visits import COMMON, PREFLIGHT, RANGES

done = []


class Hello:
    async def on_get(self, req, resp):
        resp.text = "hello"

    async def on_head(self, req, resp):
        resp.text = "hello"


class Echo:
    async def on_post(self, req, resp):
        resp.media = {"size": len(await req.stream.read())}


class Stream:
    async def on_get(self, req, resp):
        async def chunks():
            for n in range(5):
                yield f"{n}\n".encode()

        resp.content_type = "text/plain"
        resp.stream = chunks()


class Background:
    async def on_get(self, req, resp):
        async def later():
            done.append(1)

        resp.text = "soon"
        resp.schedule(later)


class Nothing:
    async def on_get(self, req, resp):
        resp.status = falcon.HTTP_204


class Large:
    async def on_get(self, req, resp):
        resp.text = "large " * 500

    on_head = on_get


class Away:
    async def on_get(self, req, resp):
        raise falcon.HTTPTemporaryRedirect("/")


class Chat:
    async def on_websocket(self, req, ws):
        await ws.accept(subprotocol=next(iter(ws.subprotocols), None))
        try:
            while True:
                await ws.send_text(await ws.receive_text())
        except falcon.WebSocketDisconnected:
            pass


app = falcon.asgi.App(cors_enable=True)
for path, resource in {
    "/": Hello(),
    "/echo": Echo(),
    "/stream": Stream(),
    "/background": Background(),
    "/nothing": Nothing(),
    "/large": Large(),
    "/away": Away(),
    "/ws": Chat(),
}.items():
    app.add_route(path, resource)
app.add_static_route("/static", str(Path(__file__).with_name("static")))
VISITS = [*COMMON, *RANGES, *PREFLIGHT]
