"""The tables behind a group's state, its events and its restarts."""

from __future__ import annotations

import pytest

from emulator.services.container_instances.views import (
    MOST_EVENTS,
    ContainerView,
    group_state,
    running,
    terminated,
    waiting,
)


def view(state: str) -> ContainerView:
    """A view in the state "running", "waiting" or "ended with 3"."""
    found = ContainerView()
    if state == "running":
        found.current = running(None, "")
    elif state.startswith("ended"):
        code = int(state.split()[-1])
        found.current = terminated(None, None, code, "Error" if code else "Completed")
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
    found.turn(waiting("CrashLoopBackOff"))
    found.turn(running(None, ""))
    body = found.to_body()
    assert (body["previousState"]["exitCode"], body["currentState"]["state"]) == (3, "Running")
    assert ContainerView.from_stored(found.to_stored()) == found


def test_the_same_event_is_counted_and_old_ones_go():
    found = ContainerView()
    for _ in range(3):
        found.add_event("Started", "Started container")
    assert [(event["name"], event["count"]) for event in found.events] == [("Started", 3)]
    assert found.events[0]["firstTimestamp"] <= found.events[0]["lastTimestamp"]
    for number in range(MOST_EVENTS + 5):
        found.add_event("Unhealthy", f"probe {number}")
    assert len(found.events) == MOST_EVENTS
