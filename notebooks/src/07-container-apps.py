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
# A container group runs one image on one machine, and that is all. *Azure Container Apps* runs the
# same image as a service: with https, with versions that share the traffic, and with as many copies
# as the requests need, down to none.
#
# The figure shows who takes part. An *environment* is the place in which apps live. Its *ingress*
# is the gateway through which every request comes. A version of an app is called a *revision*, and
# a running copy of one a *replica*.
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
# - create an environment and an app in it, with the SDK, from YAML, and in the portal;
# - bring a second revision into service beside the first, and measure its share;
# - say who answers your users when a revision fails, and find out why it did;
# - watch an app scale out under load and to zero without it, and say what the first request after
#   that pays;
# - give an app a secret without anybody reading it.
#
# **Time:** about 35 minutes. The form in the portal takes ten more and the exercises another ten.
# On live Azure you wait for half an hour while things start or fail.
#
# ## What this costs on live Azure
#
# A replica is billed by the second while it runs. In October 2026 a second cost 0.000034 US dollars
# for each processor core and 0.000004 for each gigabyte of memory in West Europe, 0.000024 and
# 0.000003 in most of Europe's other regions
# ([prices](https://azure.microsoft.com/pricing/details/container-apps/)). A replica that is always
# kept pays about an eighth for its cores while it waits, and an app that has scaled to zero pays
# nothing. The first 180,000 core seconds, 360,000 gigabyte seconds and 2 million requests of a
# month are free. This lesson has at most five replicas with half a core each for half an hour:
# 4,500 core seconds, within what is free, or else about 19 cents. The registry costs what it cost
# in lesson 06, 17 cents a day, and stays for lesson 08, unless you set `clean_up = True`.

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
# > **Caution.** Older pages say that there is no Python SDK for Container Apps. There is:
# > `azure-mgmt-appcontainers`.
#
# The image is the one of lesson 06. Where it is missing, the next cell builds it.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient

from helpers.image import ensure_image
from helpers.wait import until, wait
from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
client = ContainerAppsAPIClient(credential, subscription_id)

ensure_models(ml_client)
image = ensure_image(subscription_id, resource_group, suffix, tag="1")
location = ml_client.workspaces.get(workspace_name).location

# %% [markdown]
# ## The environment
#
# Apps live in an *environment*. It is what they have in common: a network, in which they reach each
# other, and a domain, under which each of them has its address.

# %%
from azure.mgmt.appcontainers.models import ManagedEnvironment

environment_name = app_name = f"digits-{suffix}"
# An app left by an earlier run would be in the way: a revision's name is used only once.
client.container_apps.begin_delete(resource_group, app_name).wait()

environment = wait(
    client.managed_environments.begin_create_or_update(
        resource_group, environment_name, ManagedEnvironment(location=location)
    ),
    "the environment",
)
print("domain:", environment.properties.default_domain)

# %% [markdown]
# ## The app
#
# An app has two parts, and it pays to keep them apart:
#
# - `configuration`: who may come in, which secrets there are, where images come from. A change
#   takes effect at once.
# - `template`: what runs. Every change of it makes a new *revision*, and a revision never changes.

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
    HttpScaleRule,
    Ingress,
    RegistryCredentials,
    Scale,
    ScaleRule,
    Secret,
    Template,
    TrafficWeight,
)

configuration = Configuration(
    active_revisions_mode="Multiple",
    ingress=Ingress(
        external=True,
        target_port=80,
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
    """Describe what runs: the API, which is told its version, and how it scales."""
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
                        http_get=ContainerAppProbeHttpGet(path="/", port=80),
                        period_seconds=2,
                    )
                ],
            )
        ],
        scale=Scale(
            min_replicas=0,
            max_replicas=3,
            cooldown_period=60,
            rules=[
                ScaleRule(
                    name="http",
                    http=HttpScaleRule(metadata={"concurrentRequests": "10"}),
                )
            ],
        ),
    )


# %% [markdown]
# Most of it you know from lesson 06. What is new:
#
# - Of the `ingress`, `external` lets the internet in, and `target_port` is the port on which the
#   container listens.
# - `active_revisions_mode="Multiple"` lets several revisions run side by side. With `Single`, the
#   default, a new revision takes the place of the old one when it is ready.
# - The password is a *secret* of the app, and the registry refers to it by name.
# - The *readiness probe* asks `GET /`; a replica gets no request before that answers.
# - `scale` says how few and how many replicas there may be, and when there should be more.

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
# **What happened.** The app was `Succeeded` when the probe had seen a replica that answers, and if
# a request comes while the app is at zero replicas, the ingress lets it wait for one. And the
# address has https, with a certificate that nobody had to ask for. What about plain http?

# %%
answer = requests.get(url.replace("https://", "http://"), allow_redirects=False, timeout=60)
print(answer.status_code, "->", answer.headers["Location"])

# %% [markdown]
# It sends clients to https. (`allow_insecure=True` in the ingress would let them stay.)
#
# Now some digits, as in lesson 06. The figure shows what came back, and what was written.

# %%
from sklearn.datasets import load_digits

from practice.figures import plots

images = load_digits().images
chosen = [7, 42, 449, 787, 1288, 1468]
body = {"data": images[chosen].tolist()}
answer = requests.post(f"{url}/predict", json=body, timeout=60)
probabilities = [each["probabilities"] for each in answer.json()["predictions"]]
plots.predictions(images[chosen], probabilities, load_digits().target[chosen])

# %% [markdown]
# Now a digit of yours. Draw one into the square with the mouse or a finger (or with arrow keys and
# the space bar): each stroke is sent to the app over https, and the bars show what comes back.

# %%
from practice.widgets.pad import DrawingPad


def classify(image):
    """Return the app's ten probabilities for one digit (8, 8)."""
    answer = requests.post(f"{url}/predict", json={"data": [image.tolist()]}, timeout=60)
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]


DrawingPad(classify)

# %% [markdown]
# > **Tip.** There is still no key: whoever knows the address may ask. Container Apps can ask for a
# > [sign-in](https://learn.microsoft.com/azure/container-apps/authentication) before a request gets
# > to the app, without a line of code.
#
# ## The same app as YAML
#
# People who use the CLI keep the description in a file. Here is the course's,
# [`scoring/api/containerapp.yaml`](../scoring/api/containerapp.yaml):

# %%
from pathlib import Path

text = Path("../scoring/api/containerapp.yaml").read_text()
print("\n".join(line for line in text.splitlines() if not line.startswith("#")))

# %% [markdown]
# It is the same tree, with the names as Azure's REST API has them: `targetPort` is the SDK's
# `target_port`. What stands in `${...}` is different for everybody, and has to be filled in. In a
# terminal, with the CLI (the command `az`), that would be:
#
# ```bash
# export LOCATION=... ENVIRONMENT_ID=... IMAGE=... REGISTRY_SERVER=... REGISTRY_USERNAME=...
# read -s REGISTRY_PASSWORD && export REGISTRY_PASSWORD
# envsubst < scoring/api/containerapp.yaml > build/containerapp.yaml
#
# az containerapp create --name digits-cli --resource-group rg-... --yaml build/containerapp.yaml
# az containerapp logs show --name digits-cli --resource-group rg-... --tail 20
# az containerapp delete --name digits-cli --resource-group rg-... --yes
# rm build/containerapp.yaml
# ```
#
# > **Caution.** The filled-in file has the password in it, so remove it at once, or use a [managed
# > identity](https://learn.microsoft.com/azure/container-apps/managed-identity-image-pull), which
# > needs no password.
#
# The SDK takes the same tree, so this notebook needs neither the CLI nor a file. This second app is
# to have one revision at a time, the mode `Single`.

# %%
import string

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

yaml_name = f"digits-{suffix}-yaml"
from_yaml = wait(
    client.container_apps.begin_create_or_update(resource_group, yaml_name, described),
    yaml_name,
)
yaml_url = f"https://{from_yaml.properties.configuration.ingress.fqdn}"
print(requests.get(yaml_url, timeout=240).json())

# %% [markdown]
# ## The same app in the portal
#
# For a first look there is a form. You fill it in, and the SDK finds what you have made: another
# app, `mine-` and your suffix. In the portal, choose *Container Apps* and *Create a container app*.
# The first page, *Basics*, asks where:
#
# ![The page Basics of the form Create Container App: subscription; resource group
# rg-deploying-models; container app name mine-maria; deployment source container image; region West
# Europe; Container Apps environment digits-maria.](../docs/images/portal/app-basics.png)
#
# 1. the resource group, the same as in this notebook;
# 2. the name, `mine-...`, which becomes the first part of the address;
# 3. the region, and the environment: here the one that is there, `digits-...`.
#
# The second page, *Container*, asks what runs:
#
# ![The page Container: quickstart image not ticked; name digits; image source Azure Container
# Registry; registry, image digits, tag 1; 0.5 CPU cores and 1 Gi memory; environment variable
# APP_VERSION with value 1.](../docs/images/portal/app-container.png)
#
# 1. take away the tick at *Use quickstart image*, or you will admire Microsoft's welcome page;
# 2. give the container a name, and choose the registry, the image and the tag;
# 3. choose half a core and 1 gigabyte;
# 4. add the variable `APP_VERSION`, with a value of your choice.
#
# The third page, *Ingress*, asks who may come in:
#
# ![The page Ingress: ingress enabled; traffic accepted from anywhere; type HTTP; insecure
# connections not allowed; target port 80.](../docs/images/portal/app-ingress.png)
#
# 1. tick *Enabled*;
# 2. accept traffic from anywhere;
# 3. give the port on which the container listens: 80.
#
# *Review + create* looks it over and shows all of it once more:
#
# ![The page Review + create: validation passed; below it what was chosen on the other pages, and
# the button Create.](../docs/images/portal/app-review.png)
#
# > **Before you press it.** *Create* sends what the cells above have sent. Which parts of the
# > description did the form not ask for? What will stand there?
#
# When it is made, *Go to resource* leads to the app. Its *Application Url* is what you have in
# `url` for the first one.
#
# On live Azure: [Azure portal](https://portal.azure.com), *Container Apps*, *Create*, *Container
# App*. It has the same pages, and some fields more, which can stay as they are.
#
# ### An app made by form
#
# Now find it with the SDK. (The check is the first exercise of this lesson.)

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
# **What happened.** An app is an app, whoever made it: the form sends the same description to the
# same address. What it does not ask for has Azure's defaults: revision mode `Single`, a suffix made
# up for the revision, no probe of your own, 0 to 10 replicas. (*mine-...* is not in the list? Then
# there is none yet: the page *Create Container App* says how far it is, or in red what is wrong.
# Create it, and run the two cells again. The lesson goes on without it, too.)
#
# ## A second revision
#
# Version 2 is to come. Only one variable differs here; it could be another image as well.
#
# So far the traffic says: 100 per cent to the *latest* revision. All your users would get version 2
# in the moment in which it is ready. So pin the traffic to version 1 in the same call that brings
# version 2. `begin_update` sends only what is to change.

# %%
v1, v2 = f"{app_name}--v1", f"{app_name}--v2"


def update(what, *, traffic, template=None):
    """Change the app's traffic (revision -> per cent), and what runs if a template is given."""
    weights = [TrafficWeight(revision_name=name, weight=weight) for name, weight in traffic.items()]
    change = ContainerApp(
        location=location,
        properties=ContainerAppProperties(
            configuration=Configuration(ingress=Ingress(traffic=weights)),
            template=template,
        ),
    )
    return wait(client.container_apps.begin_update(resource_group, app_name, change), what)


def show_revisions():
    """Print every revision of the app: its traffic in per cent, and its health."""
    found = client.container_apps_revisions.list_revisions(resource_group, app_name)
    for each in sorted(found, key=lambda each: each.name):
        now = each.properties
        active = now.health_state.value if now.active else "inactive"
        print(f"{each.name}  {now.traffic_weight:>3} %  {active}")


update("version 2", traffic={v1: 100}, template=template(2))
show_revisions()

# %% [markdown]
# Every revision has an address of its own as well, so version 2 can be tried before anybody gets
# it:

# %%
second = client.container_apps_revisions.get_revision(resource_group, app_name, v2)
for address in (f"https://{second.properties.fqdn}", url):
    print(address)
    print(
        "   answers as version",
        requests.get(address, timeout=240).json()["version"],
    )

# %% [markdown]
# ## 80 and 20
#
# Now a part of the traffic. As in lesson 05, the function asks again and again and counts who
# answered; the API says its version in a header.

# %%
from collections import Counter

session = requests.Session()
three = {"data": images[:3].tolist()}


def ask(count):
    """Ask the app `count` times and return how often each version answered."""
    answered = Counter()
    for _ in range(count):
        answer = session.post(f"{url}/predict", json=three, timeout=240)
        answer.raise_for_status()
        answered[answer.headers["X-App-Version"]] += 1
    return answered


update("80 / 20", traffic={v1: 80, v2: 20})
counted = ask(request_count)
print("all were answered:", counted.total() == request_count)

# %% [markdown]
# Out of 300 requests, 60 should have gone to version 2, more or less. In the figure, the band is
# where 99 of 100 such measurements lie when chance does its work, as in lesson 05, and the dots are
# what was measured.

# %%
from scipy.stats import binom


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
# **What happened.** Nobody noticed anything, and the shares are as asked for, as far as chance lets
# them be. A band of six points to each side is what 300 requests can tell; for half of that you
# need four times as many.
#
# > **Tip.** The share is decided anew for each request. For a page that needs all its requests
# > answered by the same version, there is [session
# > affinity](https://learn.microsoft.com/azure/container-apps/sticky-sessions).
#
# ## Two failures on purpose
#
# ### Traffic that does not add up
#
# Somebody wants to give version 2 some more, and forgets to take it from version 1.
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
# - **Seen:** 400 and `ContainerAppInvalidTraffic`, from the call itself.
# - **Log:** none. Nothing was changed: the traffic is still 80 to 20.
# - **Cause:** weights are per cent, and 60 and 30 make 90.
# - **Repair:** name every revision that should have a share, so that they add up to 100.
#
# ### A bad image in a revision
#
# There are two sorts of bad images. One is not there. Here, somebody types an l in place of the 1:

# %%
import textwrap


def bring_out(version, tag=None, **variables):
    """Bring out a revision beside the others, and print what Azure says if it fails."""
    new = template(version)
    container = new.containers[0]
    if tag:
        container.image = container.image.replace(":1", f":{tag}")
    container.env += [EnvironmentVar(name=k, value=v) for k, v in variables.items()]
    try:
        update(f"version {version}", traffic={v1: 80, v2: 20}, template=new)
    except HttpResponseError as error:
        print(f"version {version}:", error.error.code)
        message = error.error.message.split("map[")[0]
        print(textwrap.fill(message, 88, break_on_hyphens=False))


bring_out(3, tag="l")

# %% [markdown]
# The other sort is worse: it can be fetched, and what is in it does not run. Here the API is told
# the wrong folder for its model, as in lesson 06.
#
# > **Before you run it.** Version 3 will never be ready. Who answers your users meanwhile?

# %%
guess = predict(
    "Who answers while version 3 fails?",
    ["versions 1 and 2", "version 3, with 503 for its share", "nobody"],
)
guess

# %% [markdown]
# On live Azure, the next cell takes about ten minutes: so long Azure hopes.

# %%
bring_out(3, MODEL_FILE="models/digits.pt")
counted = ask(100)
print(sorted(counted))
guess.compare("versions 1 and 2" if set(counted) == {"1", "2"} else "nobody")
show_revisions()

# %% [markdown]
# **What happened.** With `Multiple` revisions, a new one gets what you give it, and that was
# nothing. Nobody noticed. But nobody would stop you either from giving it a share, and that share
# would be answered with 503: look at a revision's health before you send it traffic.
#
# And `Single`, the mode of most apps? The app from YAML has it. It gets the same bad revision (on
# live Azure, ten minutes again):

# %%
container = described["properties"]["template"]["containers"][0]
container["env"] = [
    {"name": "APP_VERSION", "value": "2"},
    {"name": "MODEL_FILE", "value": "models/digits.pt"},
]
try:
    wait(
        client.container_apps.begin_create_or_update(resource_group, yaml_name, described),
        yaml_name,
    )
except HttpResponseError as error:
    print("version 2:", error.error.code)
print("answers:", requests.get(yaml_url, timeout=240).json())

# %% [markdown]
# **What happened.** In `Single` mode the old revision goes only when the new one is ready, so it
# stays. This second app has done its duty:

# %%
wait(client.container_apps.begin_delete(resource_group, yaml_name), "deleting it")

# %% [markdown]
# *Why* it fails, the log of a replica knows. Its address is in the replica's description, and a
# short-lived token opens it. (In a terminal: `az containerapp logs show --revision ...`.)


# %%
def log_of(revision):
    """Return the last lines that a revision's first replica has printed."""
    replica = client.container_apps_revision_replicas.list_replicas(
        resource_group, app_name, revision
    ).value[0]
    token = client.container_apps.get_auth_token(resource_group, app_name)
    return requests.get(
        replica.properties.containers[0].log_stream_endpoint,
        params={"follow": "false", "tailLines": 100, "output": "text"},
        headers={"Authorization": f"Bearer {token.properties.token}"},
        timeout=60,
    ).text


v3 = f"{app_name}--v3"
for line in log_of(v3).splitlines():
    if "Error: " in line:
        reason = line.split(maxsplit=1)[1]  # the time goes before it
print(textwrap.fill(reason, 88))

# %% [markdown]
# - **Seen:** `ContainerAppOperationError` with the exit code, and a revision that is `Unhealthy`. A
#   mistyped tag is refused sooner, as `InvalidParameterValueInContainerTemplate`, and there is no
#   revision at all.
# - **Log:** the replica's, while it is tried again and again.
# - **Cause:** here, the variable `MODEL_FILE`. Elsewhere a wrong `target_port`, a missing secret,
#   too little memory.
# - **Repair:** a revision never changes, so bring out another one. Then deactivate what nobody
#   needs: a failed revision goes on trying, and you pay.
#
# Version 4 has the right folder. After that, version 2 gets all the traffic.

# %%
bring_out(4, MODEL_FILE="model/digits.pt")

update("all to version 2", traffic={v2: 100})
for name in (v1, v3, f"{app_name}--v4"):
    client.container_apps_revisions.deactivate_revision(resource_group, app_name, name)
show_revisions()
print(dict(ask(20)))

# %% [markdown]
# An inactive revision costs nothing and can be activated again, which is what a way back looks like
# here.
#
# ## Scaling out, and to zero
#
# The rule in the template says `concurrentRequests: 10`. The name misleads a little: Azure counts
# the requests of the last 15 seconds and divides by 15, so it is *requests a second* for each
# replica. With about 30 a second, three replicas are wanted.
#
# The next cell sends that many, counts the replicas all the time, and stops ten seconds after there
# are three.
#
# > **Before you run it.** Take a pencil and draw what you expect: replicas against time.

# %%
import time

from requests.adapters import HTTPAdapter

from practice.figures import timeline

session.mount("https://", HTTPAdapter(pool_maxsize=32))  # so many stay open


def count_replicas():
    """Return how many replicas version 2 has at this moment."""
    found = client.container_apps_revision_replicas.list_replicas(resource_group, app_name, v2)
    return len(found.value)


record = timeline.Record(count_replicas)
with timeline.steady(lambda: ask(1), per_second=30, at_once=32):
    until(lambda: record.look() == 3, "three replicas")
    later = record.now() + 10
    until(lambda: record.look() and record.now() > later, "ten more seconds")
load_ended = record.now()

# %% [markdown]
# Now there is silence. On live Azure, replicas that are not needed any more stay for five minutes,
# in case more requests come. `cooldown_period`, 60 seconds here and 300 if you say nothing, is how
# long after the last request the last one may go too. Local Azure waits a tenth of the five
# minutes, and then lets all of them go.

# %%
until(lambda: record.look() == 0, "no replica")
print("replicas:", count_replicas())

# %% [markdown]
# The figure shows what was counted. Where the line begins depends on you: requests of the cells
# above count too, and after a pause there is no replica left.

# %%
timeline.replicas(
    record.seconds,
    record.counts,
    load=(0, load_ended),
    loaded="about 30 requests a second",
)

# %% [markdown]
# **What happened.** More replicas came within seconds, and went again after a while, all by
# themselves. With zero replicas the app still has its address, and costs nothing.
#
# ## The cold start
#
# > **Before you run it.** Nothing runs now. What will the next request get, and when?

# %%
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
# **What happened.** The first request waited until a replica had been started and had loaded
# PyTorch. That is the *cold start*, and it is the price of zero; on live Azure the image may have
# to be fetched as well. For people who wait, set `min_replicas=1` and pay for one idle replica. For
# a service that is asked twice a day, zero is right.
#
# > **Tip.** What makes a cold start shorter: a small image (PyTorch without what it needs for
# > graphics cards), a model that is in the image and not downloaded, and loading nothing that is
# > not used.
#
# ## Secrets
#
# The app has one secret already, the registry's password. Get the app and look:

# %%
app = client.container_apps.get(resource_group, app_name)
for secret in app.properties.configuration.secrets:
    print(secret.name, "=", secret.value)

# %% [markdown]
# There is a way to read it again, a call of its own:

# %%
for secret in client.container_apps.list_secrets(resource_group, app_name).value:
    print(secret.name, "=", names.masked(secret.value))

# %% [markdown]
# **What happened.** A `get` never shows it. `list_secrets` does, for whoever has the right to that
# call, which is another right than to look at the app.
#
# A container gets a secret as an environment variable: `EnvironmentVar(name="...",
# secret_ref="...")` in the template, with the secret's *name*. So the template, which many can
# read, has no secret in it. A changed secret reaches the containers when they start anew.
#
# ## Exercises
#
# ### Half and half
#
# Activate version 1 again, and send half of the traffic to each version. The check looks at the app
# on Azure.

# %%
# Your code goes here.

# %%
exercises.half.check(client, resource_group, app_name)

# %% [markdown]
# ### No cold start
#
# Bring out a version 5 that always has at least one replica. Who gets how much traffic is up to
# you. (If it does not come out right, go on to the next number: a revision's name can be used only
# once.)

# %%
# Your code goes here.

# %%
exercises.warm.check(client, resource_group, app_name)

# %% [markdown]
# ### A secret variable
#
# Give the app a second secret, `api-token`, with any value you like, and bring out a version 6
# whose container gets it as the environment variable `API_TOKEN`. Mind that secrets are a list, and
# an update takes the new list in place of the old one.

# %%
# Your code goes here.

# %%
exercises.secret_variable.check(client, resource_group, app_name)

# %% [markdown]
# ## Cleaning up
#
# First the apps, then the environment: one that still has apps is not deleted.

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
# Lesson 08 uses the image, so the registry stays. If you stop here, set `clean_up = True` in the
# first cell, run that cell, and then this one: nothing is left then that costs money.

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
# - An app lives in an environment and gets an address with https.
# - `configuration` changes at once; a change of the `template` makes a new revision.
# - Pin the traffic before you bring a new revision, then move it over in steps.
# - A revision that fails harms nobody who is not sent to it; its replica's log says why it does.
# - A rule of ten requests a second for each replica, and limits, are all that scaling needs.
# - Zero replicas cost nothing, and the first request after that waits for the cold start.
# - Secrets are referred to by name, and are never in what a `get` returns.
#
# `python -m scoring.create_container NAME --service containerapp`
# ([`scoring/create_container.py`](../scoring/create_container.py)) does the first half of this
# lesson in one go. [Troubleshooting](../docs/troubleshooting.md) has its failures and the others,
# by error code.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("07")

# %% [markdown]
# **Next:** [08 Comparison](08-comparison.ipynb) puts all three services side by side: what they do,
# how fast, and for how much.
