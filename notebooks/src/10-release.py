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
# # 10 Release
#
# In lesson 05 you brought a second version into service by hand: a dozen calls in the right order,
# and a look at the numbers in between. On a Friday afternoon, somebody skips the look. In this
# lesson a program makes all the calls, from the commit to the last per cent of the traffic. The look
# is yours to write, so that nobody can skip it.
#
# ## Goals
#
# By the end you can
#
# - describe a deployment in a file that `az` and the SDK both read;
# - release a version with one command, and say what each of its stages is for;
# - kill that command half-way, and let it finish;
# - write gates that stop a slow version, and one that answers nonsense with a straight face;
# - roll back;
# - run it all on GitHub, with no password stored anywhere.
#
# **Time:** about 30 minutes. On live Azure, waiting adds about an hour.
#
# ## What this costs on live Azure
#
# Two machines for as long as the lesson lasts, at
# [{{online_endpoints.instance_hour}} US dollars an
# hour](https://azure.microsoft.com/pricing/details/machine-learning/) each in West Europe. That's
# less than a dollar, if you clean up.

# %% tags=["parameters"]
import os

from helpers import names
from practice.facts import fact

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
instance_type = fact("online_endpoints.instance_type").value

# %% [markdown]
# Outside the course, this lesson needs `pip install azure-ai-ml azure-identity numpy requests`.
#
# The next cell makes an endpoint with one deployment, *blue*, which has all the traffic. It's the
# version that your clients use today.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.wait import wait
from helpers.workspace import ensure_deployment, ensure_endpoint, ensure_models

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)
endpoint_name = f"digits-{suffix}-release"
if endpoint_name in [each.name for each in ml_client.online_endpoints.list()]:
    wait(ml_client.online_endpoints.begin_delete(endpoint_name), "what an earlier run left")
ensure_models(ml_client)
ensure_endpoint(ml_client, endpoint_name)
ensure_deployment(ml_client, endpoint_name, "blue", "pytorch", instance_type)

endpoint = ml_client.online_endpoints.get(endpoint_name)
endpoint.traffic, endpoint.mirror_traffic = {"blue": 100}, {}
endpoint = wait(ml_client.online_endpoints.begin_create_or_update(endpoint), endpoint_name)

# %% [markdown]
# ## A version is a folder
#
# What you release is what you commit: a folder with the scoring script, and beside it a file that
# describes the deployment. The function in the next cell makes such a folder, with one change in
# the script. The first change is harmless: probabilities with three digits instead of four.

# %%
import shutil
from pathlib import Path

build = Path("../build/lesson-10").resolve()
shutil.rmtree(build, ignore_errors=True)
model = ml_client.models.get("digits-pytorch", label="latest")
environment = ml_client.environments.get("digits-pytorch-env", label="latest")


def commit(version, before, after):
    """Make a folder with a changed scoring script and its YAML file, and return that file."""
    folder = build / version
    shutil.copytree("../scoring/pytorch", folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = (folder / "score.py").read_text()
    (folder / "score.py").write_text(script.replace(before, after))
    file = folder / "deployment.yaml"
    file.write_text(f"""\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: green
endpoint_name: {endpoint_name}
model: azureml:{model.name}:{model.version}
environment: azureml:{environment.name}:{environment.version}
code_configuration:
  code: .
  scoring_script: score.py
instance_type: {instance_type}
instance_count: 1
""")
    return file


v2 = commit("v2", "round(float(p), 4)", "round(float(p), 3)")
print(v2.read_text())

# %% [markdown]
# Each line is an argument of lesson 04's `ManagedOnlineDeployment`. In a terminal,
#
# ```
# az ml online-deployment create -f deployment.yaml
# ```
#
# makes a deployment of it. The SDK reads the same file:

# %%
from azure.ai.ml import load_online_deployment

described = load_online_deployment(v2)
print(type(described).__name__, described.name, "of", described.model)

# %% [markdown]
# The file names a *version* of the model, not the latest one. What you release on Monday must be
# what you tried on Friday.
#
# ## One command
#
# The program is [`scoring/release`](../scoring/release/__main__.py). The next cell runs it as a
# terminal would, and prints what it says. Meanwhile, a client keeps asking the endpoint.

# %%
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import requests
from sklearn.datasets import load_digits

from practice.figures import rollout

key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
one_digit = {"data": load_digits().images[:1].tolist()}
answers, stages = [], []
stop = Event()


def client():
    """Ask the endpoint again and again, and note when, with which status and who answered."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    while not stop.wait(0.05):
        answer = session.post(endpoint.scoring_uri, json=one_digit, timeout=60)
        name = answer.headers.get("azureml-model-deployment", "")
        answers.append((time.monotonic(), answer.status_code, name))


def release(*arguments, kill_at=None):
    """Run the release program, print what it says, and kill it when it comes to a stage."""
    command = [sys.executable, "-m", "scoring.release", endpoint_name, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd="..", **pipes) as program:
        for line in program.stdout:
            print(line, end="")
            stage = line.split(" ")[0]
            stages.append((time.monotonic(), stage))
            if stage == kill_at:
                program.kill()
    print("exit code:", program.returncode)


began = time.monotonic()
with ThreadPoolExecutor() as threads:
    asking = threads.submit(client)
    release("--file", str(v2), "--version", "v2")
    time.sleep(1)
    stop.set()
asking.result()

# %% [markdown]
# Every line is a stage:
#
# | stage | what happens | if it goes wrong |
# | --- | --- | --- |
# | `deploy` | the new version comes up beside the old one, without traffic | the log is printed; clients noticed nothing |
# | `smoke` | one request, addressed to it by name: does it answer, and in the right form? | the same |
# | `trial` | it gets a tenth of the traffic, or with `--trial mirror` copies of it | traffic goes back |
# | `measure` | both versions name the same hundred digits, in turns | |
# | `gate` | each gate looks at the answers and may say no | traffic goes back |
# | `promote` | all traffic to the new version; the old one stays, the *last good one* | |
#
# Both versions are measured at the same time, because a busy network slows both of them down. And
# the exit code is 0 only if the new version is in service: that's how GitHub will know. To read the
# stages as code, open them:

# %%
from practice.widgets.folded_source import FoldedSource
from scoring.release.__main__ import Release

FoldedSource(Release.deploy, Release.smoke, Release.try_out)

# %% [markdown]
# The figure shows the release from outside: who answered the client, second by second.

# %%
drawn = ("deploy", "smoke", "trial", "promote")
rollout.draw(
    [rollout.Answered(at - began, status, name) for at, status, name in answers],
    [(at - began, stage) for at, stage in stages if stage in drawn],
)
print("answers other than 200:", sum(status != 200 for _, status, _ in answers))

# %% [markdown]
# At first everything is *blue*. During the trial a little is *green*, and in the end all of it is.
# No request failed on the way.
#
# ## The power goes out
#
# On live Azure a release takes a quarter of an hour or more, and a lot can happen to a machine in
# that time. So the program keeps no notes of its own. It looks at what is there: a deployment's tag
# says which version is in it, and the traffic says how far the last run came.
#
# The next version is a bad one. Its author had never seen an eight. The cell releases it, and kills
# the program in the middle of the trial, as `kill -9` would.

# %%
READ = "predict(torch.from_numpy(digits)).numpy()\n"  # the end of the line that asks the model

crashes = commit(
    "v3",
    READ,
    READ + "    if 8 in probabilities.argmax(1):\n        raise ValueError('what is this?')\n",
)
release("--file", str(crashes), "--version", "v3", kill_at="measure")
traffic = ml_client.online_endpoints.get(endpoint_name).traffic
print("traffic:", dict(sorted(traffic.items())))

# %% [markdown]
# One client in ten now gets a version that nobody is watching.
#
# > **Before you run it.** The next cell runs the same command again. How many deployments will it
# > make?

# %%
from practice.widgets.quiz import predict

guess = predict("How many deployments will the second run make?", ["none", "one", "two"])
guess

# %%
release("--file", str(crashes), "--version", "v3")
guess.compare("none")

# %% [markdown]
# **What happened.** *Blue* had v3 already, so the program went straight on to the trial, measured
# again, and asked its gate. The gate said no, the traffic went back, and the exit code is 8. (The
# smoke test had noticed nothing: its one digit is a three.) V3 is still there, without traffic, so
# that `get_logs` can show you the traceback.
#
# This is the gate, all of it:

# %%
from scoring.release import gates

print(Path(gates.__file__).read_text().partition("\n\n\n")[2])

# %% [markdown]
# A gate gets the answers of both versions, for the same digits in the same order. Each answer has a
# `status`, the `seconds` it took, the `digit` that was read and the `truth`. To let the new version
# pass, the gate returns `None`. Otherwise it returns a sentence that says why not.
#
# > **Tip.** A gate that raises an exception stops the release as well. People who write gates make
# > mistakes too, and a mistake must not open the gate.
#
# ## Two more bad ones
#
# Version 4 sleeps for a third of a second in every tenth request. Version 5 swaps rows and columns,
# so it reads every digit lying on its side.
#
# > **Before you run it.** The only gate is `failures`. Which of the two gets all the traffic?

# %%
guess = predict("Which of the two is released?", ["neither", "v4, the slow one", "both"])
guess

# %%
slow = commit(
    "v4",
    READ,
    READ + "    run.count = getattr(run, 'count', 0) + 1\n"
    "    import time\n    time.sleep(0.3 if run.count % 10 == 0 else 0)\n",
)
turned = commit("v5", READ, READ.replace("(digits)", "(digits.transpose(0, 2, 1).copy())"))

for version, file in {"v4": slow, "v5": turned}.items():
    release("--file", str(file), "--version", version)
    release("--roll-back")
guess.compare("both")

# %% [markdown]
# **What happened.** Both went into service, and every status was 200. Look at the tables again. The
# median of v4 is as good as ever, and v5 gets nearly every digit wrong. The program measured it all,
# and nobody had told it to mind.
#
# `--roll-back` gave the traffic back each time, in one call, because the last good version was still
# running. That's what you pay the second machine for.
#
# > **Caution.** There is only *one* last good version, and the next release takes its place, even a
# > release that a gate stops. So roll a bad version back before the next release, not after it.
#
# ## From a commit
#
# [`release.yml`](../scoring/release/release.yml) is a *workflow*: a file that tells GitHub what to
# run, and when. It's kept out of `.github/workflows` on purpose. GitHub would run it there, and this
# repository has nothing to release to. Copy it into one of yours.

# %%
print(Path("../scoring/release/release.yml").read_text())

# %% [markdown]
# Line by line:
#
# | lines | what they do |
# | --- | --- |
# | `on: push`, `branches`, `paths` | a commit on main starts it, if it changes something below `scoring/` |
# | `workflow_dispatch` | and so does a button |
# | `permissions: contents: read` | no job may write to the repository |
# | `concurrency` | one release at a time. A newer commit waits, and `cancel-in-progress: false` lets the running release finish |
# | `timeout-minutes: 55` | Azure's token lasts {{github_actions.azure_token}} hour. If that's too short, run it again: it goes on |
# | `environment: production` | an *environment* on GitHub: its settings say who has to approve, and which branch may use it |
# | `id-token: write` | this job may ask GitHub for a token that says who it is |
# | `env`, `vars.` | the workspace's coordinates, from the environment's settings. None of them is a secret |
# | `uses: …@de0f…` | an action at one commit; a tag could be moved to other code |
# | `persist-credentials: false` | later steps can't push |
# | `azure/login` | swaps GitHub's token for Azure's; `DefaultAzureCredential` then finds what `az` has |
# | the last line | the program. Its version is `$GITHUB_SHA`, the commit; its report becomes a page of the run |
#
# ## Signing in without a password
#
# There is no password in that file, or anywhere else. With **OpenID Connect**, GitHub signs a token
# for the job, good for a few minutes. Its *subject* says which job it is. In Azure, you give an
# identity a *federated credential*, which says: trust GitHub's tokens if they have exactly this
# subject. You set that up once:
#
# ```
# az ad app create --display-name digits-release
# az ad sp create --id APP_ID
# az role assignment create --assignee APP_ID --role Contributor --scope RESOURCE_GROUP_ID
# az ad app federated-credential create --id APP_ID --parameters credential.json
# ```
#
# and `credential.json` is
#
# ```json
# {
#   "name": "production",
#   "issuer": "https://token.actions.githubusercontent.com",
#   "subject": "repo:ada@1815/digits@1852:environment:production",
#   "audiences": ["api://AzureADTokenExchange"]
# }
# ```
#
# The numbers are those of the owner and the repository, and [GitHub never gives them to anybody
# else](https://learn.microsoft.com/entra/workload-id/workload-identities-github-immutable-subjects).
# Repositories from before {{github_actions.subjects_with_numbers}} have only the names. A job without
# an environment has its branch there, `ref:refs/heads/main`, or `pull_request`. Azure compares letter
# by letter.
#
# ## On GitHub and in the studio
#
# On GitHub, *Actions* shows each run: waiting for approval, then its lines as above, then the
# report. The approvers and the `vars` are under *Settings*, *Environments*. In [Azure Machine
# Learning studio](https://ml.azure.com), under *Endpoints*, each deployment shows its tag `version`,
# and the endpoint its tag `last-good`. You can move the traffic there during a trial: the program
# notices before it promotes, leaves the traffic as you set it, and stops.
#
# ## Exercises
#
# ### Too slow
#
# Write the gate that stops v4: a function `latency(live, candidate)`. One slow answer in a hundred
# can happen to anybody. One in ten is too many, if the version in use doesn't do that. And a large
# model may be slow, if it was just as slow before. The check tries your gate on versions that you
# haven't met.

# %%
import numpy as np

from practice.exercises import lesson_10 as exercises

latency = ...

# %%
exercises.latency.check(latency)

# %% [markdown]
# ### Wrong with a 200
#
# Write the gate that stops v5: `accuracy(live, candidate)`. Up to 3 digits in a hundred fewer than
# the version in use is chance; more is not. Careful: an answer that failed has no `digit`, and is the
# business of the gate `failures`.

# %%
accuracy = ...

# %%
exercises.accuracy.check(accuracy)

# %% [markdown]
# Now put them to work. The next cell writes your gates into a file, with the one from above, and
# releases both bad versions again. (It takes the two functions and `np`. Whatever else they need has
# to be inside of them.)

# %%
import inspect

if latency is ... or accuracy is ...:
    print("Write both gates first.")
else:
    mine = build / "gates.py"
    parts = [Path(gates.__file__).read_text(), inspect.getsource(latency)]
    mine.write_text("\n\n".join(["import numpy as np", *parts, inspect.getsource(accuracy)]))
    for version, file in {"v4": slow, "v5": turned}.items():
        release("--file", str(file), "--version", version, "--gates", str(mine))

# %% [markdown]
# ### Who may release
#
# A colleague created her repository, `rivera/digit-reader`, in October 2026. GitHub's number for the
# owner is 5544, and for the repository 81220. She copied `release.yml` as it is. Which `subject` does
# her federated credential need?

# %%
subject = ...

# %%
exercises.subject.check(subject)

# %% [markdown]
# ## Cleaning up
#
# The endpoint takes its deployments with it.

# %%
wait(ml_client.online_endpoints.begin_delete(name=endpoint_name), "deleting the endpoint")
shutil.rmtree(build)

# %% [markdown]
# ## Recap
#
# - A version is a folder with code and a YAML file; `az` and the SDK read the same one.
# - Deploy without traffic, smoke test, trial, measure, gates, promote. One call takes it all back.
# - A release that keeps no notes can be run again after any crash. What is there is the truth.
# - A status of 200 says that something was answered. Was it fast, was it right? Only a gate asks.
# - OpenID Connect: a token for one job, trusted by its subject, and no password to lose.
#
# More from Microsoft: [safe
# rollout](https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints),
# [deploy, promote and roll back with GitHub
# Actions](https://learn.microsoft.com/training/modules/deploy-model-github-actions/), [sign in from
# GitHub with OpenID Connect](https://learn.microsoft.com/azure/developer/github/connect-from-azure-openid-connect).
#
# Your exercises in this lesson:

# %%
from practice import progress

progress.show("10")

# %% [markdown]
# **Next:** [11 No script, no hurry](11-no-script-no-hurry.ipynb) deploys a model without a script,
# and reads an archive without a hurry.
