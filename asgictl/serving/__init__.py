"""Serving an app with one call of `uvicorn.run`: plan, bind, load, run, stop."""
