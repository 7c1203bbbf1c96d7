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
# - ask it for predictions with the SDK, with plain HTTP, and in the portal;
# - change keys without locking anybody out, and see a token expire;
# - say from an error's code what went wrong, find the log that tells more, and repair it.
#
# **Time:** about 35 minutes. The step in the portal takes five more. On live Azure, waiting adds
# more than an hour: a good lesson to have beside other work.
#
# ## What this costs on live Azure
#
# Here the meter starts: a deployment is billed for its machines **as long as it exists**, whether
# anybody asks it something or not. It has as many machines as you say, until you say otherwise or
# set a rule for autoscaling, and never none. One `Standard_DS3_v2` cost 0.272 US dollars an hour in
# West Europe in August 2026, as much as the same virtual machine, and 0.23 to 0.35 in most other
# regions ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)). This lesson has
# up to two for about an hour and a half, as each deployment takes 5 to 15 minutes there: some 80
# cents, if you clean up at the end. Forgotten for a month, one machine is 199 dollars. A deployment
# that failed can hold its machines too: delete it. With the first image, Azure ML also makes a
# container registry for your workspace, of the sort *Basic*: [17 cents a
# day](https://azure.microsoft.com/pricing/details/container-registry/) for as long as it exists,
# whatever you delete here.

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

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)
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
    code_configuration=CodeConfiguration(code="../scoring/pytorch", scoring_script="score.py"),
    instance_type=instance_type,
    instance_count=1,
)

# %% [markdown]
# ## Bring it up
#
# The next cell sends the description to Azure and waits. Meanwhile Azure
#
# 1. looks whether your subscription may have the machines;
# 2. builds the environment's *image* (a copy of a whole Linux disk with Python and the packages on
#    it), if there is none yet: the longest part on live Azure;
# 3. brings the image, the model's files and the code folder, which the SDK has uploaded, to a
#    machine of the instance type;
# 4. starts the inference server of lesson 03 there, and asks it again and again until `init()` is
#    through.
#
# The figure shows these steps, and what a deployment's state says along the way.
#
# ![The life of a deployment. What is asked for is checked first and may be refused. Then it is
# Creating: image built, model and code downloaded, server started, probed until ready. It ends
# Succeeded or Failed. What has once been Succeeded can be updated, scaled and deleted; what failed
# at first can only be deleted.](../docs/images/deployment-life.svg)

# %%
from helpers.wait import wait

blue_deployment = wait(ml_client.begin_create_or_update(blue_deployment), "blue")

# %% [markdown]
# Look at both, the deployment and the endpoint:

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
# Now ask. The function in the next cell sends a POST with the key, as any program could.

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
# > **Before you run it.** The deployment runs, and the key is right. Which status code will the
# > endpoint's address answer with?

# %%
from practice.widgets.quiz import predict

guess = predict("Which status code will the address answer with?", ["200", "404", "503"])
guess

# %%
answer = ask(keys.primary_key, five)
print(answer.text.partition(".")[0])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** 404, as in lesson 02: no deployment takes this request. A new deployment gets
# no traffic, 0 per cent, so that you can look at it in peace before anybody depends on it; lesson
# 05 makes use of that. The log of the deployment will not help you here, as the request never came
# to it: look at the endpoint's `traffic`. (If you run this lesson a second time, *blue* has its
# traffic already, and you get 200.)
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
# others, each above the ten probabilities that came back for it. The titles say what the model read
# and what was written: you may well have read the fifth as a 7 and the last as a 9.

# %%
from practice.figures import plots

chosen = [7, 42, 449, 787, 1288, 1468]
answer = ask(keys.primary_key, {"data": images[chosen].tolist()})
probabilities = [each["probabilities"] for each in answer.json()["predictions"]]
plots.predictions(images[chosen], probabilities, load_digits().target[chosen])

# %% [markdown]
# Now a digit of yours. Draw one into the square with the mouse or a finger: each stroke is sent to
# the endpoint, and the bars show what comes back. Any size will do, anywhere on the paper; with the
# keyboard, arrow keys move and the space bar paints.

# %%
from practice.widgets.pad import DrawingPad


def classify(image):
    """Return the endpoint's ten probabilities for one digit (8, 8)."""
    answer = ask(keys.primary_key, {"data": [image.tolist()]})
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]


DrawingPad(classify)

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
# > **Before you run it.** The same wrong request, now through the endpoint. Which status comes
# > back?

# %%
guess = predict(
    "Which status code comes back for a digit of three numbers?",
    ["200", "400", "424"],
)
guess

# %%
answer = ask(keys.primary_key, {"data": [[1, 2, 3]]})
for header, value in answer.headers.items():
    if header.startswith("ms-azureml-model-error"):
        print(header, "=", value)
print(answer.json()["error"]["message"])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** The endpoint keeps the 4xx and 5xx codes for itself. When the *model* answers
# anything else than 200, the client gets **424**, "failed dependency", and the model's own status
# in a header. So a client can tell apart: 401 or 404 is about the endpoint, 424 is about what your
# script said. ([All
# codes](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints#http-status-codes))
#
# ## The logs
#
# What the inference server and your script print goes into the deployment's log. Here are the
# lines about `init()`, and how many requests came. (The cell leaves the times out.)

# %%
logs = ml_client.online_deployments.get_logs(name="blue", endpoint_name=endpoint_name, lines=200)
for line in logs.splitlines():
    if "init" in line and "azmlinfsrv" in line:
        print("...", line.split(" - ")[-1])
print("requests to /score:", logs.count('"POST /score HTTP'))

# %% [markdown]
# > **Tip.** There is a second log, of the *storage initializer*, which brings model and code to the
# > machine before the server starts: `get_logs(..., container_type="storage-initializer")`. Look
# > there when the first one is empty. In a terminal, `az ml online-deployment get-logs` shows the
# > first one, and with `--container storage-initializer` the second.

# %% [markdown]
# ## In the portal
#
# For a quick try no code is needed. In the portal (lesson 02 says how it is opened), choose
# *Machine Learning*, your endpoint, and the tab *Test*. Draw a digit, and press *Test*.
#
# > **Before you try it.** Your drawing has become 64 numbers, in *Input data*. Delete one of them,
# > with its comma, and press *Test* again. Which status comes back now?
#
# ![The tab Test in the portal. On the left a four that somebody has drawn, and below it the same as
# 8 by 8 numbers. On the right the result, Succeeded 200, by the deployment blue, with the digit and
# its ten probabilities, and the headers of the answer.](../docs/images/portal/endpoint-test.png)
#
# **What you see.** 424, as above: the script said no. Each answer comes with its time, its headers
# and the deployment that gave it, and *The same request in Python* is there to copy. Then open
# *Logs*: what you send in another window appears there line by line, and the storage initializer's
# log is beside it.
#
# On live Azure: [Azure Machine Learning studio](https://ml.azure.com), *Endpoints*. *Test* takes
# JSON for a deployment that you choose, without a drawing; *Deployment logs* has only the first of
# the two logs.

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
    print(f"It ends in {left / 3600:.1f} hours. Then it would be answered with 401.")

# %% [markdown]
# **What happened.** 401, the same as for a wrong key. So a client that uses tokens fetches a new
# one before the old one ends, or when it sees a 401, and then asks again, once.

# %%
wait(ml_client.online_endpoints.begin_delete(name=token_endpoint.name), "deleting it")

# %% [markdown]
# ## Four mistakes on purpose
#
# Sooner or later a deployment of yours fails, and it is good to have seen it once in daylight. So
# here is a second deployment, *trial*, with four mistakes in it. Each shows at another moment: when
# Azure is asked for machines, when it builds the image, when the script starts, and when a request
# comes. *Blue* goes on answering all the while: one failed deployment does not touch another.
#
# The next cell copies the scoring script and puts two of the mistakes into it.

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
# Two functions for all four: one sends a deployment and prints how that ended, the other picks out
# of a log the lines about our script and the error. (It shortens the paths.) Why the first one
# looks for an older deployment that failed, you will see with the third mistake.

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


def telling_lines(name):
    """Print the lines of a deployment's log that name score.py or an error."""
    logs = ml_client.online_deployments.get_logs(name=name, endpoint_name=endpoint_name, lines=400)
    lines = [
        re.sub(r'".*/', '"', line.strip())
        for line in logs.splitlines()
        if 'score.py"' in line or re.match(r"\w+Error: |ERROR: No", line)
    ]
    print("\n".join(dict.fromkeys(lines)))


# %% [markdown]
# ### Too many machines: OutOfQuota
#
# Somebody wants 3 machines and types 30. Your subscription has a *quota*: how many processor cores
# of one kind of machine it may use in a region. For its own updates Azure wants room for 20 per
# cent more machines, rounded up; they are not billed, but they count. So 30 machines of four cores
# need 36 times 4, which is 144 cores.

# %%
bring_up("trial", trial_code, instance_count=30)

# %% [markdown]
# - **Seen:** the code `OutOfQuota`.
# - **Log:** none, as nothing was started. The message says how much is used and how much is
#   missing.
# - **Cause:** more cores than the quota has left. Mind the 20 per cent with one machine, too: its
#   four cores need a quota of eight.
# - **Repair:** fewer or smaller machines, delete deployments that nobody uses, or [ask for
#   more](https://learn.microsoft.com/azure/machine-learning/how-to-manage-quotas).
#
# ### A package that is not there: ImageBuildFailure
#
# Next, the list of packages asks for a numpy that nobody has published.

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
# - **Seen:** the code `ImageBuildFailure`; the deployment's state is `Failed`.
# - **Log:** the *build log*, here the words of pip, which installs Python's packages. Local Azure
#   shows it in `get_logs`; on live Azure the message names the file that has it, in the workspace's
#   storage.
# - **Cause:** a package or version that does not exist, or versions that exclude each other.
# - **Repair:** name what exists. We go back to the environment `env`, which *blue* has.
#
# > **Caution.** Copy package names, do not type them. A name with a slip in it may be somebody
# > else's package, and installing a package runs its code.
#
# ### An exception in init(): ResourceNotReady
#
# With the right packages the server starts, and calls `init()`, which looks for the environment
# variable `AZUREML_MODEL_DIRECTORY`. There is none of that name. The SDK does look at the script
# before it sends it, but only whether it is valid Python, and it is.
#
# On live Azure this failure takes longer than success, as Azure starts the script several times
# before it gives up.

# %%
bring_up("trial", trial_code)

# %%
telling_lines("trial")

# %% [markdown]
# - **Seen:** the code `ResourceNotReady`: the server never became healthy.
# - **Log:** the deployment's own, and there it stands: file, line, and the name that does not
#   exist.
# - **Cause:** an exception in `init()`. An `import` of a package that is not in the environment
#   ends the same way, with `ModuleNotFoundError` in the log.
# - **Repair:** the script. Then delete the deployment and make it again: Azure updates what has
#   once been `Succeeded`, but refuses (`BadRequest`, *Delete and re-create*) to update what never
#   came up. `bring_up` deletes such a one first.
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
# Nobody has called `run()` yet. *Trial* has no traffic, but a request can name the deployment that
# is to answer, in the header `azureml-model-deployment`. (More about that in lesson 05.)

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
# **What happened.** The state is `Succeeded`, because Azure asks only whether the server is up;
# whether its answers are any good, it cannot know.
#
# - **Seen:** 424, and 500 as the model's own status, where our script's careful "no" was 400 above.
#   The client is told nothing else, on purpose: a traceback can hold secrets.
# - **Log:** the deployment's, with the line and the exception.
# - **Cause:** an exception in `run()`.
# - **Repair:** the script. So that it does not happen again: try a script under the inference
#   server first, as in lesson 03, and send each new deployment a request before it gets traffic.

# %%
script.write_text(good_code)
bring_up("trial", trial_code)
print(ask(keys.primary_key, five, **to_trial).status_code)

# %% [markdown]
# All four in one place:
#
# | when | you see | where it says why |
# | --- | --- | --- |
# | Azure looks for machines | `OutOfQuota` | in the message |
# | it builds the image | `ImageBuildFailure` | in the build log |
# | the script starts | `ResourceNotReady` | in the deployment's log |
# | a request comes | 424, model status 500 | in the deployment's log |
#
# [Troubleshooting](../docs/troubleshooting.md) has these and the other failures of the course, by
# code. Now *trial* can go.

# %%
wait(
    ml_client.online_deployments.begin_delete(name="trial", endpoint_name=endpoint_name),
    "deleting trial",
)

# %% [markdown]
# ## Exercises
#
# ### The least sure digit
#
# Ask the endpoint for the first 100 digits of the data set (`images[:100]`), in one request. For
# which of them is the highest probability the lowest? Put its index, 0 to 99, into `least_sure`.
# The check asks the endpoint too.

# %%
from practice.exercises import lesson_04 as exercises

least_sure = ...

# %%
exercises.least_sure.check(ml_client, endpoint_name, least_sure)

# %% [markdown]
# ### The fifth mistake
#
# The next cell makes a folder with another copy of the scoring script, and there is one mistake in
# it that you have not met. Deploy it as *mystery*, find out from the log what is wrong, repair the
# file in the folder `build/lesson-04/mystery`, and deploy it again. `bring_up` and `telling_lines`
# are there to help. The check sends *mystery* a hundred digits.

# %%
exercises.copy_with_a_mistake(build / "mystery")

# %%
# Your code goes here.

# %%
exercises.mystery.check(ml_client, endpoint_name)

# %% [markdown]
# ### The other key
#
# Regenerate the *secondary* key, and only that one.

# %%
# Your code goes here.

# %%
exercises.other_key.check(ml_client, endpoint_name, keys)

# %% [markdown]
# ## Cleaning up
#
# Lesson 05 goes on with this endpoint and with *blue*, so if you go straight on, keep them. If you
# stop here, set `clean_up = True` in the first cell, run that cell and then the next one: on live
# Azure *blue* costs money as long as it exists, asked or not. Deleting the endpoint deletes its
# deployments with it. *Mystery* goes in any case.

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
# - A deployment is model, environment, code and machines; the endpoint decides about its traffic.
# - A new deployment has 0 per cent. Traffic changes when `begin_create_or_update` sends it.
# - 401 the lock, 404 no deployment with traffic, 424 the script said no or broke.
# - Two keys are there so that you can change one at a time. Tokens end by themselves.
# - Mistakes show at four moments: machines, image, `init()`, `run()`. The code says which it was,
#   and the log says why.
# - It is billed while it exists.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("04")

# %% [markdown]
# **Next:** [05 Traffic](05-traffic.ipynb) puts a second version beside the first one, and moves
# the traffic over.
