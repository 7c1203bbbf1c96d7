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
# Every lesson has the same few lines near its top: find out who you are, make an `MLClient`. This
# one takes them apart. It shows who Azure thinks you are, what a workspace holds, and what you see
# when one of the names is wrong.
#
# ## Goals
#
# Afterwards you can
#
# - place subscription, resource group and workspace, and say what each is for;
# - explain what `DefaultAzureCredential` tries, and see which attempt worked;
# - list the datastores, models and environments of a workspace;
# - read the error that a wrong name gives;
# - say what differs between local and live Azure.
#
# **Time:** about 20 minutes.
#
# ## What this costs on live Azure
#
# Nothing. Asking for tokens and reading lists is free. A workspace itself is free too; what is
# [billed](https://azure.microsoft.com/pricing/details/machine-learning/) is what it uses: storage,
# machines, and a registry for images, 17 US cents a day from when it exists. These stay on the bill
# [until they are
# deleted](https://learn.microsoft.com/azure/machine-learning/concept-plan-manage-cost), even when
# the workspace is gone.

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
#         └── workspace      Azure Machine Learning: models, environments, deployments
# ```
#
# Three names lead to a workspace: the subscription's id, the resource group's name and the
# workspace's name. They are no secrets, and still they do not belong in code that you share:
# other people have others. That is why the cell above reads them from *environment variables*,
# small texts that a program is started with. The kernel set them for this notebook.

# %%
print("subscription:  ", subscription_id)
print("resource group:", resource_group)
print("workspace:     ", workspace_name)

# %% [markdown]
# ## Who you are
#
# Azure wants a *token* with every request: a signed text that says who you are, which service it
# is meant for and when it ends. The object that fetches tokens is a *credential*.
#
# `DefaultAzureCredential` is a chain of credentials. It goes through them in order, skips those
# that are not set up, and stays with the first that gives a token. So the same line runs on your
# laptop, on a server and in an automated job, though each of them has another way to say who it
# is. These are the links:

# %%
from azure.identity import DefaultAzureCredential

credential = DefaultAzureCredential()
chain = [type(link).__name__ for link in credential.credentials]
print("\n".join(chain))

# %% [markdown]
# When each of them works:
#
# - `EnvironmentCredential`: the variables `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
#   `AZURE_CLIENT_SECRET` are set, which are the identity of a program;
# - `WorkloadIdentityCredential`: the code runs in a Kubernetes cluster, where many programs share
#   machines (elsewhere it shows as `FailedDACCredential`);
# - `ManagedIdentityCredential`: the code runs on an Azure machine that was given an identity;
# - `SharedTokenCacheCredential`, `VisualStudioCodeCredential`, `BrokerCredential`: you signed in
#   with one of Microsoft's programs;
# - `AzureCliCredential`: you ran `az login` in a terminal;
# - `AzurePowerShellCredential`, `AzureDeveloperCliCredential`: the same with those two tools.
#
# [The documentation](https://learn.microsoft.com/python/api/overview/azure/identity-readme#defaultazurecredential)
# says more about each.
#
# *Azure (local)* has no people who could sign in, so the kernel carries the identity of a program.
# *Azure (live)* carries none.
#
# > **Before you run it.** The next cell asks for a token and lets the chain say which link gave it.
# > Look at the kernel's name and at the list: which link will it be for you?

# %%
from practice.widgets.quiz import predict

guess = predict("Which link of the chain will give the token?", chain)
guess

# %%
import io
import logging

said = io.StringIO()
log = logging.getLogger("azure.identity")
log.setLevel(logging.INFO)
log.addHandler(logging.StreamHandler(said))

token = credential.get_token("https://management.azure.com/.default")

log.setLevel(logging.WARNING)
sentence = next(line for line in said.getvalue().splitlines() if "acquired" in line)
print(sentence)
guess.compare(sentence.split()[-1])

# %% [markdown]
# **What happened.** With the kernel *Azure (local)* it is `EnvironmentCredential`: the kernel sets
# its three variables, to throw-away values that only local Azure knows. With *Azure (live)* on a
# laptop it is mostly `AzureCliCredential`. The chain went no further than the first that worked. So
# variables that somebody forgot to remove can sign you in as somebody else; and if their secret has
# ended, the chain stops with an error and never comes to your `az login`. When Azure refuses you,
# look here first.
#
# The text in the brackets of `get_token` is a *scope*: the service that the token is for, here
# Azure Resource Manager, through which everything in Azure is made and changed.
#
# ## What a token says
#
# A token is a JSON Web Token (JWT): three parts with dots between them. The first says how it was
# signed. The third is the signature, which nobody but the issuer can make. The second can be read
# by anyone, so let us read it.

# %%
import base64
import json
from datetime import UTC, datetime


def claims(jwt: str) -> dict:
    """Return what a JSON Web Token says, without checking its signature."""
    middle = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


told = claims(token.token)
minutes = (token.expires_on - datetime.now(UTC).timestamp()) / 60
print("token:   ", names.masked(token.token))
print("audience:", told["aud"])
print("issuer:  ", told["iss"])
print(f"ends in: {minutes:.0f} minutes")

# %% [markdown]
# The *audience* is the service that may accept it, the *issuer* who vouches for you. Only the
# beginning of the token is shown.
#
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
# The *region* is where its machines stand; `westeurope`, for one, is in the Netherlands.
#
# ## What a workspace holds
#
# Files are in *datastores*: names for places in storage accounts, which are Azure's disks on the
# network. One of them is the default, and it is where lesson 00 put the models' files.

# %%
for datastore in ml_client.datastores.list():
    print(datastore.name, "->", datastore.type)
print("default:", ml_client.datastores.get_default().name)

# %% [markdown]
# Lesson 00 put models and environments into the workspace. If you skipped it, the next cell trains
# and registers them now, in about half a minute.

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
# One letter too many in the workspace's name, and you get an error. The next cell catches it to
# look at its parts; without `try` you would see a long traceback that ends in the same words.
#
# Azure's answers carry the status codes of the web. When a request goes wrong, the code begins with
# 4 or 5. You will meet these four first: **400** it makes no sense, **401** nobody knows who sent
# it, **403** the sender may not do this, **404** what it asks for is not there.
#
# > **Before you run it.** Which of the four will it be? And which line will fail: the one that
# > makes the client, or the one that gets the workspace?

# %%
guess = predict("Which status code will a wrong workspace name give?", ["400", "401", "403", "404"])
guess

# %%
from azure.core.exceptions import HttpResponseError

wrong_client = MLClient(credential, subscription_id, resource_group, workspace_name + "x")
print("The client is made.")
try:
    wrong_client.workspaces.get(workspace_name + "x")
except HttpResponseError as error:
    print("status: ", error.status_code)
    print("code:   ", error.error.code)
    print("message:", error.error.message)
    guess.compare(str(error.status_code))

# %% [markdown]
# **What happened.** Making a client asks Azure nothing, it only remembers what you gave it. The
# first call is the first time that Azure hears of you. It knows you (else it would be 401) and
# lets you look (else 403), but there is no such workspace. Of the three lines, remember the
# *code*: it is the same in every programming language, and the word to search for.
#
# > **Tip.** What to do: **401**, sign in again; **403**, ask whoever manages the subscription for
# > the right to do it; **404**, look at the name, the resource group and the subscription.
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
from practice.exercises import lesson_01 as exercises

model_names = ...

# %%
exercises.model_names.check(ml_client, model_names)

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

# %% [markdown]
# ### The wrong resource group
#
# Now let the workspace's name be right and the resource group's wrong: `resource_group + "x"`. The
# answer is another one. (On local Azure it is 404 again. On live Azure it is 403 if you have rights
# in your own resource group only: Azure does not tell strangers what exists.) Which error *code*
# does Azure give? Find out, and put it into `error_code`. The check makes the same mistake and
# compares.

# %%
error_code = ...

# %%
exercises.error_code.check(ml_client, error_code)

# %% [markdown]
# ## Cleaning up
#
# Nothing needs to be deleted. If this lesson registered the models for you, keep them: the next
# ones use them.
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
# Your exercises of this lesson:

# %%
from practice import progress

progress.show("01")

# %% [markdown]
# **Next:** [02 Endpoint](02-endpoint.ipynb) makes the address at which a model will answer.
