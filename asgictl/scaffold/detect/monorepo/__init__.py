"""What a project shares with the folders around it: a lock above, and names that no public index has."""
