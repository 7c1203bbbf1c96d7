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
# # 07b Scale to zero
#
# A container app has as many running copies as its requests need: none while nobody asks, several
# in a rush. This lesson puts an app under load and counts its copies, works out what they cost, and
# then breaks the app on purpose.
#
# It stands on its own. The words you need from lesson 07: an *app* lives in an *environment*, which
# gives it an address; a version of it is a *revision*, and a running copy of a revision is a
# *replica*.
#
# ## Goals
#
# Afterwards you can
#
# - create an app from a YAML file;
# - write a scale rule, and predict how many replicas it asks for;
# - say what the first request after a quiet hour pays, and what it costs to spare it that;
# - read the log of a revision that fails, find the line that says why, and repair it;
# - say when Container Apps is the right service, and when it isn't.
#
# **Time:** about 30 minutes. On live Azure you wait another half hour: for replicas that come and
# go, and for Azure to give up on a revision that fails.
#
# ## What this costs on live Azure
#
# This lesson has at most three replicas with half a core each for half an hour: 2,700 core seconds
# of the {{container_apps.free_core_seconds}} that a subscription gets for free each month. What
# comes after these, at [the prices of today](https://azure.microsoft.com/pricing/details/container-apps/),
# you will work out below. The registry stays for lesson 08, unless you set `clean_up = True`.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
clean_up = False

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-identity azure-mgmt-appcontainers pyyaml
# requests`.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.models import ManagedEnvironment

from helpers.image import ensure_image
from helpers.wait import until, wait
from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
client = ContainerAppsAPIClient(credential, subscription_id)

ensure_models(ml_client)
image = ensure_image(subscription_id, resource_group, suffix, tag="1")
location = ml_client.workspaces.get(workspace_name).location

environment_name, app_name = f"digits-{suffix}", f"scale-{suffix}"
# An app left by an earlier run would be in the way: a revision's name can be used only once.
client.container_apps.begin_delete(resource_group, app_name).wait()
environment = wait(
    client.managed_environments.begin_create_or_update(
        resource_group, environment_name, ManagedEnvironment(location=location)
    ),
    "the environment",
)

# %% [markdown]
# ## An app from YAML
#
# People who use the command line keep the description of an app in a file. Here is the course's,
# [`scoring/api/containerapp.yaml`](../scoring/api/containerapp.yaml):

# %%
from pathlib import Path

text = Path("../scoring/api/containerapp.yaml").read_text()
print("\n".join(line for line in text.splitlines() if not line.startswith("#")))

# %% [markdown]
# It's the description of lesson 07, with the names of Azure's REST API: `targetPort` is the SDK's
# `target_port`. What stands in `${...}` has to be filled in first. With the CLI, in a terminal:
#
# ```bash
# export LOCATION=... ENVIRONMENT_ID=... IMAGE=... REGISTRY_SERVER=... REGISTRY_USERNAME=...
# read -s REGISTRY_PASSWORD && export REGISTRY_PASSWORD
# envsubst < scoring/api/containerapp.yaml > build/containerapp.yaml
# az containerapp create --name digits-cli --resource-group rg-... --yaml build/containerapp.yaml
# rm build/containerapp.yaml
# ```
#
# > **Caution.** The filled-in file holds the password, so remove it at once. A [managed
# > identity](https://learn.microsoft.com/azure/container-apps/managed-identity-image-pull) needs
# > none.
#
# The SDK takes the same tree. This app gets the revision mode `Single`, which most apps have.

# %%
import string

import requests
import yaml

values = {
    "LOCATION": location,
    "ENVIRONMENT_ID": environment.id,
    "IMAGE": image.reference,
    "REGISTRY_SERVER": image.server,
    "REGISTRY_USERNAME": image.username,
    "REGISTRY_PASSWORD": image.password,
}
described = yaml.safe_load(string.Template(text).substitute(values))
described["properties"]["configuration"]["activeRevisionsMode"] = "Single"
template = described["properties"]["template"]
template["revisionSuffix"] = "v1"

app = wait(
    client.container_apps.begin_create_or_update(resource_group, app_name, described), app_name
)
url = f"https://{app.properties.configuration.ingress.fqdn}"
print(requests.get(url, timeout=240).json())

# %% [markdown]
# ## Out, under load
#
# The *scale rule* at the end of the file says `concurrentRequests: 10`. The name misleads a little.
# Azure [counts the requests](https://learn.microsoft.com/azure/container-apps/scale-app#http) of
# the last {{container_apps.request_window}} seconds and divides by
# {{container_apps.request_window}}, so it means ten requests *a second* for each replica. There
# will be as many replicas as that takes, from `minReplicas` to `maxReplicas`.
#
# The next cell sends about 30 requests a second and keeps counting replicas. It stops ten seconds
# after there are three.
#
# > **Before you run it.** Take a pencil and draw what you expect: replicas against time, until some
# > minutes after the load has ended.

# %%
import time

from requests.adapters import HTTPAdapter
from sklearn.datasets import load_digits

from practice.figures import timeline

session = requests.Session()
session.mount("https://", HTTPAdapter(pool_maxsize=32))  # so many stay open
three = {"data": load_digits().images[:3].tolist()}
v1 = f"{app_name}--v1"


def ask():
    """Send three digits to the app."""
    session.post(f"{url}/predict", json=three, timeout=240).raise_for_status()


def count_replicas():
    """Return how many replicas version 1 has at this moment."""
    found = client.container_apps_revision_replicas.list_replicas(resource_group, app_name, v1)
    return len(found.value)


record = timeline.Record(count_replicas)
with timeline.steady(ask, per_second=30, at_once=32):
    until(lambda: record.look() == 3, "three replicas")
    later = record.now() + 10
    until(lambda: record.look() and record.now() > later, "ten more seconds")
load_ended = record.now()

# %% [markdown]
# Now nobody asks. Azure keeps replicas it no longer needs for {{container_apps.scale_down_window}}
# seconds, in case the rush comes back. The last one may go `cooldownPeriod` seconds after the last
# request: 60 in our file, {{container_apps.cooldown_period}} if you say nothing. Local Azure waits
# a tenth of that.

# %%
until(lambda: record.look() == 0, "no replica")
print("replicas:", count_replicas())

# %% [markdown]
# The figure shows what was counted, under the orange band while there was load.

# %%
timeline.replicas(
    record.seconds,
    record.counts,
    load=(0, load_ended),
    loaded="about 30 requests a second",
)

# %% [markdown]
# **What happened.** More replicas came within seconds and went again after a while, and nobody
# lifted a finger. (In the portal, the app's *Metrics* draw the same curve, and *Scale* has the
# rule.) The app still has its address, and for the moment it costs nothing.
#
# ## The cold start
#
# > **Before you run it.** Nothing runs now. What will the next request get, and when?

# %%
from practice.widgets.quiz import predict

guess = predict(
    "What will the next request get?",
    ["200 at once", "200 after a while", "404", "503"],
)
guess

# %%
outcomes = []
for which in ("the first", "the second", "the third"):
    began = time.monotonic()
    answer = requests.post(f"{url}/predict", json=three, timeout=240)
    passed = time.monotonic() - began
    print(f"{which}: {answer.status_code} after {passed:.1f} s")
    when = " after a while" if passed > 0.5 else " at once"
    outcomes.append(f"{answer.status_code}{when if answer.ok else ''}")
guess.compare(outcomes[0])

# %% [markdown]
# **What happened.** The gateway of the environment, its *ingress*, held the first request until a
# replica had started and loaded PyTorch. That is the *cold start*. On live Azure the image may have
# to be fetched too: users report {{container_apps.cold_start_least}} to
# {{container_apps.cold_start_most}} seconds for small images.
#
# > **Tip.** A cold start is [shorter](https://learn.microsoft.com/azure/container-apps/cold-start)
# > with a small image, with a registry in the same region, and with a model that is in the image.
# > With `minReplicas: 1` there is none.
#
# ## What replicas cost
#
# A replica costs by the second, for its cores and its memory. One that is always kept
# (`minReplicas`) and has nothing to do pays a lower, *idle* price for its cores. The prices come
# from Azure's public list.

# %%
from practice.pricing import prices

price = prices.container_apps(location)
busy = 0.5 * price.vcpu_second + 1 * price.gib_second  # US dollars a second, for one replica
idle = 0.5 * price.vcpu_second_idle + 1 * price.gib_second_idle

times = record.seconds
steps = zip(record.counts, times[:-1], times[1:], strict=False)
used = sum(count * (after - before) for count, before, after in steps)  # replica seconds
print(f"The curve above: some {used / 60:.0f} replica minutes, {100 * used * busy:.2f} cents.")
thirty_days = 30 * 24 * 3600  # seconds
print(f"A replica for 30 days, busy: {thirty_days * busy:.2f} US dollars")
print(f"A replica for 30 days, idle: {thirty_days * idle:.2f} US dollars")

# %% [markdown]
# The rush cost less than a cent. A replica that only waits for a month costs real money. If people
# wait for the answers, keep one. If a program asks twice a day, let the app go to zero.
#
# ## A revision that fails
#
# There are two kinds of bad images. One isn't there: here somebody types an l in place of the 1.

# %%
import copy
import textwrap

from azure.core.exceptions import HttpResponseError


def next_template(version, tag="1", **variables):
    """Return the template of another version: its image's tag, and variables beside APP_VERSION."""
    changed = copy.deepcopy(template)
    changed["revisionSuffix"] = f"v{version}"
    container = changed["containers"][0]
    container["image"] = image.reference.removesuffix("1") + tag
    variables = {"APP_VERSION": str(version), **variables}
    container["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    return changed


def bring_out(changed):
    """Change what the app runs, and print what Azure says if that fails."""
    body = {"location": location, "properties": {"template": changed}}
    name = changed["revisionSuffix"]
    try:
        wait(client.container_apps.begin_update(resource_group, app_name, body), name)
    except HttpResponseError as error:
        print(f"{name}:", error.error.code)
        message = error.error.message.split("map[")[0]
        print(textwrap.fill(message, 88, break_on_hyphens=False))


bring_out(next_template(2, tag="l"))

# %% [markdown]
# Azure looks for the image first, and refuses. No revision was made. The other kind is worse: the
# image is there, but the program in it doesn't run. Here somebody wants more speed, and gives a
# setting of the web server a value that sounds right.
#
# > **Before you run it.** The mode is `Single`: a new revision replaces the old one. Version 2 will
# > never be ready. Who answers your users?

# %%
guess = predict("Who answers?", ["version 1", "version 2, with 503", "nobody"])
guess

# %% [markdown]
# On live Azure this can take ten minutes: it tries for a while before it gives up.

# %%
bring_out(next_template(2, WEB_CONCURRENCY="auto"))
answer = requests.get(url, timeout=240)
print(answer.json())
guess.compare("version 1" if answer.json()["version"] == "1" else "version 2, with 503")

# %% [markdown]
# **What happened.** The old revision goes only when the new one is ready, so version 1 stays, and
# nobody noticed. (With `Multiple`, a new revision gets the share you give it: look at its health
# first.)
#
# **What you see** is the code `ContainerAppOperationError` and an exit code. It says *that* the
# program ended. Why it did is in the log that each replica has. Here is all of it. (Its address
# comes with the replica, and a short-lived token opens it.)

# %% tags=["nbval-ignore-output"]
from practice.widgets.log_pane import LogPane


def log_of(revision):
    """Return what the first replica of a revision has printed."""
    replica = client.container_apps_revision_replicas.list_replicas(
        resource_group, app_name, revision
    ).value[0]
    token = client.container_apps.get_auth_token(resource_group, app_name)
    return requests.get(
        replica.properties.containers[0].log_stream_endpoint,
        params={"follow": "false", "tailLines": 300, "output": "text"},
        headers={"Authorization": f"Bearer {token.properties.token}"},
        timeout=60,
    ).text


v2 = f"{app_name}--v2"
log = log_of(v2)
LogPane(log)

# %% [markdown]
# ### Find the line
#
# Read it from the end. (Azure has started the program several times, so the same story is told
# several times.) Its last line says *what* went wrong. Which line says *where that value came
# from*? Put its number into `line`.

# %%
from practice.exercises import lesson_07b as exercises

line = ...

# %%
exercises.find_line.check(log, line)

# %% [markdown]
# Now that you know what to look for, a filter finds the reason in any such log. (In a terminal:
# `az containerapp logs show --revision ...`. In the portal: *Log stream*.)

# %%
reasons = [line.split(maxsplit=1)[1] for line in log.splitlines() if "Error: " in line]
print(textwrap.fill(reasons[-1], 88))

# %% [markdown]
# - **Cause:** the variable `WEB_CONCURRENCY` says how many processes the server starts, and *auto*
#   is no number. In other cases it's a wrong `targetPort`, a missing secret, or too little memory.
# - **Repair:** a revision never changes, so bring out another one.

# %%
bring_out(next_template(3, WEB_CONCURRENCY="1"))
print(requests.get(url, timeout=240).json())

found = client.container_apps_revisions.list_revisions(resource_group, app_name)
for each in sorted(found, key=lambda each: each.name):
    print(each.name, "active" if each.properties.active else "inactive")

# %% [markdown]
# **What happened.** Version 3 was ready, so it took over, and the other two were deactivated. An
# inactive revision costs nothing. (In the mode `Multiple`, you deactivate them yourself.)
#
# ## When it's the right service
#
# What you have seen in lessons 07 and 07b speaks for Container Apps:
#
# - An address with https, and nobody had to ask for a certificate.
# - Replicas come and go with the load, and an app that nobody asks costs nothing.
# - Two versions behind one address, and a way back in seconds.
# - A bad version harmed nobody.
# - A replica can have several containers (`containers` is a list), and the apps of an environment
#   reach each other by name: right for an application of many parts.
#
# And against it:
#
# - Environment, ingress, revision, replica, rule: many words, if one container is all you have.
# - The first request after a quiet time waits, or you pay for a replica that does.
# - You bring the image, the server and the lock. A managed endpoint brings all three and a place
#   for the model.
#
# ## Exercises
#
# ### Ready for the rush
#
# Tomorrow a schoolbook prints your address. You expect 180 requests a second, and you've measured
# that a replica answers 25 a second well. Bring out a version 4 that can take it, with no more
# replicas than needed, and with no cold start for anybody. (If it comes out wrong, go on to 5.)

# %%
# Your code goes here.

# %%
exercises.ready_for_the_rush.check(client, resource_group, app_name)

# %% [markdown]
# ### A month's bill
#
# An app keeps one replica like ours (`minReplicas: 1`). It's busy for two hours a day and idle for
# the rest. What do its replicas cost in 30 days, in US dollars? Leave out what is free, and what
# the requests themselves cost.

# %%
month = ...

# %%
exercises.months_bill.check(price, month)

# %% [markdown]
# ## Cleaning up
#
# First the app, then its environment. (In the portal: *Delete* on the app's *Overview*, and beside
# the environment in *Container Apps*.)

# %%
wait(client.container_apps.begin_delete(resource_group, app_name), f"deleting {app_name}")
wait(
    client.managed_environments.begin_delete(resource_group, environment_name),
    "deleting the environment",
)

# %% [markdown]
# Lesson 08 uses the image, so the registry stays. If you stop here, set `clean_up = True` in the
# first cell, run that cell and then this one. Then nothing is left that costs money.

# %%
if clean_up:
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient

    registries = ContainerRegistryManagementClient(credential, subscription_id).registries
    wait(
        registries.begin_delete(resource_group, f"digits{suffix}"),
        "deleting the registry",
    )

# %% [markdown]
# ## Recap
#
# - A scale rule says how many requests a second one replica takes; two limits say how few and how
#   many there may be.
# - Zero replicas cost nothing. The next request waits for the cold start.
# - A kept replica costs less while it's idle, but it costs all month.
# - A revision that fails harms nobody: the one before it stays. Its replica's log says why.
#
# [Troubleshooting](../docs/troubleshooting.md) has these failures and others, by error code.
#
# More from Microsoft: [scaling](https://learn.microsoft.com/azure/container-apps/scale-app),
# [billing](https://learn.microsoft.com/azure/container-apps/billing), [when a deployment
# fails](https://learn.microsoft.com/azure/container-apps/troubleshoot-deployment-errors).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("07b")

# %% [markdown]
# **Next:** [08 Comparison](08-comparison.ipynb) puts all three services side by side: what they do,
# how fast, and for how much.
