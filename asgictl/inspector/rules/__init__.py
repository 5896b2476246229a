"""The rules of ASGI: each one's text beside the code that checks it, as pure functions over what is recorded.

`catalogue` has all of them by their numbers, `referee` judges records. A `Case` is one connection before the rules; its
kinds read as the parts of the specification: `http`, `websocket`, `lifespan`, with `general` for all of them.
"""
