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
# # 01 Connect
#
# Every later lesson begins with the same line: make an `MLClient`. This one shows what that line
# does, who Azure thinks you are, and what a workspace holds.
#
# ## Goals
#
# Afterwards you can
#
# - place subscription, resource group and workspace, and say what each is for;
# - explain what `DefaultAzureCredential` tries, and see which attempt worked;
# - list the datastores, models and environments of a workspace;
# - read the error that a wrong workspace name gives;
# - say what differs between local and live Azure.
#
# **Time:** about 15 minutes.
#
# ## What this costs on live Azure
#
# Nothing. Asking for tokens and reading lists is free. A workspace itself is free too; it is the
# storage and the compute inside it that [are
# billed](https://azure.microsoft.com/pricing/details/machine-learning/).

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()

# %% [markdown]
# ## Where a workspace is
#
# Azure keeps things in boxes inside boxes:
#
# ```text
# tenant                     your organisation: its people, and who may do what
# └── subscription           who pays
#     └── resource group     things that belong together and are deleted together
#         └── workspace      Azure Machine Learning: models, environments, endpoints
# ```
#
# Three names lead to a workspace: the subscription's id, the resource group's name and the
# workspace's name. They are no secrets, and yet they do not belong into code that you share: other
# people have others. Here the kernel put them into the environment of this notebook.

# %%
print("subscription:  ", subscription_id)
print("resource group:", resource_group)
print("workspace:     ", workspace_name)

# %% [markdown]
# ## Who you are
#
# A *credential* is an object that can fetch a *token*: a signed text that says who you are, for
# whom it is meant and when it ends. `DefaultAzureCredential` is a chain of credentials. It tries
# one after the other and stays with the first one that works, so the same code runs on your laptop
# (where you have used `az login`), on a server and in a pipeline.

# %%
from azure.identity import DefaultAzureCredential

credential = DefaultAzureCredential()
for link in credential.credentials:
    print(type(link).__name__)

# %% [markdown]
# What each link needs:
#
# - `EnvironmentCredential`: the variables `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
#   `AZURE_CLIENT_SECRET`, which are the identity of a program.
# - Workload identity: code that runs in Kubernetes. Elsewhere it shows as `FailedDACCredential`.
# - `ManagedIdentityCredential`: code on an Azure machine that was given an identity.
# - `SharedTokenCacheCredential`, `VisualStudioCodeCredential` and `BrokerCredential`: that you
#   signed in with one of Microsoft's tools.
# - `AzureCliCredential`: that you ran `az login` in a terminal.
# - `AzurePowerShellCredential` and `AzureDeveloperCliCredential`: the same with those tools.
#
# [The
# documentation](https://learn.microsoft.com/python/api/overview/azure/identity-readme#defaultazurecredential)
# has the whole list in order.
#
# > **Before you run it.** The next cell asks for a token and has the chain say which link gave it.
# > Which one will it be for you?

# %%
import logging
import sys

chain = logging.getLogger("azure.identity._credentials.chained")
chain.setLevel(logging.INFO)
chain.addHandler(logging.StreamHandler(sys.stdout))

token = credential.get_token("https://management.azure.com/.default")

# %% [markdown]
# **What happened.** The text in the brackets is a *scope*: the service that the token is for, here
# Azure Resource Manager, through which everything in Azure is made and changed. On local Azure the
# kernel sets the three variables of `EnvironmentCredential`, with throw-away values that only
# local Azure knows. On live Azure it is mostly `AzureCliCredential`.
#
# A token is a JSON Web Token (JWT): three parts with dots between them, of which the middle one
# can be read by anyone. So let us read it.

# %%
import base64
import json
from datetime import UTC, datetime


def claims(jwt: str) -> dict:
    """Return what a JSON Web Token says, without checking its signature."""
    middle = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


said = claims(token.token)
minutes = (token.expires_on - datetime.now(UTC).timestamp()) / 60
print("token:   ", names.masked(token.token))
print("audience:", said["aud"])
print("issuer:  ", said["iss"])
print(f"ends in: {minutes:.0f} minutes")

# %% [markdown]
# > **Caution.** Whoever has a token can act as you until it ends. So it is never printed whole in
# > these lessons, and yours should not end up in a notebook that you share.
#
# ## Connect
#
# `MLClient` takes the credential and the three names. From here on it is the one object that you
# need: `ml_client.models`, `ml_client.environments`, `ml_client.online_endpoints` and so on each
# look after one kind of thing.

# %%
from azure.ai.ml import MLClient

ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
workspace = ml_client.workspaces.get(workspace_name)

# %%
print("name:          ", workspace.name)
print("region:        ", workspace.location)
print("resource group:", workspace.resource_group)

# %% [markdown]
# ## What a workspace holds
#
# Files are in *datastores*: names for places in storage accounts. One is the default, and it is
# where lesson 00 put the models' files.

# %%
for datastore in ml_client.datastores.list():
    print(datastore.name, "->", datastore.type)
print("default:", ml_client.datastores.get_default().name)

# %% [markdown]
# Models and environments came there in lesson 00. If you skipped it, the next cell trains and
# registers them now, in about half a minute.

# %%
from helpers.workspace import ensure_models

ensure_models(ml_client)

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print("model      ", model.name)
for environment in ml_client.environments.list():
    if environment.name.startswith("digits-"):
        print("environment", environment.name)

# %% [markdown]
# ## A wrong name
#
# One letter too many in the workspace's name, and you get an error. It is caught here to look at
# its parts; without `try` you would see a long traceback that ends in the same words.
#
# > **Before you run it.** Which line will fail: the one that makes the client, or the one that
# > gets the workspace? And with which HTTP status code: 400, 401, 403 or 404?

# %%
from azure.core.exceptions import HttpResponseError

wrong_client = MLClient(
    credential, subscription_id, resource_group, workspace_name + "x"
)
print("The client is made.")
try:
    wrong_client.workspaces.get(workspace_name + "x")
except HttpResponseError as error:
    print("status: ", error.status_code)
    print("code:   ", error.error.code)
    print("message:", error.error.message)

# %% [markdown]
# **What happened.** Making a client asks Azure nothing, it only remembers what you gave it. The
# first call is the first time that Azure hears of you. It knows you (else it would be 401) and
# lets you look (else 403), but there is no such workspace. Read an Azure error from its code: it
# is the same in every language, and the word to search for.
#
# > **Tip.** The three codes that you meet most: **401** Azure does not know who you are, sign in
# > again; **403** it knows, and you may not do this; **404** it is not there, so look at the name,
# > the resource group and the subscription.
#
# ## Local and live
#
# Local Azure is a program on your machine. The kernel *Azure (local)* starts it and tells this
# process, and no other, to send requests for Azure's host names to it. So the host names in every
# output are the real ones, and the SDK is the unmodified one from Microsoft. The kernel *Azure
# (live)* only sets the three names of your workspace.
#
# | | local | live |
# | --- | --- | --- |
# | the notebook | the same | the same |
# | the kernel | Azure (local) | Azure (live) |
# | account, internet | not needed | needed |
# | a deployment is ready after | some seconds | 5 to 15 minutes |
# | cost | none | what each lesson says at its top |
#
# > **Tip.** To switch, choose *Kernel*, *Change Kernel*. For live Azure, first download
# > `config.json` from [Azure Machine Learning studio](https://ml.azure.com) into the course's
# > folder and run `az login`.
#
# ## Exercises
#
# ### List the models
#
# Put a list of the names of all the models in the workspace, sorted, into `model_names`. The check
# asks the workspace for its list and compares.

# %%
from helpers.exercises import lesson_01 as exercises

model_names = ...

# %%
exercises.model_names.check(ml_client, model_names)
# exercises.model_names.hint()
# exercises.model_names.solution()

# %% [markdown]
# ### Connect from a file
#
# On live Azure most people keep the three names in a file `config.json`, with the keys
# `subscription_id`, `resource_group` and `workspace_name`. Write such a file into the folder
# below, and make a client from it with `MLClient.from_config`. The check uses your client to get
# the workspace.

# %%
from pathlib import Path
from tempfile import mkdtemp

folder = Path(mkdtemp())
client_from_file = ...

# %%
exercises.client_from_file.check(client_from_file, workspace_name)
# exercises.client_from_file.hint()
# exercises.client_from_file.solution()

# %% [markdown]
# ## Cleaning up
#
# Nothing was made, so nothing is to be taken away.
#
# ## Recap
#
# - A subscription pays, a resource group keeps together, a workspace holds models, environments
#   and endpoints.
# - `DefaultAzureCredential` tries a chain of credentials and uses the first that works.
# - A token says who you are, for which service and until when. Treat it like a password.
# - Making an `MLClient` asks nothing; the first call does, and shows what is wrong.
# - Local or live is decided by the kernel alone.
#
# **Next:** [02 Endpoint](02-endpoint.ipynb) makes the address at which a model will answer.
