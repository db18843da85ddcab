"""What Caddy is in front of a seed (deploy/seed/Caddyfile), less HTTP/2: ends TLS, hands HTTP and WebSocket on."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

_OF_THIS_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "upgrade"))
_HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""As many proxies are told to say."""


@dataclass
class Front:
    """A running proxy."""

    name: str
    port: int
    pin: str
    """Base64 of SHA-256 over the certificate's public key: by it a browser can be told to trust it."""
    session: aiohttp.ClientSession
    upstream: str = ""
    """Base address of what stands behind it."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of all that came."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Hand one request on."""
        self.asked.append((request.method, request.path))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_THIS_HOP}
        headers |= {
            "X-Forwarded-For": request.remote or "",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": self.name,
        }
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridge(request, headers)
        asking = self.session.request(
            request.method, self.upstream + request.path_qs, headers=headers, data=await request.read() or None
        )
        async with asking as found:
            given = {name: value for name, value in found.headers.items() if name.lower() not in _OF_THIS_HOP}
            response = web.StreamResponse(status=found.status, headers=given | _HSTS)
            await response.prepare(request)
            async for part in found.content.iter_any():
                await response.write(part)
            return response

    async def _bridge(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        own = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
        async with self.session.ws_connect(self.upstream + request.path_qs, headers=own, max_msg_size=0) as behind:
            before = web.WebSocketResponse(max_msg_size=0)
            await before.prepare(request)
            passing = [asyncio.create_task(_pass(*ends)) for ends in ((before, behind), (behind, before))]
            try:
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in passing:
                    task.cancel()
                await asyncio.gather(*passing, return_exceptions=True)
            await before.close()
        return before


_End = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pass(source: _End, to: _End) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await to.send_bytes(message.data)
        else:
            await to.send_str(message.data)


@contextlib.asynccontextmanager
async def tls_front(name: str, folder: Path) -> AsyncIterator[Front]:
    """A proxy on loopback with a certificate for `name` from an authority of its own; its `upstream` is set later."""
    context, pin = _certificate(name, folder)
    session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
    front = Front(name, 0, pin, session)
    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        front.port = runner.addresses[0][1]
        yield front
    finally:
        await runner.cleanup()
        await session.close()


def _certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, str]:
    now = datetime.datetime.now(datetime.UTC)
    issuer_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority for this test")])

    def signed(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )

    chain = [
        signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), own_key, is_authority=False),
        signed(issuer, issuer_key, is_authority=True),
    ]
    certificates, key = folder / "chain.pem", folder / "key.pem"
    certificates.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
    key.write_bytes(own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates, key)
    public = own_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return context, base64.b64encode(hashlib.sha256(public).digest()).decode()
