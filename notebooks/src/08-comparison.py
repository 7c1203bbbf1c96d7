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
# # 08 Comparison
#
# You know three ways to put a model behind an address: a managed endpoint, a container group and a
# container app. Which one suits *your* model? This part puts the same digit model behind all three
# and measures them side by side. The second part, [08b](08b-pay-and-choose.ipynb), adds the prices
# and chooses.
#
# ## Goals
#
# Afterwards you can
#
# - measure how soon a service is ready, how long an answer takes, and how many it gives in a
#   second;
# - say what clients notice when the process behind a service dies;
# - tell which of your figures hold on Azure, and which only describe your own machine.
#
# **Time:** about 35 minutes. On live Azure you wait for another 40, most of them for the endpoint.
#
# Outside the course you would `pip install azure-ai-ml azure-identity azure-mgmt-appcontainers
# azure-mgmt-containerinstance azure-mgmt-containerregistry requests`.
#
# ## What this costs on live Azure
#
# Three services for an hour or so. The endpoint's machine is [{{online_endpoints.instance_hour}} US
# dollars an hour](https://azure.microsoft.com/pricing/details/machine-learning/) in West Europe;
# the group and the app are a few cents each. The registry of lesson 06 is
# {{container_registry.basic_day}} US dollars a day. Less than a dollar in all, if you run the cell
# under *Cleaning up*.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
request_count = 200
load_seconds = 2
clean_up = False

# %% [markdown]
# The next cell makes what earlier lessons left behind, if it's missing: the registered model and
# the image.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from helpers.image import ensure_image
from helpers.wait import until, wait
from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
instances = ContainerInstanceManagementClient(credential, subscription_id)
apps = ContainerAppsAPIClient(credential, subscription_id)

ensure_models(ml_client)
image = ensure_image(subscription_id, resource_group, suffix, tag="1")

# %% [markdown]
# ## One model, three services
#
# All three run the same network with the same weights, on one instance each. You have created each
# of them before, one step at a time. So here a small module does it:
# [`scoring/three_services.py`](../scoring/three_services.py). Open what you would like to see
# again.

# %%
from practice.widgets.folded_source import FoldedSource
from scoring.three_services import ThreeServices

name = f"digits-{suffix}-08"
three = ThreeServices(ml_client, instances, apps, image, name, instance_type, wait)
three.delete()  # what an earlier run left would spoil the first measurement

FoldedSource(ThreeServices.create_endpoint, ThreeServices.create_group, ThreeServices.create_app)

# %% [markdown]
# One thing is new: each has an *emergency exit*, a request that ends its process, as a bug would.
# You will use it later.
#
# > **Caution.** That is for experiments. In a real service, it would be a gift to anyone who wishes
# > you ill.
#
# ## Ready
#
# `Succeeded` and *it answers* are two different moments.
#
# > **Before you run it.** For which service is the gap between them the widest?

# %%
from practice.widgets.quiz import predict

create = {
    "managed endpoint": three.create_endpoint,
    "container group": three.create_group,
    "container app": three.create_app,
}
widest = predict("For which service is the gap the widest?", list(create))
widest

# %% [markdown]
# The next cell creates all three and asks each of them until it answers.

# %%
from time import perf_counter

from sklearn.datasets import load_digits

images = load_digits().images.astype(int)
one_digit = {"data": images[:1].tolist()}
addresses, ready = {}, {}

for service, create_it in create.items():
    began = perf_counter()
    addresses[service] = create_it()
    succeeded = perf_counter() - began
    until(addresses[service].client(one_digit), f"{service}, first answer")
    ready[service] = succeeded, perf_counter() - began

widest.compare(max(ready, key=lambda service: ready[service][1] - ready[service][0]))

# %% [markdown]
# The figure has what you measured as dots and rings, and what is published about Azure as bars.

# %%
from practice.figures import side_by_side

side_by_side.ready(ready)

# %% [markdown]
# **What happened.** The endpoint and the app look inside before they say `Succeeded`: the endpoint
# waits for `init()`, the app for its readiness probe. The group is done as soon as its container
# has started, and whoever asks in the next few seconds finds nobody. A script that creates a group
# and uses it at once has a bug.
#
# Now compare dots and bars. Local Azure starts a process, so all three are quick. On Azure, an
# endpoint sets up a machine for you alone: Microsoft's [tutorial
# expects](https://learn.microsoft.com/azure/machine-learning/tutorial-deploy-model) 10 to 12
# minutes. Groups and apps start on machines that are already running. The group's bar is [an
# example of
# Microsoft's](https://learn.microsoft.com/azure/container-instances/container-instances-troubleshooting)
# with an image of {{container_instances.example_image}} MB; ours is many times that, and it has to
# be fetched. Microsoft gives no figure for apps; the bar is what [users
# report](https://github.com/microsoft/azure-container-apps/issues/997) for a small image.
#
# ## How long does an answer take?
#
# Each service is now asked 200 times, in turns, so that a busy moment of this machine hurts all
# three alike.
#
# A mean hides too much: 10 ms can be 9 for nearly everybody and 100 for a few. So look at the whole
# distribution. In the figure, a line says for each duration what share of the requests took at most
# that long. Higher and further left is better.
#
# > **Before you run it.** All three run the same network. What else is in the time you measure?

# %%
milliseconds = {service: [] for service in addresses}
clients = {service: address.client(one_digit) for service, address in addresses.items()}
all_answered = all(ask() for ask in clients.values())  # opens the connections

for _ in range(request_count):
    for service, ask in clients.items():
        began = perf_counter()
        all_answered &= ask()
        milliseconds[service].append(1000 * (perf_counter() - began))

print("all were answered:", all_answered)
side_by_side.distributions(milliseconds)

# %% [markdown]
# **What happened.** The network takes a fraction of a millisecond (lesson 03). Nearly all the rest
# is the way there and back: TLS, a gateway that checks a key or looks for a replica, the server,
# JSON twice. Here there was no distance. On live Azure there is, and it is often longer than
# everything else together. For a small model, the best thing you can do about latency is to use the
# region where its clients are.
#
# ## More clients
#
# Now 1, 4 and 16 clients at a time, each with a connection of its own. A client asks, waits for its
# answer, and asks again. This is called a *closed load*: a slow service is asked less often. To
# give the service some work, a request is now a page of 100 digits.
#
# > **Before you run it.** Sixteen clients instead of one: how many times as many answers a second?
# > And how long does each client wait? The figure has a plot for each question.

# %%
from practice import measure

page = {"data": images[:100].tolist()}
loads = {service: {} for service in addresses}
for count in (1, 4, 16):
    for service, address in addresses.items():
        loads[service][count] = measure.load(lambda a=address: a.client(page), count, load_seconds)

failed = sum(each.failed for one in loads.values() for each in one.values())
print("requests that failed:", failed)
side_by_side.throughput(loads)

# %% [markdown]
# **What happened.** Nowhere near sixteen times. In all three, one Python process answers, and it
# computes on one core. Once that core is busy, more clients only wait longer, which is the plot on
# the right. Both plots are tied together by [Little's
# law](https://en.wikipedia.org/wiki/Little%27s_law): *clients = requests per second x seconds for
# each*. Try it on a dot of yours.
#
# On live Azure the lines on the left rise further before they bend: while one client's answer is on
# its way, the process works for another. An endpoint also has a limit of [500 requests a
# second](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints)
# and answers the rest with 429.
#
# ## Who speaks https?
#
# > **Before you run it.** Digits are harmless; X-ray pictures are not. How many of the three
# > addresses encrypt what you send?

# %%
import requests

tls = predict("How many of the three addresses speak https?", ["none", "one", "two", "three"])
tls

# %%
from urllib.parse import urlsplit

speak_tls = []
for service, address in addresses.items():
    try:
        requests.get(f"https://{urlsplit(address.url).hostname}", timeout=10)
        speak_tls.append(service)
    except (requests.ConnectionError, requests.Timeout):
        print(service, "has no https")

tls.compare(["none", "one", "two", "three"][len(speak_tls)])

# %% [markdown]
# **What happened.** In front of the endpoint and the app stands a gateway with a certificate. In
# front of the group stands nothing: https is yours to add (lesson 06). And only the endpoint asks
# who you are. The other two answered everybody.
#
# ## When the process dies
#
# Programs crash: a bug in a library, too little memory, a request that nobody thought of. You will
# now use each emergency exit while a client asks about twenty times a second.
#
# > **Before you run it.** All three start the process again by themselves. Which one loses the
# > fewest requests meanwhile?

# %%
fewest = predict("Which service loses the fewest requests?", list(addresses))
fewest

# %%
crashes = {}
for service, address in reversed(addresses.items()):
    ask = address.client(one_digit)
    ask()  # wakes an app that has gone to zero
    crashes[service] = measure.around(address.end_process, ask)
crashes = {service: crashes[service] for service in addresses}

lost = {service: sum(not call.ok for call in crashes[service]) for service in crashes}
print("all of them answer again:", all(calls[-1].ok for calls in crashes.values()))
fewest.compare(min(lost, key=lost.get))

# %% [markdown]
# The figure shows every request around the moment of the crash: a tick is a good answer, a red
# cross is none. A thick line is a request that had to wait.

# %%
side_by_side.outages(crashes)

# %% [markdown]
# Who started it again?

# %%
group_view = instances.container_groups.get(resource_group, name).containers[0].instance_view
print("container group, restarts:", group_view.restart_count)

revision = apps.container_apps.get(resource_group, name).properties.latest_revision_name


def replicas():
    """Return the replicas of the app's latest revision."""
    return apps.container_apps_revision_replicas.list_replicas(resource_group, name, revision).value


restarts = [each.properties.containers[0].restart_count for each in replicas()]
print("container app, restarts:", restarts)

logs = ml_client.online_deployments.get_logs("blue", name, lines=1000)
print("managed endpoint, workers that ended:", logs.count("exited with code 1"))

# %% [markdown]
# **What happened.** The endpoint's inference server is two processes: a *worker* that answers, and
# a parent that looks after it. Only the worker died. The parent held the door, so new requests
# waited a moment and were answered. Azure never noticed; only the server's log did.
#
# In our container there is a single process. When it ends, the container ends, and until Azure has
# started another one and PyTorch is loaded again, clients get 502, 503 or no connection.
#
# There are three remedies: a parent process in your image (`uvicorn --workers 2`), a second
# instance, or clients that ask again after a moment.
#
# ## From zero
#
# Only the app can go to zero replicas. The next cell waits for that, then asks three times. (Half a
# minute here; {{container_apps.cooldown_period}} seconds on live Azure.)

# %%
until(lambda: not replicas(), "no replica")

ask = addresses["container app"].client(one_digit)
for which in ("the first", "the second", "the third"):
    began = perf_counter()
    answered = ask()
    print(f"{which}: {'answered' if answered else 'failed'} after {perf_counter() - began:.1f} s")

# %% [markdown]
# The first request waited for a container to start and for PyTorch to load. The other two services
# never keep anybody waiting like that, and you pay for it day and night.
#
# ## The other cores
#
# The endpoint's machine has {{online_endpoints.instance_cores}} cores, and you have seen one of
# them work. Its variable `WORKER_COUNT` says how many processes run the script: one, unless you set
# it. (An image of yours decides for itself.)
#
# > **Before you run it.** Two workers instead of one: how much more will 16 clients get out of it?

# %%
three.deploy(workers=2)

address = addresses["managed endpoint"]
more = measure.load(lambda: address.client(page), 16, load_seconds)
loads["managed endpoint, 2 workers"] = {16: more}

print("requests that failed:", more.failed)
# How long one request kept one core busy, for lesson 08b
measure.keep("seconds_per_request", 1 / loads["managed endpoint"][16].per_second)

# %% [markdown]
# The figure is the one above, with one dot more.

# %%
side_by_side.throughput(loads)

# %% [markdown]
# **What happened.** Two processes use two cores. Here they share this machine's cores with your 16
# clients; on Azure they have them to themselves, and come close to twice as many. So when you
# compare services, compare *per core*, and count only the cores that work. Lesson 08b does.
#
# ## What a local measurement can say
#
# With the kernel *Azure (local)* everything above really happened, on your machine: the SDKs, the
# requests, the inference server, PyTorch, the crashes. Only the machines and the network weren't
# Azure's. So what may you believe?
#
# - **All of it**, where it follows from how a service is built: `Succeeded` before or after the
#   first answer, who starts a dead process again and what clients see, who has https, who goes to
#   zero.
# - **The ratio**, where the same code ran: your script against your API, one model against another,
#   one worker against two.
# - **Nothing**, where it's about machines or distance: milliseconds, requests a second, the time
#   until ready or until zero.
#
# With the kernel *Azure (live)* the same cells give you Azure's own figures: for one hour, one
# region, one size of machine, and the place where *you* sat.
#
# > **Tip.** Azure draws most of this for you. In the Azure portal, open *Metrics* of the endpoint,
# > the group or the app; restarts are under *Containers*, *Events* of a group and under *Revisions
# > and replicas* of an app. Lesson [09](09-watch.ipynb) reads the same numbers with Python.
#
# ## Exercises
#
# ### The slowest of a hundred
#
# The median says how long it takes for most. What about the unlucky ones? Put into `slowest`, for
# each service, the time that 99 of 100 requests did not exceed: a dict from the names in
# `milliseconds` to milliseconds.

# %%
from practice.exercises import lesson_08 as exercises

slowest = ...

# %%
exercises.slowest.check(milliseconds, slowest)

# %% [markdown]
# ### How long was it away?
#
# `crashes` has the requests of each service around its crash, in order. Each has `sent`, in seconds
# after the crash, `took`, in seconds, and `ok`. For how many seconds could no client count on an
# answer: from the crash until the first good answer after the last bad one? Put it into `away`, a
# dict from each service to seconds, 0 for one that lost nothing.

# %%
away = ...

# %%
exercises.away.check(crashes, away)

# %% [markdown]
# ### How many clients?
#
# A client in another region measures 50 ms for an answer. The process is busy for 10 of them; the
# rest is the way there and back. Each client asks again as soon as it has its answer. How many such
# clients keep the one process busy all the time?

# %%
clients_needed = ...

# %%
exercises.clients_needed.check(clients_needed)

# %% [markdown]
# ## Cleaning up
#
# On live Azure each of the three costs money as long as it is there.

# %%
three.delete()
print("left of this lesson:", three.left())

# %% [markdown]
# The registry with the image stays, for {{container_registry.basic_day}} US dollars a day. Lesson
# 09 uses it once more. If you stop here, set `clean_up = True` in the first cell, run that cell,
# and then this one.

# %%
if clean_up:
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient

    registries = ContainerRegistryManagementClient(credential, subscription_id).registries
    deleting = registries.begin_delete(resource_group, f"digits{suffix}")
    wait(deleting, "deleting the registry")

# %% [markdown]
# ## Recap
#
# - Measure distributions, not means. Ask in turns. Say where the client sat.
# - Clients = requests per second x seconds for each.
# - All three start a dead process again. What clients notice depends on who holds the door.
# - One process computes on one core. `WORKER_COUNT` makes an endpoint use more.
# - A local run shows how services behave, not how fast Azure is.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("08")

# %% [markdown]
# **More from Microsoft:** [how to monitor online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints),
# [why a container takes long to
# start](https://learn.microsoft.com/azure/container-instances/container-instances-troubleshooting),
# [shorter cold starts of container
# apps](https://learn.microsoft.com/azure/container-apps/cold-start).
#
# **Next:** [08b Pay and choose](08b-pay-and-choose.ipynb) puts prices on what you have seen. This
# is a good place to stop: everything is deleted, and what 08b needs is kept.
