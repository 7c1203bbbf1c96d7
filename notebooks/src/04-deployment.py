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
# # 04 Deployment
#
# Now everything comes together: the registered model (lesson 00), the endpoint (lesson 02) and the
# scoring script (lesson 03) become a *deployment*, which answers requests.
#
# ## Goals
#
# Afterwards you can
#
# - choose a model and an environment, and describe a deployment of them;
# - bring it up, watch its state, and send it traffic;
# - ask it for predictions with the SDK and with plain HTTP;
# - change keys without locking anybody out, and see a token expire;
# - find out from the logs why a deployment failed, and repair it.
#
# **Time:** about 35 minutes.
#
# ## What this costs on live Azure
#
# Here the meter starts: a deployment is billed for its machines **as long as it exists**, whether
# anybody asks it something or not. It has as many machines as you say, until you say otherwise or
# set a rule for autoscaling, and never none. One `Standard_DS3_v2` costs roughly 0.30 US dollars
# an hour, more or less with the region
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)). This lesson has up to
# two for about an hour, as each deployment takes 5 to 15 minutes there: well under one dollar, if
# you clean up at the end. Forgotten for a month, one machine is more than 200 dollars.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = "Standard_DS3_v2"
clean_up = False

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.workspace import ensure_endpoint, ensure_models

ml_client = MLClient(
    DefaultAzureCredential(), subscription_id, resource_group, workspace_name
)
endpoint_name = f"digits-{suffix}"
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)

# %% [markdown]
# ## Choose a model and an environment
#
# See what the workspace has. (`list()` gives names; a name's newest version is its
# `latest_version`.)

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print(model.name, "latest version:", model.latest_version)

for env in ml_client.environments.list():
    if env.name.startswith("digits-"):
        print(env.name, "latest version:", env.latest_version)

# %% [markdown]
# Then take one of each. With `label="latest"` you get the newest; with `version="1"` exactly that
# one, which is what you want when a release has to be the same tomorrow.

# %%
model = ml_client.models.get(name="digits-pytorch", label="latest")
env = ml_client.environments.get(name="digits-pytorch-env", label="latest")

# %% [markdown]
# ## Describe the deployment
#
# A deployment is model, environment, code and machines. `code` is a folder, and all of it is
# uploaded; `scoring_script` is the file in it that has `init()` and `run()`. The name is yours to
# choose. Colours are a custom: *blue* is what runs now, *green* is what comes next.

# %%
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

blue_deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=endpoint_name,
    model=model,
    environment=env,
    code_configuration=CodeConfiguration(
        code="../scoring/pytorch", scoring_script="score.py"
    ),
    instance_type=instance_type,
    instance_count=1,
)

# %% [markdown]
# > **Tip.** On live Azure your subscription has a *quota*: how many processor cores it may use in
# > a region. For updates Azure wants room for 20 per cent more machines, rounded up, so one
# > `Standard_DS3_v2` with its four cores needs a quota of eight
# > ([quotas](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas)). They are
# > not billed, but without them the deployment fails with `OutOfQuota`.
#
# ## Bring it up
#
# > **Before you run it.** When the next cell is done, the deployment runs. Will the endpoint's
# > address answer with a prediction then?

# %%
from helpers.wait import wait

blue_deployment = wait(ml_client.begin_create_or_update(blue_deployment), "blue")

# %% [markdown]
# While you waited, Azure
#
# 1. took the code folder, which the SDK had uploaded, and the model's files from storage;
# 2. built the environment's image, if this version had none yet (the longest part on live Azure);
# 3. started a machine of the instance type, and on it the inference server of lesson 03;
# 4. asked the server again and again until `init()` was through.
#
# Look at both, the deployment and the endpoint:

# %%
blue = ml_client.online_deployments.get(name="blue", endpoint_name=endpoint_name)
endpoint = ml_client.online_endpoints.get(name=endpoint_name)

print("deployment:", blue.provisioning_state)
print("machines:  ", blue.instance_count, "x", blue.instance_type)
print("endpoint:  ", endpoint.provisioning_state)
print("traffic:   ", endpoint.traffic)

# %% [markdown]
# > **Caution.** An endpoint that is `Succeeded` says nothing about its deployments. Look at the
# > deployment's own state.
#
# The traffic is the answer to the question above:

# %%
import requests
from sklearn.datasets import load_digits

images = load_digits().images
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)


def ask(key, body):
    """POST `body` as JSON to the endpoint, with the key, and return the answer."""
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(
        endpoint.scoring_uri, json=body, headers=headers, timeout=60
    )


five = {"data": images[:5].tolist()}
print(ask(keys.primary_key, five).status_code)

# %% [markdown]
# **What happened.** A new deployment gets no traffic: 0 per cent. So you can look at it in peace
# before anybody depends on it, which lesson 05 makes use of. Until then, 404. (If you run this
# lesson a second time, *blue* has its traffic already, and you see 100 and 200.)
#
# ## Send it traffic
#
# Traffic is a dict from deployments to per cent, and a part of the *endpoint*. Changing the dict
# changes only the object in this notebook; `begin_create_or_update` takes it to Azure.
#
# > **Caution.** Older pages make `Traffic()` objects and pass a list of them to `update()`. There
# > is neither.

# %%
endpoint.traffic = {"blue": 100}
endpoint = wait(ml_client.begin_create_or_update(endpoint), endpoint_name)
print("traffic:", endpoint.traffic)

# %%
answer = ask(keys.primary_key, five)
print(
    answer.status_code,
    [prediction["digit"] for prediction in answer.json()["predictions"]],
)

# %% [markdown]
# There it is: the first five digits of the data set are a 0, 1, 2, 3 and 4. The figure shows six
# others, each above the ten probabilities that came back for it.

# %%
from helpers import plots

some = images[[7, 42, 449, 787, 1288, 1468]]
predictions = ask(keys.primary_key, {"data": some.tolist()}).json()["predictions"]
plots.predictions(some, [prediction["probabilities"] for prediction in predictions])

# %% [markdown]
# ## Through the SDK
#
# `invoke` does the same: it fetches the key, sends the content of a file, and returns the answer
# as text. It is handy for a try; a client that has no SDK, in any language, does what `ask` does.

# %%
import json
from pathlib import Path

build = Path("../build/lesson-04")
build.mkdir(parents=True, exist_ok=True)
(build / "digits.json").write_text(json.dumps(five))

text = ml_client.online_endpoints.invoke(
    endpoint_name=endpoint_name, request_file=build / "digits.json"
)
print([prediction["digit"] for prediction in json.loads(text)["predictions"]])

# %% [markdown]
# ## When the script says no
#
# In lesson 03 a wrong request was answered with 400.
#
# > **Before you run it.** The same wrong request, now through the endpoint: 400 again?

# %%
answer = ask(keys.primary_key, {"data": [[1, 2, 3]]})
print(answer.status_code)
for header, value in answer.headers.items():
    if header.startswith("ms-azureml-model-error"):
        print(header, "=", value)
print(answer.json()["error"]["message"])

# %% [markdown]
# **What happened.** The endpoint keeps the 4xx and 5xx codes for itself. When the *model* answers
# anything else than 200, the client gets **424**, "failed dependency", and the model's own status
# in a header. So a client can tell apart: 401 or 404 is about the endpoint, 424 is about what your
# script said. ([All
# codes](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes))
#
# ## The logs
#
# Every deployment has two logs: of the inference server, and of the *storage initializer*, which
# brings model and code to the machine before the server starts.

# %%
import re

logs = ml_client.online_deployments.get_logs(
    name="blue", endpoint_name=endpoint_name, lines=200
)
for line in logs.splitlines():
    if "init" in line and "azmlinfsrv" in line:
        print("...", line.split(" - ")[-1])
print("requests to /score:", logs.count('"POST /score HTTP'))

# %%
logs = ml_client.online_deployments.get_logs(
    name="blue",
    endpoint_name=endpoint_name,
    lines=50,
    container_type="storage-initializer",
)
for line in logs.splitlines():
    if "digits-pytorch" in line:
        print("...", re.sub(r"[0-9a-f]{64}", "(hash)", line.split(maxsplit=1)[1]))

# %% [markdown]
# ## What the endpoint says about itself
#
# The endpoint also has a description of its interface for programs, in the
# [OpenAPI](https://www.openapis.org/) format, formerly called Swagger.

# %%
swagger = requests.get(
    endpoint.openapi_uri,
    headers={"Authorization": f"Bearer {keys.primary_key}"},
    timeout=60,
).json()
for path, methods in swagger["paths"].items():
    print(path, "->", ", ".join(methods))

# %% [markdown]
# ## Change the keys
#
# Keys leak: into an e-mail, a screenshot, a notebook. Then you make new ones. So that no client is
# locked out, do it in turns: clients go over to the secondary key, then the primary one is
# regenerated.
#
# > **Before you run it.** After the primary key is regenerated, which of these three open the
# > lock: the old primary key, the new primary key, the secondary key?

# %%
import time

wait(
    ml_client.online_endpoints.begin_regenerate_keys(
        name=endpoint_name, key_type="primary"
    ),
    "new primary key",
)
new_keys = ml_client.online_endpoints.get_keys(name=endpoint_name)

for _ in range(60):  # on live Azure it takes a moment until every gateway knows
    if ask(keys.primary_key, five).status_code == 401:
        break
    time.sleep(2)

print("old primary:", ask(keys.primary_key, five).status_code)
print("new primary:", ask(new_keys.primary_key, five).status_code)
print("secondary:  ", ask(new_keys.secondary_key, five).status_code)
keys = new_keys

# %% [markdown]
# ## A token expires
#
# A token ends by itself, after some hours. To see that without waiting for hours, the endpoint in
# the next cell carries a tag that local Azure understands and that makes its tokens last five
# seconds. To live Azure it is a tag like any other, and the token lasts its usual hours.

# %%
from azure.ai.ml.entities import ManagedOnlineEndpoint

token_endpoint = wait(
    ml_client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(
            name=f"{endpoint_name}-token",
            auth_mode="aml_token",
            tags={"local-azure-token-seconds": "5"},
        )
    ),
    "an endpoint with tokens",
)

# %% [markdown]
# It has no deployment, so a token that is good gets 404: the lock is open, and nobody home.
#
# > **Before you run it.** And a token that has ended?


# %%
def ask_with(token):
    """Ask the endpoint with tokens, and return the HTTP status."""
    headers = {"Authorization": f"Bearer {token.access_token}"}
    return requests.post(
        token_endpoint.scoring_uri, json=five, headers=headers, timeout=60
    ).status_code


token = ml_client.online_endpoints.get_keys(name=token_endpoint.name)
print("a fresh token:", ask_with(token))

left = token.expiry_time_utc - time.time()
if left < 60:
    time.sleep(left + 1)
    print("the same one after it ended:", ask_with(token))
    token = ml_client.online_endpoints.get_keys(name=token_endpoint.name)
    print("the next one:", ask_with(token))
else:
    print(
        f"It ends in {left / 3600:.1f} hours. Then it would be answered with 401."
    )

# %% [markdown]
# **What happened.** 401, the same as for a wrong key. So a client that uses tokens fetches a new
# one before the old one ends, or when it sees a 401, and then asks again, once.

# %%
wait(
    ml_client.online_endpoints.begin_delete(name=token_endpoint.name), "deleting it"
)

# %% [markdown]
# ## A deployment that fails, on purpose
#
# Sooner or later a deployment of yours fails, and it is good to have seen it once in daylight.
# Here is a script with a slip of the pen: the environment variable is called `AZUREML_MODEL_DIR`,
# and this script asks for `AZUREML_MODEL_DIRECTORY`.

# %%
import shutil

shutil.copytree("../scoring/pytorch", build / "trial", dirs_exist_ok=True)
script = build / "trial" / "score.py"
good_code = script.read_text()
script.write_text(
    good_code.replace('"AZUREML_MODEL_DIR"', '"AZUREML_MODEL_DIRECTORY"')
)

for line in script.read_text().splitlines():
    if 'AZUREML_MODEL_DIRECTORY"' in line:
        print(line.strip())

# %% [markdown]
# > **Before you run it.** Where will the mistake show: when the SDK looks at the script, when the
# > deployment starts, or at the first request?
#
# On live Azure this takes longer than a deployment that works, as Azure starts the script several
# times before it gives up.

# %%
from azure.core.exceptions import HttpResponseError


def trial_deployment():
    """Describe a deployment of the script in the folder `trial`."""
    return ManagedOnlineDeployment(
        name="trial",
        endpoint_name=endpoint_name,
        model=model,
        environment=env,
        code_configuration=CodeConfiguration(
            code=str(build / "trial"), scoring_script="score.py"
        ),
        instance_type=instance_type,
        instance_count=1,
    )


try:
    wait(
        ml_client.online_deployments.begin_create_or_update(trial_deployment()),
        "trial",
    )
except HttpResponseError as error:
    print("code:", error.error.code)

trial = ml_client.online_deployments.get(name="trial", endpoint_name=endpoint_name)
print("state:", trial.provisioning_state)

# %% [markdown]
# **What happened.** The SDK only looks whether the script is valid Python, and it is. `init()`
# runs when the deployment starts, so that is where it failed: the code `ResourceNotReady` says
# that the server never became healthy. *Why*, only the log knows. The next cell takes the lines
# about our script and the error out of it.

# %%
logs = ml_client.online_deployments.get_logs(
    name="trial", endpoint_name=endpoint_name, lines=400
)
telling = [
    re.sub(r'".*/', '"', line.strip())
    for line in logs.splitlines()
    if 'score.py"' in line or re.match(r"\w+Error: ", line)
]
print("\n".join(dict.fromkeys(telling)))

# %% [markdown]
# There it stands: file, line, and the name that does not exist. (The paths are shortened.)
# Meanwhile *blue* went on answering: one failed deployment does not touch another.
#
# Repair the script, and send the same deployment again. As it has the same name, it is updated.

# %%
script.write_text(good_code)
wait(
    ml_client.online_deployments.begin_create_or_update(trial_deployment()), "trial"
)

trial = ml_client.online_deployments.get(name="trial", endpoint_name=endpoint_name)
print("state:", trial.provisioning_state)

# %%
wait(
    ml_client.online_deployments.begin_delete(
        name="trial", endpoint_name=endpoint_name
    ),
    "deleting trial",
)

# %% [markdown]
# > **Tip.** What to look at, in this order: the deployment's `provisioning_state`; the code of the
# > error; the log of the inference server; and if that is empty, the one of the storage
# > initializer.
#
# ## Exercises
#
# ### The least sure digit
#
# Ask the endpoint for the first 100 digits of the data set (`images[:100]`), in one request. For
# which of them is the highest probability the lowest? Put its index, 0 to 99, into `least_sure`.
# The check asks the endpoint too.

# %%
from helpers.exercises import lesson_04 as exercises

least_sure = ...

# %%
exercises.least_sure.check(ml_client, endpoint_name, least_sure)
# exercises.least_sure.hint()
# exercises.least_sure.solution()

# %% [markdown]
# ### More patience
#
# A request that takes longer than five seconds is answered with 408. Some models need more: give
# *blue* ten seconds. The check looks at the deployment on Azure.

# %%
# Your code goes here.

# %%
exercises.patience.check(ml_client, endpoint_name)
# exercises.patience.hint()
# exercises.patience.solution()

# %% [markdown]
# ### The other key
#
# Regenerate the *secondary* key, and only that one.

# %%
# Your code goes here.

# %%
exercises.other_key.check(ml_client, endpoint_name, keys)
# exercises.other_key.hint()
# exercises.other_key.solution()

# %% [markdown]
# ## Cleaning up
#
# Lesson 05 goes on with this endpoint and with *blue*, so if you go straight on, keep them. If you
# stop here, set `clean_up = True` and run the next cell: on live Azure *blue* costs money as long
# as it exists, asked or not. Deleting the endpoint deletes its deployments with it.

# %%
shutil.rmtree(build)
if clean_up:
    wait(
        ml_client.online_endpoints.begin_delete(name=endpoint_name),
        "deleting the endpoint",
    )

# %% [markdown]
# ## Recap
#
# - A deployment is model, environment, code and machines; the endpoint decides about its traffic.
# - A new deployment has 0 per cent. Traffic changes when `begin_create_or_update` sends it.
# - 401 the lock, 404 no deployment with traffic, 424 the script said no.
# - Two keys are there so that you can change one at a time. Tokens end by themselves.
# - A failed deployment tells why in its log.
# - It is billed while it exists.
#
# **Next:** [05 Traffic](05-traffic.ipynb) puts a second version beside the first one, and moves
# the traffic over.
