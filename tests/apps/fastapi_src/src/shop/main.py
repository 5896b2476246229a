from fastapi import FastAPI

from shop.words import HELLO

app = FastAPI()


@app.get("/")
def hello() -> dict[str, str]:
    return {"hello": HELLO}
