"""Whether an image has what the app imports."""
