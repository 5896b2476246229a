"""What users type, and what they are told."""
