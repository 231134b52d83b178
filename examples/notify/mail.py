#!/usr/bin/env python3
"""Sends an event of astd-gateway by e-mail: mail.py SETTINGS

SETTINGS is a JSON file that the gateway may read, others not (it has a password):

    {"host": "smtp.example", "port": 465, "user": "me", "password": "...", "from": "astd@example", "to": "me@example"}

"tls": "implicit" (default, port 465), "starttls" (port 587) or "none" (a server on this machine).
"""
import email.message
import json
import os
import smtplib
import sys
import uuid

settings = json.load(open(sys.argv[1]))
event = json.load(sys.stdin)

message = email.message.EmailMessage()
# A label is text from a model's file: a line break in it must not begin another header.
message["Subject"] = " ".join(os.environ["ASTD_TITLE"].split())
message["From"] = settings["from"]
message["To"] = settings["to"]
message["Message-ID"] = f"<{uuid.uuid4()}@astd>"
message.set_content(
    f"{event['message']}\n\nbegin {event['begin']}, duration {event['duration']} s, "
    f"highest score {event['peak_score']}, id {event['id']}\n"
)

tls = settings.get("tls", "implicit")
client = smtplib.SMTP_SSL if tls == "implicit" else smtplib.SMTP
with client(settings["host"], settings.get("port", 465), timeout=20) as server:
    if tls == "starttls":
        server.starttls()
    if "user" in settings:
        server.login(settings["user"], settings["password"])
    server.send_message(message)
