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
# The registered model (lesson 00), the endpoint (02) and the scoring script (03) come together in a
# *deployment*, and it answers requests.
#
# ## Goals
#
# By the end you can
#
# - choose a model and an environment, and describe a deployment of them;
# - bring it up, watch its state, and send it traffic;
# - ask it for predictions with the SDK, with plain HTTP, and in the portal;
# - replace keys without locking anybody out;
# - find in a log why a deployment failed, and repair it.
#
# **Time:** about 35 minutes. On live Azure, waiting adds more than an hour.
#
# ## What this costs on live Azure
#
# Here the meter starts. You pay for a deployment's machines **as long as it exists**, whether or
# not anybody asks it. It never scales to zero, and scales by itself only if you set a rule (lesson
# 09b). One `{{online_endpoints.instance_type}}` with {{online_endpoints.instance_cores}} cores
# costs
# {{online_endpoints.instance_hour}} US dollars an hour in West Europe
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)), and
# {{online_endpoints.instance_month}} if you forget it for a month. This lesson needs two for about
# an hour and a half. Delete failed deployments too: they can hold their machines. With the first
# image, Azure also makes a [container
# registry](https://azure.microsoft.com/pricing/details/container-registry/), at
# {{container_registry.basic_day}} dollars a day.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
clean_up = False

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-ai-ml azure-identity requests
# scikit-learn`.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.workspace import ensure_endpoint, ensure_models

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)
endpoint_name = f"digits-{suffix}"
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)

# %% [markdown]
# ## Choose a model and an environment
#
# See what the workspace has, and take one of each. `label="latest"` gets the newest. `version="1"`
# gets exactly that one, which is what you want when a release has to be the same tomorrow.

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print(model.name, "latest version:", model.latest_version)

for env in ml_client.environments.list():
    if env.name.startswith("digits-"):
        print(env.name, "latest version:", env.latest_version)

# %%
model = ml_client.models.get(name="digits-pytorch", label="latest")
env = ml_client.environments.get(name="digits-pytorch-env", label="latest")

# %% [markdown]
# ## Describe the deployment
#
# A deployment is a model, an environment, code and machines. `code` is a folder, which is uploaded
# whole, and `scoring_script` is the file in it with `init()` and `run()`. You choose the name. By
# custom, *blue* is what runs now and *green* is what comes next.

# %%
from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

blue_deployment = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=endpoint_name,
    model=model,
    environment=env,
    code_configuration=CodeConfiguration(code="../scoring/pytorch", scoring_script="score.py"),
    instance_type=instance_type,
    instance_count=1,
)

# %% [markdown]
# ## Bring it up
#
# The next cell sends the description and waits. Meanwhile Azure
#
# 1. checks whether your subscription may have the machines;
# 2. builds the environment's *image* (a whole Linux disk with Python and the packages), unless
#    there is one: up to {{online_endpoints.first_deployment_minutes}} minutes on live Azure;
# 3. brings image, model and code to a machine;
# 4. starts the inference server there, and asks it until `init()` is done.
#
# ![The life of a deployment. What is asked for is checked first and may be refused. Then it is
# Creating: image built, model and code downloaded, server started, probed until ready. It ends
# Succeeded or Failed. What has once been Succeeded can be updated, scaled and deleted; what failed
# at first can only be deleted.](../docs/images/deployment-life.svg)

# %%
from helpers.wait import wait

blue_deployment = wait(ml_client.begin_create_or_update(blue_deployment), "blue")

# %%
blue = ml_client.online_deployments.get(name="blue", endpoint_name=endpoint_name)
endpoint = ml_client.online_endpoints.get(name=endpoint_name)

print("deployment:", blue.provisioning_state.value)
print("machines:  ", blue.instance_count, "x", blue.instance_type)
print("endpoint:  ", endpoint.provisioning_state.value)
print("traffic:   ", endpoint.traffic)

# %% [markdown]
# > **Caution.** An endpoint that is `Succeeded` says nothing about its deployments. Look at the
# > deployment's own state.
#
# Now ask. This function sends a POST with the key, as any program could.

# %%
import requests
from sklearn.datasets import load_digits

images = load_digits().images
five = {"data": images[:5].tolist()}
keys = ml_client.online_endpoints.get_keys(name=endpoint_name)


def ask(key, body, **headers):
    """POST `body` as JSON to the endpoint, with the key, and return the answer."""
    headers["Authorization"] = f"Bearer {key}"
    return requests.post(endpoint.scoring_uri, json=body, headers=headers, timeout=60)


# %% [markdown]
# > **Before you run it.** The deployment runs, and the key is right. Which status code will you
# > get?

# %%
from practice.widgets.quiz import predict

guess = predict("Which status code will the address answer with?", ["200", "404", "503"])
guess

# %%
answer = ask(keys.primary_key, five)
print(answer.text.partition(".")[0])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** 404, as in lesson 02: no deployment takes this request. A new one gets 0 per
# cent of the traffic, so you can try it before anybody depends on it. Its log can't help you,
# because the request never reached it. Look at the endpoint's `traffic`. (The second time you run
# this lesson, *blue* has its traffic, and you get 200.)
#
# ## Send it traffic
#
# Traffic is a dict from deployments to per cent, and it belongs to the *endpoint*. Changing the
# dict only changes the object in this notebook. `begin_create_or_update` takes it to Azure. (Older
# pages make `Traffic()` objects for an `update()` method. There is neither.)

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
# The figure shows six others, each above its ten probabilities.

# %%
from practice.figures import plots

chosen = [7, 42, 449, 787, 1288, 1468]
answer = ask(keys.primary_key, {"data": images[chosen].tolist()})
probabilities = [each["probabilities"] for each in answer.json()["predictions"]]
plots.predictions(images[chosen], probabilities, load_digits().target[chosen])

# %% [markdown]
# Now draw one of yours.

# %%
from practice.widgets.pad import DrawingPad


def classify(image):
    """Return the endpoint's ten probabilities for one digit (8, 8)."""
    answer = ask(keys.primary_key, {"data": [image.tolist()]})
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]


DrawingPad(classify)

# %% [markdown]
# The SDK's `invoke` fetches the key, sends the content of a file, and returns the answer as text.

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
# > **Before you run it.** In lesson 03 the script answered a wrong request with 400. Now the same
# > request goes through the endpoint. Will it be 400 again?

# %%
answer = ask(keys.primary_key, {"data": [[1, 2, 3]]})
print(answer.status_code)
for header, value in answer.headers.items():
    if header.startswith("ms-azureml-model-error"):
        print(header, "=", value)
print(answer.json()["error"]["message"])

# %% [markdown]
# **What happened.** When the *model* answers anything but 200, the client gets **424**, "failed
# dependency", with the model's own status in a header. So a client can tell them apart: 401 or 404
# is about the endpoint, and 424 is about what your script said.
#
# ## In the portal
#
# In the portal (lesson 02 says how to open it), choose *Machine Learning*, your endpoint, and the
# tab *Test*. Draw a digit and press *Test*.
#
# > **Before you try it.** Your drawing has become 64 numbers in *Input data*. Delete one of them,
# > with its comma, and press *Test* again. Which status will you get?
#
# ![The tab Test in the portal. On the left a four that somebody has drawn, and below it the same as
# 8 by 8 numbers. On the right the result, Succeeded 200, by the deployment blue, with the digit and
# its ten probabilities, and the headers of the answer.](../docs/images/portal/endpoint-test.png)
#
# **What you see.** 424 again: the script said no. Then open *Logs*: whatever you send appears there
# line by line. The second log is the *storage initializer's*, which fetches model and code before
# the server starts. In a terminal, `az ml online-deployment get-logs` shows the first, and with
# `--container storage-initializer` the second.
#
# On live Azure, open [studio](https://ml.azure.com), *Endpoints*. *Test* takes JSON, and
# *Deployment logs* has the first of the two logs. You can delete a deployment or the whole endpoint
# there as well.
#
# ## Change the keys
#
# Keys leak: into an e-mail, a screenshot, a notebook. Then you make new ones, one at a time.
#
# > **Before you run it.** After you regenerate the primary key, which of these three still open the
# > lock: the old primary key, the new primary key, the secondary key?

# %%
import time

wait(
    ml_client.online_endpoints.begin_regenerate_keys(name=endpoint_name, key_type="primary"),
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
# **What happened.** The secondary key never stopped working.
#
# A token ends by itself, after some hours. The next cell's tag tells local Azure to let it end
# after five seconds. (To live Azure it's a tag like any other.) The endpoint has no deployment, so
# a good token gets 404.

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
    print(f"It ends in {left / 3600:.1f} hours. Then it would be answered with 401.")

# %% [markdown]
# **What happened.** 401, as for a wrong key. So a client fetches a new token before the old one
# ends, or when it sees a 401, and then asks again, once.

# %%
wait(ml_client.online_endpoints.begin_delete(name=token_endpoint.name), "deleting it")

# %% [markdown]
# ## Mistakes on purpose
#
# Sooner or later one of your deployments will fail, so go through it once while nothing depends on
# it. *Trial* is a second deployment with four mistakes. *Blue* goes on answering all the while. The
# next cell copies the scoring script and puts two of the mistakes into it.

# %%
import shutil

trial_code = build / "trial"
shutil.copytree("../scoring/pytorch", trial_code, dirs_exist_ok=True)
script = trial_code / "score.py"
good_code = script.read_text()
script.write_text(
    good_code.replace('"AZUREML_MODEL_DIR"', '"AZUREML_MODEL_DIRECTORY"').replace(
        "row.argmax()", "row.argmx()"
    )
)

for line in script.read_text().splitlines():
    if '"AZUREML_MODEL_DIRECTORY"' in line or "argmx" in line:
        print(line.strip())

# %% [markdown]
# This function makes a deployment and prints how that ended.

# %%
import re
import textwrap

from azure.core.exceptions import HttpResponseError


def bring_up(name, code, environment=env, instance_count=1):
    """Deploy the folder `code`, wait, and print what Azure says."""
    deployment = ManagedOnlineDeployment(
        name=name,
        endpoint_name=endpoint_name,
        model=model,
        environment=environment,
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
        instance_type=instance_type,
        instance_count=instance_count,
    )
    for old in ml_client.online_deployments.list(endpoint_name):
        if old.name == name and old.provisioning_state == "Failed":
            deleting = ml_client.online_deployments.begin_delete(name, endpoint_name)
            wait(deleting, f"deleting {name}, which failed")
    try:
        wait(ml_client.online_deployments.begin_create_or_update(deployment), name)
    except HttpResponseError as error:
        print("code:", error.error.code)
        message = re.sub(r"[0-9a-f]{64}", "(hash)", error.error.message)
        print(textwrap.fill(message, 88, break_on_hyphens=False))


# %% [markdown]
# ### An exception in init(): ResourceNotReady
#
# On live Azure this takes longer than success, because Azure starts the script several times before
# it gives up.

# %%
bring_up("trial", trial_code)

# %% [markdown]
# - **Seen:** the code `ResourceNotReady`: the server never became healthy.
# - **Log:** the deployment's own. Here it is, whole, with numbered lines and folders shortened to
#   `...`. Scroll through it.

# %%
from practice.widgets.log_pane import LogPane


def get_log(name):
    """Return the log of a deployment's inference server."""
    return ml_client.online_deployments.get_logs(name, endpoint_name, lines=400)


log = get_log("trial")
LogPane(log)

# %% [markdown]
# Most of it is routine. Look for the *traceback*: its lines go from the outside in, and end with
# the exception. Some belong to the server and some to you.
#
# > **Before you run it.** Which line of the traceback tells you where to repair your script?

# %%
steps = list(dict.fromkeys(re.findall(r"line \d+, in \w+", log)))
guess = predict("Where in your script is the mistake?", steps)
guess

# %%
guess.compare(re.findall(r'score\.py", (line \d+, in \w+)', log)[-1])
print(re.findall(r"\w+Error: .+", log)[0])

# %% [markdown]
# - **Cause:** the script asks for an environment variable that doesn't exist. An `import` of a
#   missing package ends the same way, with `ModuleNotFoundError`.
# - **Repair:** the script. Then delete the deployment and make it again: Azure refuses to update
#   one that never came up. `bring_up` does both.
#
# Now let a function look for it:


# %%
def telling_lines(name):
    """Print the lines of a deployment's log that name score.py or an error."""
    lines = [
        re.sub(r'".*/', '"', line.strip())
        for line in get_log(name).splitlines()
        if 'score.py"' in line or re.match(r"\w+Error: |ERROR: No", line)
    ]
    print("\n".join(dict.fromkeys(lines)))


telling_lines("trial")

# %% [markdown]
# ### A package that isn't there: ImageBuildFailure
#
# Next, the list asks for a numpy that nobody has published.

# %%
from azure.ai.ml.entities import Environment

conda = Path("../scoring/pytorch/conda.yaml").read_text()
(build / "conda.yaml").write_text(re.sub(r"numpy==\S+", "numpy==2.99.0", conda))

bring_up(
    "trial",
    trial_code,
    environment=Environment(image=env.image, conda_file=build / "conda.yaml"),
)

# %%
telling_lines("trial")

# %% [markdown]
# - **Seen:** the code `ImageBuildFailure`.
# - **Log:** the *build log*, here pip's own words. Local Azure shows it in `get_logs`. On live
#   Azure the message names the file in the workspace's storage.
# - **Cause:** a package or version that doesn't exist, or versions that exclude each other.
# - **Repair:** name what exists. Copy names, don't type them: a slip may install somebody else's
#   package, and run its code.
#
# ### Too many machines: OutOfQuota
#
# Somebody wants 3 machines and types 30. Your *quota* says how many cores of one kind of machine
# you may use in a region.

# %%
bring_up("trial", trial_code, instance_count=30)

# %% [markdown]
# - **Seen:** the code `OutOfQuota`, and no log, because nothing was started.
# - **Cause:** for its own updates Azure wants room for {{online_endpoints.upgrade_reserve}} per
#   cent more machines, rounded up. So 30 machines of four cores need 36 times 4. Even one machine
#   needs a quota of {{online_endpoints.instance_quota}} cores.
# - **Repair:** fewer machines, or [more
#   quota](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas).
#
# ### An exception in run(): 424
#
# > **Before you run it.** The repaired `init()` works. `run()` still has its slip, `argmx` for
# > `argmax`. Which state will the deployment have?

# %%
guess = predict("Which state will the deployment have?", ["Failed", "Succeeded"])
guess

# %%
script.write_text(good_code.replace("row.argmax()", "row.argmx()"))
bring_up("trial", trial_code)

trial = ml_client.online_deployments.get(name="trial", endpoint_name=endpoint_name)
guess.compare(trial.provisioning_state.value)

# %% [markdown]
# Nobody has called `run()` yet. *Trial* has no traffic, but a request can name its deployment in
# the header `azureml-model-deployment`.

# %%
to_trial = {"azureml-model-deployment": "trial"}

answer = ask(keys.primary_key, five, **to_trial)
print(answer.status_code, answer.reason)
print(
    "the model's own status:",
    answer.headers["ms-azureml-model-error-statuscode"],
    answer.headers["ms-azureml-model-error-reason"],
)
print(answer.json()["message"])
telling_lines("trial")

# %% [markdown]
# **What happened.** `Succeeded`, because Azure only asks whether the server is up. It can't know
# whether the answers are any good.
#
# - **Seen:** 424, with 500 as the model's own status. (The script's careful "no" was 400.) The
#   client learns nothing else, on purpose: a traceback can hold secrets.
# - **Repair:** the script. Next time, send a new deployment a request before it gets traffic.

# %%
script.write_text(good_code)
bring_up("trial", trial_code)
print(ask(keys.primary_key, five, **to_trial).status_code)

# %% [markdown]
# | when | you see | where it says why |
# | --- | --- | --- |
# | Azure looks for machines | `OutOfQuota` | in the message |
# | it builds the image | `ImageBuildFailure` | in the build log |
# | the script starts | `ResourceNotReady` | in the deployment's log |
# | a request comes | 424, model status 500 | in the deployment's log |
#
# [Troubleshooting](../docs/troubleshooting.md) has these and the other failures, by code. Now
# *trial* can go.

# %%
wait(
    ml_client.online_deployments.begin_delete(name="trial", endpoint_name=endpoint_name),
    "deleting trial",
)

# %% [markdown]
# ## Exercises
#
# ### Nobody locked out
#
# Both keys have leaked, and a client holds the primary one. Replace *both* keys so that the client
# is never refused. You can give it another key with `client.key = ...`. Before it lets go of the
# old key, it asks the endpoint with it one last time.

# %%
from practice.exercises import lesson_04 as exercises

client = exercises.KeyHolder(ml_client, endpoint_name)

# Your code goes here.

# %%
exercises.both_keys.check(ml_client, endpoint_name, client)

# %% [markdown]
# ### The least sure digit
#
# Ask the endpoint for the first 100 digits (`images[:100]`) in one request. For which of them is
# the highest probability lowest? Put its index, 0 to 99, into `least_sure`.

# %%
least_sure = ...

# %%
exercises.least_sure.check(ml_client, endpoint_name, least_sure)

# %% [markdown]
# ### The fifth mistake
#
# The next cell copies the scoring script and adds a mistake that you haven't met. Deploy the folder
# as *mystery*, find the mistake in the log, repair the file in `build/lesson-04/mystery`, and
# deploy it again. The check sends *mystery* a hundred digits.

# %%
exercises.copy_with_a_mistake(build / "mystery")

# %%
# Your code goes here.

# %%
exercises.mystery.check(ml_client, endpoint_name)

# %% [markdown]
# ## Cleaning up
#
# Lesson 05 goes on with this endpoint and *blue*. If you stop here, set `clean_up = True` in the
# first cell, run it and then the next one: *blue* costs money as long as it exists. Deleting the
# endpoint deletes its deployments too.

# %%
for deployment in ml_client.online_deployments.list(endpoint_name):
    if deployment.name == "mystery":
        wait(
            ml_client.online_deployments.begin_delete("mystery", endpoint_name),
            "deleting mystery",
        )
if clean_up:
    wait(
        ml_client.online_endpoints.begin_delete(name=endpoint_name),
        "deleting the endpoint",
    )
shutil.rmtree(build)

# %% [markdown]
# ## Recap
#
# - A deployment is a model, an environment, code and machines. The endpoint decides its traffic.
# - A new deployment gets 0 per cent. Traffic changes when `begin_create_or_update` sends it.
# - 401 is the lock, 404 is no deployment with traffic, 424 is a script that said no or broke.
# - Mistakes show at four moments: machines, image, `init()`, `run()`. The code says which, and the
#   log says why.
#
# More from Microsoft: [deploy a model to an online
# endpoint](https://learn.microsoft.com/azure/machine-learning/how-to-deploy-online-endpoints),
# [troubleshoot online
# endpoints](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints),
# [all fields of a
# deployment](https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-managed-online).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("04")

# %% [markdown]
# **Next:** [05 Traffic](05-traffic.ipynb) puts a second version beside the first one, and moves the
# traffic over.
