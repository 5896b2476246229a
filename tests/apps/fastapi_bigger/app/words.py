HELLO = "bigger"
