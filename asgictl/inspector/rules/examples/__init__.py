"""For each rule of the app's side a small app that breaks it, and one close to it that does not.

`asgictl check --rules A-153` prints them, and a test calls all of them.
"""
