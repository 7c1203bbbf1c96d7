"""What a request does, as Azure names it: Microsoft.ContainerInstance/containerGroups/write.

https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations

    method             name
    GET, HEAD          {type}/read
    PUT, PATCH         {type}/write
    DELETE             {type}/delete
    POST .../{action}  {type}/{action}/action
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RESOURCES = "Microsoft.Resources"
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class OperationName:
    """`name` as roles name it, `words` for people, and the resource that it is about.

    `resource_id` is without the action and, in a list, without what would be the name.
    """

    name: str
    words: str
    provider: str
    resource_type: str
    resource_id: str


def name_operation(method: str, path: str) -> OperationName:
    """What `method` does at `path`, in which literals may be in any spelling."""
    before, within, rest = path.strip("/").rpartition("providers/")
    provider, *segments = [part for part in rest.split("/") if part] or [""]
    prefix = f"/{before}providers/{provider}"
    if not within or not segments:
        # A subscription, a resource group, or what is listed of them.
        provider, prefix = RESOURCES, ""
        segments = [part for part in path.split("/") if part]
    types, is_list = segments[::2], len(segments) % 2 == 1
    is_action = method == "POST" and is_list
    if is_action:
        *types, action = types
        segments.pop()
    resource_type = "/".join([provider, *types])
    resource_id = "/".join([prefix, *segments])
    if method == "POST":
        name = f"{resource_type}/{action}/action" if is_action else f"{resource_type}/action"
        words = _act(action if is_action else "call", types)
    else:
        name = f"{resource_type}/{_VERBS.get(method, method.lower())}"
        words = _do(method, types, is_list=is_list)
    return OperationName(name, words, provider, resource_type, resource_id)


def _do(method: str, types: list[str], *, is_list: bool) -> str:
    verb = {"PUT": "Create or update", "PATCH": "Update", "DELETE": "Delete"}.get(method)
    if verb is None and method in ("GET", "HEAD"):
        verb = "List" if is_list else "Get"
    return f"{verb or method} {_noun(types, many=verb == 'List')}"


def _act(action: str, types: list[str]) -> str:
    words = _words(action)
    if words == ["token"]:
        words = ["get", "token"]
    of = " of " if len(words) > 1 else " "
    sentence = " ".join(words) + of + _noun(types, many=False)
    return sentence[0].upper() + sentence[1:]


def _noun(types: list[str], *, many: bool) -> str:
    """The last type in words, with the one above it where that is itself below another."""
    named = [_words(kind) for kind in (types[-2:] if len(types) > 2 else types[-1:])]
    for position, words in enumerate(named):
        if words and not (many and position == len(named) - 1):
            words[-1] = _singular(words[-1])
    return " ".join(word for words in named for word in words) or "resource provider"


def _words(name: str) -> list[str]:
    """The words of a name in camel case; what is all capitals stays so."""
    found = _WORD.findall(name)
    return [word if word.isupper() and len(word) > 1 else word.lower() for word in found]


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word
