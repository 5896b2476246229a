"""What is recorded, and that nothing is changed by it."""
