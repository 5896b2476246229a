"""What runs around the user's app, in the process that serves it."""
