from fastapi import APIRouter

from ..words import HELLO

router = APIRouter()


@router.get("/")
def hello() -> dict[str, str]:
    return {"hello": HELLO}
