import bottle

site = bottle.Bottle()


@site.get("/")
def hello():
    return "hello Bottle"
