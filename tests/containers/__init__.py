"""What `asgictl scaffold` writes, on a real engine."""
