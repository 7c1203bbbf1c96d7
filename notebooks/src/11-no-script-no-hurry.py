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
# # 11 No script, no hurry
#
# In lesson 03 you wrote a scoring script, and in lesson 04 a machine sat waiting for requests.
# Often you need neither. A model saved in MLflow's format brings its own script. And when nobody
# is waiting for the answers, a *batch endpoint* fetches a machine, works through a folder of
# files, and gives the machine back.
#
# ## Goals
#
# Afterwards you can
#
# - read an MLflow model's folder, and say what each file is for;
# - deploy it without a scoring script, and say what you gain and what you give up;
# - run an archive of files through a batch endpoint, and find out what it left out;
# - work out which of the two endpoints is cheaper for your work;
# - replace a registry's password with a managed identity.
#
# **Time:** about 30 minutes. On live Azure you wait for another 45.
#
# The first deployment here takes a minute or more and needs the internet: local Azure installs
# MLflow for it. Outside the course you would run `pip install azure-ai-ml azure-identity requests
# scikit-learn`, and add `mlflow` to save models of your own.
#
# ## What this costs on live Azure
#
# One `{{online_endpoints.instance_type}}` for as long as the online endpoint exists, and another
# one while jobs run: about two machine hours together, some 40 cents
# ([prices](https://azure.microsoft.com/pricing/details/machine-learning/)). Batch endpoints
# themselves [cost
# nothing](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch#cost-management).
# You need a quota of {{online_endpoints.instance_quota}} cores for the deployment and
# {{online_endpoints.instance_cores}} more for the job. The last section deletes everything.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value
price_region = "swedencentral"

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.wait import until, wait

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)

# %% [markdown]
# ## A model that describes itself
#
# The next cell trains a scikit-learn classifier with the first 1,297 digits. The other 500 will be
# our archive.

# %%
from sklearn.datasets import load_digits
from sklearn.svm import SVC

digits = load_digits()
columns = digits.feature_names
classifier = SVC(gamma=0.001).fit(digits.data[:1297], digits.target[:1297])
print(f"{classifier.score(digits.data[1297:], digits.target[1297:]):.1%} of held-out digits right")

# %% [markdown]
# An MLflow model is a folder. MLflow writes it in one line,
# `mlflow.sklearn.save_model(classifier, folder, signature=...)`. The course has no MLflow, so the
# next cell writes the three files that matter by hand, which is the best way to get to know them.
#
# - `model.pkl` is the classifier.
# - `conda.yaml` lists the packages that it needs.
# - `MLmodel` says how to load it and what it takes.

# %%
import json
import pickle
import shutil
from pathlib import Path

import sklearn

build = Path("../build/lesson-11")
shutil.rmtree(build, ignore_errors=True)
folder = build / "digits-sklearn"
folder.mkdir(parents=True)

(folder / "model.pkl").write_bytes(pickle.dumps(classifier))

(folder / "conda.yaml").write_text(f"""\
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
      - mlflow-skinny==3.17.2
      - pandas==2.3.3
      - scikit-learn=={sklearn.__version__}
      - azureml-ai-monitoring==1.0.0
""")

inputs = json.dumps([{"name": name, "type": "double"} for name in columns])
outputs = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}])
(folder / "MLmodel").write_text(f"""\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: model.pkl
    predict_fn: predict
    python_version: 3.11.0
    env: {{conda: conda.yaml}}
  sklearn:
    pickled_model: model.pkl
    serialization_format: pickle
    sklearn_version: {sklearn.__version__}
signature:
  inputs: '{inputs}'
  outputs: '{outputs}'
""")

for line in (folder / "MLmodel").read_text().splitlines():
    print(line if len(line) < 90 else f"{line[:90]} ...")

# %% [markdown]
# A *flavor* is a way to load the model. `sklearn` gives you the classifier back.
# `python_function` hides which framework it is: load it, call `predict`. Azure uses that one. The
# *signature* is the contract: 64 columns of floating-point numbers go in, one for each pixel, and
# one whole number for each row comes out.
#
# `azureml-ai-monitoring` is on the list because Azure's ready-made script [imports
# it](https://github.com/Azure/azureml-assets/blob/main/assets/inference/environments/mlflow-py312-inference/context/mlflow_score_script.py).
#
# > **Caution.** Loading a pickle runs code. Load only what you or somebody you trust has saved.
#
# Register the folder. Only the type differs from lesson 00.

# %%
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Model

model = ml_client.models.create_or_update(
    Model(name="digits-sklearn", path=folder, type=AssetTypes.MLFLOW_MODEL)
)
print(model.name, model.type)

# %% [markdown]
# ## Online, without a script
#
# Compare this deployment with lesson 04's: no `environment`, no `code_configuration`. Azure reads
# the folder and makes both.

# %%
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint

endpoint_name = f"digits-{suffix}-mlflow"
endpoint = ManagedOnlineEndpoint(name=endpoint_name, auth_mode="key")
wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)

blue = ManagedOnlineDeployment(
    name="blue",
    endpoint_name=endpoint_name,
    model=model,
    instance_type=instance_type,
    instance_count=1,
)
wait(ml_client.online_deployments.begin_create_or_update(blue), "blue")

endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic = {"blue": 100}
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), "traffic")

# %% [markdown]
# The request has a fixed form. `input_data` holds a table: the columns' names, a label for each
# row, and the rows.

# %%
import requests

key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key


def ask(body):
    """POST `body` as JSON to the endpoint, print status and answer."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.post(endpoint.scoring_uri, json=body, headers=headers, timeout=60)
    print(answer.status_code, answer.json())
    return answer


def table(columns, rows):
    """Return rows of pixels (n, 64) as the body of a request."""
    return {
        "input_data": {
            "columns": list(columns),
            "index": list(range(len(rows))),
            "data": rows.tolist(),
        }
    }


answer = ask(table(columns, digits.data[:5]))

# %% [markdown]
# The first five digits, read by a script that nobody wrote.
#
# > **Before you run it.** The next request has its columns backwards: the last pixel comes first,
# > in the names and in the rows. What will the model read?

# %%
from practice.widgets.quiz import predict

guess = predict(
    "What comes back for columns in reverse order?",
    ["the same digits", "other digits", "an error"],
)
guess

# %%
backwards = ask(table(columns[::-1], digits.data[:5, ::-1]))
read = "the same digits" if backwards.json() == answer.json() else "other digits"
guess.compare(read if backwards.status_code == 200 else "an error")

# %% [markdown]
# **What happened.** The signature knows the columns by name, so MLflow put them back in order
# before the model saw them. A script that takes bare numbers can't do that.
#
# Now two requests that don't fit: the body that lesson 03's script took, and a table without its
# first column.

# %%
for body in ({"data": digits.images[:5].tolist()}, table(columns[1:], digits.data[:5, 1:])):
    answer = ask(body)
    print("  the model's own status:", answer.headers["ms-azureml-model-error-statuscode"])

# %% [markdown]
# Both are refused, but not equally well. The inference server says what is missing from the first
# body. The second fails inside MLflow, and the client only learns that something failed; the reason
# is in the deployment's log. `score.py` could have said it in words. So this is the bargain:
#
# | | with `score.py` | MLflow, no script |
# | --- | --- | --- |
# | you write | a script and a list of packages | nothing |
# | a request is | what you like | `input_data` |
# | an answer is | what you like, say ten probabilities | what `predict` returns: the digit alone |
# | columns in the wrong order | your problem | put right by name |
# | a wrong request | 400, in your words | 400 or 500, and a look at the log |
# | work before the model | in the script | in the model, as a scikit-learn `Pipeline` |
#
# When you need more, give the deployment a script and an environment after all: an MLflow model
# takes them too.
#
# ## No hurry: a batch endpoint
#
# Here is the archive: 20 files, one for each day's post, with 25 digits each. Nobody needs the
# answers this second. Tomorrow will do.

# %%
from practice.exercises import lesson_11 as exercises

archive = build / "archive"
exercises.write_archive(archive)
files = sorted(file.name for file in archive.iterdir())
print(len(files), "files:", files[0], "to", files[-1])
print((archive / files[0]).read_text().splitlines()[0][:60], "...")

# %% [markdown]
# Four things work together:
#
# - A **compute cluster** is a set of machines, here called *nodes*. With `min_instances=0` there
#   are none, and nothing to pay, until a job comes. After {{compute_clusters.idle_seconds}} idle
#   seconds they go again.
# - A **batch endpoint** is an address, as before.
# - A **batch deployment** joins a model with a cluster, and says how files are handed out.
# - A **job** is one run over one folder.

# %%
from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)

cluster_name = f"digits-{suffix}"
cluster = AmlCompute(name=cluster_name, size=instance_type, min_instances=0, max_instances=1)
wait(ml_client.compute.begin_create_or_update(cluster), "cluster")

batch_name = f"digits-{suffix}-batch"
batch_endpoint = BatchEndpoint(name=batch_name)
wait(ml_client.batch_endpoints.begin_create_or_update(batch_endpoint), batch_name)

nightly = ModelBatchDeployment(
    name="nightly",
    endpoint_name=batch_name,
    model=model,
    compute=cluster_name,
    settings=ModelBatchDeploymentSettings(mini_batch_size=5, error_threshold=-1),
)
wait(ml_client.batch_deployments.begin_create_or_update(nightly), "nightly")

batch_endpoint = ml_client.batch_endpoints.get(batch_name)
batch_endpoint.defaults.deployment_name = "nightly"
batch_endpoint = wait(
    ml_client.batch_endpoints.begin_create_or_update(batch_endpoint), "default deployment"
)

# %% [markdown]
# A *mini-batch* is what the script gets in one go: five files here,
# {{batch_deployments.mini_batch_size}} if you don't say. `error_threshold` is how many files may
# fail before the job does; {{batch_deployments.any_number_of_errors}}, the default, means *any
# number*.
#
# `invoke` uploads the folder and starts the job.

# %%
from azure.ai.ml import Input

ENDED = ("Completed", "Failed", "Canceled")


def run_job(folder, **settings):
    """Score a folder with the batch endpoint, wait until the job has ended, and return it."""
    job = ml_client.batch_endpoints.invoke(
        endpoint_name=batch_name,
        input=Input(type=AssetTypes.URI_FOLDER, path=str(folder)),
        **settings,
    )
    until(lambda: ml_client.jobs.get(job.name).status in ENDED, "job", seconds=3600)
    return ml_client.jobs.get(job.name)


# %% [markdown]
# > **Before you run it.** In one of the 20 files, somebody mistyped one pixel. How will the job
# > end?

# %%
guess = predict("How will the job end?", ["Completed", "Failed", "Canceled"])
guess

# %%
job = run_job(archive)
guess.compare(job.status.value)

# %% [markdown]
# The output is one file, `predictions.csv`: the row in the file, the prediction, the file.

# %%
import csv


def predictions(job):
    """Download what a job has written, and return its rows: row, digit, file name."""
    if job.status.value != "Completed":
        return []
    output = build / "output" / job.name
    ml_client.jobs.download(job.name, output_name="score", download_path=output)
    with next(output.rglob("predictions.csv")).open(newline="") as lines:
        return [(int(row), int(digit), file) for row, digit, file in csv.reader(lines)]


scored = predictions(job)
missing = sorted(set(files) - {file for _, _, file in scored})
print(len(scored), "of 500 digits, for example", scored[:2])
print("missing:", missing)

# %% [markdown]
# **What happened.** The job completed, and a quarter of the digits is missing. One bad file made
# its mini-batch fail, so its four neighbours went with it. Azure tried that mini-batch again,
# {{batch_deployments.max_retries}} times, then left it out and carried on: you had allowed any
# number of errors. (One of [Microsoft's
# pages](https://learn.microsoft.com/azure/machine-learning/how-to-mlflow-batch#review-support-for-file-types)
# says that such a file fails the job. If live Azure says *Failed* here, that is why.)
#
# So *Completed* means that the job came to its end. Count what comes back.
#
# ### Find the line
#
# The job has a step that did the work, and the step has the logs. Here is `error.txt`, whole. Which
# file is the culprit? Then open the file itself, in `build/lesson-11/archive`: which line has the
# slip, counting from 1 as an editor does? Put the file's name into `culprit` and the line's number
# into `bad_line`.

# %%
from practice.widgets.log_pane import LogPane

(step,) = ml_client.jobs.list(parent_job_name=job.name)
ml_client.jobs.download(step.name, all=True, download_path=build / "logs")
LogPane(next((build / "logs").rglob("error.txt")).read_text())

# %%
culprit, bad_line = ..., ...

# %%
exercises.slip.check(archive, culprit, bad_line)

# %% [markdown]
# ### The cause, and two repairs
#
# A capital O stands where a zero belongs. The file needs a repair. So does the deployment,
# because the next bad file should cost nobody else, and should be noticed. One file for each
# mini-batch does the first, `error_threshold=0` the second. A job can override both:

# %%
strict = [{"mini_batch_size": 1}, {"error_threshold": 0}]
job = run_job(archive, params_override=strict)
print("the archive as it is:", job.status.value)

repaired = build / "repaired"
shutil.copytree(archive, repaired)
for file in repaired.iterdir():
    file.write_text(file.read_text().replace(",O,", ",0,"))

job = run_job(repaired, params_override=strict)
print("the repaired archive:", job.status.value)

# %%
scored = predictions(job)
truth = {
    (place % 25, f"day-{place // 25 + 1:02}.csv"): digit
    for place, digit in enumerate(digits.target[1297:])
}
right = sum(truth[row, file] == digit for row, digit, file in scored)
print(len(scored), "of 500 digits")
print(f"{right / len(truth):.1%} of held-out digits right")

# %% [markdown]
# Smaller mini-batches lose less, and start `run()` more often. For small files, a few dozen are a
# fair price; for large ones, take one. More nodes (`max_instances` of the cluster,
# `instance_count` of the deployment) take mini-batches side by side.
#
# ## When does it pay?
#
# Both endpoints bill the same machine at the same price. The hours differ: the online endpoint's
# machine is there all month, the node from when it is fetched until it has been idle long enough.
# We assume five minutes of start and ten minutes of work.

# %%
from practice.pricing import costs, prices

hour = prices.machine(price_region, instance_type).usd
always = hour * costs.HOURS_PER_MONTH
starting, work = 5, 10
idle = fact("compute_clusters.idle_seconds").value / 60

print(f"online, a month:      {always:7.2f} US dollars")
for jobs_a_day in (1, 4, 24):
    hours = jobs_a_day * (starting + work + idle) / 60
    month = hours * costs.DAYS_PER_MONTH * hour
    print(f"batch, {jobs_a_day:2} times a day: {month:7.2f} ({hours:.1f} node hours a day)")

# %% [markdown]
# One job a night costs next to nothing. Even one an hour costs less than a third. Then again, a
# batch job is never quick: its first answer comes when a node has started. So:
#
# - Somebody waits for the answer: online.
# - Files arrive now and then, and tomorrow is soon enough: batch. [Low-priority
#   nodes](https://learn.microsoft.com/azure/machine-learning/how-to-use-low-priority-batch) make
#   it cheaper still, if a job may be interrupted and go on later.
# - The cluster would be busy all day: the price is the same, and you may as well be quick.
#
# ## No passwords
#
# Lessons 06 and 07 handed the registry's password to a container group and to an app. Every copy
# of a password can leak. Azure has something better.

# %%
print("who may start a job:", ml_client.batch_endpoints.get(batch_name).auth_mode)
print("what the online endpoint signs in as:", endpoint.identity.type)

# %% [markdown]
# A batch endpoint has no keys at all: it takes tokens of Entra ID, and yours came from
# `DefaultAzureCredential`. The online endpoint has a **managed identity**, an account that
# belongs to a resource. Nobody knows its password, so nobody can lose it. A script behind the
# endpoint signs in with `DefaultAzureCredential()`, and what it may do is a matter of roles.
#
# A group or an app can fetch its image that way, and read its secrets from a key vault. The next
# lines are **not run here**: local Azure has managed identities, but no key vaults and no pulling
# by identity, and it says so with 501. On live Azure `identity` is the resource id of a
# user-assigned identity that the group or app has.
#
# ```python
# # lesson 06, in place of username and password
# ImageRegistryCredential(server=image.server, identity=identity)
# # lesson 07, the same
# RegistryCredentials(server=image.server, identity=identity)
# # lesson 07, a secret that stays in the vault
# Secret(name="api-key", key_vault_url=f"https://{vault}.vault.azure.net/secrets/api-key",
#        identity=identity)
# ```
#
# The identity needs the role *AcrPull* on the registry and *Key Vault Secrets User* on the vault.
# Handing out roles takes an *Owner* or a *User Access Administrator*; *Contributor*, which you have
# in this course, is not enough. Step by step: [container
# groups](https://learn.microsoft.com/azure/container-instances/using-azure-container-registry-mi),
# [apps](https://learn.microsoft.com/azure/container-apps/managed-identity-image-pull), [apps'
# secrets](https://learn.microsoft.com/azure/container-apps/manage-secrets), [online
# endpoints](https://learn.microsoft.com/azure/machine-learning/concept-secret-injection).
#
# ## In the studio
#
# In [Azure Machine Learning studio](https://ml.azure.com), open *Models*, *digits-sklearn*: the
# tab *Artifacts* has the folder, and *Deploy* asks for neither script nor environment.
# *Endpoints*, *Batch endpoints* has *Create job*; *Jobs* has each run with its *Outputs + logs*;
# under *Compute*, *Compute clusters* you can watch the node come and go. The course's portal
# shows the model and the online endpoint, but nothing of batch.
#
# ## Exercises
#
# ### The old client
#
# A client that you can't change still sends what lesson 03's script took, `{"data": [...]}` with
# digits of 8 rows of 8 pixels. Write the function `translate(old)`, which returns the body that
# this endpoint wants. The check sends it 40 digits.

# %%
translate = ...

# %%
exercises.translate.check(ml_client, endpoint_name, translate)

# %% [markdown]
# ### The other side of the bargain
#
# Your jobs have 20 minutes of work each. They come one at a time, so each of them fetches a node
# and lets it go. From how many jobs a day is one online machine that always runs cheaper than the
# node? Put the number into `cheaper_from`; `starting` and `idle` are as above.

# %%
cheaper_from = ...

# %%
exercises.cheaper_from.check(cheaper_from)

# %% [markdown]
# ## Cleaning up
#
# The online endpoint costs money while it exists. The cluster costs nothing when it is empty, but
# keeps its share of your quota. The jobs and their output stay, and cost next to nothing to store.

# %%
wait(ml_client.online_endpoints.begin_delete(endpoint_name), "deleting the online endpoint")
wait(ml_client.batch_endpoints.begin_delete(batch_name), "deleting the batch endpoint")
wait(ml_client.compute.begin_delete(cluster_name), "deleting the cluster")
shutil.rmtree(build)

# %% [markdown]
# ## Recap
#
# - An MLflow model's folder says how to load it, what it needs and what it takes. Azure makes
#   script and environment from that.
# - You gain columns by name. You give up your own words: in requests, answers and errors.
# - A batch endpoint is for work that nobody waits for: cluster, deployment, job, output.
# - *Completed* is not *complete*. Count, and set `error_threshold`.
# - The same machine at the same price: what decides is for how many hours you need it.
# - A managed identity has no password that could leak.
#
# More from Microsoft: [MLflow models in
# deployments](https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models),
# [batch endpoints](https://learn.microsoft.com/azure/machine-learning/concept-endpoints-batch),
# [when a batch job
# fails](https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-batch-endpoints).
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("11")

# %% [markdown]
# **Next:** the [capstone](12-capstone.ipynb) puts everything to use: a letter with a model, a
# budget and a deadline, and no recipe.
