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
# An *endpoint* is an address on the internet, with a lock on it, at which a model can be asked for
# predictions. The model itself comes later: what runs behind the address is a *deployment* (the
# model, its scoring script, its environment and machines to run them on), and one endpoint can have
# several.
#
# This is the way of one request, from a program that asks (the *client*) to the model and back. In
# this lesson you build the part that Azure keeps for you, the *endpoint*, and try its lock:
#
# ![The way of a request to a managed online endpoint. The client sends it over https with a key or
# token. The endpoint checks the key, else 401; chooses a deployment by traffic, else 404; and lets
# the request wait for a free instance, else 429 or 408. In the deployment the inference server
# calls run of the scoring script, else 424. The answer goes back the same
# way.](../docs/images/request-managed-endpoint.svg)
#
# Keeping endpoint and deployments apart is what makes careful releases possible: the address stays
# while what is behind it changes.
#
# ## Goals
#
# Afterwards you can
#
# - choose a name that Azure accepts;
# - create an endpoint, wait for it, and find its scoring URI, by code and in the portal;
# - choose between `key`, `aml_token` and `aad_token`;
# - call the endpoint with plain HTTP, and tell a 401 from a 404;
# - find out why a client is refused, and mend it.
#
# **Time:** about 30 minutes. The step in the portal takes five more.
#
# ## What this costs on live Azure
#
# Nothing: an endpoint without deployments is only an entry and an address. The machines behind it
# [are what is billed](https://azure.microsoft.com/pricing/details/machine-learning/), and they
# come with the deployments of lesson 04. Creating an endpoint takes 1 to 2 minutes there.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
clean_up = False

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)

# %% [markdown]
# ## A name
#
# The name becomes a part of the address, so it follows rules: 3 to 32 characters; it begins with a
# letter; then letters, digits and single dashes; it ends with a letter or digit. And nobody else
# in the same Azure region may have it. A simple way to a name that is free is to put the time into
# it:

# %%
import datetime

endpoint_name = "endpt-" + datetime.datetime.now().strftime("%m%d%H%M%f")
print(len(endpoint_name), "characters, such as in endpt-03141592653589")

# %% [markdown]
# That is fine for something that you delete within the hour. For an endpoint that you want to find
# again tomorrow, a name that stays the same is better. These lessons use your suffix:

# %%
endpoint_name = f"digits-{suffix}"
print(endpoint_name)

# %% [markdown]
# ## Create it
#
# The next cell describes an endpoint. It is only an object in this notebook: nothing has been
# created yet.

# %%
from azure.ai.ml.entities import ManagedOnlineEndpoint

endpoint = ManagedOnlineEndpoint(
    name=endpoint_name,
    description="Reads handwritten digits",
    auth_mode="key",
)

# %% [markdown]
# `begin_create_or_update` sends the description to Azure and comes back at once, with a *poller*:
# an object that asks Azure from time to time how the work is going. `.result()` waits for the end
# and returns what was made. All names in the SDK that begin with `begin_` work like this.

# %%
endpoint = ml_client.online_endpoints.begin_create_or_update(endpoint).result()

print("state:      ", endpoint.provisioning_state.value)
print("scoring URI:", endpoint.scoring_uri)

# %% [markdown]
# Now Azure has it, and it has an address, the *scoring URI*: its name, its region, and
# `inference.ml.azure.com`. Without `.result()` you would hold a poller and no endpoint, the address
# might not be there yet, and if creating it failed, you would not see the error.
#
# > **Tip.** `wait(poller, "...")` from this course's helpers does the same as `poller.result()`,
# > and shows how long it has been at it. Later lessons use it, as a deployment takes minutes on
# > live Azure.
#
# ## Names that Azure refuses
#
# > **Before you run it.** Read the rules above once more. Which of these four names would be
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
# underscore, and `digits--net` two dashes in a row. The SDK knows most of the rules and stops you
# at once. The two dashes it lets through, and Azure says no. Either way nothing was created.
#
# ## Who may call it: the keys
#
# With `auth_mode="key"` the endpoint has two *keys*, long random texts. Whoever sends one of them
# may ask for predictions. There are two so that you can change one while clients still use the
# other; lesson 04 does that.

# %%
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
print("primary:  ", names.masked(keys.primary_key))
print("secondary:", names.masked(keys.secondary_key))

# %% [markdown]
# Now call the address, the way any program would: with HTTP, the language of the web. A request has
# a *method* (`POST`: here is something for you), a *body* (here an empty image, 64 pixel values of
# 0, as JSON: no model will see it yet) and *headers*, which are notes to whoever receives it. The
# key goes into the header `Authorization`, after the word `Bearer`: who bears this, may pass.

# %%
import requests

body = {"data": [[0] * 64]}


def ask(uri: str, headers: dict) -> requests.Response:
    """Send one image to an endpoint."""
    return requests.post(uri, json=body, headers=headers, timeout=60)


# %% [markdown]
# > **Before you run it.** You send the right key. Remember that there is no deployment yet, and
# > look at the picture at the top: how far does the request get, and which status code comes back?

# %%
guess = predict("Which status code does the right key give?", ["200", "401", "404", "429"])
guess

# %%
answer = ask(endpoint.scoring_uri, {"Authorization": f"Bearer {keys.primary_key}"})

print(answer.status_code, answer.reason)
print(answer.text.splitlines()[0])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** The lock opened, but there is nobody home: **404**, no deployment takes this
# request. That is the answer whenever no deployment has traffic, so remember it: it looks like a
# wrong address, and is not.
#
# ## In the portal
#
# What code has made can also be looked at. The *portal* shows all that Azure has for you: it is
# the tile *Portal* in JupyterLab's launcher, or type `course portal` in a terminal. Choose
# *Machine Learning* there, and then your endpoint, `digits-...`.
#
# > **Before you look.** The page has a tab for those who want to call the endpoint. Will it show
# > the keys?
#
# ![The endpoint's page in the portal, with the tabs Details, Test, Consume, Monitoring and Logs.
# Details says that there are no deployments yet, so it answers 404, and lists the attributes: it
# is Succeeded, with its REST endpoint and key-based
# authentication.](../docs/images/portal/endpoint-new.png)
#
# **What you see.** *Details* says what your cells printed, the scoring URI under the name of *REST
# endpoint*, and why the answer was 404. *Consume* has what a client needs, but hides the keys until
# you press *Show keys*. That sends the same request as `get_keys`; the page *Activity* lists it,
# and those of this notebook too.
#
# On live Azure: [Azure Machine Learning studio](https://ml.azure.com), *Endpoints*. The tabs have
# the same names, but for *Logs*, which is *Deployment logs*; there is no list of requests.
#
# ## A failure on purpose: the wrong key
#
# Sooner or later a client of yours will be refused, and you will be asked why. So cause it here,
# in the three ways that are met most.

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
# **What you see.** Each time **401**, *Unauthorized*: the lock stays shut.
#
# **Where to look.** Not in a deployment's log. The endpoint refuses the request before any
# deployment hears of it, so nothing is logged there, and a model that never gets a request is a
# sign of this failure too. What you have is the answer itself: its status, and the first line of
# its text, which tells two causes apart.
#
# **The cause.** `key_auth_bad_header_forbidden`: the header is missing, or does not have the form
# `Bearer KEY`. `key_auth_access_denied`: the form is right and the key is not one of this
# endpoint's two. Mostly it was cut off when it was copied, belongs to another endpoint, or was
# replaced since.
#
# **The repair.** Fetch the key afresh, whole, from where it is kept, build the header in one place
# of the client's code, and send the request again.

# %%
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
answer = ask(endpoint.scoring_uri, {"Authorization": f"Bearer {keys.primary_key}"})
print(answer.status_code, answer.text.splitlines()[0])

# %% [markdown]
# 404, so the lock is open again.
#
# > **Caution.** `get_keys` needs the right to read the endpoint's secrets, which a client should
# > not have. In production its key is kept in a store for secrets, such as [Azure Key
# > Vault](https://learn.microsoft.com/azure/key-vault/general/overview), and never in code.
#
# ## Three kinds of lock
#
# What a client has to send is decided by the endpoint's `auth_mode`:
#
# - `key`: one of two keys, which never end unless you regenerate them. Good for trying things out
#   and for simple clients.
# - `aml_token`: a token from Azure Machine Learning, for whoever has the right to ask for one. It
#   ends after some hours. Good for jobs that can fetch a new one.
# - `aad_token`: a token from Microsoft Entra ID, Azure's directory of people and programs, which
#   used to be called Azure Active Directory (AAD). It ends after about an hour. Good for people and
#   services that have an identity of their own, as each of them can be let in or kept out.
#
# *Getting* a token needs no set-up: `get_keys` fetches what the endpoint takes. For `aad_token` a
# client can do without it: `credential.get_token("https://ml.azure.com/.default")`, as in lesson
# 01, gives such a token, which is good for every endpoint that the client may ask.
# ([Documentation](https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint))
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
# done, so both can be under way at the same time: begin both, then wait for both.

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
# Both tokens open the lock, so both calls get as far as 404: still nobody home. A client keeps its
# token until it is about to end, and then asks for another. Lesson 04 lets one expire and shows
# what the client sees.
#
# > **Tip.** With `aad_token`, live Azure also looks whether you may ask this endpoint: you need a
# > *role* (a list of what somebody may do) with the action `.../onlineEndpoints/score/action`.
# > *Owner*, *Contributor* and *AzureML Data Scientist* [have
# > it](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth). Without
# > it you are refused here, although the token is good.
#
# ## What Azure has now

# %%
for each in ml_client.online_endpoints.list():
    if suffix in each.name.split("-"):
        print(each.name, each.auth_mode, each.provisioning_state.value)

# %% [markdown]
# ## Exercises
#
# ### An endpoint of your own
#
# Create an endpoint whose name is in `my_name`, with authentication by Microsoft Entra ID and any
# description you like. The check asks Azure for it.

# %%
from practice.exercises import lesson_02 as exercises

my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.own_endpoint.check(ml_client, my_name)

# %% [markdown]
# ### A tag that arrives
#
# Give the endpoint `digits-...` (its name is in `endpoint_name`) a tag `owner` with your name.
# Mind the difference between an object in this notebook and what Azure has.

# %%
# Your code goes here.

# %%
exercises.owner_tag.check(ml_client, endpoint_name)

# %% [markdown]
# ### Mend a client
#
# A client used to send `{"Authorization": f"Bearer {keys.primary_key}"}` to the endpoint with a
# key. Now it is to ask the endpoint in `aad`, and gets 401. Put into `headers` what it has to send.
# The check sends it to that endpoint and looks at the answer.

# %%
headers = ...

# %%
exercises.mended.check(ml_client, aad.name, headers)

# %% [markdown]
# ## Cleaning up
#
# Delete the two endpoints with tokens, and your own if you made one. `begin_delete` is a long
# operation too, so wait for it.

# %%
for each in ml_client.online_endpoints.list():
    if each.name in (aml.name, aad.name, my_name):
        wait(
            ml_client.online_endpoints.begin_delete(name=each.name),
            f"deleting {each.name}",
        )

# %% [markdown]
# The endpoint `digits-...` stays for lesson 04, as it costs nothing without deployments. If you
# stop here for good, set `clean_up = True` in the first cell, run that cell, and then this one:

# %%
from helpers.cleanup import delete_endpoints

if clean_up:
    delete_endpoints(ml_client, suffix)

# %% [markdown]
# ## Recap
#
# - An endpoint is an address with a lock; deployments do the work behind it.
# - Its name is unique in its region and follows simple rules.
# - `begin_...` starts; `.result()` waits, and raises the error if there was one.
# - `key` for trying out, `aml_token` or `aad_token` where keys that never end are too risky.
# - **401** is the lock, and its text says why. **404** is a door with no deployment behind it.
#
# [Troubleshooting](../docs/troubleshooting.md) has this failure and the others of the course, by
# error code.
#
# Your exercises of this lesson:

# %%
from practice import progress

progress.show("02")

# %% [markdown]
# **Next:** [03 Scoring script](03-scoring-script.ipynb) writes the code that will run behind the
# door.
