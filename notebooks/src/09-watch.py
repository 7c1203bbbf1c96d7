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
# # 09 Watch
#
# A deployment that worked on Friday can be wrong on Monday without a single error. This lesson
# watches one: its requests and times, its log, and the digits themselves.
#
# ## Goals
#
# Afterwards you can
#
# - read the metrics of an endpoint, a deployment and an app from Azure Monitor, and plot them;
# - find the reason for a failed request in a log;
# - let a scoring script take notes, and compare what comes in with what the model was trained on;
# - set an alarm that rings when answers go bad, and stays quiet when they don't.
#
# **Time:** about 35 minutes. On live Azure, waiting adds about half an hour.
#
# ## What this costs on live Azure
#
# One `{{online_endpoints.instance_type}}` for as long as the lesson takes, waiting included
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)), a small container app
# for a few minutes, and the registry of lesson 06 for a day. Metrics of Azure's own resources are
# [free](https://azure.microsoft.com/pricing/details/monitor/). The last section deletes everything
# but the registry.
#
# Outside this course, you would
# `pip install azure-ai-ml azure-identity azure-mgmt-monitor azure-monitor-querymetrics
# azure-mgmt-appcontainers scipy`.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
watch_seconds = 120
clean_up = False

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.wait import until, wait
from helpers.workspace import ensure_endpoint, ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
endpoint_name = f"digits-watch-{suffix}"
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)

# %% [markdown]
# ## A script that takes notes
#
# What Azure can't count, the script has to tell. This one does what lesson 03's does and prints one
# line for each request: for each digit how much *ink* it has (the mean of its 64 pixels), how far
# *down* and *across* the ink lies (0 to 7), which *digit* the model named, and how *sure* it was.
# What is printed goes to the deployment's log.

# %%
import shutil
from pathlib import Path

build = Path("../build/lesson-09")
shutil.rmtree(build, ignore_errors=True)
shutil.copytree("../scoring/pytorch", build, ignore=shutil.ignore_patterns("__pycache__"))
_ = (build / "noting.py").write_text(
    '''"""The digit model's script, which takes notes."""
import json
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))
import score
from digits_input import InputError, read_digits

init = score.init


def run(raw_data):
    answer = score.run(raw_data)
    try:
        note = measures(read_digits(raw_data))
    except InputError as error:
        note = {"refused": str(error)}
    else:
        named = answer["predictions"]
        note["digit"] = [each["digit"] for each in named]
        note["sure"] = [max(each["probabilities"]) for each in named]
    print("NOTE", json.dumps(note), flush=True)
    return answer


def measures(images):
    """Return three numbers for each digit (n, 8, 8): its ink, and where the ink lies."""
    ink = images.mean((1, 2))
    weight = np.maximum(images.sum((1, 2)), 1e-6)
    down = (images.sum(2) * np.arange(8)).sum(1) / weight
    across = (images.sum(1) * np.arange(8)).sum(1) / weight
    found = {"ink": ink, "down": down, "across": across}
    return {name: np.round(values.astype(float), 3).tolist() for name, values in found.items()}
'''
)

# %%
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

blue = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=endpoint_name,
    model=ml_client.models.get("digits-pytorch", label="latest"),
    environment=ml_client.environments.get("digits-pytorch-env", label="latest"),
    code_configuration=CodeConfiguration(code=str(build), scoring_script="noting.py"),
    instance_type=instance_type,
    instance_count=1,
)
blue = wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")

endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic = {"blue": 100}
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)

# %% [markdown]
# > **Tip.** Notes are data about people: keep as little as answers your question. Here it is five
# > numbers a digit, not the picture.
#
# ## Watch it live
#
# *Azure Monitor* keeps numbers, called *metrics*, for every resource, minute by minute. `read` asks
# for some of them. A metric can have *dimensions* to split it by; requests can be split by status.

# %%
from datetime import UTC, datetime

from azure.mgmt.monitor import MonitorManagementClient

monitor = MonitorManagementClient(credential, subscription_id)
began = datetime.now(UTC)


def read(resource_id, names, aggregation="average", split_by=None):
    """Return metrics since the lesson began, by their name or by the dimension `split_by`.

    Each is a dict from minutes to numbers. A minute without any number is left out.
    """
    answer = monitor.metrics.list(
        resource_id,
        metricnames=names,
        aggregation=aggregation,
        interval="PT1M",
        timespan=f"{began:%Y-%m-%dT%H:%M:%SZ}/{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        filter=f"{split_by} eq '*'" if split_by else None,
    )
    found = {}
    for metric in answer.value:
        for series in metric.timeseries:
            label = series.metadatavalues[0].value if split_by else metric.name.value
            points = {point.time_stamp: getattr(point, aggregation) for point in series.data}
            found[label] = {minute: n for minute, n in points.items() if n is not None}
    return found


# %% [markdown]
# The client is a post office. Its scanner reads digits off envelopes and sends them ten at a time,
# four times a second; now and then another machine sends some, too. All are digits that the model
# has never seen.
#
# The next cell runs for two minutes and draws the figure again every few seconds, as the numbers
# come in. (On live Azure, they lag a few minutes behind.)

# %%
import time

import requests

from practice.figures import monitoring
from practice.figures.timeline import steady
from practice.post_office import PostOffice
from scoring.train import load_digits_split

split = load_digits_split()
post_office = PostOffice(split.test_images, split.test_labels, watch_seconds)
session = requests.Session()
key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
session.headers["Authorization"] = f"Bearer {key}"
answered = []


def ask(images):
    """Send digits (n, 8, 8) to the endpoint and return its answer."""
    return session.post(endpoint.scoring_uri, json={"data": images.tolist()}, timeout=60)


def send_a_page():
    page = post_office.page()
    answered.append((page, ask(page.images)))


def draw(chart):
    chart.draw(
        read(endpoint.id, "RequestsPerMinute", split_by="statusCode"),
        read(endpoint.id, "RequestLatency_P50,RequestLatency_P95"),
    )


chart = monitoring.MinuteChart()
end = time.monotonic() + watch_seconds
with steady(send_a_page, per_second=4, at_once=2):
    while time.monotonic() < end:
        draw(chart)
        time.sleep(3)


def counted():
    return sum(read(endpoint.id, "RequestsPerMinute").get("RequestsPerMinute", {}).values())


until(lambda: counted() >= len(answered), "every request is counted")
draw(chart)

# %% [markdown]
# On the left are the requests of each minute, on the right the time that half of them (P50) and 95
# of 100 (P95) took at most. The first and the last minute are not whole ones.
#
# The deployment has metrics of its own, of the machine: here the share of its processor and memory
# that was used at most.

# %%
until(lambda: read(blue.id, "CpuUtilizationPercentage")["CpuUtilizationPercentage"], "processor")
for name in ("CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage"):
    highest = max(read(blue.id, name, "maximum")[name].values())
    print(f"{name}: below 100 %:", 0 < highest < 100)

# %% [markdown]
# ## The reason is in the log
#
# A metric says *that* some requests got 424, the log says *why*. Here are its last lines, all of
# them.
#
# > **Before you run it.** Run the next two cells. Scroll through the log, find a line about a
# > refused request, then go back and choose: what did the other machine do wrong?

# %%
from practice.widgets.quiz import predict

guess = predict(
    "What did the other machine do wrong?",
    ["it sent no digits", "its numbers were too large", "it sent too many digits"],
)
guess

# %% tags=["nbval-ignore-output"]
from practice.widgets.log_pane import LogPane

LogPane(ml_client.online_deployments.get_logs("blue", endpoint_name, lines=120))

# %% [markdown]
# Once you know what you are looking for, let Python look:

# %%
import json

logs = ml_client.online_deployments.get_logs("blue", endpoint_name, lines=10_000)
notes = [json.loads(line.split("NOTE ")[1]) for line in logs.splitlines() if "NOTE {" in line]
refused = [note["refused"] for note in notes if "refused" in note]
print(refused[0].split(", got")[0])
guess.compare(
    "its numbers were too large"
    if all("values from 0 to 16" in each for each in refused)
    else "something else"
)

# %% [markdown]
# **What happened.** It sends grey values from 0 to 255, and our model wants 0 to 16. The client
# sees only 424; a telephone call will help.
#
# `get_logs` shows the recent lines of one instance. To keep logs and search them, send them to a
# *Log Analytics workspace* with a [diagnostic
# setting](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints).
# There you ask in the language KQL (local Azure has none):
#
# ```
# AmlOnlineEndpointConsoleLog
# | where Message has "refused"
# | summarize count() by bin(TimeGenerated, 5m)
# ```
#
# ## All statuses are 200
#
# Apart from that one machine, everything looks fine: 200 after 200, and quick. Meanwhile a clerk
# has typed in what was really written on the envelopes.
#
# > **Before you run it.** How many of the scanner's digits did the model get right in the second
# > minute?

# %%
guess = predict(
    "How many were right in the second minute?", ["nearly all", "about 80 %", "60 % or less"]
)
guess

# %%
import numpy as np

good = [(page, answer.json()) for page, answer in answered if answer.status_code == 200]
seconds = [page.second for page, _ in good]
right = [
    np.mean([each["digit"] for each in answer["predictions"]] == page.labels)
    for page, answer in good
]
half = watch_seconds / 2
second_half = np.mean([share for share, at in zip(right, seconds, strict=True) if at >= half])
guess.compare(
    "nearly all" if second_half > 0.9 else "about 80 %" if second_half > 0.7 else "60 % or less"
)

# %% [markdown]
# The figure has a dot for each request and, in blue, the average of each half.

# %%
monitoring.accuracy(seconds, right, half)

# %% [markdown]
# **What happened.** Something changed after a minute, and half of the mail now goes to the wrong
# town. No metric shows it: to Azure, a wrong digit is a good answer. Even the model is no help: it
# gives every answer with confidence. And you can't wait for the clerk, who needs a week. The figure
# shows one page of each half.

# %%
from practice.figures import plots

first = next(page for page, _ in good if page.second < half)
last = good[-1][0]
plots.digits(first.images[:8], first.labels[:8], "first half")
plots.digits(last.images[:8], last.labels[:8], "second half")

# %% [markdown]
# The paper has slipped down by a pixel, and the ink is darker. People still read it. A model
# expects what it was trained on; when that changes, it is called *drift*.
#
# ## Compare with the training data
#
# The notes have all we need. The next cell takes the script's own function, measures the training
# data with it, and sorts the notes into the two halves. The figure shows how each of the three
# measures spreads.

# %%
import sys

sys.path.append(str(build))
from noting import measures

training = measures(split.train_images)


def gather(notes):
    """Return each measure's values from many notes, as one list."""
    return {
        name: [value for note in notes for value in note[name]]
        for name in ("ink", "down", "across")
    }


noted = [note for note in notes if "ink" in note]
middle = sum(second < half for second in seconds)
halves = {"first half": gather(noted[:middle]), "second half": gather(noted[middle:])}
monitoring.histograms(
    {
        name: {"training": training[name], **{label: each[name] for label, each in halves.items()}}
        for name in training
    }
)

# %% [markdown]
# Two numbers say how different two spreads are:
#
# - The **population stability index** (PSI) cuts the training data into equal parts, here five, and
#   compares the share that now falls into each. 0 is the same. By an old rule of thumb, 0.1 is
#   worth a look and 0.25 is a change.
# - The **Kolmogorov-Smirnov** statistic (KS) is the largest gap between the two cumulative
#   distributions, 0 to 1. Its p-value says how likely chance alone makes such a gap.

# %%
from scipy.stats import ks_2samp


def psi(training, now, parts=5):
    """Return the population stability index of two lists of numbers."""
    edges = np.quantile(training, np.linspace(0, 1, parts + 1)[1:-1])

    def shares(values):
        counts = np.bincount(np.searchsorted(edges, values), minlength=parts)
        return np.maximum(counts / len(values), 0.001)  # no logarithm of 0

    was, is_now = shares(training), shares(now)
    return float(np.sum((is_now - was) * np.log(is_now / was)))


def drift(values):
    """Return the PSI of each measure against the training data."""
    return {name: psi(training[name], values[name]) for name in training}


for label, values in halves.items():
    for name, index in drift(values).items():
        gap = ks_2samp(training[name], values[name])
        print(
            f"{label:<12} {name:<7} drifted by PSI: {index > 0.25!s:<6}",
            f"KS: more than 0.2: {gap.statistic > 0.2}",
        )

# %% [markdown]
# *Ink* and *down* have drifted, *across* has not: that is what the picture shows, found without a
# single label.
#
# > **Caution.** With enough digits, a p-value falls below any limit for a difference that hurts
# > nobody. Decide by the size of the change, not by its p-value.
#
# ## Ring a bell
#
# An alarm is a limit and somebody who is told. This one takes digits or notes for a while, and
# returns what has drifted.


# %%
def alarm(values, limit=0.25):
    """Return the measures whose PSI is above the limit."""
    return [name for name, index in drift(values).items() if index > limit]


for label, values in halves.items():
    print(f"{label}: {alarm(values) or 'quiet'}")

# %% [markdown]
# Azure has both halves of this. *Alert rules* [watch any
# metric](https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview) and send e-mail.
# For the data there is the package `azureml-ai-monitoring`: a `Collector` in the script writes data
# frames to your workspace's storage, without holding up the answer, and [model
# monitoring](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-model-performance)
# compares them on a schedule, by PSI or KS. The script and the deployment would say:
#
# ```python
# inputs = Collector(name="model_inputs")  # in init()
# inputs.collect(data_frame)  # in run()
#
# ManagedOnlineDeployment(..., data_collector=DataCollector(
#     collections={"model_inputs": DeploymentCollection(enabled="true")}))
# ```
#
# Local Azure has no such storage for it, so our script prints its notes.
#
# ## An app is watched the same way
#
# The next cell makes an app of lesson 06's image, and asks it: twenty times for its front page, and
# three times for a page that doesn't exist.

# %%
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers import models as aca

from helpers.image import ensure_image

image = ensure_image(subscription_id, resource_group, suffix, tag="1")
apps = ContainerAppsAPIClient(credential, subscription_id)
location = ml_client.workspaces.get(workspace_name).location
app_name = f"watch-{suffix}"
environment = wait(
    apps.managed_environments.begin_create_or_update(
        resource_group, app_name, aca.ManagedEnvironment(location=location)
    ),
    "the environment",
)
app = wait(
    apps.container_apps.begin_create_or_update(
        resource_group,
        app_name,
        aca.ContainerApp(
            location=location,
            properties=aca.ContainerAppProperties(
                environment_id=environment.id,
                configuration=aca.Configuration(
                    ingress=aca.Ingress(external=True, target_port=8080),
                    secrets=[aca.Secret(name="registry-password", value=image.password)],
                    registries=[
                        aca.RegistryCredentials(
                            server=image.server,
                            username=image.username,
                            password_secret_ref="registry-password",
                        )
                    ],
                ),
                template=aca.Template(
                    containers=[
                        aca.Container(
                            name="digits",
                            image=image.reference,
                            resources=aca.ContainerResources(cpu=0.5, memory="1Gi"),
                        )
                    ],
                    scale=aca.Scale(min_replicas=1, max_replicas=1),
                ),
            ),
        ),
    ),
    app_name,
)

# %%
url = f"https://{app.properties.configuration.ingress.fqdn}"
until(lambda: requests.get(url, timeout=60).ok, "the first answer")
for path in [""] * 20 + ["/nowhere"] * 3:
    requests.get(url + path, timeout=60)


def by_status():
    return read(app.id, "Requests", "total", split_by="statusCodeCategory")


until(lambda: sum(by_status().get("4xx", {}).values()) == 3, "the app's requests are counted")
print({status: sum(minutes.values()) >= 3 for status, minutes in sorted(by_status().items())})

# %% [markdown]
# The names differ (`Requests`, `ResponseTime`, `Replicas`, ...), the way to read them doesn't. The
# log comes from the replica itself, and a short-lived token opens it:

# %% tags=["nbval-ignore-output"]
(replica,) = apps.container_apps_revision_replicas.list_replicas(
    resource_group, app_name, app.properties.latest_revision_name
).value
token = apps.container_apps.get_auth_token(resource_group, app_name).properties.token
LogPane(
    requests.get(
        replica.properties.containers[0].log_stream_endpoint,
        params={"follow": "false", "tailLines": 40, "output": "text"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    ).text
)

# %% [markdown]
# Many endpoints, one question: `azure-monitor-querymetrics` asks about many resources of a type and
# region at once. On live Azure, it wants the role *Monitoring Reader* on the whole
# subscription.

# %%
from datetime import timedelta

from azure.core.exceptions import HttpResponseError
from azure.monitor.querymetrics import MetricsClient

endpoints = {each.id: each.name for each in ml_client.online_endpoints.list()}
client = MetricsClient(f"https://{location}.metrics.monitor.azure.com", credential)
try:
    for result in client.query_resources(
        resource_ids=list(endpoints),
        metric_namespace="Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        metric_names=["RequestsPerMinute"],
        timespan=timedelta(hours=1),
    ):
        print(result.metrics[0].name)
except HttpResponseError as error:
    print(error.status_code, "The role is missing.")

# %% [markdown]
# ## In the portal
#
# Open *Machine Learning*, your endpoint, *Monitoring*: the same two charts. On live Azure they are
# in the [studio](https://ml.azure.com) under *Endpoints*, *Monitoring*, and in [Azure's
# portal](https://portal.azure.com) under *Metrics*, the *metrics explorer*: choose the endpoint,
# the metric *Requests Per Minute*, and *Apply splitting* by *statusCode*. *New alert rule* turns a
# chart into an alarm.

# %% [markdown]
# ## Exercises
#
# ### How many were refused?
#
# What share of all requests to the endpoint got 424, in per cent? Let Azure Monitor tell you, not
# `answered`: in real life, you aren't the client.

# %%
from practice.exercises import lesson_09 as exercises

refused_percent = ...

# %%
exercises.refused_share.check(monitor, endpoint, began, refused_percent)

# %% [markdown]
# ### Fifty digits a day
#
# A smaller post office sends only 50 digits a day, and asks you for an alarm to run every evening.
# With `alarm` it is woken about twice a month for nothing. Write `small_alarm`: quiet on ordinary
# days, and it rings when digits are lower, or darker, or both. The check tries it on 60 ordinary
# days and on changed ones.

# %%
small_alarm = ...

# %%
exercises.quiet_days.check(small_alarm, measures, split.test_images)

# %% [markdown]
# ### The silent alarm
#
# A third client complains: nine of ten answers are wrong. `third` holds its digits, and `alarm` is
# silent. Of the five notes *ink*, *down*, *across*, *digit* and *sure*, which one has changed most,
# and what is its PSI?

# %%
third = exercises.third_client(split.test_images)
print("alarm:", alarm(measures(third)) or "quiet")

telling = ...
its_psi = ...

# %%
exercises.silent_alarm.check(telling, its_psi)

# %% [markdown]
# ## Cleaning up
#
# Endpoint, app and environment go. No lesson after this one needs the registry, though a capstone
# in a container does. It costs money as long as it exists: to delete it, set `clean_up = True` in
# the first cell, run that cell, and then this one.

# %%
deleting = ml_client.online_endpoints.begin_delete(name=endpoint_name)
wait(apps.container_apps.begin_delete(resource_group, app_name), "deleting the app")
wait(apps.managed_environments.begin_delete(resource_group, app_name), "deleting its environment")
wait(deleting, "deleting the endpoint")
shutil.rmtree(build)

if clean_up:
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient

    registries = ContainerRegistryManagementClient(credential, subscription_id).registries
    wait(registries.begin_delete(resource_group, f"digits{suffix}"), "deleting the registry")

# %% [markdown]
# ## Recap
#
# - Metrics say that something happens, logs say why. Neither knows whether an answer is right.
# - A script can note what came in and what went out: little, and nothing personal.
# - PSI and KS compare these notes with the training data, and need no labels.
# - An alarm needs a limit that fits the number of digits. Watch inputs and answers.
#
# Your exercises of this lesson:

# %%
from practice import progress

progress.show("09")

# %% [markdown]
# **Next:** [09b Scale](09b-scale.ipynb) lets a deployment grow and shrink by itself.
#
# More from Microsoft: [Monitor online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-monitor-online-endpoints),
# [Collect production
# data](https://learn.microsoft.com/azure/machine-learning/how-to-collect-production-data), and
# [metrics in Container Apps](https://learn.microsoft.com/azure/container-apps/metrics).
