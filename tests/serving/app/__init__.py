"""What runs around the user's app."""
