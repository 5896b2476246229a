import contextlib
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from visits import COMMON, PREFLIGHT, RANGES, SESSION, SOCKETS

done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"database": "open"}


async def hello(request):
    return PlainTextResponse("hello")


async def echo(request):
    return JSONResponse({"size": len(await request.body())})


async def stream(request):
    async def chunks():
        for n in range(5):
            yield f"{n}\n"

    return StreamingResponse(chunks(), media_type="text/plain")


async def background(request):
    return PlainTextResponse("soon", background=BackgroundTask(done.append, 1))


async def nothing(request):
    return Response(status_code=204)


async def session(request):
    request.session["count"] = request.session.get("count", 0) + 1
    return JSONResponse({"count": request.session["count"], "database": request.state.database})


async def large(request):
    return PlainTextResponse("large " * 500)


class Named(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-name"] = "shop"
        return response


class Chat(WebSocketEndpoint):
    encoding = "text"

    async def on_connect(self, websocket):
        await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))

    async def on_receive(self, websocket, data):
        await websocket.send_text(data)


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", hello),
        Route("/echo", echo, methods=["POST"]),
        Route("/stream", stream),
        Route("/background", background),
        Route("/nothing", nothing),
        Route("/session", session),
        Route("/large", large),
        Route("/away", lambda request: RedirectResponse("/")),
        WebSocketRoute("/ws", Chat),
        Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
    ],
    middleware=[
        Middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True, allow_methods=["*"]),
        Middleware(SessionMiddleware, secret_key="known"),
        Middleware(GZipMiddleware),
        Middleware(Named),
    ],
)
VISITS = [*COMMON, *RANGES, *SESSION, *PREFLIGHT]
