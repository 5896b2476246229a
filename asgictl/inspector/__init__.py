"""Seeing what the server and the app say to each other: recorded, shown, saved, compared, exported, replayed."""
