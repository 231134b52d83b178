#!/usr/bin/env python3
"""Sends an event of astd-gateway to a chat in Telegram: telegram.py SETTINGS

SETTINGS is a JSON file that the gateway may read, others not: {"token": "123456:ABC...", "chat_id": 4711}
@BotFather gives the token. Write to the bot once, then https://api.telegram.org/botTOKEN/getUpdates has the chat's id.
"""
import json
import sys
import urllib.error
import urllib.request

settings = json.load(open(sys.argv[1]))
event = json.load(sys.stdin)
server = settings.get("server", "https://api.telegram.org")
# Without "parse_mode", nothing in a label is markup.
body = json.dumps({"chat_id": settings["chat_id"], "text": event["message"]}).encode()
request = urllib.request.Request(
    f"{server}/bot{settings['token']}/sendMessage", body, {"Content-Type": "application/json"}
)
try:
    urllib.request.urlopen(request, timeout=20).close()
except urllib.error.HTTPError as error:
    # The URL, which contains the token, is not printed.
    sys.exit(f"Telegram answers {error.code}: {error.read(300).decode(errors='replace')}")
except urllib.error.URLError as error:
    sys.exit(f"no connection to Telegram: {error.reason}")
