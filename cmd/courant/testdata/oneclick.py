"""Presses List-Unsubscribe links as mailbox providers do (RFC 8058 section
3.2), by the standard library of Python alone: bytes on a socket, no cookie, no
redirect followed.

Reads lines "FORM STATUS LINK" from stdin and prints what was wrong with each.
FORM is urlencoded, multipart or bare (without a Content-Type)."""
import socket
import sys
import urllib.parse

BOUNDARY = "---------------------------8058"
BODIES = {
    "urlencoded": ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
    "multipart": (
        "multipart/form-data; boundary=" + BOUNDARY,
        "--%s\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--%s--\r\n" % (BOUNDARY, BOUNDARY),
    ),
    "bare": (None, "List-Unsubscribe=One-Click"),
}


def post(link, form):
    """The status and the header of the answer, in lower case."""
    u = urllib.parse.urlsplit(link)
    kind, body = BODIES[form]
    lines = ["POST %s HTTP/1.1" % u.path, "Host: " + u.netloc, "Connection: close", "Content-Length: %d" % len(body)]
    if kind:
        lines.append("Content-Type: " + kind)
    with socket.create_connection((u.hostname, u.port), timeout=30) as s:
        s.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii"))
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    head = answer.split(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    return int(head[0].split()[1]), {line.split(":")[0].lower() for line in head[1:]}


wrong = 0
for line in sys.stdin:
    form, want, link = line.split()
    status, header = post(link, form)
    unwanted = header & {"set-cookie", "location", "www-authenticate"}
    if status != int(want) or unwanted:
        wrong += 1
        print("%s: %d instead of %s, with %s" % (form, status, want, unwanted or "nothing unwanted"))
sys.exit(1 if wrong else 0)
