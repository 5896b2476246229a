HELLO = b"hello script"
