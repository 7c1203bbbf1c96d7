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
# An *endpoint* is an address on the internet, with a lock on it, at which a model can be asked.
# The model itself comes later: what runs behind the address is a *deployment*, and one endpoint
# can have several.
#
# ```text
# client ──https──> endpoint ──┬──> deployment blue     model, code, environment, machines
#                   address,   └──> deployment green
#                   lock,
#                   traffic rules
# ```
#
# Keeping the two apart is what makes careful releases possible: the address stays while what is
# behind it changes.
#
# ## Goals
#
# Afterwards you can
#
# - choose a name that Azure accepts;
# - create an endpoint, wait for it, and find its scoring URI;
# - choose between `key`, `aml_token` and `aad_token`;
# - call the endpoint with plain HTTP, and tell a 401 from a 404.
#
# **Time:** about 20 minutes.
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

ml_client = MLClient(
    DefaultAzureCredential(), subscription_id, resource_group, workspace_name
)

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
print(len(endpoint_name), "characters, for example endpt-03141592653589")

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
# and returns what was made.
#
# > **Before you run it.** If you left `.result()` away and called the endpoint in the very next
# > line, what could go wrong?

# %%
endpoint = ml_client.online_endpoints.begin_create_or_update(endpoint).result()

print("state:      ", endpoint.provisioning_state)
print("scoring URI:", endpoint.scoring_uri)

# %% [markdown]
# **What happened.** Now Azure has it, and it has an address: name, region, and
# `inference.ml.azure.com`. Without `.result()` you would hold a poller, no endpoint, and the
# address might not be there yet. You would not see an error either, if creating it failed.
#
# > **Tip.** `wait(poller, "...")` from this course's helpers does the same as `poller.result()`,
# > and shows how long it has been at it. Later lessons use it, as a deployment takes minutes on
# > live Azure.
#
# ## Names that Azure refuses
#
# > **Before you run it.** Which of these four names would be accepted?

# %%
from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import HttpResponseError

for name in ("d", "1-digit", "digits_net", "digits--net"):
    try:
        ml_client.online_endpoints.begin_create_or_update(
            ManagedOnlineEndpoint(name=name)
        )
    except MlException:
        print(f"{name:<12} refused by the SDK, before anything was sent")
    except HttpResponseError as error:
        print(f"{name:<12} refused by Azure:", error.status_code, error.error.code)

# %% [markdown]
# **What happened.** None. The SDK knows most of the rules and stops you at once. The two dashes in
# a row it lets through, and Azure says no. Both are errors, but only one costs a trip.
#
# ## Who may call it: the keys
#
# With `auth_mode="key"` the endpoint has two keys. Whoever sends one of them may ask for
# predictions. There are two so that you can change one while clients still use the other; lesson
# 04 does that.

# %%
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)
print("primary:  ", names.masked(keys.primary_key))
print("secondary:", names.masked(keys.secondary_key))

# %% [markdown]
# Now call the address, the way any program would: an HTTP POST with JSON, and the key in the
# header `Authorization`. First with a wrong key, then with the right one. Remember that there is
# no deployment yet.
#
# > **Before you run it.** Which two status codes do you expect?

# %%
import requests

digit = {"data": [[0] * 64]}
for what, key in (("wrong key", "not-the-key"), ("right key", keys.primary_key)):
    answer = requests.post(
        endpoint.scoring_uri,
        json=digit,
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    print(f"{what}: {answer.status_code} {answer.reason}")

# %% [markdown]
# **What happened.** With the wrong key you get **401**: the lock stays shut. With the right key
# you are let in, but there is nobody home: **404**, no deployment takes this request. That is the
# answer whenever no deployment has traffic, so remember it: it looks like a wrong address, and is
# not.
#
# ## Three kinds of lock
#
# What a client has to send is decided by the endpoint's `auth_mode`:
#
# - `key`: one of two keys, which never end unless you regenerate them. Good for trying things out
#   and for simple clients.
# - `aml_token`: a token from Azure Machine Learning, for whoever has the right to ask for one. It
#   ends after some hours. Good for jobs that can fetch a new one.
# - `aad_token`: a token from Microsoft Entra ID, which used to be called Azure AD. It ends after
#   about an hour. Good for people and services that have an identity of their own, as each of them
#   can be let in or kept out.
#
# You need not set up anything for the tokens: `get_keys` fetches what the endpoint takes.
# ([Documentation](https://learn.microsoft.com/azure/machine-learning/how-to-authenticate-online-endpoint))
#
# > **Caution.** Older pages say `auth_mode="token"`. There is no such mode.

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
pollers = [
    ml_client.online_endpoints.begin_create_or_update(each) for each in (aml, aad)
]

aml = wait(pollers[0], aml.name)
aad = wait(pollers[1], aad.name)

# %%
import time

for each in (aml, aad):
    token = ml_client.online_endpoints.get_keys(name=each.name)
    answer = requests.post(
        each.scoring_uri,
        json=digit,
        headers={"Authorization": f"Bearer {token.access_token}"},
        timeout=60,
    )
    print(each.auth_mode)
    print("  token:  ", names.masked(token.access_token))
    print(f"  ends in: {(token.expiry_time_utc - time.time()) / 3600:.1f} hours")
    print("  answer: ", answer.status_code)

# %% [markdown]
# **What happened.** Both tokens open the lock, so both calls get as far as 404: still nobody home.
# A client keeps its token until it is about to end, and then asks for another. Lesson 04 lets one
# expire and shows what the client sees.
#
# > **Tip.** With `aad_token`, live Azure also looks whether you may ask this endpoint: you need a
# > role with the action `.../onlineEndpoints/score/action`, such as *AzureML Data Scientist*.
# > Without it you see 403 here.
#
# ## What Azure has now

# %%
for each in ml_client.online_endpoints.list():
    if suffix in each.name.split("-"):
        print(each.name, each.auth_mode, each.provisioning_state)

# %% [markdown]
# ## Exercises
#
# ### An endpoint of your own
#
# Create an endpoint whose name is in `my_name`, with authentication by Microsoft Entra ID and any
# description you like. The check asks Azure for it.

# %%
from helpers.exercises import lesson_02 as exercises

my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.own_endpoint.check(ml_client, my_name)
# exercises.own_endpoint.hint()
# exercises.own_endpoint.solution()

# %% [markdown]
# ### A tag that arrives
#
# Give the endpoint `digits-...` (its name is in `endpoint_name`) a tag `owner` with your name.
# Mind the difference between an object in this notebook and what Azure has.

# %%
# Your code goes here.

# %%
exercises.owner_tag.check(ml_client, endpoint_name)
# exercises.owner_tag.hint()
# exercises.owner_tag.solution()

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
# stop here for good, set `clean_up = True` and run this:

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
# - **401** is the lock. **404** is a door with no deployment behind it.
#
# **Next:** [03 Scoring script](03-scoring-script.ipynb) writes the code that will run behind the
# door.
