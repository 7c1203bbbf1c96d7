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
# # 08b Pay and choose
#
# Part [08](08-comparison.ipynb) measured the three services side by side. Now come the prices, and
# then a choice. This part creates nothing, so you can take it without the other one.
#
# ## Goals
#
# Afterwards you can
#
# - say what each service bills, and read today's prices without signing in;
# - work out what a service costs at your number of requests, and when another one becomes the
#   cheapest;
# - choose one of the three, and give your reasons.
#
# **Time:** about 30 minutes.
#
# Outside the course you would `pip install requests numpy scipy`, for the price list and the cost
# model, and `matplotlib` for the figure.
#
# ## What this costs on live Azure
#
# Nothing. This part reads a public price list, the one behind Azure's [pages of
# prices](https://azure.microsoft.com/pricing/).

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
price_region = "swedencentral"
clean_up = False

# %% [markdown]
# ## Prices
#
# The [Azure Retail Prices
# API](https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices) has
# all of Azure's prices and asks for no sign-in. Live Azure answers with today's; local Azure with a
# small, dated copy. Prices differ between regions, so all of these are of one.

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
# A price isn't a bill yet. What is billed?
#
# - **Endpoint:** its machines, as long as the deployment exists, busy or not. There is always at
#   least one.
# - **Group:** its cores and gigabytes, by the second, while it runs.
# - **App:** the cores and gigabytes of its replicas, by the second, and its requests. A replica
#   that `min_replicas` keeps waiting costs less, the *idle* rate. Zero replicas cost nothing. Each
#   month {{container_apps.free_core_seconds}} core seconds, {{container_apps.free_gib_seconds}} GiB
#   seconds and {{container_apps.free_requests}} requests are
#   [free](https://learn.microsoft.com/azure/container-apps/billing), once for a subscription.
#
# > **Caution.** Older pages say that endpoints are priced by transactions, and many readers take
# > the "20 per cent" of the quota rules for a surcharge. Neither is true. Azure wants *quota* for
# > 20 per cent more machines, so that it can upgrade yours without a pause
# > ([quotas](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#virtual-machine-quota-allocation-for-deployment)).
# > You pay for them only while they are used.
#
# ## A month's bill
#
# [`practice/pricing/costs.py`](../practice/pricing/costs.py) turns prices into bills. It needs to
# know two things.
#
# *How long does a request keep one core busy?* Here it is 20 ms. (You measured your own in part
# 08.)
#
# *How many cores work?* A Python process computes on one core. So an instance uses as many cores as
# it has processes, and never more than it has. The endpoint's machine has
# {{online_endpoints.instance_cores}} cores, so its `WORKER_COUNT` is set to that. The group and the
# app have one core and one process.
#
# Requests come at random moments, day and night.

# %%
work = costs.Work(seconds_per_request=0.02)
size = {"vcpu": 1, "memory_gib": 2}

on_endpoint = costs.ManagedEndpoint(machine.usd, work, workers=4, name="managed endpoint")
in_group = costs.ContainerGroup(group_prices, work, vcpu=1, memory_gb=1.5, name="container group")
to_zero = costs.ContainerApp(app_prices, work, **size, min_replicas=0, name="app, to zero")
kept = costs.ContainerApp(app_prices, work, **size, min_replicas=1, name="app, one kept")
services = [on_endpoint, in_group, to_zero, kept]

print("quota for the endpoint's one machine, in cores:", on_endpoint.quota())

# %% [markdown]
# > **Before you run it.** A thousand requests a day, 20 ms each: the model works for twenty seconds
# > a day. Which of the four is the cheapest?

# %%
from practice.widgets.quiz import predict

cheapest = predict("1,000 requests a day: which is the cheapest?", [each.name for each in services])
cheapest

# %%
rows = (10, 100, 1_000, 10_000, 100_000, 1_000_000)

print(f"{'USD a month, by requests a day':<31}" + "".join(f"{n:>10,}" for n in rows))
for each in services:
    amounts = (f"{each.bill(n).per_month:.2f}" for n in rows)
    print(f"{each.name:<31}" + "".join(f"{text:>10}" for text in amounts))

cheapest.compare(costs.cheapest(services, 1_000).name)

# %% [markdown]
# **What happened.** Zero is cheap only for an app that *stays* at zero. After each request the last
# replica waits {{container_apps.cooldown_period}} seconds, billed as busy, before it goes. A
# thousand requests a day come every minute and a half, so it hardly ever goes. A replica that is
# *kept* waits at the idle rate, for a third of the money.
#
# When does another one become the cheapest? A *break-even point* is where two of them cost the
# same.

# %%
pairs = ((to_zero, kept), (to_zero, in_group), (kept, in_group), (in_group, on_endpoint))
for first, then in pairs:
    for even in costs.break_evens(first, then, low=10, high=1.7e7):
        print(
            f"{even.requests_per_day:10,.0f} a day, {even.usd_per_month:6.2f} USD a month: "
            f"{even.cheaper_below} -> {even.cheaper_above}"
        )

# %% [markdown]
# The figure has the four curves. Both axes are logarithmic, each number ten times the one before. A
# dot is where the *cheapest* one changes, a ring where two others change places. A jump is an
# instance that is added because the others are busy all the time.

# %%
from practice.figures import plots

plots.costs(services, low=10, high=1.7e7)

# %% [markdown]
# ## Busy all day
#
# On the left of the figure the endpoint is expensive. But it has four cores, and the others have
# one.
#
# > **Before you run it.** Now all of them are busy day and night. Which one answers a million
# > requests for the least money?

# %%
lazy = costs.ManagedEndpoint(machine.usd, work, workers=1, name="managed endpoint, 1 worker")
busy = [on_endpoint, lazy, in_group, kept]

least = predict("A million requests, all busy: the least money?", [each.name for each in busy])
least

# %%
per_million = {}
print(f"{'busy all day':<28}{'cores':>6}{'requests a day':>16}{'USD a million':>15}")
for each in busy:
    full = work.full(each.cores_used)
    per_million[each.name] = each.bill(full).per_million_requests
    print(f"{each.name:<28}{each.cores_used:>6}{full:>16,.0f}{per_million[each.name]:>15.2f}")

least.compare(min(per_million, key=per_million.get))

# %% [markdown]
# **What happened.** Core for core, an endpoint and a group cost about the same. With one worker,
# which is what you get unless you set `WORKER_COUNT`, you pay for four cores and use one. The app
# is made for pauses: its busy cores cost most, and each request costs a little as well.
#
# The model leaves out what is small or the same for all: the registry, logs, traffic that leaves
# Azure. And it leaves out your own hours, which cost more than all of it. No price list has those.
# So next comes what each service does for you.
#
# > **Tip.** In a browser, the [pricing calculator](https://azure.microsoft.com/pricing/calculator/)
# > adds up the same prices, and *Cost analysis* in the Azure portal shows [what an endpoint really
# > cost](https://learn.microsoft.com/azure/machine-learning/how-to-view-online-endpoints-costs).
#
# ## What each of them has
#
# | | managed endpoint | container group | container app |
# | --- | --- | --- | --- |
# | what it is | a service for [serving models][1]: you bring a model and a script | a container, or several together, [started on demand][4] | an app of containers on a [Kubernetes that you never see][7] (it runs containers on many machines) |
# | meant for | predictions while somebody waits | [tasks and simple apps][5] | [web APIs][7], small services that work together, background jobs |
# | scaling | a number that you set, or [a rule][2] | none; for more, create more groups | [by itself][8], by requests, events or load, down to zero |
# | machines | Azure's care, with [quota for upgrades][11] | Azure's care | Azure's care |
# | https | always | [yours to add][12] | [always][13] |
# | who may ask | whoever has a key, a token or [an Entra ID sign-in][1] | everybody, unless your code checks | everybody, unless you switch [sign-in][14] on |
# | new versions | [traffic in per cent][3], mirrored traffic | replace the group | [traffic in per cent][15] between revisions |
# | works with | [the model registry][1], Azure Monitor (figures and alarms), Azure Pipelines, GitHub Actions | [Logic Apps (which start things at a time or on an event), virtual networks][4] | [KEDA (scales by events), Dapr (connects services)][7], Log Analytics (logs to search) |
# | your freedom | script and packages, or [an image that fits][16] | any image | any [Linux image][17] |
#
# [1]: https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
# [2]: https://learn.microsoft.com/azure/machine-learning/how-to-autoscale-endpoints
# [3]: https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints
# [4]: https://learn.microsoft.com/azure/container-instances/container-instances-overview
# [5]: https://learn.microsoft.com/azure/container-apps/compare-options
# [7]: https://learn.microsoft.com/azure/container-apps/overview
# [8]: https://learn.microsoft.com/azure/container-apps/scale-app
# [11]: https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#virtual-machine-quota-allocation-for-deployment
# [12]: https://learn.microsoft.com/azure/container-instances/container-instances-container-group-ssl
# [13]: https://learn.microsoft.com/azure/container-apps/ingress-overview
# [14]: https://learn.microsoft.com/azure/container-apps/authentication
# [15]: https://learn.microsoft.com/azure/container-apps/traffic-splitting
# [16]: https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
# [17]: https://learn.microsoft.com/azure/container-apps/containers
#
# ## For and against
#
# Each line rests on something you have seen; the number says in which lesson.
#
# **Managed endpoint**
#
# - For: server, https, keys, versions and mirrored traffic come with it (04, 05).
# - For: a crash of the script lost no request (08).
# - For: it fits the rest of Azure ML: registry, metrics (09), releases (10).
# - For: busy all day, its cores are as cheap as any (above).
# - Against: you pay day and night, and never for less than one machine (above).
# - Against: one address, one script; a page or a second address is not for it (06).
# - Against: minutes until it's ready (08), and a quota that you may have to ask for (04).
#
# **Container group**
#
# - For: one call, one container; nothing is simpler (06).
# - For: any image, and it can end by itself and stop costing (06b).
# - Against: no https, no key, no second version, no scaling: yours to build (06, 08).
# - Against: it says `Succeeded` before it answers, and a crash loses requests (08).
#
# **Container app**
#
# - For: https, revisions and scaling come with it (07).
# - For: a few requests a day cost nothing (above).
# - For: it suits many small services as well as one API (07).
# - Against: the first request after zero waits, and with one replica a crash loses some (08).
# - Against: busy all day, it's the most expensive (above).
# - Against: environment, ingress, probes, revisions: much to learn for a single container (07).
#
# > **Caution.** Older tables say that endpoints scale by themselves and that groups are for one
# > container and a short time. Endpoints scale by a rule that you set (09b), and a group may have
# > several containers and run as long as you like.
#
# ## Five questions
#
# Most cases are decided by five answers. The rules behind them are in
# [`practice/pricing/decision.py`](../practice/pricing/decision.py). Read them, and argue with them.

# %%
from practice.pricing.decision import QUESTIONS, recommend

for question, text in QUESTIONS.items():
    print(f"{question:<9} {text}")

# %% [markdown]
# A museum lets visitors draw digits on its web site. The page and the API are in an image. Few
# visitors come, none at night, and nobody minds ten seconds.

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
#    it should start again.

# %%
from practice.exercises import lesson_08b as exercises

hospital = ...
shop = ...
archive = ...

# %%
exercises.three_cases.check(hospital, shop, archive)

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
# ### When is it full?
#
# Part 08 measured how long a page of 100 digits keeps one core of your machine busy. (If you
# skipped it, take 20 ms.) How many pages a day can an endpoint's machine of four cores read with
# `WORKER_COUNT=4`? And a container app with *two* cores, whose image starts one process?

# %%
from practice import measure

seconds_per_page = measure.kept("seconds_per_request", otherwise=0.02)
full_endpoint = ...
full_app = ...

# %%
exercises.full.check(seconds_per_page, full_endpoint, full_app)

# %% [markdown]
# ## Cleaning up
#
# This part made nothing. The next cell sees whether part 08 left something that costs money.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
groups = ContainerInstanceManagementClient(credential, subscription_id).container_groups
apps = ContainerAppsAPIClient(credential, subscription_id).container_apps

found = [*ml_client.online_endpoints.list(), *groups.list_by_resource_group(resource_group)]
found += apps.list_by_resource_group(resource_group)
print("left of lesson 08:", [each.name for each in found if each.name == f"digits-{suffix}-08"])

# %% [markdown]
# The registry of lesson 06 costs {{container_registry.basic_day}} US dollars a day. Lesson 09 uses
# it once more. If you stop here, set `clean_up = True` in the first cell, run that cell, and then
# this one.

# %%
if clean_up:
    from azure.mgmt.containerregistry import ContainerRegistryManagementClient

    from helpers.wait import wait

    registries = ContainerRegistryManagementClient(credential, subscription_id).registries
    deleting = registries.begin_delete(resource_group, f"digits{suffix}")
    wait(deleting, "deleting the registry")

# %% [markdown]
# ## Recap
#
# - Endpoints bill machines, groups bill running time, apps bill replicas and requests.
# - Zero is cheap for those who stay there. From about a hundred random requests a day on, one kept
#   replica is cheaper.
# - Count only the cores that work. Busy all day, an endpoint with `WORKER_COUNT` set is as cheap as
#   a group.
# - Model and script, steady traffic, versions: an endpoint. An API of your own, pauses: an app.
#   Something that ends: a group.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("08b")

# %% [markdown]
# **More from Microsoft:** all of [online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints), of
# [Container Instances](https://learn.microsoft.com/azure/container-instances/) and of [Container
# Apps](https://learn.microsoft.com/azure/container-apps/).
#
# **Next:** whichever you choose, somebody has to look after it. Lesson [09](09-watch.ipynb) shows
# how to see what goes on, and [09b](09b-scale.ipynb) how a service grows with its load. Lesson
# [10](10-release.ipynb) brings a new version to it without hands. Lesson
# [11](11-no-script-no-hurry.ipynb) shows what Azure does without a script, and for work that nobody
# waits for. Then comes the [capstone](12-capstone.ipynb): a letter with a model, a budget and a
# deadline, and no recipe.
