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
# # 12 Capstone
#
# No recipe this time. A letter arrives, with a model that is not the digit model, a budget and a
# deadline for every answer. You choose the service, write what it needs, deploy it, and then
# things happen to it. A checker looks at what you have built, part by part. It reads your
# resources in Azure, sends them requests, and takes nobody's word for anything.
#
# ## Goals
#
# Afterwards you have, on your own,
#
# - chosen a service for a business case, and given your reasons on half a page;
# - put a new model behind it: script or API, environment or image, key and client;
# - seen it through a crash, a rush and a bad version.
#
# **Time:** about 20 minutes. That is for reading it once and running the cells as they stand. The
# work itself is yours: allow two to three hours, best in two sittings, with a good place to stop
# in between. On live Azure, waiting adds up to an hour.
#
# ## What this costs on live Azure
#
# That depends on what you choose. The section *What a month costs* prints today's prices before
# you have to decide ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)).
# You will run two versions side by side for as long as you work on this. Whatever you leave up
# overnight costs money overnight, so *Cleaning up* takes everything away. It waits for your
# `clean_up = True`: nobody wants to lose an afternoon's work to *Run All Cells*.

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
# ## The letter
#
# > **Alder & Finch, wine merchants**
# >
# > Dear colleague,
# >
# > Our twenty branches buy from three growers, and now and then a bottle is not from the grower
# > on its label. Each branch has a small laboratory, which takes thirteen readings of a wine. Our
# > data team has trained a model that names the grower from these readings. It is hardly ever
# > wrong, and it lives on a laptop. Please put it where every branch can ask it.
# >
# > **Traffic.** About 30,000 wines a day, all in the ten hours when we are open. A busy minute
# > has 10 requests a second. On the hour, when the machines start a new tray, 20 requests arrive
# > at the same moment.
# >
# > **Speed.** In a busy minute, 95 of 100 answers within 1 second. That goes for the first branch
# > to open in the morning, too. On the hour, 5 seconds will do, but nobody may be turned away.
# >
# > **Access.** Only our branches may ask; their program sends a key. Anyone here may look at your
# > resources in the portal, and must not be able to read the key there. Our own gateway stands in
# > front of your service and takes care of https, so plain http is fine from there on.
# >
# > **Crashes.** If it falls over at night, it has to get back up by itself. Your client, which
# > our warehouse will use, should sit that out, too.
# >
# > **Version 2** of the model is enclosed. The data team says that it is better still. Bring it
# > up beside version 1 and try it, without one branch getting an answer from it. If it is no
# > good, no branch should ever notice. Leave it there, unused, until the data team has had a
# > look.
# >
# > **Money.** At most 250 US dollars a month for what answers the branches, at the prices of
# > Sweden Central.
# >
# > And half a page, please: what you chose, what you turned down, and why.
# >
# > Yours sincerely,
# > M. Finch

# %% [markdown]
# ## What is enclosed
#
# The model, in two versions, and a table of wines whose growers are known: scikit-learn's [wine
# data](https://scikit-learn.org/stable/datasets/toy_dataset.html#wine-recognition-dataset). Every
# third wine was held out in training. The next cell trains both versions and saves them as files.

# %%
import subprocess
import sys
from pathlib import Path

build = Path("../build/lesson-12")
training = [sys.executable, "-m", "scoring.wine.train", "--output", str(build.resolve())]
subprocess.run(training, cwd="..", check=True)
print(sorted(str(path.relative_to(build)) for path in build.glob("wine-*/wine.joblib")))

# %% [markdown]
# The class that loads them is in [`wine_model.py`](../scoring/wine/wine_model.py). Read it: your
# script or API will use it, so the file goes into your code folder or image just as it is. Here
# it is at work on this machine.

# %%
sys.path.append("../scoring/wine")
from sklearn.datasets import load_wine
from wine_model import ReadingsError, WineModel

table = load_wine()
wines = table.data.tolist()
growers = [str(table.target_names[number]) for number in table.target]

model = WineModel(build / "wine-1")
print("version", model.version, "says", model.classify(wines[:1]), "and it is", growers[0])
try:
    model.classify([[14.2, 1.7]])
except ReadingsError as error:
    print("ReadingsError:", error)

# %% [markdown]
# > **Caution.** `WineModel` has a *fire drill* built in: a wine of which all thirteen readings
# > are -1 ends the process, as a crash would. The checker will use it, so pass every row to
# > `classify` as it came. In a real service you would take that out again.
#
# ## What the branches' program expects
#
# Their program is already written, so every service has to look the same from outside. Yours goes
# by the name in the next cell, whether it is an endpoint, a container group or a container app.

# %%
name = f"wine-{suffix}"
print(name)

# %% [markdown]
# - **Request:** `POST .../score`, with the header `Authorization: Bearer KEY` and the JSON
#   `{"data": [[13 numbers], ...]}`.
# - **Answer:** 200 and `{"growers": ["class_0", ...], "model_version": "1"}`. The version is
#   `WineModel`'s.
# - **Wrong readings, or no JSON:** 400 and a sentence that says what you expected.
# - **No key, or a wrong one:** 401 or 403.
# - **Port of a container group:** any, as long as its address opens no other. Below
#   {{container_instances.first_free_port}} only root may listen: lesson 06.
# - **Version 2:** a second deployment or a second revision. For a container group it is a second
#   group, named like the first with `-v2` at the end.
#
# (An endpoint does part of this for you. It has `/score` and the key, and when your script
# answers 400, it sends 424 with the 400 in a header, as in lesson 04. The checker knows that.)
#
# ## What a month costs
#
# Here is lesson 08b's cost model with the letter's numbers: 30,000 requests a day, in ten hours. We
# guess that each keeps an instance busy for 20 milliseconds.
#
# > **Before you run it.** The endpoint, on one machine, is the most expensive of the three. How
# > many small container apps, with one replica always kept, could you run for the same money?

# %%
from practice.widgets.quiz import predict

guess = predict("How many apps for the price of one endpoint?", ["2", "5", "12"])
guess

# %%
from practice.pricing import costs, prices

work = costs.Work(seconds_per_request=0.02, hours_per_day=10)
machine = prices.machine(price_region, instance_type)
group_prices = prices.container_instances(price_region)
app_prices = prices.container_apps(price_region)
choices = [
    costs.ManagedEndpoint(machine.usd, work, name=f"endpoint, one {instance_type}"),
    costs.ContainerGroup(group_prices, work, name="group, 1 core and 1.5 GB"),
    costs.ContainerApp(
        app_prices,
        work,
        min_replicas=1,
        free=costs.NO_GRANTS,
        name="app, half a core and 1 GiB",
    ),
]
print(f"US dollars in {price_region}, for 30,000 requests a day")
for choice in choices:
    bill = choice.bill(30_000)
    print(f"{choice.name:<32} {bill.per_month:7.2f} a month {bill.per_hour:7.4f} an hour")

endpoint_month, _, app_month = (choice.bill(30_000).per_month for choice in choices)
guess.compare(min(("2", "5", "12"), key=lambda n: abs(int(n) - endpoint_month / app_month)))

# %% [markdown]
# **What happened.** The machine has four cores and is yours day and night; the app's replica
# idles at the lower rate for nearly all of the time. Still, all three are within the budget, so
# price alone doesn't decide this. What else does the letter ask for, and in which of the three
# would you have to build it yourself? That is what your half page is about.
#
# ## Twenty at once
#
# > **Before you run it.** On the hour, twenty requests arrive together. If they are answered one
# > at a time, how many times as long as the first does the last one wait?

# %%
guess = predict("How many times as long does the last one wait?", ["1", "5", "20"])
guess

# %%
from statistics import median
from time import perf_counter


def seconds(wine):
    """Return how long the model takes for one wine."""
    began = perf_counter()
    model.classify([wine])
    return perf_counter() - began


each = [seconds(wine) for wine in wines[:20]]
guess.compare(min(("1", "5", "20"), key=lambda n: abs(int(n) - sum(each) / median(each))))
print("the last one within the letter's 5 seconds:", sum(each) < 5)

# %% [markdown]
# **What happened.** Twenty times as long: they wait for one another. With a model this quick the
# queue is gone in a moment, so one instance will do, *as long as whatever stands in front of it
# lets twenty wait*. Lesson 05 showed what happens otherwise.
#
# ## Your work
#
# Seven steps, with room for each. Earlier lessons have all the pieces: copy what you like, and
# change it. (Outside the course you would install `azure-ai-ml` for an endpoint, or
# `azure-mgmt-containerregistry` and `azure-mgmt-containerregistrytasks` with
# `azure-mgmt-containerinstance` or `azure-mgmt-appcontainers` for a container, and
# `azure-identity` for either.)
#
# From step 4 on you can run the checks under *Exercises*, in any order and as often as you like.
# (Until you have written `classify` in step 5, run its cell as it stands.)
#
# ### Step 1: choose
#
# [`recommend`](../practice/pricing/decision.py) of lesson 08b has an opinion, but it has never read
# the letter. Form your own, and write the first lines of your half page into
# `build/lesson-12/decision.md`: what you choose and why, before you know how it ends.

# %%
# Your code goes here.

# %% [markdown]
# ### Step 2: a script, or an API
#
# For an endpoint, a folder with `score.py` and `wine_model.py` (lesson 03). For a container, an
# API that checks the key (lesson 06 has one for digits, without a key). Load the model once, not
# for each request. Try it on this machine before you send it anywhere.

# %%
# Your code goes here.

# %% [markdown]
# ### Step 3: what it runs in
#
# An environment with its list of packages (lessons 00 and 04), or a Dockerfile with a
# `requirements.txt`, built in the registry (lesson 06). Either needs scikit-learn and joblib in
# the versions that trained the model, because [a pickled model is only sure to work
# there](https://scikit-learn.org/stable/model_persistence.html):

# %%
import importlib.metadata

for package in ("scikit-learn", "joblib", "numpy"):
    print(f"{package}=={importlib.metadata.version(package)}")

# Your code goes here.

# %% [markdown]
# ### Step 4: deploy version 1
#
# Give it the name in `name`. Think of the twenty on the hour, the first branch in the morning,
# and the crash at night. An endpoint brings its own keys; for a container you make one, with
# `secrets.token_hex()`.
#
# Then look at what you have made in the portal (its tile is in JupyterLab's launcher; on live Azure
# it is at [portal.azure.com](https://portal.azure.com)), as anyone at Alder & Finch might. Is
# everything up? And can you find the key?

# %%
# Your code goes here.

# %% [markdown]
# Put the key that opens your service into `key`, so that the checker can ask as a branch would.
#
# > **Tip.** Azure will not show you a secure value again. Keep the key in a file in
# > `build/lesson-12`, which git ignores, and read it from there: then you can restart the kernel.

# %%
key = ...

# %% [markdown]
# **A place to stop.** If you stop here for today, run the cell below *Cleaning up* with `clean_up
# = True`; your files in `build/lesson-12` stay, and steps 2 to 4 bring everything back in a few
# minutes. On local Azure you can just leave it all running.
#
# ### Step 5: a client
#
# This one is for the warehouse: a function `classify(rows)` that takes a list of wines and
# returns the list of their growers. When the service has just crashed, it waits and asks again.
# When a request is wrong, asking again helps nobody.

# %%
classify = ...

# %% [markdown]
# ### Step 6: version 2
#
# Put it beside version 1, with no traffic, or with copies of it at most. Ask it about wines whose
# grower you know (`wines[::3]` are the ones that neither version was trained on), and decide.

# %%
# Your code goes here.

# %% [markdown]
# ### Step 7: half a page
#
# Run the checks below, then finish `build/lesson-12/decision.md` for M. Finch. Some 200 words
# will do. They answer:
#
# - What did you choose, what does it cost a month, and how far is that from the budget?
# - What spoke against each of the other two?
# - What did you measure: speed, the rush, the crash? Where were *you* when you measured it?
# - What about version 2?
# - What would make you choose again? (Ten times the traffic? Patients instead of wines?)
#
# Nobody scores this page except whoever has to sign for the money. Read it to someone.
#
# ## Exercises
#
# Here are the parts of the letter, one by one. Each check finds your service in Azure by its
# name. If it says *not quite*, it also says what it saw: fix that and check again. After you
# change `key` or `classify`, run the next cell again first.

# %%
from practice.capstone.hand_in import HandIn
from practice.exercises import lesson_12 as exercises

hand_in = HandIn(subscription_id, resource_group, workspace_name, name, key, classify)

# %% [markdown]
# ### One service
#
# There is one service of that name, and it is ready. A container app also has a readiness probe
# that asks your API.

# %%
exercises.service.check(hand_in)

# %% [markdown]
# ### The right answers
#
# Wines that neither version has seen get the right growers, and wrong requests get a 4xx.

# %%
exercises.answers.check(hand_in)

# %% [markdown]
# ### The key
#
# Nobody gets in without it, and nobody can read it by looking at the resource.

# %%
exercises.lock.check(hand_in)

# %% [markdown]
# ### A busy minute
#
# Six seconds of one, at ten requests a second. Requests are sent when they are due, whether the
# earlier ones were answered or not, and what is measured includes any waiting.

# %%
exercises.target.check(hand_in)

# %% [markdown]
# ### On the hour
#
# Twenty requests at the same moment, four times, and nobody asks twice.

# %%
exercises.on_the_hour.check(hand_in)

# %% [markdown]
# ### The crash
#
# This is the fire drill. Your client is called right after it, and the check waits until the
# service has come back by itself. (After several drills in a row, Azure lets a container wait for
# up to five minutes before it starts it again: lesson 06b.)

# %%
exercises.crash.check(hand_in)

# %% [markdown]
# ### The bad version
#
# Those who know where can ask version 2. Sixty requests that go where the branches ask are all
# answered by version 1.

# %%
exercises.bad_version.check(hand_in)

# %% [markdown]
# ### The budget
#
# What answers the branches, at list prices, with no free grants.

# %%
exercises.budget.check(hand_in)

# %% [markdown]
# ## Cleaning up
#
# When you are done, or done for the day, set `clean_up = True` in the first cell, run that cell,
# and then this one. It deletes everything with that name, both versions. If you gave a Container
# Apps environment another name, or made a registry just for this (lesson 06), delete that
# yourself.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from helpers.wait import wait

credential = DefaultAzureCredential()
endpoints = MLClient(credential, subscription_id, resource_group, workspace_name).online_endpoints
groups = ContainerInstanceManagementClient(credential, subscription_id).container_groups
apps = ContainerAppsAPIClient(credential, subscription_id)


def mine():
    """Return what has your name: (kind, name) and what deletes it."""
    found = {("endpoint", each.name): endpoints.begin_delete for each in endpoints.list()}
    for kind, listed, delete in (
        ("container group", groups.list_by_resource_group(resource_group), groups.begin_delete),
        (
            "container app",
            apps.container_apps.list_by_resource_group(resource_group),
            apps.container_apps.begin_delete,
        ),
        (
            "environment",
            apps.managed_environments.list_by_resource_group(resource_group),
            apps.managed_environments.begin_delete,
        ),
    ):
        for each in listed:
            found[kind, each.name] = lambda n, delete=delete: delete(resource_group, n)
    return {which: delete for which, delete in found.items() if which[1] in (name, f"{name}-v2")}


if clean_up:
    for (kind, which), delete in mine().items():
        wait(delete(which), f"deleting the {kind} {which}")
print("still there:", [which for _, which in mine()])

# %% [markdown]
# ## Recap
#
# - A letter's sentences become properties of resources: "the first one in the morning" is
#   `min_replicas`, "nobody turned away" is how many may wait, "by itself" is a restart policy.
# - Price can rule a service out; it seldom picks one. What you would have to build yourself does
#   that.
# - A version that answers 200 can still be wrong every time. Only known answers show it, so try
#   it out where nobody depends on it.
# - A client that waits and asks again turns a crash into a pause.
#
# Whole solutions, one for each service, are in
# [`scoring/wine/solutions`](../scoring/wine/solutions/__init__.py). Look at them when yours
# passes: they chose differently in places, and so may you.
#
# Microsoft has more on [choosing a compute
# service](https://learn.microsoft.com/azure/architecture/guide/technology-choices/compute-decision-tree),
# on [deploying machine learning models
# safely](https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints),
# and on [retrying when a service is
# away](https://learn.microsoft.com/azure/architecture/patterns/retry).
#
# Your score (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("12")

# %% [markdown]
# That was the course. If someone had asked you for this on the first day, which part would have
# kept you busy for a week?
