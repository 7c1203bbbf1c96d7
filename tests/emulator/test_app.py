"""What the composition root itself answers: connections that become web sockets."""

from __future__ import annotations

import pytest
import websocket

from tests.azure import LocalAzure

TERMINAL = "wss://bridge-linux-01.westeurope.management.azurecontainer.io/exec"
LOGS = "wss://westeurope.azurecontainerapps.dev/subscriptions/x"


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"{TERMINAL}/{'9' * 9000}", {}),
        (f"{LOGS}/{'9' * 9000}", {}),
        (TERMINAL, {"x-long": "9" * 9000}),
        (TERMINAL, {f"x-{number}": "9" for number in range(200)}),
    ],
)
def test_an_upgrade_that_is_too_long_is_refused(
    local_azure: LocalAzure, url: str, headers: dict[str, str]
) -> None:
    """The web socket library would end it without a word, and the client would wait."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(url, header=headers, timeout=20)
    assert refused.value.status_code == 400
