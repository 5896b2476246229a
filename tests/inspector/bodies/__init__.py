"""What is inside of bodies."""
