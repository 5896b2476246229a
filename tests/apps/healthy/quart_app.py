from quart import Quart, redirect, request, session, websocket

from visits import COMMON, RANGES, SESSION

app = Quart(__name__, static_folder="static")
app.secret_key = "known"
done = []


@app.get("/")
async def hello():
    return "hello"


@app.post("/echo")
async def echo():
    return {"size": len(await request.get_data())}


@app.get("/stream")
async def stream():
    async def chunks():
        for n in range(5):
            yield f"{n}\n"

    return chunks(), 200, {"content-type": "text/plain"}


@app.get("/background")
async def background():
    async def later():
        done.append(1)

    app.add_background_task(later)
    return "soon"


@app.get("/nothing")
async def nothing():
    return "", 204


@app.get("/session")
async def count():
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"]}


@app.get("/large")
async def large():
    return "large " * 500


@app.get("/away")
async def away():
    return redirect("/", 307)


@app.websocket("/ws")
async def chat():
    await websocket.accept(subprotocol=next(iter(websocket.requested_subprotocols), None))
    while True:
        await websocket.send(await websocket.receive())


# It fails for the end of a file, and answers 416 without a Content-Range.
VISITS = [*COMMON, RANGES[0], *SESSION]
