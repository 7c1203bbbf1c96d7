# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Azure (local)
#     language: python
#     name: azure-local
# ---

# %% [markdown]
# # 05 Traffic
#
# A second version of the model is ready, and it is better, you hope. This lesson brings it into
# service without anybody noticing: beside the first one, tried in private, given a copy of the
# traffic, then a part of it. And it goes back again just as quietly.
#
# ## Goals
#
# Afterwards you can
#
# - run two deployments behind one endpoint;
# - try the new one while it has no traffic at all;
# - mirror traffic to it, and split the traffic between both;
# - say whether a measured share is what you asked for, or too far from it to be chance;
# - move traffic with a mouse, and see the next requests follow;
# - tell a time-out (408) from too many requests (429), and do something about each;
# - roll back, and delete what is not needed any more.
#
# **Time:** about 35 minutes. The step in the portal takes five more, and on live Azure, waiting
# adds about an hour.
#
# ## What this costs on live Azure
#
# Two deployments with one `Standard_DS3_v2` each, at 0.272 US dollars an hour and machine in West
# Europe in August 2026
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)): 54 cents for each hour
# that both exist, and half of that more for the minutes in which a third one runs: a little less
# than one dollar in all. The last section deletes the endpoint with all of its deployments: do run
# it. Requests themselves cost nothing here: it is the machines that are billed, not what they
# answer.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = "Standard_DS3_v2"
request_count = 400

# %% [markdown]
# The next cell makes what lesson 04 left behind, where it is missing: the endpoint, and *blue*
# behind it, with all the traffic.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.wait import wait
from helpers.workspace import ensure_deployment, ensure_endpoint, ensure_models

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)
endpoint_name = f"digits-{suffix}"
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)
ensure_deployment(ml_client, endpoint_name, "blue", "pytorch", instance_type)

endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic = {"blue": 100}
endpoint.mirror_traffic = {}
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)

# %% [markdown]
# ## Green beside blue
#
# *Green* is the Keras model, with its own environment and its own script. It goes behind the same
# endpoint, so clients need no new address and no new key.

# %%
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

green_deployment = ManagedOnlineDeployment(
    name="green",
    endpoint_name=endpoint_name,
    model=ml_client.models.get("digits-keras", label="latest"),
    environment=ml_client.environments.get("digits-keras-env", label="latest"),
    code_configuration=CodeConfiguration(code="../scoring/keras", scoring_script="score.py"),
    instance_type=instance_type,
    instance_count=1,
)
green_deployment = wait(
    ml_client.online_deployments.begin_create_or_update(green_deployment), "green"
)

# %% [markdown]
# > **Before you run it.** Both deployments are up. What share of the requests, in per cent, does
# > *green* get now?

# %%
from practice.widgets.quiz import predict

guess = predict("How many per cent of the requests go to green?", ["0", "10", "50"])
guess

# %%
endpoint = ml_client.online_endpoints.get(endpoint_name)
print("traffic:", dict(sorted(endpoint.traffic.items())))
guess.compare(str(endpoint.traffic.get("green", 0)))

# %% [markdown]
# ## Who answers?
#
# Each answer names the deployment that gave it, in the header `azureml-model-deployment`. The
# function in the next cell asks `count` times and counts the names. It asks one at a time, with
# the connection kept open, as a patient client would.

# %%
from collections import Counter

import requests
from sklearn.datasets import load_digits

images = load_digits().images
three = {"data": images[:3].tolist()}
key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
session = requests.Session()
session.headers["Authorization"] = f"Bearer {key}"


def ask(count, **headers):
    """Ask the endpoint `count` times and return how often each deployment answered."""
    answered = Counter()
    for _ in range(count):
        answer = session.post(endpoint.scoring_uri, json=three, headers=headers, timeout=60)
        answer.raise_for_status()
        answered[answer.headers["azureml-model-deployment"]] += 1
    return answered


print(dict(ask(20)))

# %% [markdown]
# All *blue*, as its share is 100 per cent.
#
# ## Try green in private
#
# The same header also works the other way round: a client that sends it chooses the deployment.
# Only those who know about *green* reach it, and nobody gets there by accident.

# %%
print(dict(ask(20, **{"azureml-model-deployment": "green"})))

# %% [markdown]
# So *green* can be tried on real digits before it gets any traffic. Here both name a hundred
# digits, and we count where they agree.

# %%
hundred = {"data": images[:100].tolist()}
named = {}
for name in ("blue", "green"):
    answer = session.post(
        endpoint.scoring_uri,
        json=hundred,
        headers={"azureml-model-deployment": name},
        timeout=60,
    )
    named[name] = [prediction["digit"] for prediction in answer.json()["predictions"]]

agree = sum(first == second for first, second in zip(*named.values(), strict=True))
print("they agree on at least 95 of 100 digits:", agree >= 95)

# %% [markdown]
# > **Caution.** `ml_client.online_endpoints.invoke(..., deployment_name="green")` sends that
# > header too. In version 1.35 of the SDK it then keeps sending it: later calls of `invoke`
# > *without* a `deployment_name` still go to *green*, until the kernel is restarted. So measure
# > shares with plain HTTP, as here.
#
# ## Mirror the traffic
#
# With *mirroring*, the endpoint sends a copy of some requests to a second deployment and throws
# its answers away. Clients notice nothing, while *green* shows how it does under real traffic:
# with its speed, its errors, its logs. At most 50 per cent can be mirrored, and to one deployment
# only.
#
# > **Before you run it.** The next cell changes `endpoint.mirror_traffic`. What will Azure have
# > then?

# %%
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.mirror_traffic = {"green": 10}
print("here: ", endpoint.mirror_traffic)
print("Azure:", ml_client.online_endpoints.get(endpoint_name).mirror_traffic)

# %% [markdown]
# Azure has nothing yet: you changed an object in this notebook. `begin_create_or_update` sends it.

# %%
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)
print("Azure:", ml_client.online_endpoints.get(endpoint_name).mirror_traffic)

# %% [markdown]
# > **Before you run it.** *Green* gets 10 per cent mirrored. Which names will `ask` count now?

# %%
import time


def count_scored(name):
    """Return how many requests to /score stand in a deployment's log."""
    logs = ml_client.online_deployments.get_logs(name, endpoint_name, lines=5000)
    return logs.count('"POST /score HTTP')


scored_before = count_scored("green")
print(dict(ask(request_count)))

time.sleep(2)  # the copies are sent on the side, so give the last ones a moment
mirrored = count_scored("green") - scored_before
print("green was asked too:", mirrored > 0)

# %% [markdown]
# **What happened.** Every answer came from *blue*, and still there are requests in the log of
# *green*: a copy of roughly one in ten, chosen by chance. A figure below shows how many it was.
#
# ## Split the traffic
#
# Now for real: 90 per cent to *blue*, 10 to *green*. The mirror goes, as a deployment gets either
# real requests or copies.


# %%
def split(**traffic):
    """Set the endpoint's traffic on Azure, and wait until it is in force."""
    endpoint = ml_client.online_endpoints.get(endpoint_name)
    endpoint.mirror_traffic = {}
    endpoint.traffic = traffic
    wait(
        ml_client.online_endpoints.begin_create_or_update(endpoint),
        " / ".join(f"{name} {share}" for name, share in traffic.items()),
    )


split(blue=90, green=10)
tenth = ask(request_count)

# %%
split(blue=50, green=50)
half = ask(request_count)

# %% [markdown]
# ## Is that what we asked for?
#
# The endpoint decides by chance for each request, like a coin that is tossed. Toss a fair coin 400
# times and you rarely get heads exactly 200 times; 210 surprises nobody, 300 would. The *binomial
# distribution* says how far from the expected share chance alone will take you: in 99 of 100 such
# experiments the share lies within the band that the next cell works out.

# %%
from scipy.stats import binom


def band(share):
    """Return the shares between which 99 of 100 measurements lie, when chance does its work."""
    low, high = binom.interval(0.99, request_count, share)
    return low / request_count, high / request_count


for share in (0.1, 0.5):
    low, high = band(share)
    print(f"{share:.0%} asked for: expect {low:.1%} to {high:.1%} of {request_count} requests")

# %% [markdown]
# In the figure each row is one of the three measurements: the shaded band is where the share of
# *green* is expected, and the dot is where it was.

# %%
from practice.figures import plots

plots.shares(
    [
        plots.Share("10 % mirrored", mirrored / request_count, *band(0.1)),
        plots.Share("10 % of traffic", tenth["green"] / request_count, *band(0.1)),
        plots.Share("50 % of traffic", half["green"] / request_count, *band(0.5)),
    ],
    what="share of the requests that reached green",
)

# %% [markdown]
# **What happened.** The dots lie in their bands. (Each will lie outside about once in a hundred
# times, by chance.)
#
# > **Before you run it.** The band for 10 per cent, with more requests: do twice as many make it
# > half as wide?

# %%
for count in (400, 800, 1600):
    low, high = binom.interval(0.99, count, 0.1)
    print(f"{count:>5} requests: {(high - low) / count:.1%} wide")

# %% [markdown]
# **What happened.** The band narrows with the square root of the number of requests: for half the
# width you need four times as many. That is worth knowing before you judge a new version by ten
# requests.
#
# ## In the portal
#
# Traffic is moved with a mouse, too. Open your endpoint in the portal: under *Traffic*, give *blue*
# 20 and *green* 80, and press *Update traffic*. (While the sum is not 100, you cannot.)
#
# ![Details of an endpoint in the portal. Two deployments, blue and green, are Succeeded. Below,
# under Traffic, each has a slider: blue stands at 20 and green at 80, sum 100 per cent; then
# Mirrored traffic, and the button Update traffic.](../docs/images/portal/endpoint-traffic.png)
#
# > **Before you run it.** Nothing has changed in this notebook. Which shares will its next requests
# > get: those of the last cell that set them, or those of the slider?
#
# The next cell reads the traffic from Azure, asks, and draws the figure for it.

# %%
traffic = ml_client.online_endpoints.get(endpoint_name).traffic
print("traffic:", dict(sorted(traffic.items())))

counted = ask(request_count)
plots.shares(
    [
        plots.Share(f"{name}, {share} %", counted[name] / request_count, *band(share / 100))
        for name, share in sorted(traffic.items())
    ],
    what="share of the requests that each deployment answered",
)

# %% [markdown]
# **What happened.** Traffic belongs to the endpoint, so whoever moves it, the next request follows.
# (If you left the slider alone, it is still 50 and 50.) Move it, run the cell again, and have
# *Monitoring* open beside the notebook: it draws how many requests each deployment had a minute,
# how long they took, and how many failed.
#
# On live Azure: [Azure Machine Learning studio](https://ml.azure.com), *Endpoints*. The button
# *Update traffic* is in *Details* and opens the sliders; *Monitoring* runs some minutes behind, and
# wants a deployment with `app_insights_enabled=True`. It is handy in a hurry; but code can be
# reviewed, and run again.
#
# The lesson goes on with half and half:

# %%
split(blue=50, green=50)

# %% [markdown]
# ## Three failures on purpose
#
# Each deployment so far answered quickly, and one client asked at a time. Out there it is
# different. To see what happens then, the next cells bring up a third deployment, *slow*. Its
# script works for as many seconds as the request says, in place of a model that is large. Each
# request may take one second; that is its *time-out*, which is five seconds if you say nothing.

# %%
from pathlib import Path

from azure.ai.ml.entities import OnlineRequestSettings

slow_code = Path("../build/lesson-05/slow")
slow_code.mkdir(parents=True, exist_ok=True)
_ = (slow_code / "score.py").write_text(
    """
import json, time

def init():
    pass

def run(raw_data):
    seconds = json.loads(raw_data)["seconds"]
    time.sleep(seconds)
    return {"worked": seconds}
"""
)

slow = ManagedOnlineDeployment(
    name="slow",
    endpoint_name=endpoint_name,
    model=ml_client.models.get("digits-pytorch", label="latest"),
    environment=ml_client.environments.get("digits-pytorch-env", label="latest"),
    code_configuration=CodeConfiguration(code=str(slow_code), scoring_script="score.py"),
    instance_type=instance_type,
    instance_count=1,
    request_settings=OnlineRequestSettings(request_timeout_ms=1000),
)
slow = wait(ml_client.online_deployments.begin_create_or_update(slow), "slow")

# %% [markdown]
# ### It takes too long: 408
#
# > **Before you run it.** A request needs two seconds, and one is allowed. Which status comes
# > back: 200 a little late, 408 (time-out), or 424 (the model's fault)?


# %%
def ask_slow(seconds):
    """Send *slow* a request that takes it so many seconds, and return the answer."""
    return requests.post(
        endpoint.scoring_uri,
        json={"seconds": seconds},
        headers={**session.headers, "azureml-model-deployment": "slow"},
        timeout=60,
    )


guess = predict("Which status comes back?", ["200", "408", "424"])
guess

# %%
answer = ask_slow(2)
print(answer.text.splitlines()[0], f"- after {answer.elapsed.total_seconds():.1f} s")
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** After one second the endpoint gave up: **408**. And the script? Look into its
# log, a moment later:

# %%
import re

time.sleep(2)
logs = ml_client.online_deployments.get_logs("slow", endpoint_name, lines=100)
for status, milliseconds in re.findall(r"POST /score (\d+) (\d+)\.\d+ms", logs):
    print("the script ended with", status, f"after {int(milliseconds) / 1000:.1f} s")

# %% [markdown]
# It worked to the end, and answered 200 to nobody.
#
# - **Seen:** 408, exactly when the time is up.
# - **Log:** the deployment's; the request's real end is there, too late to be of any use.
# - **Cause:** more work in one request than `request_timeout_ms` allows. A client that asks again
#   at once makes it worse: the machine now has two requests to work on.
# - **Repair:** make the script faster (lesson 03), or send less in one request, or allow more time,
#   up to three minutes. What takes longer is not to be waited for: it is a job for a [batch
#   endpoint](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch).
#
# Here, more time:

# %%
slow.request_settings.request_timeout_ms = 5000
slow = wait(ml_client.online_deployments.begin_create_or_update(slow), "slow")
print(ask_slow(2).status_code)

# %% [markdown]
# ### Too many at once: 429
#
# A machine works on `max_concurrent_requests_per_instance` requests at a time, which is 1 if you
# say nothing. As many again may wait for their turn.
#
# > **Before you run it.** Six clients ask at the same moment, each for something that takes a
# > second and a half. How many of them get a 200?

# %%
guess = predict("How many of the six get a 200?", ["1", "2", "more"])
guess

# %%
from concurrent.futures import ThreadPoolExecutor


def six_at_once(ask_once, seconds):
    """Call `ask_once` from six threads at the same time, and return the answers."""
    with ThreadPoolExecutor(6) as clients:
        return list(clients.map(ask_once, [seconds] * 6))


answers = six_at_once(ask_slow, 1.5)
statuses = Counter(answer.status_code for answer in answers)
reasons = {
    answer.status_code: answer.headers.get("ms-azureml-model-error-reason", "")
    for answer in answers
}
for status, count in sorted(statuses.items()):
    print(count, "x", status, reasons[status])
guess.compare(str(statuses[200]) if statuses[200] <= 2 else "more")

# %% [markdown]
# **What happened.** One request was worked on, one waited, and the other four were refused at once.
# That is kind: without a limit all six would wait, the last three longer than the five seconds that
# they have. Those would end with 408, and the machine would have worked for nobody.
#
# - **Seen:** 429, at once, with the reason in a header.
# - **Log:** none of the deployment, as the four never came to it. On live Azure the endpoint's
#   [metrics](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints)
#   count them.
# - **Cause:** more requests at the same time than the machines may take.
# - **Repair:** in the client first: wait and ask again, each time twice as long, and not all at the
#   same moment. This is called *exponential back-off*; the bit of chance in it, *jitter*.
#
# The same six requests again, with patience:

# %%
import random


def ask_patiently(seconds):
    """Ask *slow*; after a 429 pause and ask again, up to seven times."""
    for attempt in range(7):
        answer = ask_slow(seconds)
        if answer.status_code != 429:
            return answer
        time.sleep(0.5 * 2**attempt * random.uniform(0.5, 1))
    return answer


answers = six_at_once(ask_patiently, 1.5)
print(dict(Counter(answer.status_code for answer in answers)))

# %% [markdown]
# All six were served; the last had to wait some seconds. When 429 comes every day, the machine is
# too small for its work: raise `instance_count`, which costs money, or
# `max_concurrent_requests_per_instance`, which helps only if the script can work on several
# requests at the same time (the environment variable `WORKER_COUNT` starts it several times on one
# machine).
#
# > **Tip.** To tell the two apart: 408 comes late, 429 comes at once. 408 is about one request, 429
# > is about how many.
#
# *Slow* has done its work.

# %%
wait(ml_client.online_deployments.begin_delete("slow", endpoint_name), "deleting slow")

# %% [markdown]
# ### Traffic that does not add up
#
# > **Before you run it.** Two changes that would leave clients without an answer: traffic of 60
# > and 30 per cent, and deleting *green* while it has half of the traffic. What will Azure say?

# %%
import textwrap

from azure.core.exceptions import HttpResponseError


def say(error):
    """Print an error's status, code and message."""
    said = f"{error.status_code} {error.error.code}: {error.error.message}"
    print(textwrap.fill(said, 88))


try:
    split(blue=60, green=30)
except HttpResponseError as error:
    say(error)

try:
    ml_client.online_deployments.begin_delete("green", endpoint_name).result()
except HttpResponseError as error:
    say(error)

endpoint = ml_client.online_endpoints.get(endpoint_name)
print("traffic:", dict(sorted(endpoint.traffic.items())))

# %% [markdown]
# **What happened.** Both were refused, and nothing changed. Traffic has to add up to 100 per cent
# (or to 0, when nobody shall be answered), and a deployment with traffic cannot be deleted.
#
# > **Tip.** These three and the other failures of the course, with their causes and repairs, are in
# > [Troubleshooting](../docs/troubleshooting.md), by code.
#
# ## Roll back
#
# Suppose somebody calls: *green* does something odd. Going back is one call, because *blue* is
# still there and still running. That is what the second machine is paid for.

# %%
split(blue=100, green=0)
print(dict(ask(20)))

# %% [markdown]
# And had all been well, it would be the same call the other way round: `split(blue=0, green=100)`.
# Then *blue* stays for some days, until nobody wants it back, and is deleted.
#
# ## Exercises
#
# ### More patience
#
# Some models need more than five seconds. Give *blue* ten. The check looks at the deployment on
# Azure.

# %%
from practice.exercises import lesson_05 as exercises

# Your code goes here.

# %%
exercises.patience.check(ml_client, endpoint_name)

# %% [markdown]
# ### Too far off?
#
# A colleague gave *green* 20 per cent and counted 110 answers from it in 400 requests. Is that
# still chance, if 1 in 100 is what you call rare? Put `True` or `False` into `still_chance`.

# %%
still_chance = ...

# %%
exercises.still_chance.check(still_chance)

# %% [markdown]
# ### Copies for green
#
# Bring it about that *blue* answers everything and *green* gets a copy of a quarter of the
# requests, chosen by chance.

# %%
# Your code goes here.

# %%
exercises.copies.check(ml_client, endpoint_name)

# %% [markdown]
# ## Cleaning up
#
# First take the traffic away from *green*, then delete it. Deleting is a long operation as well:
# if you do not wait for it, you will not see when it fails.

# %%
split(blue=100, green=0)
wait(
    ml_client.online_deployments.begin_delete("green", endpoint_name),
    "deleting green",
)
print([deployment.name for deployment in ml_client.online_deployments.list(endpoint_name)])

# %% [markdown]
# *Blue* has all the traffic, so it cannot be deleted alone. The endpoint can be deleted, and takes
# its deployments with it. With that, nothing is left that costs money by the hour.

# %%
import shutil

wait(
    ml_client.online_endpoints.begin_delete(name=endpoint_name),
    "deleting the endpoint",
)
mine = [each.name for each in ml_client.online_endpoints.list() if suffix in each.name.split("-")]
print("your endpoints:", mine)
shutil.rmtree(slow_code.parent)

# %% [markdown]
# ## Recap
#
# - Several deployments share an endpoint; its traffic says who gets how much.
# - The header `azureml-model-deployment` reaches one of them directly, and in an answer tells
#   which one it was.
# - Mirrored requests test a version under real traffic, without anybody seeing its answers.
# - A measured share has a band; four times the requests make it half as wide.
# - 408: one request took too long. 429: too many at once; pause, and ask again.
# - Rolling back is one call, as long as the old version still runs.
# - Delete what you do not need: machines are billed while they exist.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("05")

# %% [markdown]
# The script [`scoring/create_endpoint.py`](../scoring/create_endpoint.py) does what lessons 02 and
# 04 did step by step: endpoint, one deployment with all the traffic, a test prediction and, with
# `--delete`, the cleaning up. It is a good start for a script of your own.
#
# **Next:** [06 Container Instances](06-container-instances.ipynb) packs the same model into a
# container of your own.
