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
# You have a second version of the model, and you hope it's better. Here you bring it into service
# without anybody noticing: beside the first one, tried in private, given a copy of the traffic,
# then a part of it. And you take it back just as quietly.
#
# ## Goals
#
# By the end you can
#
# - run two deployments behind one endpoint;
# - try the new one before it has any traffic, mirror traffic to it, and split the traffic;
# - say whether a measured share is what you asked for, or too far off to be chance;
# - tell a time-out (408) from too many requests (429), and do something about each;
# - roll back, and delete what you don't need any more;
# - do all of that from a program of your own.
#
# **Time:** about 35 minutes. On live Azure, waiting adds more than an hour.
#
# ## What this costs on live Azure
#
# One `{{online_endpoints.instance_type}}` costs {{online_endpoints.instance_hour}} US dollars an
# hour in West Europe ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)). You
# have two of them, and for some minutes three or four, so about a dollar in all. Requests cost
# nothing: you pay for the machines, not for what they answer. The last section deletes everything,
# so do run it.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
request_count = 400

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-ai-ml azure-identity requests scipy
# scikit-learn`. The next cell makes what lesson 04 left behind, if it's missing.

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
# *Green* is the Keras model, with its own environment and script. It goes behind the same endpoint,
# so clients need no new address and no new key.

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
# > **Before you run it.** Both deployments are up. What share of the requests does *green* get now?

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
# Each answer names its deployment in the header `azureml-model-deployment`. This function asks
# `count` times and counts the names.

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
# The same header also works the other way round: a client that sends it chooses the deployment. So
# you can try *green* in private, and nobody else gets there by accident.

# %%
print(dict(ask(20, **{"azureml-model-deployment": "green"})))

# %% [markdown]
# Here both read a hundred digits, and you count where they agree.

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
# > **Caution.** `ml_client.online_endpoints.invoke(..., deployment_name="green")` sends that header
# > too. In version 1.35.2 of the SDK it never stops: later calls *without* a `deployment_name`
# > still go to *green* until you restart the kernel. The reason is [one
# > line](https://github.com/Azure/azure-sdk-for-python/blob/azure-ai-ml_1.35.2/sdk/ml/azure-ai-ml/azure/ai/ml/operations/_online_endpoint_operations.py#L359)
# > in `_online_endpoint_operations.py`, `headers = EndpointInvokeFields.DEFAULT_HEADER`: every call
# > writes into the same dict. So measure shares with plain HTTP, as here.
#
# ## Mirror the traffic
#
# With *mirroring*, the endpoint copies some requests to a second deployment and throws its answers
# away. Clients notice nothing, and *green* shows its speed, its errors and its logs under real
# traffic. You can mirror at most {{online_endpoints.max_mirror_traffic}} per cent, to one
# deployment. (Copies count towards the {{online_endpoints.bandwidth}} MB a second that [an endpoint
# carries](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints).)
#
# > **Before you run it.** The next cell changes `endpoint.mirror_traffic`. What does Azure have
# > then?

# %%
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.mirror_traffic = {"green": 10}
print("here: ", endpoint.mirror_traffic)
print("Azure:", ml_client.online_endpoints.get(endpoint_name).mirror_traffic)

# %% [markdown]
# Nothing yet: you changed an object in this notebook. `begin_create_or_update` sends it.

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
# **What happened.** Every answer came from *blue*, and still there are requests in *green's* log: a
# copy of about one in ten, chosen by chance.
#
# ## Split the traffic
#
# Now for real: 90 per cent to *blue*, 10 to *green*. The mirror goes, because a deployment gets
# either real requests or copies.


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
# ## Is that what you asked for?
#
# The endpoint tosses a coin for each request. Toss a fair coin 400 times and you rarely get exactly
# 200 heads: 210 surprises nobody, but 300 would. The *binomial distribution* says how far chance
# alone goes: in 99 of 100 such experiments, the share lies within this band.

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
# In the figure each row is a measurement. The green band is where *green's* share is expected, and
# the blue dot is where it was. (A red cross would be outside.)

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
# **What happened.** The dots lie in their bands.
#
# > **Before you run it.** With twice as many requests, is the band half as wide?

# %%
for count in (400, 800, 1600):
    low, high = binom.interval(0.99, count, 0.1)
    print(f"{count:>5} requests: {(high - low) / count:.1%} wide")

# %% [markdown]
# **What happened.** The band narrows with the square root: half the width takes four times the
# requests. Remember that before you judge a new version by ten of them.
#
# ## In the portal
#
# You can move traffic with the mouse, too. Open your endpoint in the portal. Under *Traffic*, give
# *blue* 20 and *green* 80, and press *Update traffic*.
#
# ![Details of an endpoint in the portal. Two deployments, blue and green, are Succeeded. Below,
# under Traffic, each has a slider: blue stands at 20 and green at 80, sum 100 per cent; then
# Mirrored traffic, and the button Update traffic.](../docs/images/portal/endpoint-traffic.png)
#
# > **Before you run it.** Nothing has changed in this notebook. Which shares will its next requests
# > get: those of the last cell that set them, or the slider's?
#
# The next cell reads the traffic from Azure, asks, and draws the figure.

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
# Move it again with *Monitoring* open beside the notebook: it draws each deployment's requests,
# times and failures. On live Azure, [studio](https://ml.azure.com) has the same under *Endpoints*,
# with *Update traffic* in *Details*. It's handy in a hurry, but code can be reviewed and run again.

# %%
split(blue=50, green=50)

# %% [markdown]
# ## Failures on purpose
#
# So far each deployment answered quickly, and one client asked at a time. The next cells bring up
# *slow*, whose script works for as many seconds as the request says. It may take one second. (Say
# nothing, and a request may take {{online_endpoints.request_timeout_default}}.)

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
# > **Before you run it.** A request needs two seconds, and one is allowed. Will you get 200 a
# > little late, 408 (time-out), or 424 (the model's fault)?


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
# **What happened.** After one second the endpoint gave up. And the script? Here is its log. Find
# your request.

# %% tags=["nbval-ignore-output"]
import re

from practice.widgets.log_pane import LogPane

time.sleep(2)
log = ml_client.online_deployments.get_logs("slow", endpoint_name, lines=100)
LogPane(log, rows=10)

# %%
for status, milliseconds in re.findall(r"POST /score (\d+) (\d+)\.\d+ms", log):
    print("the script ended with", status, f"after {int(milliseconds) / 1000:.1f} s")

# %% [markdown]
# It worked to the end, and answered 200 to nobody.
#
# - **Seen:** 408, exactly when the time is up.
# - **Log:** the deployment's. The request's real end is there, too late to be of use.
# - **Cause:** more work in one request than `request_timeout_ms` allows. A client that asks again
#   at once makes it worse: now the machine has two requests to work on.
# - **Repair:** a faster script (lesson 03), less in one request, or more time, up to
#   {{online_endpoints.request_timeout_max}} seconds. For longer work there are [batch
#   endpoints](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch) (lesson
#   11). Here, more time:

# %%
slow.request_settings.request_timeout_ms = 5000
slow = wait(ml_client.online_deployments.begin_create_or_update(slow), "slow")
print(ask_slow(2).status_code)

# %% [markdown]
# ### Too many at once: 429
#
# A machine works on `max_concurrent_requests_per_instance` requests at a time, by default 1. As
# many again may wait.
#
# > **Before you run it.** Six clients ask at the same moment, each for a second and a half of work.
# > How many get a 200?

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
# **What happened.** One request was worked on, one waited, and four were refused at once. That's
# kind: otherwise the last three would wait longer than the five seconds that they have, and the
# machine would work for nobody.
#
# - **Seen:** 429, at once, with the reason in a header. No deployment's log has it.
# - **Cause:** more requests at the same time than the machines may take.
# - **Repair:** first in the client: wait and ask again, each time twice as long, and not all at the
#   same moment. That's *exponential back-off* with *jitter*.

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
# All six were served, the last after some seconds. If you see 429 every day, raise
# `instance_count`, which costs money. Raise `max_concurrent_requests_per_instance` only if the
# script can work on several requests at once (`WORKER_COUNT` starts it several times on one
# machine).
#
# > **Tip.** 408 comes late and is about one request. 429 comes at once and is about how many.

# %%
wait(ml_client.online_deployments.begin_delete("slow", endpoint_name), "deleting slow")

# %% [markdown]
# ### Traffic that doesn't add up
#
# > **Before you run it.** Two changes that would leave clients without an answer: traffic of 60 and
# > 30 per cent, and deleting *green* while it has half the traffic. What will Azure say?

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
# **What happened.** Both were refused, and nothing changed. Traffic has to add up to 100 (or to 0),
# and you can't delete a deployment that has traffic. [Troubleshooting](../docs/troubleshooting.md)
# has these failures too, by code.
#
# ## Roll back
#
# *Green* does something odd. Going back is one call, because *blue* is still running. That's what
# you pay the second machine for.

# %%
split(blue=100, green=0)
print(dict(ask(20)))

# %% [markdown]
# ## As a program of your own
#
# To deploy again tomorrow you need a program. [`create_endpoint.py`](../scoring/create_endpoint.py)
# does lessons 02 to 05 in one go, with the [`score.py`](../scoring/pytorch/score.py) that you know
# from lesson 03. Open its functions and read them from `run` upwards. Where does it send traffic,
# and what does it do when a deployment fails?

# %%
from practice.widgets.folded_source import FoldedSource
from scoring import create_endpoint

FoldedSource(
    create_endpoint.create_endpoint,
    create_endpoint.create_deployment,
    create_endpoint.send_traffic,
    create_endpoint.predict_sample,
    create_endpoint.run,
)

# %% [markdown]
# Run it as you would in a terminal: `python -m scoring.create_endpoint NAME`.

# %%
import subprocess
import sys

my_endpoint = f"mine-{suffix}"


def program(*arguments):
    """Run create_endpoint.py with these arguments, and print what it says."""
    command = [sys.executable, "-m", "scoring.create_endpoint", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(re.sub(r"(?m)^\.+\n", "", done.stdout))  # the SDK's dots, one for each look at Azure
    if done.returncode:
        print(done.stderr)


program(my_endpoint)

# %% [markdown]
# ## Exercises
#
# ### Green, by the program
#
# Let the program put the Keras model behind `my_endpoint` as *green*, with all the traffic, while
# *blue* stays as it is, in case you want to go back. `program("--help")` lists what it understands.
# The check looks at Azure. (On live Azure this is a fourth machine. If your quota has no room for
# it, do the other exercises first and delete *green* as in *Cleaning up*.)

# %%
from practice.exercises import lesson_05 as exercises

# Your code goes here.

# %%
exercises.by_program.check(ml_client, my_endpoint)

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
# Let *blue* answer everything, while *green* gets a copy of a quarter of the requests.

# %%
# Your code goes here.

# %%
exercises.copies.check(ml_client, endpoint_name)

# %% [markdown]
# ## Cleaning up
#
# First take the traffic away from *green*, then delete it.

# %%
split(blue=100, green=0)
wait(
    ml_client.online_deployments.begin_delete("green", endpoint_name),
    "deleting green",
)
print([deployment.name for deployment in ml_client.online_deployments.list(endpoint_name)])

# %% [markdown]
# *Blue* has all the traffic, so you can't delete it alone. Delete the endpoint, and its deployments
# go too. The program cleans up after itself with `--delete`. (In the portal and in studio, select
# an endpoint under *Endpoints* and press *Delete*.)

# %%
import shutil

program(my_endpoint, "--delete")
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
# - Several deployments share an endpoint, and its traffic says who gets how much.
# - The header `azureml-model-deployment` chooses a deployment, and in an answer names it.
# - Mirrored requests test a version under real traffic, and nobody sees its answers.
# - A measured share has a band. Four times the requests make it half as wide.
# - 408: one request took too long. 429: too many at once, so pause and ask again.
#
# More from Microsoft: [safe
# rollout](https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints),
# [monitor online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints),
# [build your first MLOps
# workflow](https://learn.microsoft.com/training/paths/build-first-machine-operations-workflow/).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("05")

# %% [markdown]
# **Next:** [06 Container Instances](06-container-instances.ipynb) packs the same model into a
# container of your own.
