"""Files on the disk: whose they are, what would change, and writing them."""
