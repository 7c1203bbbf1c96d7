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
# You have met three ways to put a model behind an address: a managed endpoint (lessons 02 to 05), a
# container group (06) and a container app (07). Which one is right for *your* model? This lesson
# puts the same digit model behind all three, measures them in one run, works out what they cost,
# and ends with five questions that lead to one of them.
#
# ## Goals
#
# Afterwards you can
#
# - measure a service: until it is ready, how long an answer takes, how many it gives in a second;
# - say what happens, in each of the three, when the process dies, and what clients see of it;
# - tell which of your figures mean something on Azure and which only describe your own machine;
# - work out what each service costs at your number of requests, and where the cheapest one changes;
# - choose one, and give the reasons.
#
# **Time:** about 35 minutes. The exercises take ten more, and on live Azure you wait for another 45
# while things are built, started, scaled and deleted.
#
# ## What this costs on live Azure
#
# Three services at the same time, for about an hour. The endpoint has one machine for all of it and
# a second one for half of it, at 0.272 US dollars an hour each in Sweden Central in August 2026
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)): 41 cents. The container
# group is 6 cents; the container app's replicas are less than 20 cents, most of which the free
# grant covers; and lesson 06's registry is 17 cents a day. Less than one dollar in all. The last
# section deletes the services, and says how to delete the registry: do both.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = "Standard_DS3_v2"
request_count = 200
load_seconds = 2
price_region = "swedencentral"
clean_up = False

# %% [markdown]
# The next cell makes what earlier lessons left behind, where it is missing: the registered model
# and the image. And it takes away what an earlier run of *this* lesson left, because a service that
# is there already would spoil the first measurement.

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
groups = instances.container_groups

ensure_models(ml_client)
image = ensure_image(subscription_id, resource_group, suffix, tag="1")
location = ml_client.workspaces.get(workspace_name).location

name = f"digits-{suffix}-08"  # of all three; each service has names of its own


def delete_all():
    """Delete the three services, as far as they are there."""
    pollers = {
        "endpoint": ml_client.online_endpoints.begin_delete(name),
        "container group": groups.begin_delete(resource_group, name),
        "container app": apps.container_apps.begin_delete(resource_group, name),
    }
    for what, poller in pollers.items():
        wait(poller, f"deleting the {what}")
    environments = apps.managed_environments
    wait(environments.begin_delete(resource_group, name), "deleting its environment")


if name in [each.name for each in ml_client.online_endpoints.list()]:
    delete_all()

# %% [markdown]
# ## One model, three times
#
# All three run the same PyTorch network with the same weights, on one instance each, so that the
# services are compared and not their sizes. One thing is added to each: an *emergency exit*, a
# request that ends the process, as a bug would. Later you will push it and watch.
#
# > **Caution.** This is for experiments. In a real service, such a request is a present to whoever
# > wishes you ill.
#
# **The managed endpoint** wants a script. This one wraps lesson 03's, and leaves when it is asked
# to.

# %%
import shutil
from pathlib import Path

build = Path("../build/lesson-08")
shutil.rmtree(build, ignore_errors=True)
shutil.copytree("../scoring/pytorch", build, ignore=shutil.ignore_patterns("__pycache__"))
_ = (build / "score_with_exit.py").write_text(
    '''"""The digit model's script, with an emergency exit."""
import json
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
import score

init = score.init


def run(raw_data):
    if json.loads(raw_data) == {"exit": True}:
        os._exit(1)  # at once, as a crash does
    return score.run(raw_data)
'''
)

# %% [markdown]
# `max_concurrent_requests_per_instance` is how many requests the endpoint sends to an instance at
# the same time. With its default, 1, a third request at once is answered with 429 (lesson 05). The
# two others have no such limit, so here it is 16.

# %%
from azure.ai.ml.entities import (
    CodeConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
)

endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=name,
    model=ml_client.models.get("digits-pytorch", label="latest"),
    environment=ml_client.environments.get("digits-pytorch-env", label="latest"),
    code_configuration=CodeConfiguration(code=str(build), scoring_script="score_with_exit.py"),
    instance_type=instance_type,
    instance_count=1,
    request_settings=OnlineRequestSettings(max_concurrent_requests_per_instance=16),
)

# %% [markdown]
# **The container group** runs lesson 06's image. A `command` takes the place of the image's own:
# the same API, with one address more.

# %%
from azure.mgmt.containerinstance import models as aci

program = """
import os
import uvicorn
from app.main import app

@app.post("/exit")
async def leave():
    os._exit(1)

host, port = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", 80))
uvicorn.run(app, host=host, port=port)
"""

group = aci.ContainerGroup(
    location=location,
    os_type="Linux",
    restart_policy="Always",
    image_registry_credentials=[
        aci.ImageRegistryCredential(
            server=image.server, username=image.username, password=image.password
        )
    ],
    containers=[
        aci.Container(
            name="digits",
            image=image.reference,
            command=["python", "-c", program],
            ports=[aci.ContainerPort(port=80)],
            resources=aci.ResourceRequirements(
                requests=aci.ResourceRequests(cpu=1.0, memory_in_gb=1.5)
            ),
        )
    ],
    ip_address=aci.IpAddress(
        type="Public", dns_name_label=name, ports=[aci.Port(port=80, protocol="TCP")]
    ),
)

# %% [markdown]
# **The container app** runs the same image with the same command. It may go to zero replicas, and
# for now it may have one at most.

# %%
from azure.mgmt.appcontainers import models as aca

template = aca.Template(
    containers=[
        aca.Container(
            name="digits",
            image=image.reference,
            command=["python", "-c", program],
            resources=aca.ContainerResources(cpu=1.0, memory="2Gi"),
            probes=[
                aca.ContainerAppProbe(
                    type="Readiness",
                    http_get=aca.ContainerAppProbeHttpGet(path="/", port=80),
                    period_seconds=2,
                )
            ],
        )
    ],
    scale=aca.Scale(min_replicas=0, max_replicas=1),
)
configuration = aca.Configuration(
    ingress=aca.Ingress(external=True, target_port=80),
    secrets=[aca.Secret(name="registry-password", value=image.password)],
    registries=[
        aca.RegistryCredentials(
            server=image.server,
            username=image.username,
            password_secret_ref="registry-password",
        )
    ],
)

# %% [markdown]
# ## From request to ready
#
# Next come three functions that create the services, and each notes where to ask: the address that
# predicts, and the one that ends the process.

# %%
from dataclasses import dataclass, field


@dataclass
class Target:
    """Where a service is asked for digits, and how it is told to end its process."""

    url: str
    exit_url: str
    exit_body: object = None
    headers: dict = field(default_factory=dict)


targets = {}


def create_endpoint():
    """Endpoint, deployment, traffic."""
    wait(ml_client.online_endpoints.begin_create_or_update(endpoint), "endpoint")
    wait(ml_client.online_deployments.begin_create_or_update(deployment), "blue")
    made = ml_client.online_endpoints.get(name)
    made.traffic = {"blue": 100}
    wait(ml_client.online_endpoints.begin_create_or_update(made), "traffic")
    key = ml_client.online_endpoints.get_keys(name).primary_key
    return Target(
        made.scoring_uri,
        made.scoring_uri,
        exit_body={"exit": True},
        headers={"Authorization": f"Bearer {key}"},
    )


def create_group():
    """The group is all there is."""
    made = wait(groups.begin_create_or_update(resource_group, name, group), "container group")
    url = f"http://{made.ip_address.fqdn}"
    return Target(f"{url}/predict", f"{url}/exit")


def create_app():
    """Environment, app."""
    environment = wait(
        apps.managed_environments.begin_create_or_update(
            resource_group, name, aca.ManagedEnvironment(location=location)
        ),
        "environment",
    )
    properties = aca.ContainerAppProperties(
        environment_id=environment.id, configuration=configuration, template=template
    )
    made = wait(
        apps.container_apps.begin_create_or_update(
            resource_group,
            name,
            aca.ContainerApp(location=location, properties=properties),
        ),
        "container app",
    )
    url = f"https://{made.properties.configuration.ingress.fqdn}"
    return Target(f"{url}/predict", f"{url}/exit")


# %% [markdown]
# `client` returns a client of one service: a function that sends one digit, over a connection that
# it keeps open, and says whether a prediction came back. Everything below is measured with it, so
# that all three are asked the same thing in the same way.

# %%
from time import perf_counter, sleep

import requests
from sklearn.datasets import load_digits

one_digit = {"data": load_digits().images[:1].tolist()}


def client(service):
    """Return a function that asks the service once, and says whether it got a prediction."""
    target, session = targets[service], requests.Session()
    session.headers.update(target.headers)

    def ask():
        try:
            for _ in range(100):
                answer = session.post(target.url, json=one_digit, timeout=240)
                if answer.status_code != 429:
                    break
                sleep(0.1)  # too many in this second: wait, then ask again (lesson 05)
        except requests.RequestException:
            return False
        return answer.status_code == 200

    return ask


# %% [markdown]
# > **Before you run it.** `Succeeded` and *it answers* are two moments. For which service is the
# > gap between the two wide, and for which is there hardly any?
#
# Locally this takes seconds. On live Azure it takes a quarter of an hour, most of it for the
# endpoint.

# %%
ready = {}  # seconds until Succeeded, and until the first answer


def bring_up(service, create):
    """Create a service and ask until it answers; note when Azure and when clients were content."""
    began = perf_counter()
    targets[service] = create()
    succeeded = perf_counter() - began
    until(client(service), f"{service}, first answer")
    ready[service] = succeeded, perf_counter() - began


bring_up("managed endpoint", create_endpoint)
bring_up("container group", create_group)
bring_up("container app", create_app)

# %% [markdown]
# The figure shows the same as bars.

# %%
from practice.figures import side_by_side

side_by_side.ready(ready)

# %% [markdown]
# **What happened.** The endpoint and the app look into the container before they say `Succeeded`:
# the endpoint waits for `init()`, the app for its readiness probe. The group is done when the
# container has been started, and whoever asks in the seconds after that finds nobody. If you have a
# script that creates a group and goes on at once, that is its bug.
#
# > **Tip.** The *order* of the bars is of this machine, which starts processes. On live Azure an
# > endpoint takes 5 to 15 minutes, because machines are set up for you alone; group and app take
# > one to three, as they start on machines that are running already.
#
# ## How long does an answer take?
#
# Each service is asked 200 times, one request after the other, in turns: if this machine is busy
# with something else for a while, all three suffer alike. The first request of each opens the
# connection and is not counted.
#
# One number for "how long" hides the most: a mean of 10 ms can be 9 for nearly all and 100 for
# some. So look at the whole distribution: in the figure, a line tells for each duration what share
# of the requests took at most that long. The higher and further to the left, the better.
#
# > **Before you run it.** All three have the same network with the same weights. What else is in
# > the time that you measure?

# %%
milliseconds = {service: [] for service in targets}
clients = {service: client(service) for service in targets}
all_answered = all(ask() for ask in clients.values())  # opens the connections

for _ in range(request_count):
    for service, ask in clients.items():
        began = perf_counter()
        all_answered &= ask()
        milliseconds[service].append(1000 * (perf_counter() - began))

print("all were answered:", all_answered)
side_by_side.distributions(milliseconds)

# %% [markdown]
# **What happened.** The network itself takes a fraction of a millisecond (lesson 03); nearly all of
# what you see is the way there and back: the client, TLS, a gateway that looks at the key or for a
# replica, the server, JSON twice. On this machine the three are less than a millisecond apart, or a
# few at most. On live Azure the way is longer than everything else together, often 10 to 50 ms: for
# a small model, the best thing you can do about latency is to put it into the region in which its
# clients are.
#
# ## More clients
#
# Now 1, 4 and 16 clients at the same time, for two seconds each. Every client is a thread with a
# connection of its own, opened before the clock starts, that asks, waits for the answer, and asks
# again ([`practice/measure.py`](../practice/measure.py)). This is called a *closed* load: a slow
# service is asked less often.
#
# > **Before you run it.** Sixteen clients in place of one: how many times as many answers a second?
# > And how long does each client wait? The figure has a plot for each question.

# %%
from practice.measure import load

loads = {service: {} for service in targets}
for count in (1, 4, 16):
    for service in targets:
        loads[service][count] = load(lambda service=service: client(service), count, load_seconds)

failed = sum(each.failed for one in loads.values() for each in one.values())
print("requests that failed:", failed)
side_by_side.throughput(loads)

# %% [markdown]
# **What happened.** Sixteen times? On the left the lines rise far less: one instance, on a machine
# with a few cores which clients and services share, soon has all it can do. The rest waits: on the
# right, what a client waits grows with the number of clients. The two figures are tied
# together, in every closed load that there is: *clients = requests per second x seconds for each*
# ([Little's law](https://en.wikipedia.org/wiki/Little%27s_law)). Try it on a dot of yours. You will
# come out a little low: the law is about the mean, and the plot has the median.
#
# An endpoint takes [500 requests a
# second](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints)
# and answers what is above with 429. (A measurement of two seconds can come out a little above 500,
# because it can touch three of the seconds that are counted.) Our client then waits a moment and
# asks again, so nothing is lost; on a fast machine that is why the endpoint's line bends first.
# Group and app refuse nothing.
#
# On live Azure the left lines rise more. With one client, the instance idles while requests and
# answers are on their way; with sixteen there is always somebody whose turn it is.
#
# ## Who speaks https?
#
# > **Before you run it.** Digits are harmless. X-ray pictures must not be read on the way. How many
# > of the three addresses encrypt what you send?

# %%
from practice.widgets.quiz import predict

tls = predict("How many of the three addresses answer to https?", ["none", "one", "two", "three"])
tls

# %%
from urllib.parse import urlsplit

speak_tls = []
for service, target in targets.items():
    address = f"https://{urlsplit(target.url).hostname}"
    try:
        requests.get(address, timeout=10)
        speak_tls.append(service)
    except (requests.ConnectionError, requests.Timeout):
        print(service, "has no https")

tls.compare(["none", "one", "two", "three"][len(speak_tls)])

# %% [markdown]
# **What happened.** Endpoint and app have a gateway in front of them that has a certificate. Before
# the group there is nothing, so it would be yours to add (lesson 06). And only the endpoint asks
# who you are: its key stands in `headers`, the others took every request from everybody. For X-ray
# pictures as they are, only the endpoint is left.
#
# ## When the process dies
#
# Programs crash: a bug in a library, too little memory, a request that nobody thought of. You will
# now push each service's emergency exit, while a client asks about twenty times a second, and see
# how many of its requests come to nothing.
#
# > **Before you run it.** All three start the process again without your help. Which one loses the
# > fewest of its clients' requests meanwhile?

# %%
fewest = predict("Which service loses the fewest requests?", list(targets))
fewest

# %%
from contextlib import suppress

from practice.measure import around, outage


def end_process(service):
    """Push the emergency exit. There is nobody left to answer that."""
    target = targets[service]
    with suppress(requests.RequestException):
        requests.post(
            target.exit_url,
            json=target.exit_body,
            headers=target.headers,
            timeout=240,
        )


crashes = {}
for service in reversed(targets):
    crashes[service] = around(lambda service=service: end_process(service), client(service))
crashes = {service: crashes[service] for service in targets}
print("all of them answer again:", all(each[-1].ok for each in crashes.values()))

# %%
lost = {service: sum(not call.ok for call in crashes[service]) for service in targets}
fewest.compare(min(lost, key=lost.get))

# %% [markdown]
# The figure shows every single request around the moment in which the process ended: a tick is a
# good answer, a cross is none. A request that waited longer than 0.2 seconds has a thick line as
# well; after a shorter wait there is only a gap before the next tick.

# %%
side_by_side.outages(crashes)

# %% [markdown]
# Who started it again? In the group and in the app it was Azure: it saw the container end, and
# counted. In the endpoint Azure has seen nothing at all. Only the inference server's log knows that
# a *worker*, the process that answers requests, has ended.

# %%
group_view = groups.get(resource_group, name).containers[0].instance_view
print("container group, restarts:", group_view.restart_count)

revision = apps.container_apps.get(resource_group, name).properties.latest_revision_name


def replicas():
    """Return the replicas of the app's latest revision."""
    return apps.container_apps_revision_replicas.list_replicas(resource_group, name, revision).value


print(
    "container app, restarts:",
    [each.properties.containers[0].restart_count for each in replicas()],
)

logs = ml_client.online_deployments.get_logs("blue", name, lines=1000)
print("managed endpoint, workers that ended:", logs.count("exited with code 1"))

# %% [markdown]
# **What happened.** The inference server in the endpoint's image consists of two processes: the
# worker, and one that does nothing but look after it. Only the first one died. The other held
# the door meanwhile, so new requests waited a moment and were answered. In our container there is
# only one process; when it ends the container ends, Azure has to start a new one, and until PyTorch
# is loaded again clients get 502 or 503, or no connection at all. (In lesson 07 a request waited,
# because there was no replica. Here there is one, and it does not answer. The app is away a little
# longer than the group: local Azure starts it again after half a second and not at once, and on
# live Azure a probe has to see the new process first.)
#
# Two remedies, both in your hands: a process that looks after the others (`uvicorn --workers 2`,
# which takes twice the memory), or a second instance, for the time in which one is away. And
# clients that ask again after a moment need neither.
#
# > **Caution.** The first restart comes at once, or nearly. A container that goes on dying waits
# > longer each time, up to five minutes (lesson 06).
#
# ## From zero
#
# Only the app can go to zero. The next cell waits until its last replica has gone, then asks three
# times, as in lesson 07. (Up to half a minute with local Azure; five minutes with live Azure.)

# %%
until(lambda: not replicas(), "no replica")

ask, waited = client("container app"), []
for which in ("the first", "the second", "the third"):
    began = perf_counter()
    answered = ask()
    waited.append(perf_counter() - began)
    print(f"{which}: {'answered' if answered else 'failed'} after {waited[-1]:.1f} s")

# %% [markdown]
# The first one waited for a container to start and for PyTorch to be loaded. The two other services
# never make anybody wait like that, and are paid for it day and night.
#
# ## A second instance
#
# Traffic doubles. How do you get a second instance?
#
# - of the *endpoint*: with a number, or with a rule for autoscaling that you set beside it;
# - of the *app*: by itself, within the limits that you set; here a second one is demanded at once;
# - of the *group*: there is none. A second group is another address, and something in front of them
#   has to share out the requests.

# %%
second = {"container group": None}

began = perf_counter()
blue = ml_client.online_deployments.get("blue", name)
blue.instance_count = 2
wait(ml_client.online_deployments.begin_create_or_update(blue), "two instances")
second["managed endpoint"] = perf_counter() - began

began = perf_counter()
template.scale = aca.Scale(min_replicas=2, max_replicas=2)
change = aca.ContainerApp(
    location=location, properties=aca.ContainerAppProperties(template=template)
)
app = wait(apps.container_apps.begin_update(resource_group, name, change), "new revision")
revision = app.properties.latest_revision_name
until(lambda: len(replicas()) == 2, "two replicas")
second["container app"] = perf_counter() - began

print(
    "instances:",
    ml_client.online_deployments.get("blue", name).instance_count,
    "replicas:",
    len(replicas()),
)

# %% [markdown]
# ## Side by side
#
# Everything that you have measured, in one figure. In each little plot the bars begin at zero, and
# have their own scale; *none* is what a service does not have.

# %%
from statistics import median

from practice.figures.side_by_side import Panel

side_by_side.panels(
    [
        Panel("ready after (s)", {each: ready[each][1] for each in targets}),
        Panel("median answer (ms)", {s: median(milliseconds[s]) for s in targets}),
        Panel("16 clients (requests/s)", {s: loads[s][16].per_second for s in targets}),
        Panel("process died: away for (s)", {s: outage(crashes[s]) for s in targets}),
        Panel(
            "first answer from zero (s)",
            {s: waited[0] if s == "container app" else None for s in targets},
        ),
        Panel("a second instance (s)", {s: second[s] for s in targets}),
    ]
)

# %% [markdown]
# ## What a local measurement can say
#
# With the kernel *Azure (local)*, everything above ran on your machine. It was real: the SDKs, the
# requests, the inference server, the API, PyTorch, processes that died. The machines and the
# network were not Azure's. So which of the figures may you believe?
#
# **The same on Azure**, because it follows from how the services are built:
#
# - the order of events: `Succeeded` before or after the first answer, who starts a dead process
#   again, which codes clients get, who has https, who can go to zero;
# - *clients = requests per second x seconds for each*.
#
# **A good guess**, because it is the same code on another processor:
#
# - what your script takes in comparison with your API, or one model with another: the ratio, not
#   the milliseconds;
# - that part of the cold start in which PyTorch is loaded. Fetching an image of a gigabyte comes on
#   top.
#
# **Nothing about Azure**, because machines and network are other ones:
#
# - latency, and a millisecond more or less between two services: there was no network in it, and
#   the gateways are local Azure's own;
# - requests per second: clients and services shared your cores, and on Azure each has its own;
# - the time until ready, or until a second instance: no machine had to be allocated, no image to be
#   fetched;
# - the time until zero replicas: local Azure has a tenth of Azure's patience.
#
# With the kernel *Azure (live)* the same cells give you Azure's figures. Even then they are figures
# of one hour, one region, one size of machine, and of where *you* sat: run the client where your
# real clients are.
#
# ## What it costs
#
# Prices are public: the [Azure Retail Prices
# API](https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices) has
# them all, without a sign-in. Live Azure answers with today's; local Azure with a small dated copy
# of some regions. Prices differ between regions, so all of these are of one.

# %%
from practice.pricing import costs, prices

machine = prices.machine(price_region, instance_type)
group_prices = prices.container_instances(price_region)
app_prices = prices.container_apps(price_region)

price_list = {
    f"endpoint: one {instance_type} for an hour": machine.usd,
    "group: one core for an hour": group_prices.vcpu_hour,
    "group: one GB for an hour": group_prices.gb_hour,
    "app: one core for an hour, busy": app_prices.vcpu_second * 3600,
    "app: one core for an hour, idle": app_prices.vcpu_second_idle * 3600,
    "app: one GiB for an hour": app_prices.gib_second * 3600,
    "app: a million requests": app_prices.million_requests,
}
print(f"US dollars in {price_region}")
for what, usd in price_list.items():
    print(f"{usd:8.4f}  {what}")

# %% [markdown]
# A price is not a bill yet. What is billed?
#
# - **Endpoint:** its machines, as long as the deployment exists. Requests and idle hours make no
#   difference. It never goes below one machine.
# - **Group:** its cores and gigabytes, by the second, as long as it runs.
# - **App:** the cores and gigabytes of its replicas, by the second. A replica that
#   `min_replicas` keeps waiting costs less (the *idle* rate); zero replicas cost nothing. Then the
#   requests. Each month, 180,000 core seconds, 360,000 GiB seconds and 2 million requests are
#   [free](https://learn.microsoft.com/azure/container-apps/billing), once for a subscription.
#
# And the "20 per cent" of managed endpoints, which many take for a surcharge? It is *quota*: Azure
# wants room for 20 per cent more machines, to upgrade them without a pause. It costs nothing until
# it is used for that, but without it the deployment is refused
# ([quotas](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas)).
#
# [`practice/pricing/costs.py`](../practice/pricing/costs.py) turns this into a model. It wants to know how long a
# request keeps an instance busy. Here that is 20 ms, more than a digit needs; put in your own.
# Requests come at random moments, day and night.

# %%
work = costs.Work(seconds_per_request=0.02)

size = {"vcpu": 1, "memory_gib": 2}

on_endpoint = costs.ManagedEndpoint(machine.usd, work, name="managed endpoint")
in_group = costs.ContainerGroup(group_prices, work, vcpu=1, memory_gb=1.5, name="container group")
to_zero = costs.ContainerApp(
    app_prices, work, **size, min_replicas=0, name="container app, to zero"
)
kept = costs.ContainerApp(app_prices, work, **size, min_replicas=1, name="container app, one kept")
services = [on_endpoint, in_group, to_zero, kept]

print(f"one machine has 4 cores and takes {on_endpoint.quota(cores=4)} of your quota")

# %% [markdown]
# > **Before you run it.** A thousand requests a day, at random moments. Each takes 20 ms, so the
# > model works for twenty seconds a day. Which of the four is the cheapest?

# %%
cheapest = predict("1,000 requests a day: which is the cheapest?", [each.name for each in services])
cheapest

# %%
rows = (10, 100, 1_000, 10_000, 100_000, 1_000_000)


def table(heading, usd):
    """Print what `usd` reads from each service's bill, by requests a day."""
    print(f"{heading:<31}" + "".join(f"{n:>10,}" for n in rows))
    for each in services:
        amounts = (f"{usd(each.bill(n)):.3f}" for n in rows)
        print(f"{each.name:<31}" + "".join(f"{text:>10}" for text in amounts))


table("USD a month, by requests a day", lambda bill: bill.per_month)
print()
table("USD an hour, by requests a day", lambda bill: bill.per_hour)
print()
cheapest.compare(costs.cheapest(services, 1_000).name)

# %% [markdown]
# **What happened.** Zero is cheapest only for an app that *stays* at zero. After each request the
# last replica waits, five minutes on Azure, and it is billed as busy for all of them. (That is the
# default. With `cooldown_period=60`, zero stays the cheaper one up to some 500 requests a day.) The
# idle rate is for replicas that `min_replicas` keeps. A thousand requests a day come every one and
# a half minutes, so the replica hardly ever goes. One that is kept costs a third.
#
# Where does the cheapest change? A *break-even point* is where two of them cost the same: below it
# the one is cheaper, above it the other (after the arrow). Python can look for them.

# %%
for first, then in ((to_zero, kept), (to_zero, in_group), (kept, in_group)):
    for even in costs.break_evens(first, then):
        print(
            f"{even.requests_per_day:9,.0f} a day, {even.usd_per_month:.2f} USD a month: "
            f"{even.cheaper_below} -> {even.cheaper_above}"
        )

# %% [markdown]
# The figure has the four curves. Both axes are logarithmic, each number ten times the one before;
# only below 1 dollar the upright one is not, so that 0 has a place. A black dot is where the
# *cheapest* one changes, a ring where two others change places.

# %%
from practice.figures import plots

plots.costs(services, low=10, high=1e7)

# %% [markdown]
# The jumps on the right are instances that are added when one is busy all the time. The endpoint is
# never the cheapest here: its machine has four cores, of which this little model uses one. What it
# costs more, it gives back in work that you do not have: no server, no image, no certificate; keys,
# versions, mirroring. That does not stand in any price list, so next comes what each of them *has*.
#
# > **Tip.** Left out of the model, as they are the same for all or small: the registry (17 cents a
# > day), logs, traffic that leaves Azure. And your own hours, which cost more than all of it.
#
# ## What each of them has
#
# Names in the table: *Kubernetes* runs containers on many machines, and *AKS* is Azure's; *KEDA*
# scales by events; *Dapr* connects small services (*microservices*); *Logic Apps* start things at a
# time or on an event; *Log Analytics* keeps logs to search; *Azure Monitor* collects figures and
# sends alarms; *GitHub Actions* builds and deploys what is in a repository; an *NGroup* is a set of
# equal container groups; the *consumption plan* is the one of lesson 07, billed by the second.
#
# | | managed endpoint | container group | container app |
# | --- | --- | --- | --- |
# | what it is | a service for [serving models][1]: you bring model and script | a container, or some, [started on demand][4] | an app of containers on a [Kubernetes that you do not see][7] |
# | meant for | real-time predictions, versions side by side | [tasks and simple apps][5], for as long as you like | [web APIs][7], microservices, background jobs |
# | scaling | a fixed number, until you set [a rule][2]; never below one | none; an [NGroup][6] keeps a number of equal groups | [automatic][8], by requests, events or load, to zero |
# | what is billed | [machines][1] while they exist; no requests | [cores and memory][10] while it runs | [cores and memory][9], less while idle, and requests; a free grant |
# | without traffic | paid in full | paid in full, until stopped | nothing at zero; the idle rate for replicas kept |
# | upgrades, repairs | Azure, which wants [20 per cent more quota][11] for it | Azure for the machine; [the rest is yours][5] | Azure |
# | https | always | [yours to add][12] | [always][13] |
# | who may ask | key, Azure ML token or [Entra ID][1] | everybody, or your code checks | everybody, or [sign-in][14] switched on |
# | new versions | [traffic in per cent][1], mirrored traffic | replace the group | [revisions][15], traffic in per cent |
# | works with | [model registry][1], Azure Monitor, GitHub Actions | [Logic Apps, virtual networks][4], AKS | [KEDA's event sources, Dapr][7], Log Analytics |
# | your freedom | script and packages, or [a container of yours][16] | any Linux or Windows image | any [Linux image][17], up to 4 cores and 8 GiB a replica in the consumption plan |
#
# [1]: https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
# [2]: https://learn.microsoft.com/azure/machine-learning/how-to-autoscale-endpoints
# [4]: https://learn.microsoft.com/azure/container-instances/container-instances-overview
# [5]: https://learn.microsoft.com/azure/container-apps/compare-options
# [6]: https://learn.microsoft.com/azure/templates/microsoft.containerinstance/ngroups
# [7]: https://learn.microsoft.com/azure/container-apps/overview
# [8]: https://learn.microsoft.com/azure/container-apps/scale-app
# [9]: https://learn.microsoft.com/azure/container-apps/billing
# [10]: https://azure.microsoft.com/pricing/details/container-instances/
# [11]: https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#virtual-machine-quota-allocation-for-deployment
# [12]: https://learn.microsoft.com/azure/container-instances/container-instances-container-group-ssl
# [13]: https://learn.microsoft.com/azure/container-apps/ingress-overview
# [14]: https://learn.microsoft.com/azure/container-apps/authentication
# [15]: https://learn.microsoft.com/azure/container-apps/traffic-splitting
# [16]: https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
# [17]: https://learn.microsoft.com/azure/container-apps/containers
#
# > **Caution.** Older tables say that managed endpoints are priced by transactions and scale by
# > themselves, and that Container Instances run one container, for a short time. That does not
# > hold: endpoints bill machines and scale by a rule that you set, and a group may have several
# > containers and run as long as you like.
#
# ## Five questions
#
# Most cases are decided by five answers. The table of rules behind them is
# [`practice/pricing/decision.py`](../practice/pricing/decision.py); read it, and quarrel with it.

# %%
from practice.pricing.decision import QUESTIONS, recommend

for question, text in QUESTIONS.items():
    print(f"{question:<9} {text}")

# %% [markdown]
# A museum lets visitors draw digits on its web site. The page and the API are in an image. Few
# come, none at night, and nobody minds ten seconds.

# %%
print(recommend(ends=False, own_api=True, pauses=True, may_wait=True, gpu=False))

# %% [markdown]
# ## Exercises
#
# ### Three cases
#
# Choose for each of them `"managed endpoint"`, `"container group"` or `"container app"`.
#
# 1. **The hospital.** A team of data scientists has a registered model and a scoring script, and
#    nobody who looks after servers. Wards send pictures day and night, several a second, encrypted
#    and with a key. Before a new version answers anybody, it has to see a copy of the real traffic.
# 2. **The shop.** A trader's FastAPI app reads numbers from delivery notes, with a page for the
#    browser. About 40 requests a day, all between nine and five. Ten seconds for the first one are
#    fine. The address has to be https.
# 3. **The archive.** Every night a program in an image fetches the day's scans from storage, reads
#    the digits, writes a table, and ends after 50 minutes. Nobody sends it requests. If it fails,
#    it should be started again.

# %%
from practice.exercises import lesson_08 as exercises

hospital = ...
shop = ...
archive = ...

# %%
exercises.three_cases.check(hospital, shop, archive)

# %% [markdown]
# ### The slowest of a hundred
#
# The median says how long it takes for most. What do the unlucky ones wait? Put into `slowest`, for
# each service, the time that 99 of 100 requests did not exceed: a dict from the names in
# `milliseconds` to milliseconds.

# %%
slowest = ...

# %%
exercises.slowest.check(milliseconds, slowest)

# %% [markdown]
# ### The grant is used up
#
# Another app of your subscription has used up this month's free grant. From how many requests a day
# on is one kept replica cheaper than going to zero now? Put the number into `switch_at`.

# %%
switch_at = ...

# %%
exercises.switch_at.check(to_zero, kept, switch_at)

# %% [markdown]
# ## Cleaning up
#
# Three services, all deleted: on live Azure, each of them costs money as long as it is there.

# %%
delete_all()
shutil.rmtree(build)

found = [each.name for each in ml_client.online_endpoints.list()]
found += [each.name for each in groups.list_by_resource_group(resource_group)]
found += [each.name for each in apps.container_apps.list_by_resource_group(resource_group)]
print("left of this lesson:", [each for each in found if each == name])

# %% [markdown]
# The registry with the image is still there and costs 17 cents a day. Unless you want to repeat
# lesson 06 or 07, set `clean_up = True` in the first cell, run that cell, and then this one.

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
# - Measure distributions, not means; ask in turns; say where the client sat.
# - Clients = requests per second x seconds for each.
# - All three start a dead process again. What clients see of it depends on who holds the door.
# - A local run shows how services behave, not how fast Azure is.
# - Endpoints bill machines, groups bill running time, apps bill replicas and requests.
# - Zero is cheap for those who stay there. One replica kept is cheaper from about a hundred random
#   requests a day on.
# - Model and script, steady traffic, versions: an endpoint. An API of your own, pauses: an app.
#   Something that ends: a group.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("08")

# %% [markdown]
# One lesson is left, the [capstone](12-capstone.ipynb): a letter with a model, a budget and a
# deadline, and no recipe. You are ready for it: you can train a model, register it, put it behind an
# address in three ways, watch it, repair it, pay for it with open eyes, and take it away again.
