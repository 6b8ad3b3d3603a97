"""A mail server that tells its test what happens, one JSON object a line, until its input ends.

How it takes a mail is up to the reader's name:

    later@..    451 for the first time, then as the others
    refused@..  550
    last@..     as the others, and then the connection ends
    broken@..   the connection ends after the text, without an answer
    stalled@..  no answer at all
    slow@..     no answer before the test writes a line
"""

import argparse
import asyncio
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**event):
    print(json.dumps(event), flush=True)


class Handler:
    def __init__(self):
        self.seen = set()
        self.may_go_on = asyncio.Semaphore(0)

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        is_new = address not in self.seen
        self.seen.add(address)
        if name == "refused":
            tell(event="refused", to=address)
            return "550 5.1.1 no such user"
        if name == "later" and is_new:
            tell(event="later", to=address)
            return "451 4.3.0 not now"
        if name == "stalled":
            tell(event="stalled", to=address)
            await asyncio.Event().wait()
        if name == "slow":
            tell(event="slow", to=address)
            await self.may_go_on.acquire()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tell(
            event="mail",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            data=envelope.original_content.decode(),
            tls=server.transport.get_extra_info("ssl_object") is not None,
            client=session.peer[1],
            user=session.auth_data.login.decode() if session.auth_data else None,
        )
        if envelope.rcpt_tos[0].startswith("broken@") and len(self.seen) == 1:
            self.seen.add("broken")
            server.transport.abort()
        if envelope.rcpt_tos[0].startswith("last@"):
            asyncio.get_running_loop().call_later(0, server.transport.close)
        return "250 OK"


class Authenticator:
    def __init__(self, user, password):
        self.expected = (user.encode(), password.encode())

    def __call__(self, server, session, envelope, mechanism, data):
        is_right = (data.login, data.password) == self.expected
        tell(event="login", mechanism=mechanism, success=is_right)
        return AuthResult(success=is_right, handled=False, auth_data=data)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--security", choices=["plain", "starttls", "tls"], default="plain")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    args = parser.parse_args()

    context = None
    if args.security != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)
    handler, options = Handler(), {}
    if args.security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if args.user:
        options |= {
            "authenticator": Authenticator(args.user, args.password),
            "auth_required": True,
            "auth_require_tls": args.security == "starttls",
        }
    # What its clients do wrong is what the tests are about.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", **options),
        "127.0.0.1",
        args.port,
        ssl=context if args.security == "tls" else None,
    )
    tell(event="listening", port=server.sockets[0].getsockname()[1])
    while await loop.run_in_executor(None, sys.stdin.readline):
        handler.may_go_on.release()


asyncio.run(main())
