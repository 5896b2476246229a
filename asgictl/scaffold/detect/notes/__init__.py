"""What the user should know of a project before it runs elsewhere."""
