"""The tables behind a group's state, its events and its restarts."""

from __future__ import annotations

import pytest

from emulator.services.container_instances.shown import essence
from emulator.services.container_instances.views import (
    MOST_EVENTS,
    add_event,
    group_state,
    new_view,
    running,
    terminated,
    turn,
    waiting,
)


def view(state: str) -> dict:
    """A view in the state "running", "waiting" or "ended with 3"."""
    found = new_view()
    if state == "running":
        found["currentState"] = running(None, "")
    elif state.startswith("ended"):
        code = int(state.split()[-1])
        found["currentState"] = terminated(None, None, code, "Error" if code else "Completed")
    return found


@pytest.mark.parametrize(
    ("states", "inits", "expected"),
    [
        (["running"], [], "Running"),
        (["waiting"], [], "Running"),
        (["running", "ended 0"], [], "Running"),
        (["waiting", "ended 1"], [], "Running"),
        (["ended 0", "ended 0"], [], "Succeeded"),
        (["ended 0", "ended 3"], [], "Failed"),
        (["running"], ["ended 0"], "Running"),
        (["waiting"], ["running"], "Running"),
        (["waiting"], ["ended 1"], "Failed"),
        (["waiting"], ["ended 1", "waiting"], "Failed"),
    ],
)
def test_a_groups_state_is_that_of_its_containers(states, inits, expected):
    views, init_views = [view(one) for one in states], [view(one) for one in inits]
    assert group_state(views, init_views, pending=False, stopped=False) == expected
    assert group_state(views, init_views, pending=True, stopped=False) == "Pending"
    assert group_state(views, init_views, pending=False, stopped=True) == "Stopped"


def test_the_last_run_stays_to_be_seen():
    found = view("ended 3")
    turn(found, waiting("CrashLoopBackOff"))
    turn(found, running(None, ""))
    assert (found["previousState"]["exitCode"], found["currentState"]["state"]) == (3, "Running")


def test_the_same_event_is_counted_and_old_ones_go():
    events: list[dict] = []
    for _ in range(3):
        add_event(events, "Started", "Started container")
    assert [(event["name"], event["count"]) for event in events] == [("Started", 3)]
    assert events[0]["firstTimestamp"] <= events[0]["lastTimestamp"]
    for number in range(MOST_EVENTS + 5):
        add_event(events, "Unhealthy", f"probe {number}")
    assert len(events) == MOST_EVENTS


def test_what_was_read_and_sent_back_compares_as_the_same():
    asked = {"containers": [{"name": "a", "properties": {"ports": [{"port": 80}]}}]}
    read = {
        "provisioningState": "Succeeded",
        "sku": "Standard",
        "restartPolicy": "Always",
        "initContainers": [],
        "volumes": None,
        "containers": [
            {
                "name": "a",
                "properties": {
                    "ports": [{"port": 80, "protocol": "TCP"}],
                    "instanceView": {"restartCount": 1},
                },
            }
        ],
    }
    assert essence(read) == essence(asked)
    read["restartPolicy"] = "Never"
    assert essence(read) != essence(asked)
    # An emptyDir is an empty object, and not nothing.
    assert essence({"volumes": [{"emptyDir": {}}]}) != essence({"volumes": [{}]})
