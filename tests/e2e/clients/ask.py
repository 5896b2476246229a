"""Print what a URL answers, with the standard library's usual context; `--strict` as Python 3.13 has it."""

import ssl
import sys
import urllib.request

url, *more = sys.argv[1:]
context = ssl.create_default_context()
if more:
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
sys.stdout.write(urllib.request.urlopen(url, context=context).read().decode())
