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
# # 02 Endpoint
#
# An *endpoint* is an address on the internet with a lock on it, where programs ask a model for
# predictions. The model comes later. What runs behind the address is a *deployment*: a model, its
# scoring script, its environment, and machines to run them on. One endpoint can have several. So
# the address stays the same while you change what is behind it, and that makes careful releases
# possible.
#
# The picture follows one request from a *client*, the program that asks, to the model and back. In
# this lesson you build the first box and try its lock:
#
# ![The way of a request to a managed online endpoint. The client sends it over https with a key or
# token. The endpoint checks the key, else 401; chooses a deployment by traffic, else 404; and lets
# the request wait for a free instance, else 429 or 408. In the deployment the inference server
# calls run of the scoring script, else 424. The answer goes back the same
# way.](../docs/images/request-managed-endpoint.svg)
#
# ## Goals
#
# By the end you can
#
# - choose a name that Azure accepts;
# - create an endpoint, wait for it, and find its scoring URI, by code and in the portal;
# - choose between `key`, `aml_token` and `aad_token`;
# - call the endpoint with plain HTTP, and tell a 401 from a 404;
# - find out why a client is refused, and put it right.
#
# **Time:** about 35 minutes.
#
# ## What this costs on live Azure
#
# Nothing. An endpoint without deployments is only an entry and an address. [You pay for the
# machines](https://azure.microsoft.com/pricing/details/machine-learning/), and they come with the
# deployments of lesson 04. On live Azure it takes a minute or two to create an endpoint.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
clean_up = False

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-ai-ml azure-identity requests`.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)

# %% [markdown]
# ## A name
#
# The name becomes part of the address, so there are rules. It has
# {{online_endpoints.name_min_characters}} to {{online_endpoints.name_max_characters}} characters,
# begins with a letter, continues with letters, digits and single dashes, and ends with a letter or
# digit. And nobody else in the same Azure region may have it. An easy way to find a free name is to
# put the time into it:

# %%
import datetime

endpoint_name = "endpt-" + datetime.datetime.now().strftime("%m%d%H%M%f")
print(len(endpoint_name), "characters, such as in endpt-03141592653589")

# %% [markdown]
# That's fine for something you delete within the hour. If you want to find the endpoint again
# tomorrow, use a name that stays the same. These lessons use your suffix:

# %%
endpoint_name = f"digits-{suffix}"
print(endpoint_name)

# %% [markdown]
# ## Create it
#
# The next cell describes an endpoint. For now it's only an object in this notebook, and Azure knows
# nothing of it.

# %%
from azure.ai.ml.entities import ManagedOnlineEndpoint

endpoint = ManagedOnlineEndpoint(
    name=endpoint_name,
    description="Reads handwritten digits",
    auth_mode="key",
)

# %% [markdown]
# `begin_create_or_update` sends the description to Azure and returns at once with a *poller*: an
# object that asks Azure from time to time how the work is going. `.result()` waits for the end and
# returns what was made. Every name in the SDK that starts with `begin_` works like this.

# %%
endpoint = ml_client.online_endpoints.begin_create_or_update(endpoint).result()

print("state:      ", endpoint.provisioning_state.value)
print("scoring URI:", endpoint.scoring_uri)

# %% [markdown]
# Now Azure has it, and it has an address, the *scoring URI*: its name, its region and
# `inference.ml.azure.com`. Without `.result()` you'd hold a poller instead of an endpoint. The
# address might not be there yet, and you'd never see an error.
#
# > **Tip.** This course's `wait(poller, "...")` does the same as `poller.result()`, and shows how
# > long it's been waiting. Later lessons use it, because a deployment takes minutes on live Azure.
#
# ## Names that Azure refuses
#
# > **Before you run it.** Read the rules above once more. Which of these four names will be
# > accepted?

# %%
from practice.widgets.quiz import predict

tried = ["d", "1-digit", "digits_net", "digits--net"]
guess = predict("Which name is accepted?", [*tried, "none of them"])
guess

# %%
from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import HttpResponseError

accepted = []
for name in tried:
    try:
        ml_client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name))
        accepted.append(name)
    except MlException:
        print(f"{name:<12} refused by the SDK, before anything was sent")
    except HttpResponseError as error:
        print(f"{name:<12} refused by Azure:", error.status_code, error.error.code)

guess.compare(accepted[0] if accepted else "none of them")

# %% [markdown]
# **What happened.** `d` is too short, `1-digit` begins with a digit, `digits_net` has an
# underscore, and `digits--net` has two dashes in a row. The SDK knows most of the rules and stops
# you at once. It lets the two dashes through, and then Azure says no. Either way, nothing was
# created.
#
# ## Who may call it: the keys
#
# With `auth_mode="key"`, which is the default, the endpoint has two *keys*: long random texts.
# Whoever sends one of them may ask for predictions. There are two so that you can change one while
# clients still use the other. Lesson 04 does that.

# %%
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
print("primary:  ", names.masked(keys.primary_key))
print("secondary:", names.masked(keys.secondary_key))

# %% [markdown]
# Now call the address the way any program would: with HTTP, the language of the web. A request has
# a *method* (`POST`: here is something for you), a *body* (here an empty image, 64 pixels of 0, as
# JSON) and *headers*, which are notes to the receiver. The key goes into the header
# `Authorization`, after the word `Bearer`: whoever bears this may pass.

# %%
import requests

body = {"data": [[0] * 64]}


def ask(uri: str, headers: dict) -> requests.Response:
    """Send one image to an endpoint."""
    return requests.post(uri, json=body, headers=headers, timeout=60)


# %% [markdown]
# > **Before you run it.** You send the right key, but there is no deployment yet. Look at the
# > picture at the top. How far does the request get, and which status code comes back?

# %%
guess = predict("Which status code does the right key give?", ["200", "401", "404", "429"])
guess

# %%
answer = ask(endpoint.scoring_uri, {"Authorization": f"Bearer {keys.primary_key}"})

print(answer.status_code, answer.reason)
print(answer.text.splitlines()[0])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** The lock opened, but nobody is home: **404**, no deployment takes this request.
# You get this answer whenever no deployment has traffic. It looks like a wrong address, and it
# isn't one.
#
# ## In the portal
#
# You can also look at what your code has made. The *portal* shows everything that Azure has for
# you. Open it with the tile *Portal* in JupyterLab's launcher, or type `course portal` in a
# terminal. Choose *Machine Learning*, and then your endpoint, `digits-...`.
#
# > **Before you look.** The page has a tab for people who want to call the endpoint. Will it show
# > the keys?
#
# ![The endpoint's page in the portal, with the tabs Details, Test, Consume, Monitoring and Logs.
# Details says that there are no deployments yet, so it answers 404, and lists the attributes: it is
# Succeeded, with its REST endpoint and key-based
# authentication.](../docs/images/portal/endpoint-new.png)
#
# **What you see.** *Details* shows what your cells printed, with the scoring URI as *REST
# endpoint*, and why the answer was 404. *Consume* has what a client needs, but hides the keys until
# you press *Show keys*. That button sends the same request as `get_keys`. The page *Activity* lists
# it, along with the requests of this notebook.
#
# On live Azure, open [Azure Machine Learning studio](https://ml.azure.com), *Endpoints*. The tabs
# have the same names, except that *Logs* is *Deployment logs*, and there is no list of requests.
# *Create* and *Delete* are there too.
#
# ## A failure on purpose: the wrong key
#
# Sooner or later one of your clients will be refused, and you'll be asked why. So cause it
# yourself, in the three most common ways.

# %%
attempts = {
    "no header at all": {},
    "the key without Bearer": {"Authorization": keys.primary_key},
    "the last letter is lost": {"Authorization": f"Bearer {keys.primary_key[:-1]}"},
}

for what, headers in attempts.items():
    answer = ask(endpoint.scoring_uri, headers)
    print(f"{what:<24}", answer.status_code, answer.text.splitlines()[0])

# %% [markdown]
# **What you see.** **401**, *Unauthorized*, every time. The lock stays shut.
#
# **Where to look.** Not in a deployment's log. The endpoint refuses the request before any
# deployment hears of it. All you have is the answer: its status, and the first line of its text,
# which tells two causes apart.
#
# **The cause.** `key_auth_bad_header_forbidden`: the header is missing, or isn't in the form
# `Bearer KEY`. `key_auth_access_denied`: the form is right, but the key isn't one of this
# endpoint's two. Usually it was cut off when somebody copied it, belongs to another endpoint, or
# has been replaced.
#
# **The repair.** Fetch the whole key again from where it's kept, build the header in one place of
# the client's code, and send the request again.

# %%
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
answer = ask(endpoint.scoring_uri, {"Authorization": f"Bearer {keys.primary_key}"})
print(answer.status_code, answer.text.splitlines()[0])

# %% [markdown]
# 404: the lock is open again.
#
# > **Caution.** `get_keys` needs the right to read the endpoint's secrets, and a client shouldn't
# > have that. In production, keep the key in a store for secrets such as [Azure Key
# > Vault](https://learn.microsoft.com/azure/key-vault/general/overview), never in code.
#
# > **Caution.** Two limits. All deployments of an endpoint together send and receive at most
# > {{online_endpoints.bandwidth}} MB a second, and [anything above that is
# > delayed](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#bandwidth-limit-issues).
# > And a web page's own script can't call the endpoint, because it lacks
# > [CORS](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#blocked-by-cors-policy),
# > the rules by which browsers let one site call another. Let your web server call it. That keeps
# > the key off the page, too.
#
# ## Three kinds of lock
#
# The endpoint's `auth_mode` decides what a client has to send:
#
# - `key`: one of two keys, which work until you regenerate them. Good for trying things out and for
#   simple clients.
# - `aml_token`: a token from Azure Machine Learning, for whoever has the right to ask for one. It
#   ends after some hours. Good for jobs that can fetch a new one.
# - `aad_token`: a token from Microsoft Entra ID, Azure's directory of people and programs (once
#   Azure Active Directory, or AAD). It ends after about an hour. Good for people and services with
#   an identity of their own, because you can let each of them in or keep them out.
#
# *Getting* a token needs no set-up: `get_keys` fetches whatever the endpoint takes. A client of an
# `aad_token` endpoint can ask Entra ID itself, with
# `credential.get_token("https://ml.azure.com/.default")` as in lesson 01. That token is good for
# every endpoint that the client may ask.
#
# > **Caution.** Older pages say `auth_mode="token"`. There is no such mode, as the next cell shows.

# %%
try:
    ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=f"{endpoint_name}-old", auth_mode="token")
    )
except HttpResponseError as error:
    print(error.status_code, error.error.code)

# %% [markdown]
# Now make one endpoint for each kind of token. `begin_create_or_update` returns before the work is
# done, so start both and then wait for both.

# %%
from helpers.wait import wait

aml = ManagedOnlineEndpoint(name=f"{endpoint_name}-aml", auth_mode="aml_token")
aad = ManagedOnlineEndpoint(name=f"{endpoint_name}-aad", auth_mode="aad_token")
pollers = [ml_client.online_endpoints.begin_create_or_update(each) for each in (aml, aad)]

aml = wait(pollers[0], aml.name)
aad = wait(pollers[1], aad.name)

# %%
import time

for each in (aml, aad):
    token = ml_client.online_endpoints.get_keys(name=each.name)
    answer = ask(each.scoring_uri, {"Authorization": f"Bearer {token.access_token}"})
    print(each.auth_mode)
    print("  token:  ", names.masked(token.access_token))
    print(f"  ends in: {(token.expiry_time_utc - time.time()) / 3600:.1f} hours")
    print("  answer: ", answer.status_code)

# %% [markdown]
# Both tokens open the lock, so both calls get as far as 404. A client keeps its token until shortly
# before it ends, and then asks for another. In lesson 04 you let one expire and see what the client
# sees.
#
# > **Tip.** With `aad_token`, live Azure also checks whether you may ask this endpoint. You need a
# > *role* (a list of what somebody may do) with the action `.../onlineEndpoints/score/action`.
# > *Owner*, *Contributor* and *AzureML Data Scientist* [have
# > it](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth). Without
# > it you're refused, however good the token.
#
# ## What Azure has now

# %%
for each in ml_client.online_endpoints.list():
    if suffix in each.name.split("-"):
        print(each.name, each.auth_mode, each.provisioning_state.value)

# %% [markdown]
# ## Exercises
#
# ### The hospital's rules
#
# A hospital wants to call your endpoint. Its rules: no secret that works for ever, and each caller
# can be let in or kept out by name, without Azure Machine Learning handing out tokens. Create the
# endpoint that fits, under the name in `my_name`, with a description that says whom it's for. The
# check asks Azure for it.

# %%
from practice.exercises import lesson_02 as exercises

my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.own_endpoint.check(ml_client, my_name)

# %% [markdown]
# ### A tag that arrives
#
# Give the endpoint in `endpoint_name` a tag `owner` with your name. Mind the difference between an
# object in this notebook and what Azure has.

# %%
# Your code goes here.

# %%
exercises.owner_tag.check(ml_client, endpoint_name)

# %% [markdown]
# ### Repair a client
#
# A client used to send `{"Authorization": f"Bearer {keys.primary_key}"}` to the endpoint with a
# key. Now it has to ask the endpoint in `aad`, and gets 401. Put what it has to send into
# `headers`. The check sends it to that endpoint and looks at the answer.

# %%
headers = ...

# %%
exercises.mended.check(ml_client, aad.name, headers)

# %% [markdown]
# ## Cleaning up
#
# Delete the two endpoints with tokens, and your own if you made one. `begin_delete` takes its time
# too, so wait for it. (In the portal and in studio, select the endpoint and press *Delete*.)

# %%
for each in ml_client.online_endpoints.list():
    if each.name in (aml.name, aad.name, my_name):
        wait(
            ml_client.online_endpoints.begin_delete(name=each.name),
            f"deleting {each.name}",
        )

# %% [markdown]
# The endpoint `digits-...` stays for lesson 04: without deployments it costs nothing. If you stop
# here for good, set `clean_up = True` in the first cell, run that cell, and then this one:

# %%
from helpers.cleanup import delete_endpoints

if clean_up:
    delete_endpoints(ml_client, suffix)

# %% [markdown]
# ## Recap
#
# - An endpoint is an address with a lock. Deployments do the work behind it.
# - Its name is unique in its region and follows simple rules.
# - `begin_...` starts. `.result()` waits, and raises the error if there was one.
# - `key`, the default, for trying out. `aml_token` or `aad_token` where a key that never ends is
#   too risky.
# - **401** is the lock, and its text says why. **404** is a door with no deployment behind it.
#
# [Troubleshooting](../docs/troubleshooting.md) has this failure and all the others of the course,
# by error code.
#
# More from Microsoft: [endpoints for
# inference](https://learn.microsoft.com/azure/machine-learning/concept-endpoints), [authenticate
# clients](https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint),
# [limits of
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas#azure-machine-learning-online-endpoints-and-batch-endpoints).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("02")

# %% [markdown]
# **Next:** [03 Scoring script](03-scoring-script.ipynb) writes the code that will run behind the
# door.
