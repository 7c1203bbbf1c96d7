"""Secrets are not shown in logs: which fields hold them, and what they look like elsewhere.

All that is known of it is here: the names of fields, the actions whose answers are secrets, and
the shapes. A field that is masked although it holds no secret is no harm; the other way round it
would be.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "********"
# The last word, or the last two, of the name of a field that holds a secret, or an object or a
# list of them: primaryKey, accessToken, passwords, secureValue, sasUri, connectionString ...
_LAST_WORDS = frozenset(
    (
        *("credential", "key", "keys", "passphrase", "passwd", "password", "passwords", "pwd"),
        *("sas", "secret", "secrets", "signature", "token", "tokens"),
    )
)
_LAST_TWO = frozenset(
    {("connection", "string"), ("connection", "strings"), ("sas", "uri"), ("sas", "url")}
    | {
        ("key", "value"),
        ("secure", "value"),
        ("secret", "value"),
        ("secure", "string"),
        ("protected", "settings"),
    }
)
# The last word of the name of a field that may be shown within such a list, and in the answer of
# such an action: keyName, creationTime, userStorageResourceId ...
_PLAIN = frozenset(
    (
        *("at", "expires", "expiry", "id", "identity", "kind", "location", "name", "permissions"),
        *("time", "type", "username", "utc"),
    )
)
# Actions that are asked for secrets: listKeys, sharedKeys, regenerateKey, getAuthToken, exec ...
_ISSUES = re.compile(
    r"(list|regenerate|generate|shared|getauth)\w*(keys?|secrets?|credentials?|tokens?|sas\w*)"
    r"|token|exec|attach",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A JSON web token
    (re.compile(r"eyJ[\w-]{6,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [^-]*-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    (re.compile(r"\b(Bearer|SharedKey)\s+[^\s\"']+"), rf"\1 {HIDDEN}"),
    # In an address: https://user:password@host
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{HIDDEN}@"),
    # In a query or a connection string: sig=, AccountKey=, Password=
    (
        re.compile(
            r"(sig|signature|key|token|passw(?:or)?d|pwd|secret)=[^&;,\s\"']+", re.IGNORECASE
        ),
        rf"\1={HIDDEN}",
    ),
)
# What a random key looks like: long, without a separator, in letters that change their case.
_LONG = re.compile(r"(?<![\w/+.-])(?:[A-Za-z0-9+/]{40,}={1,2}|[A-Za-z0-9_-]{40,})(?![\w/+-])")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CHANGE = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|\d(?=[A-Za-z])")
_MOST_CHANGES = 12  # in names that people give


def issues_secrets(path: str) -> bool:
    """Whether what is answered at `path` is asked for because of the secrets in it."""
    return bool(_ISSUES.fullmatch(path.rstrip("/").rpartition("/")[2]))


def mask(value: Any, *, issued: bool = False) -> Any:
    """A copy of JSON's types without its secrets; `issued`: an action's answer that is secrets."""
    return _mask(value, _ITEMS if issued else _OPEN)


# Whether what is within is shown, or masked but for the fields that are known to be plain, or all
# of it is masked: of an object of secrets the owner may have chosen the names.
_OPEN, _ITEMS, _ALL = range(3)


def _mask(value: Any, level: int) -> Any:
    if isinstance(value, dict):
        named = value.get("name")
        hides = isinstance(named, str) and _is_secret(named)
        masked = {}
        for name, item in value.items():
            inner = level
            if _is_secret(name):
                inner = _ITEMS if isinstance(item, list) else _ALL
            elif hides and name == "value":
                inner = _ALL
            elif (
                level == _ITEMS and isinstance(item, str) and _PLAIN.intersection(_words(name)[-1:])
            ):
                inner = _OPEN
            masked[name] = _mask(item, level if level == _ALL else inner)
        return masked
    if isinstance(value, list):
        return [_mask(item, level) for item in value]
    if value is None or value == "" or isinstance(value, bool):
        return value
    if level != _OPEN:
        return HIDDEN
    return mask_text(value) if isinstance(value, str) else value


def mask_text(text: str) -> str:
    """A text, such as an address or a message, without what has the shape of a secret."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return _LONG.sub(_hide_random, text)


def _hide_random(found: re.Match[str]) -> str:
    text = _GUID.sub("", found[0])
    # All in one case is a digest in hexadecimals, or a name.
    mixed = text != text.lower() and text != text.upper()
    return HIDDEN if mixed and len(_CHANGE.findall(text)) > _MOST_CHANGES else found[0]


def _is_secret(name: str) -> bool:
    words = _words(name)
    return bool(_LAST_WORDS.intersection(words[-1:])) or tuple(words[-2:]) in _LAST_TWO


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
