from pathlib import Path

from litestar import Litestar, Request, get, head, post
from litestar.background_tasks import BackgroundTask
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.handlers import websocket_listener
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.response import Redirect, Response, Stream
from litestar.static_files import create_static_files_router

from visits import COMMON, PREFLIGHT, SESSION, answers

done = []


@get("/")
async def hello() -> str:
    return "hello"


@head("/")
async def hello_head() -> None:
    pass


@post("/echo", status_code=200)
async def echo(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


@get("/stream")
async def stream() -> Stream:
    async def chunks():
        for n in range(5):
            yield f"{n}\n"

    return Stream(chunks(), media_type="text/plain")


@get("/background")
async def background() -> Response[str]:
    async def later() -> None:
        done.append(1)

    return Response("soon", background=BackgroundTask(later))


@get("/nothing", status_code=204)
async def nothing() -> None:
    pass


@get("/session")
async def session(request: Request) -> dict[str, int]:
    request.session["count"] = request.session.get("count", 0) + 1
    return {"count": request.session["count"]}


@get("/large")
async def large() -> str:
    return "large " * 500


@head("/large")
async def large_head() -> None:
    pass


@get("/away")
async def away() -> Redirect:
    return Redirect("/", status_code=307)


@websocket_listener("/ws")
async def chat(data: str) -> str:
    return data


app = Litestar(
    [
        *(hello, hello_head, large_head, echo, stream, background, nothing, session, large, away, chat),
        create_static_files_router(path="/static", directories=[Path(__file__).with_name("static")]),
    ],
    cors_config=CORSConfig(allow_origins=["https://shop.example"], allow_credentials=True),
    compression_config=CompressionConfig(backend="gzip"),
    middleware=[CookieBackendConfig(secret=b"0123456789abcdef").middleware],
)
CACHED = [visit for visit in COMMON if visit[4] != 304]  # it has no 304 for files
VISITS = [*CACHED, *SESSION, *answers(PREFLIGHT, **{"OPTIONS /": 204})]
