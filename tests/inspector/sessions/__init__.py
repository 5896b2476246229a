"""What is saved, and what is made of it."""
