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
# # 09b Scale
#
# A deployment has as many machines as you said, at noon and at night. This lesson gives one a rule,
# so that it grows when there is work, shrinks when there is none, and costs what it needs.
#
# ## Goals
#
# Afterwards you can
#
# - write an autoscale rule by requests, by processor and by the clock;
# - watch a deployment go from 1 to 3 instances under load, and back;
# - read in the activity log who scaled what, and when;
# - choose two thresholds that don't work against each other;
# - say what scaling cost, and what it saved.
#
# **Time:** about 35 minutes. On live Azure, waiting adds about an hour.
#
# ## What this costs on live Azure
#
# One to three `{{online_endpoints.instance_type}}` for an hour or so, waiting included
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)); a section below works
# out how much. Autoscale itself is [free](https://azure.microsoft.com/pricing/details/monitor/).
# Your quota has to allow three instances and the reserve on top: four machines of
# {{online_endpoints.instance_cores}} cores.
#
# Outside this course, you would `pip install azure-ai-ml azure-identity azure-mgmt-monitor`.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value

# %% [markdown]
# The script of this lesson takes 0.4 seconds for each request and spends them waiting, as if it
# asked a database.

# %%
import shutil
from pathlib import Path

from azure.ai.ml import MLClient
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment
from azure.identity import DefaultAzureCredential

from helpers.wait import until, wait
from helpers.workspace import ensure_endpoint, ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
endpoint_name = f"digits-scale-{suffix}"
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)

build = Path("../build/lesson-09b")
build.mkdir(parents=True, exist_ok=True)
_ = (build / "score.py").write_text(
    """
import time

def init():
    pass

def run(raw_data):
    time.sleep(0.4)
    return {"worked": True}
"""
)

blue = wait(
    ml_client.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name="blue",
            endpoint_name=endpoint_name,
            model=ml_client.models.get("digits-pytorch", label="latest"),
            environment=ml_client.environments.get("digits-pytorch-env", label="latest"),
            code_configuration=CodeConfiguration(code=str(build), scoring_script="score.py"),
            instance_type=instance_type,
            instance_count=1,
        )
    ),
    "blue",
)
endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic = {"blue": 100}
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)

# %% [markdown]
# ## Two rules
#
# An *autoscale setting* belongs to one deployment. It has *profiles*; a profile has limits for the
# number of instances, and *rules*. A rule reads like a sentence: *when* the average of a metric
# over a window is above a threshold, *then* add an instance, and leave it alone for a while (the
# *cooldown*).
#
# Two rules belong together: one that adds and one that takes away. With the first alone, you pay
# for Monday's rush until somebody notices.

# %%
from datetime import timedelta

from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor import models as scale

monitor = MonitorManagementClient(credential, subscription_id)


def rule(metric, resource_id, operator, threshold, direction):
    """When the metric's average over 5 minutes passes the threshold, one instance more or less."""
    return scale.ScaleRule(
        metric_trigger=scale.MetricTrigger(
            metric_name=metric,
            metric_resource_uri=resource_id,
            time_grain=timedelta(minutes=1),
            statistic="Average",
            time_window=timedelta(minutes=5),
            time_aggregation="Average",
            operator=operator,
            threshold=threshold,
        ),
        scale_action=scale.ScaleAction(
            direction=direction, type="ChangeCount", value="1", cooldown=timedelta(minutes=2)
        ),
    )


by_requests = [
    rule("RequestsPerMinute", endpoint.id, "GreaterThan", 180, "Increase"),
    rule("RequestsPerMinute", endpoint.id, "LessThan", 90, "Decrease"),
]
usual = scale.AutoscaleProfile(
    name="usual",
    capacity=scale.ScaleCapacity(minimum="1", maximum="3", default="1"),
    rules=by_requests,
)

# %% [markdown]
# > **Caution.** `enabled=True`. A setting without it is kept, shown, and does nothing.


# %%
def save(*profiles):
    """Make or replace the deployment's autoscale setting, and return it."""
    return monitor.autoscale_settings.create_or_update(
        resource_group,
        endpoint_name,
        scale.AutoscaleSettingResource(
            location=endpoint.location,
            enabled=True,
            target_resource_uri=blue.id,
            profiles=list(profiles),
        ),
    )


def instances():
    """Return how many instances Azure wants the deployment to have."""
    return ml_client.online_deployments.get("blue", endpoint_name).instance_count


setting = save(usual)
print("instances:", instances())

# %% [markdown]
# ## Under load
#
# Now five requests a second. One instance can answer two and a half; the endpoint refuses the rest
# with 429.
#
# > **Before you run it.** Five requests a second are 300 a minute, far above the threshold. How
# > will the deployment get to three instances?

# %%
from practice.widgets.quiz import predict

guess = predict("How does it get from 1 to 3?", ["1 -> 3", "1 -> 2 -> 3", "it stays at 1"])
guess

# %% [markdown]
# Azure waits for windows and cooldowns of minutes. Local Azure does too, but **a minute of
# autoscale takes five seconds there**: the variable `AZURE_LOCAL_AUTOSCALE_MINUTE` says how many,
# and 60 is Azure's own pace. So the next cell takes under a minute here, and half an hour on live
# Azure.

# %%
import time

import requests

from practice.figures.timeline import Record, steady

key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
statuses = []


def ask():
    answer = requests.post(
        endpoint.scoring_uri, json={}, headers={"Authorization": f"Bearer {key}"}, timeout=60
    )
    statuses.append((record.now(), answer.status_code))


def watch_until(count, quiet):
    """Record the number of instances until it is `count`, and for some seconds after that."""
    while record.look() != count:
        time.sleep(1)
    end = record.now() + quiet
    while record.now() < end:
        record.look()
        time.sleep(1)


record = Record(instances)
with steady(ask, per_second=5, at_once=10):
    watch_until(3, quiet=12)
loaded = record.now()

steps = list(dict.fromkeys(record.counts))
guess.compare(" -> ".join(map(str, steps)))

# %% [markdown]
# **What happened.** Each rule adds one instance, and then the cooldown holds: the new one needs
# time to show what it can do. If you must be faster, add two at a time.
#
# > **Before you run it.** Now one request a second. Three instances are far too many: how long do
# > they stay, compared to the way up?

# %%
guess = predict("How long does the way down take?", ["not so long", "about as long or longer"])
guess

# %%
with steady(ask, per_second=1, at_once=2):
    watch_until(1, quiet=3)
guess.compare("not so long" if record.now() - loaded < 0.5 * loaded else "about as long or longer")

# %% [markdown]
# The figure has the instances above, and below the answers of each five seconds by their status.

# %%
from practice.figures import monitoring

monitoring.scaling(record.seconds, record.counts, statuses, (0, loaded), "5 requests a second")

# %% [markdown]
# **What happened.** The window looks back five minutes, and the rush is in it for as long. That is
# what you want: nobody likes a machine that leaves at the first pause. To scale in, *all* rules
# that decrease must be met; to scale out, one is enough.
#
# The 429s vanish as instances come. Those before are the price of waiting for a metric: autoscale
# follows the load, it does not foresee it. Clients should [try
# again](https://learn.microsoft.com/azure/architecture/patterns/retry).
#
# ## Who did that?
#
# Autoscale writes into the *activity log*, as everybody who changes something in Azure does.

# %%
from datetime import UTC, datetime


def scaled():
    """Return what autoscale did to this deployment, oldest first, as 'from -> to'."""
    since = datetime.now(UTC) - timedelta(hours=2)
    events = monitor.activity_logs.list(
        filter=f"eventTimestamp ge '{since:%Y-%m-%dT%H:%M:%SZ}' and resourceUri eq '{setting.id}'"
    )
    found = [
        f"{event.properties['OldInstancesCount']} -> {event.properties['NewInstancesCount']}"
        for event in events
        if event.category.value == "Autoscale" and event.event_name.value == "AutoscaleAction"
    ]
    return list(dict.fromkeys(reversed(found)))


until(lambda: len(scaled()) >= 4, "the activity log")
print(scaled())

# %% [markdown]
# ## By the clock
#
# You needn't wait for what you know beforehand. A profile with a *fixed date* holds from one time
# to another, and one with a *recurrence* begins again and again: on Mondays at 8, say. Here the
# shop opens now.
#
# > **Tip.** A recurring profile lasts until another recurring one begins. So it takes two: *office
# > hours* at 8, *evening* at 18.

# %%
now = datetime.now(UTC)
launch = scale.AutoscaleProfile(
    name="launch",
    capacity=scale.ScaleCapacity(minimum="2", maximum="3", default="2"),
    rules=by_requests,
    fixed_date=scale.TimeWindow(
        time_zone="UTC", start=now - timedelta(minutes=5), end=now + timedelta(hours=2)
    ),
)
_ = save(usual, launch)
_ = until(lambda: instances() == 2, "two instances, without any load")

# %% [markdown]
# The minimum holds at once: no rule, no window. Back to the usual profile:

# %%
_ = save(usual)
with steady(ask, per_second=1, at_once=2):
    _ = until(lambda: instances() == 1, "one instance")

# %% [markdown]
# ## By processor
#
# Most people scale by the processor: `CpuUtilizationPercentage`, a metric of the *deployment*,
# where `RequestsPerMinute` is one of the endpoint. It is right when the model calculates, and blind
# when it waits, as ours does. And mind what 100 % is: all cores of the machine. One scoring process
# uses hardly more than one of them, which makes
# {{online_endpoints.instance_cores}} cores look nearly idle when it can do no more. (Start one
# process for each core with the environment variable `WORKER_COUNT`.) Look before you choose a
# threshold:

# %%
cpu = monitor.metrics.list(
    blue.id, metricnames="CpuUtilizationPercentage", aggregation="maximum", interval="PT1M"
)
points = [point.maximum for point in cpu.value[0].timeseries[0].data if point.maximum is not None]
print("processor never above 70 %:", max(points) < 70)

# %% [markdown]
# Even under full load, a rule at 70 % would have slept.
#
# ## What did it cost?
#
# Machines are billed by the time that they exist. The next cell adds up the instances of our
# record, and compares with three machines all the time, at the price of your region.

# %%
from practice.pricing import prices

price = prices.machine(endpoint.location, instance_type)
seconds = [after - at for at, after in zip(record.seconds, record.seconds[1:], strict=False)]
used = sum(count * each for count, each in zip(record.counts, seconds, strict=False))
fixed = 3 * sum(seconds)
print(f"one machine: {price.usd} US dollars an hour")
print("cheaper than three machines all the time:", used < fixed)

# %% [markdown]
# A minute proves little; take a day with a rush of four hours: 24 + 2 * 4 = 32 machine hours
# instead of 72.
#
# An endpoint never scales below one instance. A [container app](07-container-apps.ipynb) does, and
# looks at its requests every few seconds instead of every few minutes: for traffic that comes and
# goes quickly, it is the better choice.
#
# ## In the portal
#
# Open your endpoint in the local portal while the load cell runs again: *Details* shows the
# instances come and go. On live Azure: [studio](https://ml.azure.com), *Endpoints*, your endpoint,
# *Details*, *Configure auto scaling*. It opens the page *Scaling* of [Azure's
# portal](https://portal.azure.com): *Custom autoscale*, *Add a rule*, and *Run history* with the
# chart that we drew.

# %% [markdown]
# ## Exercises
#
# ### Two thresholds
#
# A rule adds an instance above 70 % processor, up to three. Its partner takes one away below some
# threshold. If that is too high, the two play ping-pong: the work of the one that left makes the
# others busy enough to call it back. What is the highest threshold, in per cent, that is safe from
# 3 to 2 *and* from 2 to 1? (Azure does this sum too, and then refuses to scale in: *flapping*.)

# %%
from practice.exercises import lesson_09b as exercises

safe_threshold = ...

# %%
exercises.no_ping_pong.check(safe_threshold)

# %% [markdown]
# ### The processor, too
#
# Save a setting with one profile that scales by requests as before, *and* by the processor of
# *blue*: one more above 70 %, one less below a safe threshold. Which resource has that metric?

# %%
# Your code goes here.

# %%
exercises.processor_too.check(monitor, resource_group, endpoint_name)

# %% [markdown]
# ### Office hours
#
# Save a setting that has at least two instances from Monday to Friday, from 8 a.m. to 6 p.m. in
# your time zone, and at least one otherwise, with the rules by requests all the time. You need
# `scale.Recurrence` and `scale.RecurrentSchedule`. Mind the tip above.

# %%
# Your code goes here.

# %%
exercises.office_hours.check(monitor, resource_group, endpoint_name)

# %% [markdown]
# ## Cleaning up
#
# The setting is a resource of its own, and stays when its deployment goes. So both:

# %%
monitor.autoscale_settings.delete(resource_group, endpoint_name)
wait(ml_client.online_endpoints.begin_delete(name=endpoint_name), "deleting the endpoint")
shutil.rmtree(build)

# %% [markdown]
# ## Recap
#
# - A setting has profiles, a profile has limits and rules, and a rule has its partner.
# - One rule is enough to scale out, all must agree to scale in; windows and cooldowns take minutes.
# - If you know the busy hours, let the clock raise the minimum.
# - Requests see what the processor does not. Look at a metric under load before you choose it.
# - You pay for instances as long as they exist, and one always does.
#
# Your exercises of this lesson:

# %%
from practice import progress

progress.show("09b")

# %% [markdown]
# **Next:** [10 Release](10-release.ipynb) brings out a new version without hands.
#
# More from Microsoft: [Autoscale online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-autoscale-endpoints),
# [autoscale best
# practices](https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-best-practices),
# and [flapping](https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-flapping).
