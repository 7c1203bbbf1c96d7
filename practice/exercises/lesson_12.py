"""The parts of lesson 12, the capstone. Each looks at what stands in Azure, and asks it.

`hand_in` says under which name to look, and has the key and the learner's client.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from statistics import median

from practice.capstone.door import Door, Reply, tally, until
from practice.capstone.hand_in import Classify, HandIn, NotHandedInError, SeveralServicesError
from practice.capstone.service import Beside, NoAddressError
from practice.capstone.terms import (
    ACCURACY,
    ANSWERED,
    AT_ONCE,
    BACK,
    BAD,
    BUDGET,
    BURSTS,
    DRILL,
    GOOD,
    PATIENCE,
    PER_SECOND,
    REGION,
    SECONDS,
    SHARE,
    SHORTEST_KEY,
    TARGET,
    held_out,
)
from practice.exercises.checks import AnswerState, Verdict, exercise, not_attempted, right

# Each has to be answered with a 4xx: what is in it, and why it is wrong.
WRONG_REQUESTS = {
    '{"data": [[1, 2, 3]]}': "a wine of three readings",
    '{"wines": []}': "another name in place of data",
    "13 readings": "no JSON",
}
REFUSED = (401, 403)
AWAY = (0, 502, 503, 504)  # what a gateway, or nobody, says for a program that does not answer
COMPARED = 5  # requests of each kind
HEAVY = 10  # times as long as a refusal: then it is the model that takes the time


def missing(message: str) -> Verdict:
    return Verdict(AnswerState.WRONG, message)


def of_one_service(judge: Callable[[HandIn], Verdict]) -> Callable[[HandIn], Verdict]:
    """Make a judge say so where there is no service, several, or one without address."""

    @wraps(judge)
    def looked_for(hand_in: HandIn) -> Verdict:
        try:
            return judge(hand_in)
        except NotHandedInError as error:
            return not_attempted(str(error))
        except (NoAddressError, SeveralServicesError) as error:
            return missing(str(error))

    return looked_for


@exercise(
    "The name is that of the endpoint, of the container group or of the container app: one of the "
    "three.",
    "Succeeded is not enough: an endpoint needs traffic, a group an address with a DNS label, an "
    "app an external ingress and a readiness probe that asks the API.",
    solution="""
    # Whole solutions, one for each service, are in scoring/wine/solutions:
    #   managed_endpoint.py, with score.py and conda.yaml
    #   container_group.py and container_app.py, with image.py, main.py and Dockerfile
    """,
)
@of_one_service
def service(hand_in: HandIn) -> Verdict:
    """One service has the name, and it is ready."""
    found = hand_in.service()
    door = found.door()
    trouble = found.trouble()
    if trouble:
        return missing(trouble)
    reply = door.classify([held_out()[0][0]])
    if reply.status in AWAY:
        return missing(
            f"{door.url} is there, but nobody answers: {reply}. Give it a minute, then "
            "look at its state and its log."
        )
    return right(f"A {found.kind}, which answers at {door.url}.")


@exercise(
    "Send it the first wine yourself, and compare the answer with the letter, name by name.",
    "WineModel.classify raises ReadingsError, a ValueError, for wrong readings: catch it in your "
    "script or API, and answer 400 with its message. Text that is not JSON is a ValueError, too.",
    solution="""
    # In score.py; in an API of your own, JSONResponse(..., 400) takes AMLResponse's place.
    def run(raw_data):
        try:
            growers = model.classify(json.loads(raw_data)["data"])
        except (KeyError, TypeError, ValueError) as error:
            return AMLResponse({"error": str(error)}, 400, json_str=True)
        return {"growers": growers, "model_version": model.version}
    """,
)
@of_one_service
def answers(hand_in: HandIn) -> Verdict:
    """The held-out wines get the right grower, and wrong requests a 4xx."""
    door = hand_in.service().door().opened_by(hand_in.key)
    wines = held_out()
    reply = door.classify([row for row, _ in wines])
    if reply.growers is None:
        return missing(
            f"{len(wines)} wines were answered with: {reply}. The letter asks for "
            '{"growers": [...], "model_version": "..."} and status 200.'
        )
    if len(reply.growers) != len(wines):
        return missing(f"{len(wines)} wines were sent, but {len(reply.growers)} growers came back.")
    known = _known([reply])
    if known < ACCURACY:
        return missing(
            f"{known:.0%} of {len(wines)} held-out wines have the right grower. Is this version "
            f"{GOOD}? Does the model get the readings in the order in which they came?"
        )
    for body, what in WRONG_REQUESTS.items():
        refused = door.send(body)
        if not 400 <= refused.status < 500:
            return missing(
                f"A wrong request ({what}) was answered with: {refused}. It should be 400 and a "
                "sentence, so that the branch knows that asking again is no use."
            )
    return right(
        f"{known:.0%} of the held-out wines have the right grower; wrong requests get 4xx."
    )


@exercise(
    "A managed endpoint comes with its keys: key = ml_client.online_endpoints.get_keys(...)",
    "In a container, your API compares the header Authorization with a variable. Make the key with "
    "secrets.token_hex(). In a group it is a secure_value; in an app a secret and a secret_ref.",
    solution="""
    # Container Instances
    EnvironmentVariable(name="API_KEY", secure_value=key)
    # Container Apps: in the configuration, and in the container
    Secret(name="api-key", value=key)
    EnvironmentVar(name="API_KEY", secret_ref="api-key")
    """,
)
@of_one_service
def lock(hand_in: HandIn) -> Verdict:
    """Only the key opens the service, and who may read the resource cannot read it."""
    found, key = hand_in.service(), hand_in.key
    if len(key) < SHORTEST_KEY:
        return missing(f"The key should have at least {SHORTEST_KEY} characters.")
    door = found.door()
    wine = [held_out()[0][0]]
    for what, other in (("no key", door), ("a wrong key", door.opened_by(key[::-1] + "x"))):
        reply = other.classify(wine)
        if reply.status not in REFUSED:
            return missing(
                f"A request with {what} was answered with: {reply}. It should be 401 or 403."
            )
    reply = door.opened_by(key).classify(wine)
    if reply.status != 200:
        return missing(f"The key itself was answered with: {reply}.")
    exposed = found.exposed_key(key)
    if exposed:
        return missing(exposed)
    return right(
        "Only the key opens it, and nobody who just looks at the resource can read the key."
    )


@exercise(
    "Load the model once, in init() or when the API starts, not for each request.",
    "What if nobody has asked for an hour? An app must not go to zero here.",
    solution="""
    # Container Apps
    Scale(min_replicas=1, max_replicas=2)
    # score.py: once, not in run()
    def init():
        global model
        model = WineModel(os.environ["AZUREML_MODEL_DIR"])
    """,
)
@of_one_service
def target(hand_in: HandIn) -> Verdict:
    """Of the answers in a busy minute, SHARE come within TARGET seconds, and none is lost."""
    found = hand_in.service()
    cold = found.cold_start()
    if cold:
        return missing(cold)
    door = found.door().opened_by(hand_in.key)
    wines = held_out()
    count = PER_SECOND * SECONDS
    bodies = [{"data": [wines[number % len(wines)][0]]} for number in range(count)]
    replies = door.at([number / PER_SECOND for number in range(count)], bodies, PER_SECOND)
    answered = [reply for reply in replies if reply.growers is not None]
    if len(answered) < count:
        return missing(f"{PER_SECOND} requests a second for {SECONDS} s: {tally(replies)}.")
    share = sum(reply.took <= TARGET for reply in replies) / count
    if share >= SHARE:
        return right(
            f"{share:.0%} of {count} answers came within {TARGET:g} s, {PER_SECOND} a second; the "
            f"median is {1000 * median(reply.took for reply in replies):.0f} ms."
        )
    ratio = _ratio(door, wines[0][0])
    where = (
        "so it is the model or what your code does around it: what is done for each request that "
        "could be done once?"
        if ratio > HEAVY
        else "so it is not the model: is this machine, or the way to Azure, busy? Else give the "
        "service more."
    )
    return missing(
        f"{share:.0%} of {count} answers came within {TARGET:g} s; the letter asks for "
        f"{SHARE:.0%}. An answer takes {ratio:.1f} times as long as a refused request, {where}"
    )


@exercise(
    "What restarts a process that has died? In an endpoint the inference server, in an app "
    "Azure, in a group the restart policy.",
    "While it starts, your client gets 502, 503, or no connection at all. It should wait a "
    "moment, then longer each time, and ask again; but never for a 400.",
    solution="""
    # The whole client is scoring/wine/solutions/client.py.
    for number in range(30):
        time.sleep(min(10.0, 0.2 * 2**number) if number else 0)
        try:
            answer = requests.post(url, json={"data": rows}, headers=headers, timeout=30)
        except (requests.ConnectionError, requests.Timeout):
            continue
        if answer.status_code not in (408, 429, 502, 503, 504):
            break
    answer.raise_for_status()
    """,
)
@of_one_service
def crash(hand_in: HandIn) -> Verdict:
    """The drill ends the process; it comes back by itself, and the client sits it out."""
    found, classify = hand_in.service(), hand_in.classify
    door = found.door().opened_by(hand_in.key)
    wine, grower = held_out()[0]
    first = list(classify([wine]))
    if first != [grower]:
        return missing(f"classify named {first} before the crash; the wine is from {grower}.")
    drill = door.classify([DRILL])
    if drill.status in (200, 400, *REFUSED):
        return missing(
            f"The drill was answered with: {drill}. The process should have ended. Let "
            "WineModel.classify see every wine as it came."
        )
    client = _Client(classify, [wine])
    until(lambda: door.classify([wine]).status == 200 or bool(found.gone()), BACK)
    gone = found.gone()
    if gone:
        return missing(gone)
    if door.classify([wine]).status != 200:
        return missing(f"It was not back after {BACK:.0f} seconds. Look at its log and its events.")
    client.thread.join(BACK)
    if client.problem:
        return missing(
            f"The service came back, but your client had given up: {client.problem}. It should "
            "wait a moment and ask again."
        )
    if client.growers != [grower]:
        return missing(f"After the crash, classify named {client.growers}, not {grower}.")
    return right("It came back by itself, and all your client noticed was a pause.")


@exercise(
    "An endpoint: a second deployment, with no traffic. An app: in the mode Multiple a second "
    "revision, with the traffic pinned to the first. A group: a second group, NAME-v2.",
    "The header azureml-model-deployment, the revision's own address, or the second group's: there "
    "you can ask version 2 about wines whose grower you know.",
    solution="""
    # Managed endpoint: green is there and gets nothing.
    endpoint.traffic = {"blue": 100, "green": 0}
    # Container Apps: pinned, in the same call that brings the revision v2.
    Ingress(
        external=True,
        target_port=8080,
        traffic=[TrafficWeight(revision_name=f"{name}--v1", weight=100)],
    )
    """,
)
@of_one_service
def bad_version(hand_in: HandIn) -> Verdict:
    """Version 2 stands beside and can be asked; everybody gets version 1."""
    found = hand_in.service()
    everybody, others = found.door().opened_by(hand_in.key), found.beside()
    wines = held_out()
    for other in others:
        if other.per_cent:
            return missing(
                f"{other.name} gets {other.per_cent} % of everybody's requests. Nobody should get "
                "an answer from a version on trial: give it 0 %, or copies."
            )
    replies = everybody.at(
        [number / PER_SECOND for number in range(len(wines))],
        [{"data": [row]} for row, _ in wines],
        PER_SECOND,
    )
    if any(reply.growers is None for reply in replies):
        return missing(f"{len(wines)} requests that everybody sends: {tally(replies)}.")
    bad = sum(reply.version == BAD for reply in replies)
    if bad:
        return missing(
            f"{bad} of {len(wines)} answers came from version {BAD}, which names the wrong "
            f"growers. Go back to version {GOOD}."
        )
    known = sum(
        reply.growers == (grower,) for reply, (_, grower) in zip(replies, wines, strict=True)
    ) / len(wines)
    if known < ACCURACY:
        return missing(f"Everybody gets the right grower for only {known:.0%} of the wines.")
    if not others:
        return not_attempted(
            f"Version {BAD} is not up yet. Bring it up beside version {GOOD}, where no branch gets "
            "it, and ask it about wines whose grower you know."
        )
    for other in others:
        reply = _asked(other, hand_in.key)
        if reply and reply.version == BAD:
            return right(
                f"{other.name} has version {BAD}, and is right about {_known([reply]):.0%} of "
                f"the held-out wines; everybody gets version {GOOD}, which is right about "
                f"{known:.0%}."
            )
    told = "; ".join(f"{other.name}: {other.closed or 'another version'}" for other in others)
    return missing(f"Version {BAD} does not answer anywhere with the key ({told}).")


@exercise(
    "How many requests may an instance work on at the same moment, and who decides that?",
    "A managed endpoint sends an instance one request at a time unless you say otherwise. A few "
    "wait, and the rest get 429.",
    solution="""
    # Managed endpoint: in the deployment
    OnlineRequestSettings(max_concurrent_requests_per_instance=20)
    """,
)
@of_one_service
def on_the_hour(hand_in: HandIn) -> Verdict:
    """AT_ONCE requests come at the same moment, several times; nearly all are answered in time."""
    found = hand_in.service()
    door = found.door().opened_by(hand_in.key)
    wines = held_out()
    moments = [float(second) for second in range(BURSTS) for _ in range(AT_ONCE)]
    bodies = [{"data": [wines[number % len(wines)][0]]} for number in range(len(moments))]
    replies = door.at(moments, bodies, AT_ONCE)
    answered = sum(reply.growers is not None for reply in replies) / len(replies)
    if answered < ANSWERED:
        return missing(
            f"{BURSTS} times {AT_ONCE} requests at the same moment: {tally(replies)}. "
            f"{found.crowd()}"
        )
    late = sum(reply.took > PATIENCE for reply in replies)
    if late > (1 - ANSWERED) * len(replies):
        return missing(
            f"{late} of {len(replies)} answers came after more than {PATIENCE:g} s. {found.crowd()}"
        )
    slowest = max(reply.took for reply in replies)
    return right(f"{tally(replies)}; the slowest answer took {slowest:.2f} s.")


@exercise(
    "The prices module of lesson 08 has what a machine, a core and a gigabyte cost.",
    "Count what answers everybody, day and night. What you try beside it goes again.",
    solution="""
    # Managed endpoint: one machine, in the deployment
    instance_count=1
    # Container Apps: small, and one replica kept
    ContainerResources(cpu=0.5, memory="1Gi")
    Scale(min_replicas=1, max_replicas=2)
    """,
)
@of_one_service
def budget(hand_in: HandIn) -> Verdict:
    """What answers everybody costs at most BUDGET a month, at the list's prices."""
    size = hand_in.service().size()
    if not size.what:
        return missing("Nothing answers everybody, so nothing has a price. Look at the traffic.")
    costs = f"{size.what}: {size.usd_per_month:.2f} USD a month in {REGION}"
    if size.usd_per_month > BUDGET:
        return missing(
            f"{costs}, but the letter allows {BUDGET:.0f}. How much of it does the load need?"
        )
    return right(f"{costs}, which leaves {BUDGET - size.usd_per_month:.2f} of the budget.")


class _Client:
    """The learner's client at work; it is not waited for when the service is gone for good."""

    def __init__(self, classify: Classify, wines: list[list[float]]) -> None:
        self.growers: list[str] = []
        self.problem = ""
        self.thread = threading.Thread(target=self._ask, args=(classify, wines), daemon=True)
        self.thread.start()

    def _ask(self, classify: Classify, wines: list[list[float]]) -> None:
        try:
            self.growers = list(classify(wines))
        except Exception as error:  # whatever a learner's client raises
            self.problem = f"{type(error).__name__}: {str(error)[:200]}"


def _known(replies: Sequence[Reply]) -> float:
    """Return the share of the held-out wines, all asked in each request, with the right grower."""
    growers = [grower for _, grower in held_out()]
    pairs = [pair for reply in replies for pair in zip(reply.growers or (), growers, strict=False)]
    return sum(named == grower for named, grower in pairs) / (len(growers) * len(replies))


def _asked(other: Beside, key: str) -> Reply | None:
    """Return what it answers about the held-out wines; an app at zero replicas starts first."""
    if other.closed:
        return None
    door = other.door.opened_by(key)
    rows = [row for row, _ in held_out()]
    replies: list[Reply] = []

    def answered() -> bool:
        replies.append(door.classify(rows))
        return replies[-1].status in (200, 400, *REFUSED)

    until(answered, 120)
    return replies[-1] if replies[-1].growers else None


def _ratio(door: Door, wine: list[float]) -> float:
    """Return how many times as long an answer takes as a refused request on the same way."""
    good, refused = [], []
    for _ in range(COMPARED):
        good.append(door.classify([wine]).took)
        refused.append(door.send("no readings").took)
    return median(good) / median(refused)
