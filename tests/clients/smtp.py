"""A mail server whose mail is read. Usage: smtp.py OPTIONS

OPTIONS is JSON: `port`; `tls` ("starttls" or "implicit") with `cert` and `key`; `user` with `password`, which are then
required. Prints {"listening": PORT}, and every message it takes as a line of JSON. Reads lines of JSON and prints
{"told": true} once it does what they say: {"listen": false} stops listening and hangs up; {"do": HOW} is how messages
are treated from now on, with {"answer": TEXT} where they are refused. Ends with its standard input.

HOW: "accept"; "refuse" (the recipient, with the answer); "refuse message" (the same after the message); "hang" (says
nothing more once the sender is named); "swallow" (takes the message, but does not say so).
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])


def say(**line) -> None:
    print(json.dumps(line), flush=True)


def body(message, kind: str) -> str | None:
    part = message.get_body((kind,))
    return part.get_content() if part else None


def tell_of(envelope, session) -> None:
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    defects = [type(defect).__name__ for part in message.walk() for defect in part.defects]
    defects += [type(defect).__name__ for value in message.values() for defect in value.defects]
    say(
        sender=envelope.mail_from,
        recipients=envelope.rcpt_tos,
        headers=[[name, str(value)] for name, value in message.items()],
        text=body(message, "plain"),
        html=body(message, "html"),
        raw=envelope.content.decode(errors="replace"),
        defects=defects,
        encrypted=bool(session.ssl) or OPTIONS.get("tls") == "implicit",
        user=session.auth_data,
    )


class Handler:
    how = "accept"
    answer = ""

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.how == "hang":
            await asyncio.Event().wait()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.how == "refuse":
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.how == "refuse message":
            return self.answer
        tell_of(envelope, session)
        if self.how == "swallow":
            await asyncio.Event().wait()
        return "250 taken"


def authenticate(server, session, envelope, mechanism, credentials) -> AuthResult:
    user, password = credentials.login.decode(), credentials.password.decode()
    right = (user, password) == (OPTIONS["user"], OPTIONS["password"])
    return AuthResult(success=right, handled=False, auth_data=user if right else None)


class Server:
    def __init__(self, loop):
        self.loop, self.handler, self.sessions, self.listener = loop, Handler(), [], None
        self.context = None
        if "tls" in OPTIONS:
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.context.load_cert_chain(OPTIONS["cert"], OPTIONS["key"])

    def session(self) -> SMTP:
        starttls = OPTIONS.get("tls") == "starttls"
        session = SMTP(
            self.handler,
            hostname="localhost",
            loop=self.loop,
            enable_SMTPUTF8=True,
            require_starttls=starttls,
            tls_context=self.context if starttls else None,
            auth_required="user" in OPTIONS,
            auth_require_tls=starttls,
            authenticator=authenticate,
        )
        self.sessions.append(session)
        return session

    async def listen(self, wanted: bool) -> None:
        if wanted:
            implicit = self.context if OPTIONS.get("tls") == "implicit" else None
            self.listener = await self.loop.create_server(self.session, "127.0.0.1", OPTIONS["port"], ssl=implicit)
            return
        self.listener.close()
        for session in self.sessions:
            if session.transport:
                session.transport.abort()
        self.sessions.clear()

    async def told(self, wish: dict) -> None:
        if "listen" in wish:
            await self.listen(wish["listen"])
        if "do" in wish:
            self.handler.how, self.handler.answer = wish["do"], wish.get("answer", "")
        say(told=True)


async def main() -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    server = Server(loop)
    await server.listen(True)
    say(listening=OPTIONS["port"])

    def read() -> None:
        for line in sys.stdin:
            asyncio.run_coroutine_threadsafe(server.told(json.loads(line)), loop).result()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=read, daemon=True).start()
    await over.wait()


asyncio.run(main())
