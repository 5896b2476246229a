HELLO = "src"
