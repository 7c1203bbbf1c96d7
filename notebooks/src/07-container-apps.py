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
# # 07 Container Apps
#
# A container group runs one image on one machine, and that's all. *Azure Container Apps* runs the
# same image as a service: with https, with several versions that share the traffic, and with as
# many copies as the requests need. This lesson is about versions. Lesson 07b is about copies.
#
# An *app* lives in an *environment*, which gives it a network and a domain. Every request comes in
# through the environment's gateway, the *ingress*. A version of an app is called a *revision*, and
# a running copy of a revision is a *replica*.
#
# ![A request to a container app. The client sends https to the environment's ingress, which ends
# TLS, finds the app by its host name, chooses a revision by the traffic's weights, and passes the
# request to a replica. Where there is no replica, the request waits for
# one.](../docs/images/request-container-apps.svg)
#
# ## Goals
#
# Afterwards you can
#
# - create an app with the SDK and in the portal, and say what the portal leaves to defaults;
# - bring out a second revision that nobody gets yet, and try it;
# - share the traffic between revisions, measure the shares, and roll back;
# - give an app a secret that nobody can read by looking at the app.
#
# **Time:** about 35 minutes. On live Azure you wait some five minutes more.
#
# ## What this costs on live Azure
#
# A replica is billed by the second while it runs. A second costs {{container_apps.core_second}} US
# dollars for each processor core in most of Europe ({{container_apps.core_second_west_europe}} in
# West Europe), and {{container_apps.gib_second}} for each gigabyte of memory
# ([prices](https://azure.microsoft.com/pricing/details/container-apps/)). A subscription gets
# {{container_apps.free_core_seconds}} core seconds, {{container_apps.free_gib_seconds}} gigabyte
# seconds and {{container_apps.free_requests}} requests a month for free, and this lesson needs less
# than a twentieth of that. The registry costs {{container_registry.basic_day}} dollars a day. It
# stays for the next lessons, unless you set `clean_up = True`.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
request_count = 300
clean_up = False

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-identity azure-mgmt-appcontainers
# requests`. (Older pages say that there is no Python SDK for Container Apps. That's the one.)
#
# The image is the one from lesson 06. If it's missing, the next cell builds it.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient

from helpers.image import ensure_image
from helpers.wait import wait
from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
client = ContainerAppsAPIClient(credential, subscription_id)

ensure_models(ml_client)
image = ensure_image(subscription_id, resource_group, suffix, tag="1")
location = ml_client.workspaces.get(workspace_name).location

# %% [markdown]
# ## An environment and an app
#
# First the environment. The domain that it gets is the end of every app's address.

# %%
from azure.mgmt.appcontainers.models import ManagedEnvironment

environment_name = app_name = f"digits-{suffix}"
# An app left by an earlier run would be in the way: a revision's name can be used only once.
client.container_apps.begin_delete(resource_group, app_name).wait()

environment = wait(
    client.managed_environments.begin_create_or_update(
        resource_group, environment_name, ManagedEnvironment(location=location)
    ),
    "the environment",
)
print("domain:", environment.properties.default_domain)

# %% [markdown]
# The description of an app has two parts:
#
# - `configuration` says who may come in, which secrets there are, and where images come from. A
#   change takes effect at once.
# - `template` says what runs. Every change makes a new revision, and a revision never changes.

# %%
from azure.mgmt.appcontainers.models import (
    Configuration,
    Container,
    ContainerApp,
    ContainerAppProbe,
    ContainerAppProbeHttpGet,
    ContainerAppProperties,
    ContainerResources,
    EnvironmentVar,
    Ingress,
    RegistryCredentials,
    Scale,
    Secret,
    Template,
    TrafficWeight,
)

configuration = Configuration(
    active_revisions_mode="Multiple",
    ingress=Ingress(
        external=True,
        target_port=8080,
        traffic=[TrafficWeight(latest_revision=True, weight=100)],
    ),
    secrets=[Secret(name="registry-password", value=image.password)],
    registries=[
        RegistryCredentials(
            server=image.server,
            username=image.username,
            password_secret_ref="registry-password",
        )
    ],
)


def template(version):
    """Describe what runs: the API, which is told its version."""
    return Template(
        revision_suffix=f"v{version}",
        containers=[
            Container(
                name="digits",
                image=image.reference,
                env=[EnvironmentVar(name="APP_VERSION", value=str(version))],
                resources=ContainerResources(cpu=0.5, memory="1Gi"),
                probes=[
                    ContainerAppProbe(
                        type="Readiness",
                        http_get=ContainerAppProbeHttpGet(path="/", port=8080),
                        period_seconds=2,
                    )
                ],
            )
        ],
        scale=Scale(min_replicas=0, max_replicas=1),
    )


# %% [markdown]
# You know most of it from lesson 06. This is new:
#
# - `external=True` lets the internet in, and `target_port` is where the container listens.
# - `active_revisions_mode="Multiple"` lets revisions run side by side. With `Single`, the default,
#   a new revision replaces the old one as soon as it's ready.
# - The registry's password is a *secret* of the app. The registry refers to it by name.
# - The *readiness probe* asks `GET /`. Until that answers, a replica gets no requests.

# %%
app = wait(
    client.container_apps.begin_create_or_update(
        resource_group,
        app_name,
        ContainerApp(
            location=location,
            properties=ContainerAppProperties(
                environment_id=environment.id,
                configuration=configuration,
                template=template(1),
            ),
        ),
    ),
    app_name,
)
url = f"https://{app.properties.configuration.ingress.fqdn}"
print("address: ", url)
print("revision:", app.properties.latest_revision_name)

# %% [markdown]
# > **Before you run it.** In lesson 06, `Succeeded` came before the API answered, and the first
# > requests found nobody. What will the first request get here?

# %%
from practice.widgets.quiz import predict

guess = predict("What does the first request get?", ["200", "404", "503", "no connection"])
guess

# %%
import requests

answer = requests.get(url, timeout=240)
print(answer.text)
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** Azure called the app `Succeeded` once the probe had an answer. And the address
# is https, with a certificate that nobody had to ask for. Plain http is redirected:

# %%
answer = requests.get(url.replace("https://", "http://"), allow_redirects=False, timeout=60)
print(answer.status_code, "->", answer.headers["Location"])

# %% [markdown]
# Draw a digit. Each stroke goes to the app over https, and the bars show what comes back. (With the
# keyboard, arrow keys move and the space bar paints.)

# %%
from practice.widgets.pad import DrawingPad


def classify(image):
    """Return the app's ten probabilities for one digit (8, 8)."""
    answer = requests.post(f"{url}/predict", json={"data": [image.tolist()]}, timeout=60)
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]


DrawingPad(classify)

# %% [markdown]
# > **Caution.** There is still no key: anybody who has the address may ask. Container Apps can ask
# > for a [sign-in](https://learn.microsoft.com/azure/container-apps/authentication) first, without
# > a line of code.
#
# ## The same app in the portal
#
# The portal has a form for all this. Make a second app with it, and the SDK will find it. Choose
# *Container Apps*, then *Create a container app*.
#
# ![The page Basics of the form Create Container App: subscription; resource group
# rg-deploying-models; container app name mine-maria; deployment source container image; region West
# Europe; Container Apps environment digits-maria.](../docs/images/portal/app-basics.png)
#
# *Basics* asks where. Choose the resource group of this notebook, the name `mine-` and your suffix,
# the region, and the environment `digits-` and your suffix.
#
# ![The page Container: quickstart image not ticked; name digits; image source Azure Container
# Registry; registry, image digits, tag 1; 0.5 CPU cores and 1 Gi memory; environment variable
# APP_VERSION with value 1.](../docs/images/portal/app-container.png)
#
# *Container* asks what runs. Untick *Use quickstart image*, or you'll admire Microsoft's welcome
# page. Name the container, choose the registry, image and tag, half a core and 1 gigabyte, and give
# the variable `APP_VERSION` a value you like. (An image on Docker Hub works as well.)
#
# ![The page Ingress: ingress enabled; traffic accepted from anywhere; type HTTP; insecure
# connections not allowed; target port 8080.](../docs/images/portal/app-ingress.png)
#
# *Ingress* asks who may come in. Tick *Enabled*, accept traffic from anywhere, and give port 8080.
#
# ![The page Review + create: validation passed; below it what was chosen on the other pages, and
# the button Create.](../docs/images/portal/app-review.png)
#
# > **Before you press it.** *Create* sends what the cells above have sent. Which parts of the
# > description did the form not ask for, and what will be there instead?
#
# *Go to resource* then leads to the app, and *Application Url* opens it. ([Live
# Azure's](https://portal.azure.com) form has the same pages and a few more fields, which can stay
# as they are.)
#
# ### An app made by form
#
# Now find it with the SDK. This check is the first exercise of the lesson.

# %%
from practice.exercises import lesson_07 as exercises

my_name = f"mine-{suffix}"

for each in client.container_apps.list_by_resource_group(resource_group):
    if suffix in each.name.split("-"):
        now = each.properties
        mode = now.configuration.active_revisions_mode.value
        print(f"{each.name}: {now.provisioning_state.value}, revision mode {mode},")
        print("   image", now.template.containers[0].image)

# %%
exercises.by_form.check(client, resource_group, my_name, image.reference)

# %% [markdown]
# **What happened.** An app is an app, whoever made it. Where the form didn't ask, Azure's defaults
# hold: revision mode `Single`, a made-up suffix for the revision, no probe of your own, 0 to
# {{container_apps.default_max_replicas}} replicas. (If *mine-...* is missing, the form's page says
# why. You can make it later: the lesson goes on without it.)
#
# ## A second revision
#
# So far, 100 per cent of the traffic goes to the *latest* revision that is ready. If version 2 came
# out now, all your users would get it at once. So pin the traffic to version 1 in the same call
# that brings version 2. `begin_update` sends only what changes.

# %%
v1, v2 = f"{app_name}--v1", f"{app_name}--v2"


def update(what, *, traffic, labels=None, template=None):
    """Change the app's traffic (revision -> per cent), its labels (revision -> label), and what
    runs if a template is given."""
    weights = [
        TrafficWeight(revision_name=name, weight=weight, label=(labels or {}).get(name))
        for name, weight in traffic.items()
    ]
    change = ContainerApp(
        location=location,
        properties=ContainerAppProperties(
            configuration=Configuration(ingress=Ingress(traffic=weights)),
            template=template,
        ),
    )
    return wait(client.container_apps.begin_update(resource_group, app_name, change), what)


def show_revisions():
    """Print each revision of the app: its traffic in per cent, its health, its label."""
    ingress = client.container_apps.get(resource_group, app_name).properties.configuration.ingress
    labels = {each.revision_name: each.label for each in ingress.traffic if each.label}
    found = client.container_apps_revisions.list_revisions(resource_group, app_name)
    for each in sorted(found, key=lambda each: each.name):
        now = each.properties
        active = now.health_state.value if now.active else "inactive"
        label = labels.get(each.name, "")
        print(f"{each.name}  {now.traffic_weight:>3} %  {active:<9} {label}".rstrip())


update("version 2", traffic={v1: 100}, template=template(2))
show_revisions()

# %% [markdown]
# Nobody gets version 2, but you can. Each revision has an address of its own, with the revision's
# name in it. A *label* gives it one that stays: give the label `next` to each new revision in turn,
# and your testers never need a new address.

# %%
update("a label", traffic={v1: 100, v2: 0}, labels={v2: "next"})

second = client.container_apps_revisions.get_revision(resource_group, app_name, v2)
label_url = f"https://{app_name}---next.{environment.properties.default_domain}"
for address in (url, f"https://{second.properties.fqdn}", label_url):
    version = requests.get(address, timeout=240).json()["version"]
    print(f"version {version} at {address}")

# %% [markdown]
# ## 80 and 20
#
# Version 2 works, so let some users have it. As in lesson 05, the next cell asks again and again
# and counts who answers: the API names its version in a header.

# %%
from collections import Counter

from sklearn.datasets import load_digits

session = requests.Session()
three = {"data": load_digits().images[:3].tolist()}


def ask(count):
    """Ask the app `count` times and return how often each version answered."""
    answered = Counter()
    for _ in range(count):
        answer = session.post(f"{url}/predict", json=three, timeout=240)
        answer.raise_for_status()
        answered[answer.headers["X-App-Version"]] += 1
    return answered


update("80 / 20", traffic={v1: 80, v2: 20}, labels={v2: "next"})
counted = ask(request_count)
print("all were answered:", counted.total() == request_count)

# %% [markdown]
# In the figure, each dot is a measured share. The band is where 99 of 100 such measurements would
# lie by chance alone.

# %%
from scipy.stats import binom

from practice.figures import plots


def share(version, expected):
    """Return the measured share of a version, with the band around the expected one."""
    low, high = binom.interval(0.99, request_count, expected)
    return plots.Share(
        f"version {version}",
        counted[str(version)] / request_count,
        low / request_count,
        high / request_count,
    )


plots.shares([share(1, 0.8), share(2, 0.2)], what="share of the requests")

# %% [markdown]
# **What happened.** Everybody was answered, and the shares are right as far as 300 requests can
# tell.
#
# > **Tip.** Azure decides anew for each request. *Session affinity*, which keeps a client with one
# > replica, [works in the mode `Single`
# > only](https://learn.microsoft.com/azure/container-apps/sticky-sessions): Azure refuses it beside
# > `Multiple`. If a user must stay with one version, let your client choose a label's address.
#
# ### Shares that don't add up
#
# Somebody wants to give version 2 a little more, and forgets to take it from version 1.
#
# > **Before you run it.** 60 per cent for version 1 and 30 for version 2. What will Azure do?

# %%
guess = predict(
    "What comes of 60 and 30?",
    ["a refusal", "shares of 67 and 33", "404 for every tenth request"],
)
guess

# %%
from azure.core.exceptions import HttpResponseError

outcome = "shares of 67 and 33"
try:
    update("60 / 30", traffic={v1: 60, v2: 30})
except HttpResponseError as error:
    print(error.status_code, error.error.code)
    print(error.error.message)
    outcome = "a refusal"
guess.compare(outcome)
show_revisions()

# %% [markdown]
# **What happened.** A refusal, and nothing has changed. Microsoft's page says that the weights
# [must add up to 100](https://learn.microsoft.com/azure/container-apps/traffic-splitting). It
# doesn't say with which code Azure refuses others: this code and sentence are local Azure's.
#
# ## Rolling back
#
# Suppose that users complain about version 2. The way back is the same call with other numbers. How
# long does it take?

# %%
update("back to version 1", traffic={v1: 100, v2: 0}, labels={v2: "next"})
print(dict(ask(50)))

# %% [markdown]
# Nothing had to be built or started, as version 1 was there all along. You can even *deactivate* a
# revision that nobody should get: it costs nothing then, and `activate_revision` brings it back.
# Azure keeps the last {{container_apps.inactive_revisions}} inactive ones.
#
# ## Secrets
#
# The app has had a secret from the start, the registry's password. Look at the app:

# %%
app = client.container_apps.get(resource_group, app_name)
for secret in app.properties.configuration.secrets:
    print(secret.name, "=", secret.value)

for secret in client.container_apps.list_secrets(resource_group, app_name).value:
    print(secret.name, "=", names.masked(secret.value))

# %% [markdown]
# **What happened.** A `get` never shows a value. `list_secrets` does, but calling it is a right of
# its own: to be allowed to look at the app isn't enough.
#
# A container gets a secret as an environment variable: `EnvironmentVar(name="...",
# secret_ref="...")` in the template, with the secret's *name*. So the template, which many can
# read, holds no secret. Running containers see a changed value only after a restart.
#
# ## Exercises
#
# ### Next in line
#
# Bring out a version 3 for your testers. They find it at the address with the label `next`, where
# version 2 is now. Your users must not notice: version 1 keeps all of the traffic. (A label can be
# given only to a revision that is already there. If version 3 goes wrong, go on to 4: a revision's
# name can be used only once.)

# %%
# Your code goes here.

# %%
exercises.next_in_line.check(client, resource_group, app_name)

# %% [markdown]
# ### A secret variable
#
# Give the app a second secret, `api-token`, with any value you like, and bring out a version whose
# container gets it as the environment variable `API_TOKEN`. Who gets how much traffic is up to you.
# Mind that secrets are a list, and an update puts the new list in place of the old one.

# %%
# Your code goes here.

# %%
exercises.secret_variable.check(client, resource_group, app_name)

# %% [markdown]
# ## Cleaning up
#
# First the apps, then the environment: Azure doesn't delete one that still has apps. (In the
# portal, *Delete* is on the app's *Overview*, and beside each environment in *Container Apps*.)

# %%
for name in (app_name, my_name):
    wait(client.container_apps.begin_delete(resource_group, name), f"deleting {name}")
wait(
    client.managed_environments.begin_delete(resource_group, environment_name),
    "deleting the environment",
)

mine = [
    each.name
    for each in client.container_apps.list_by_resource_group(resource_group)
    if suffix in each.name.split("-")
]
print("your apps:", mine)

# %% [markdown]
# Lesson 07b uses the image, so the registry stays. If you stop here, set `clean_up = True` in the
# first cell, run that cell and then this one.

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
# - An app lives in an environment and has an https address.
# - A change of the `configuration` takes effect at once. A change of the `template` makes a new
#   revision.
# - Pin the traffic before you bring out a revision, try it at its label's address, then give it
#   users in steps.
# - Weights add up to 100. The way back is the same call.
# - Secrets are referred to by name, and no `get` shows them.
#
# `python -m scoring.create_container NAME --service containerapp`
# ([`scoring/create_container.py`](../scoring/create_container.py)) makes such an app in one go.
#
# More from Microsoft: [Container Apps, an
# overview](https://learn.microsoft.com/azure/container-apps/overview),
# [revisions](https://learn.microsoft.com/azure/container-apps/revisions),
# [blue-green deployment](https://learn.microsoft.com/azure/container-apps/blue-green-deployment).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("07")

# %% [markdown]
# **Next:** [07b Scale to zero](07b-scale-to-zero.ipynb) puts the app under load, lets it go to
# zero, and breaks it.
