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
# Every lesson starts with the same few lines: find out who you are, make an `MLClient`. Here you
# take those lines apart. You see who Azure thinks you are, what a workspace holds, and what happens
# when a name is wrong.
#
# ## Goals
#
# By the end you can
#
# - place subscription, resource group and workspace, and say what each is for;
# - explain what `DefaultAzureCredential` tries, and see which attempt worked;
# - read from a token whom it's for and when it expires;
# - read the error that a wrong name gives;
# - say what differs between local and live Azure.
#
# **Time:** about 25 minutes.
#
# ## What this costs on live Azure
#
# Nothing. Tokens and lists are free, and so is a workspace. What it uses is
# [billed](https://azure.microsoft.com/pricing/details/machine-learning/): storage, machines, and a
# registry for images once there is one. These stay on the bill [until you delete
# them](https://learn.microsoft.com/azure/machine-learning/concept-plan-manage-cost), even after the
# workspace is gone.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-ai-ml azure-identity`.
#
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
# workspace's own. They aren't secret, but they don't belong in code that you share, because other
# people have other ones. So the cell above reads them from *environment variables*, short texts
# that a program is started with. The kernel set them for this notebook.

# %%
print("subscription:  ", subscription_id)
print("resource group:", resource_group)
print("workspace:     ", workspace_name)

# %% [markdown]
# ## Who you are
#
# With every request, Azure wants a *token*: a signed text that says who you are, which service it's
# meant for and when it expires. A *credential* is the object that fetches tokens.
#
# `DefaultAzureCredential` is a chain of credentials. It goes through them in order, skips those
# that aren't set up, and stays with the first one that gives it a token. So the same line works on
# your laptop, on a server and in an automated job, though each proves who it is in a different way.
# These are the links of the chain:

# %%
from azure.identity import DefaultAzureCredential

credential = DefaultAzureCredential()
chain = [type(link).__name__ for link in credential.credentials]
print("\n".join(chain))

# %% [markdown]
# Each of them works in its own place:
#
# - `EnvironmentCredential`: the variables `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
#   `AZURE_CLIENT_SECRET` are set. They are the identity of a program.
# - `WorkloadIdentityCredential`: the code runs in a Kubernetes cluster, where many programs share
#   machines. (Elsewhere it shows as `FailedDACCredential`.)
# - `ManagedIdentityCredential`: the code runs on an Azure machine that was given an identity.
# - `SharedTokenCacheCredential`, `VisualStudioCodeCredential`, `BrokerCredential`: you signed in
#   with one of Microsoft's programs.
# - `AzureCliCredential`: you ran `az login` in a terminal.
# - `AzurePowerShellCredential`, `AzureDeveloperCliCredential`: the same with those two tools.
#
# No person has an account on *Azure (local)*, so its kernel carries the identity of a program.
# *Azure (live)* carries none.
#
# > **Before you run it.** The next cell asks for a token and lets the chain say which link gave it.
# > Which link will it be?

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
# **What happened.** With *Azure (local)* it's `EnvironmentCredential`: the kernel sets its three
# variables to throw-away values that only local Azure knows. With *Azure (live)* on a laptop it's
# usually `AzureCliCredential`. The chain stopped at the first link that worked. So variables that
# somebody forgot can sign you in as somebody else. And if their secret has expired, the chain stops
# with an error and never gets to your `az login`. When Azure refuses you, look here first.
#
# The text that you passed to `get_token` is a *scope*: the address of the service that the token is
# for, and `/.default`. Here it's Azure Resource Manager, which makes and changes everything in
# Azure.
#
# ## What a token says
#
# A token is a JSON Web Token (JWT): three parts with dots between them. The first says how it was
# signed. The third is the signature, which only the issuer can make. Anyone can read the second, so
# let's read it.

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
# The *audience* is the service that may accept the token. The *issuer* vouches for you.
#
# > **Caution.** Whoever has your token can act as you until it ends. So these lessons never print a
# > whole one, and yours should never end up in a notebook that you share.
#
# ## Connect
#
# `MLClient` takes the credential and the three names. From here on it's the one object you need.
# `ml_client.models`, `ml_client.environments`, `ml_client.online_endpoints` and so on each look
# after one kind of thing.

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
# Files live in *datastores*, which are names for places in Azure's storage accounts. One of them is
# the default, and that's where lesson 00 put the models' files.

# %%
for datastore in ml_client.datastores.list():
    print(datastore.name, "->", datastore.type)
print("default:", ml_client.datastores.get_default().name)

# %% [markdown]
# Lesson 00 registered models and environments. If you skipped it, the next cell trains and
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
# The portal shows the same under *Machine Learning*, in the tabs *Models* and *Environments*. On
# live Azure that's [Azure Machine Learning studio](https://ml.azure.com), and its *Data* page lists
# the datastores.
#
# ## A wrong name
#
# Put one letter too many into the workspace's name, and you get an error. The next cell catches it
# to look at its parts. Without `try` you'd see a long traceback that ends in the same words.
#
# Azure answers with the status codes of the web. When a request goes wrong, the code begins with 4
# or 5. You'll meet these four first: **400** the request makes no sense, **401** nobody knows who
# sent it, **403** the sender may not do this, **404** what it asks for isn't there.
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
# **What happened.** Making a client asks Azure nothing. It only remembers what you gave it. Your
# first call is the first Azure hears of you. It knows you (otherwise 401) and lets you look
# (otherwise 403), but there is no such workspace. Of the three lines, remember the *code*: it's the
# same in every programming language, and it's the word to search for.
#
# > **Tip.** What helps: after **401**, sign in again. After **403**, ask whoever manages the
# > subscription for the right to do it. After **404**, check the name, the resource group and the
# > subscription.
#
# ## Local and live
#
# Local Azure is a program on your machine. The kernel *Azure (local)* starts it and tells this
# process, and no other, to send it every request for one of Azure's host names. So the host names
# in every output are the real ones, and the SDK is Microsoft's own, unchanged. The kernel *Azure
# (live)* sets the three names of your workspace and nothing else.
#
# | | local | live |
# | --- | --- | --- |
# | the notebook | the same | the same |
# | the kernel | Azure (local) | Azure (live) |
# | account, internet | not needed | needed |
# | a deployment takes | seconds | up to {{online_endpoints.first_deployment_minutes}} minutes |
# | cost | none | what each lesson says at its top |
#
# > **Tip.** To switch, choose *Kernel*, *Change Kernel*. For live Azure, first run `az login` and
# > download `config.json` from [studio](https://ml.azure.com) into the course's folder.
#
# ## Exercises
#
# ### A token for the storage
#
# The models' files are in a storage account, and storage is a different service from Resource
# Manager. It refuses the token above, because it accepts only tokens whose audience is
# `https://storage.azure.com`. Get one with `credential`, and put its text into `storage_token`. The
# check reads the token's claims, and doesn't show it.

# %%
from practice.exercises import lesson_01 as exercises

storage_token = ...

# %%
exercises.storage_token.check(storage_token)

# %% [markdown]
# ### Connect from a file
#
# On live Azure, most people keep the three names in a file `config.json`, with the keys
# `subscription_id`, `resource_group` and `workspace_name`. Write such a file into the folder below,
# and make a client from it with `MLClient.from_config`. The check uses your client to get the
# workspace.

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
# Now keep the workspace's name and make the resource group wrong: `resource_group + "x"`. Azure
# answers differently. Which error *code* does it give? Find out and put it into `error_code`. The
# check makes the same mistake and compares. (On local Azure the status is 404 again. On live Azure
# it's 403 if you have rights in your own resource group only: Azure doesn't tell strangers what
# exists.)

# %%
error_code = ...

# %%
exercises.error_code.check(ml_client, error_code)

# %% [markdown]
# ## Cleaning up
#
# There is nothing to delete. If this lesson registered the models for you, keep them: the next
# lessons use them.
#
# ## Recap
#
# - A subscription pays, a resource group keeps things together, and a workspace holds models,
#   environments and endpoints.
# - `DefaultAzureCredential` tries a chain of credentials and uses the first one that works.
# - A token says who you are, for which service and until when. Treat it like a password.
# - Making an `MLClient` asks nothing. The first call does, and shows what's wrong.
# - The kernel alone decides between local and live.
#
# More from Microsoft: [the credential
# chain](https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains),
# [connect to a
# workspace](https://learn.microsoft.com/azure/machine-learning/how-to-configure-environment), [what
# a workspace is](https://learn.microsoft.com/azure/machine-learning/concept-workspace).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("01")

# %% [markdown]
# **Next:** [02 Endpoint](02-endpoint.ipynb) makes the address at which a model will answer.
