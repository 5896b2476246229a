"""What `asgictl scaffold` finds, plans, writes and checks; without a container engine."""
