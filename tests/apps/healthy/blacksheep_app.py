import asyncio
from pathlib import Path

from blacksheep import (
    Application,
    Content,
    Request,
    Response,
    StreamedContent,
    WebSocket,
    WebSocketDisconnectError,
    get,
    head,
    json,
    post,
    temporary_redirect,
    text,
    ws,
)
from blacksheep.server.compression import use_gzip_compression

from visits import COMMON, FILE, PREFLIGHT, SESSION, answers

app = Application()
app.use_sessions("known")
app.use_cors(allow_methods="*", allow_origins="https://shop.example", allow_headers="*")
use_gzip_compression(app)
app.serve_files(Path(__file__).with_name("static"), root_path="static")
done = []


@get("/")
async def hello() -> Response:
    return text("hello")


@head("/")
async def hello_head() -> Response:
    return text("hello")


@post("/echo")
async def echo(request: Request) -> Response:
    return json({"size": len(await request.read() or b"")})


@get("/stream")
async def stream() -> Response:
    async def chunks():
        for n in range(5):
            yield f"{n}\n".encode()
            await asyncio.sleep(0)

    return Response(200, content=StreamedContent(b"text/plain", chunks))


@get("/background")
async def background() -> Response:
    asyncio.get_running_loop().call_soon(done.append, 1)
    return text("soon")


@get("/nothing")
async def nothing() -> Response:
    return Response(204)


@get("/session")
async def session(request: Request) -> Response:
    request.session["count"] = request.session.get("count", 0) + 1
    return json({"count": request.session["count"]})


@get("/large")
async def large() -> Response:
    return text("large " * 500)


@head("/large")
async def large_head() -> Response:
    return text("large " * 500)


@get("/away")
async def away() -> Response:
    return temporary_redirect("/")


@ws("/ws")
async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnectError:
        pass


# It knows no 405, and sends two lengths for HEAD of a file.
ASKED = [visit for visit in answers(COMMON, **{"DELETE /": 404, "POST /": 404}) if visit[:2] != ("HEAD", FILE)]
VISITS = [*ASKED, *SESSION, *PREFLIGHT]
