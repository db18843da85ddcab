"""Which app asks: the protocol's four ways to show an app password, and versions that can talk to each other."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from node.faces.app_passwords import AppPassword, AppSignIn
from node.faces.sign_in import ATTEMPT_EVERY_S, TooManyAttemptsError
from node.faces.subsonic.asked import Parameters
from node.faces.subsonic.protocol import (
    API_VERSION,
    CLIENT_TOO_OLD,
    MECHANISM_UNKNOWN,
    MECHANISMS_CONFLICT,
    MISSING_PARAMETER,
    SERVER_TOO_OLD,
    WRONG_API_KEY,
    WRONG_CREDENTIALS,
    Failure,
)

DEFAULT_USER: Final = "songkeep"
MAX_USER_CHARS: Final = 100
MAX_SECRET_CHARS: Final = 400
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(\.\d{1,4})?\Z", re.ASCII)
_WRONG: Final = "wrong user name or password: apps sign in with a password made by 'songkeep app-password new'"
_WRONG_KEY: Final = "this API key is not valid: 'songkeep app-password new' makes one"


def check_version(parameters: Parameters) -> None:
    """Raises Failure if the app speaks a version that this server doesn't."""
    text = _one(parameters, "v")
    if text is None:
        raise Failure(MISSING_PARAMETER, "the parameter v, the protocol's version, is missing")
    match = _VERSION.match(text)
    if match is None:
        raise Failure(MISSING_PARAMETER, "the parameter v is not a version such as 1.16.1")
    spoken = (int(match[1]), int(match[2]))
    if spoken[0] < API_VERSION[0]:
        raise Failure(CLIENT_TOO_OLD, "this app speaks a version of the protocol that is too old; update the app")
    if spoken > API_VERSION[:2]:
        raise Failure(SERVER_TOO_OLD, f"Songkeep speaks version {'.'.join(map(str, API_VERSION))} of the protocol")


def check_app(request: web.Request, parameters: Parameters, sign_in: AppSignIn) -> tuple[AppPassword, str]:
    """The app password that was shown, and the user's name as the app gave it. Raises Failure."""
    user, plain, token, key = (_one(parameters, name) for name in ("u", "p", "t", "apiKey"))
    if key is not None and (user is not None or plain is not None or token is not None):
        raise Failure(MECHANISMS_CONFLICT, "an API key comes alone, without u, p and t")
    if plain is not None and token is not None:
        raise Failure(MECHANISMS_CONFLICT, "either a password or a token, not both")
    if key is None and plain is None and token is None:
        if "Authorization" in request.headers:
            raise Failure(MECHANISM_UNKNOWN, "apps sign in by parameters (apiKey, or u with t and s, or u with p)")
        raise Failure(MISSING_PARAMETER, "sign in with apiKey, or u with t and s, or u with p")
    if key is None and user is None:
        raise Failure(MISSING_PARAMETER, "the parameter u, the user's name, is missing")
    address = request.remote or ""
    try:
        if key is not None:
            found = sign_in.by_text(key, address=address)
        elif token is not None:
            salt = _one(parameters, "s")
            if salt is None:
                raise Failure(MISSING_PARAMETER, "a token needs its salt, the parameter s")
            found = sign_in.by_token(token, salt, address=address)
        else:
            found = sign_in.by_text(_decoded(plain or ""), address=address)
    except TooManyAttemptsError as error:
        wait = f"too many wrong passwords; try again in {ATTEMPT_EVERY_S} seconds"
        raise Failure(WRONG_CREDENTIALS if key is None else WRONG_API_KEY, wait) from error
    if found is None:
        raise Failure(WRONG_CREDENTIALS, _WRONG) if key is None else Failure(WRONG_API_KEY, _WRONG_KEY)
    return found, (user or DEFAULT_USER)[:MAX_USER_CHARS]


def _one(parameters: Parameters, name: str) -> str | None:
    values = parameters.get(name)
    return values[0][:MAX_SECRET_CHARS] if values and values[0] != "" else None


def _decoded(password: str) -> str:
    """`enc:` and hex stand for the password's UTF-8."""
    if not password.startswith("enc:"):
        return password
    try:
        return bytes.fromhex(password.removeprefix("enc:")).decode("utf-8", "replace")
    except ValueError:
        return ""
