import contextlib
from pathlib import Path
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

from visits import COMMON, PREFLIGHT, RANGES, SESSION

done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"database": "open"}


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware)
app.add_middleware(SessionMiddleware, secret_key="known")
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True, allow_methods=["*"])


@app.middleware("http")
async def named(request: Request, call_next):
    response = await call_next(request)
    response.headers["x-name"] = "shop"
    return response


class Order(BaseModel):
    sku: str
    count: int = 1


async def connection():
    yield "open"


@app.get("/")
@app.head("/")
def hello():
    return {"hello": "FastAPI"}


@app.post("/echo")
async def echo(request: Request):
    return {"size": len(await request.body())}


@app.post("/orders", status_code=201)
def order(order: Order, connection: Annotated[str, Depends(connection)]) -> Order:
    return order


@app.get("/stream")
def stream():
    return StreamingResponse((f"{n}\n" for n in range(5)), media_type="text/plain")


@app.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(done.append, 1)
    return "soon"


@app.get("/nothing", status_code=204)
def nothing() -> None:
    pass


@app.get("/large")
@app.head("/large")
def large():
    return PlainTextResponse("large " * 500)


@app.get("/session")
async def session(request: Request):
    request.session["count"] = request.session.get("count", 0) + 1
    return request.session


@app.get("/away")
def away():
    return RedirectResponse("/")


@app.websocket("/ws")
async def chat(websocket: WebSocket):
    await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))

ORDERS = [
    ("POST", "/orders", {"content-type": "application/json"}, b'{"sku": "A1"}', 201),
    ("POST", "/orders", {"content-type": "application/json"}, b"{}", 422),
    ("GET", "/docs", {}, b"", 200),
    ("GET", "/openapi.json", {"accept-encoding": "gzip"}, b"", 200),
]
VISITS = [*COMMON, *RANGES, *SESSION, *PREFLIGHT, *ORDERS]
