"""Rules for servers: what they give to an app, and what they do with what it sends.

They are judged beside the app's, and only where the server is to be judged as well.
"""
