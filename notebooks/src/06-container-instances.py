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
# # 06 Container Instances
#
# A managed endpoint brings its own server and asks you for a script. A *container* turns that
# round: you pack everything, the server too, into one *image*, and Azure only runs it. That is more
# work and more freedom, and the image runs anywhere that runs containers.
#
# An *image* is a read-only copy of a small Linux disk: system, packages, code, model. A *container*
# is one running program that sees only that disk. *Azure Container Instances* is the shortest way
# from an image to an address. The figure shows how short: nothing stands between a client and your
# program.
#
# ![A request to a container group. The client finds the group's public IP address by its name in
# DNS and connects over plain http. The open ports of the address lead straight to the container
# that listens there; no gateway, key or queue stands
# between.](../docs/images/request-container-instances.svg)
#
# ## Goals
#
# Afterwards you can
#
# - read a Dockerfile, and say why its lines stand in that order;
# - build an image in a registry, without Docker on your machine;
# - run it as a container group, find its address, and send it a digit as a file;
# - keep secrets out of code and out of what Azure shows;
# - say what happens when the program in a container ends, find out why it did, and repair it;
# - see all of this on the group's page in the portal, and stop, start and delete it there.
#
# **Time:** about 35 minutes. The step in the portal takes five more and the exercises ten, and on
# live Azure you wait for another fifteen while things are built and started.
#
# ## What this costs on live Azure
#
# A container group is billed by the second, while it runs. In autumn 2026 an hour cost 0.0466 US
# dollars for each processor core and 0.0051 for each gigabyte of memory in Sweden Central, 0.0405
# and 0.0045 in East US; other regions are near that
# ([prices](https://azure.microsoft.com/pricing/details/container-instances/)). With one core and
# 1.5 GB that is 5 cents an hour; this lesson costs less than a quarter of a dollar. A registry of
# the sort *Basic* costs [0.1666 US dollars a
# day](https://azure.microsoft.com/pricing/details/container-registry/), and the minutes of building
# are a fraction of a cent each. The last section deletes the groups. The registry stays for lesson
# 07, unless you set `clean_up = True`. A subscription on free credits cannot build the image here:
# [ACR Tasks are paused for
# it](https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview).

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
base_image = os.environ.get("BASE_IMAGE", "python:3.11-slim")
extra_index = os.environ.get("PIP_EXTRA_INDEX_URL", "")
clean_up = False

# %% [markdown]
# The SDK has a client for each service. One credential opens them all.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.containerregistrytasks import ContainerRegistryTasksMgmtClient

from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
instances = ContainerInstanceManagementClient(credential, subscription_id)
registries = ContainerRegistryManagementClient(credential, subscription_id).registries
build_tasks = ContainerRegistryTasksMgmtClient(credential, subscription_id)

ensure_models(ml_client)
location = ml_client.workspaces.get(workspace_name).location

# %% [markdown]
# ## What goes into the image
#
# Three things: an API, the model, and the packages that both need.
#
# The API is a small [FastAPI](https://fastapi.tiangolo.com/) app,
# [`scoring/api/app`](../scoring/api/app/main.py), with four addresses: `GET /` says whether it is
# well, `POST /predict` takes JSON, `POST /predict_file` takes a picture, and `GET /docs` is a page
# on which people can try it. It reads digits with the very files of the managed endpoint's script.
#
# The model is the registered one. An image is built from a folder, so the weights have to lie in
# it:

# %%
import shutil
from pathlib import Path

build = Path("../build/lesson-06")
build.mkdir(parents=True, exist_ok=True)
api = Path("../scoring/api")

model = ml_client.models.get("digits-pytorch", label="latest")
ml_client.models.download(model.name, model.version, download_path=build)
weights = next((build / "digits-pytorch").rglob("digits.pt"))
(api / "model").mkdir(exist_ok=True)
shutil.copy(weights, api / "model" / "digits.pt")

for file in ("app/main.py", "app/model.py", "app/schema.py", "model/digits.pt"):
    print(file, "is there:", (api / file).is_file())

# %% [markdown]
# How they come together is written in the *Dockerfile*, one instruction a line. Here it is without
# its comments:

# %%
dockerfile = (api / "Dockerfile").read_text()
for line in dockerfile.splitlines():
    if line and not line.startswith("#"):
        print(line)

# %% [markdown]
# Read it from the top:
#
# - `ARG BASE_IMAGE=...` and `FROM`: what the image begins with, here a small Linux with Python
#   3.11. `ARG` makes it a setting of the build, so that a company can name its own copy.
# - `WORKDIR /app`: the folder in which everything that follows happens.
# - `COPY api/requirements.txt` and `RUN pip install`: the packages, in exact versions.
# - `COPY` of the code and of the model.
# - `RUN useradd` and `USER api`: from here on nothing is done as root, the user who may do
#   everything. Whoever breaks into the API then does not own the container.
# - `ENV PYTHONUNBUFFERED=1`: what the program prints appears in the log at once.
# - `EXPOSE 80`: a note for people and tools: it listens on port 80. It opens nothing.
# - `HEALTHCHECK`: how Docker finds out whether the API is well. Azure leaves it aside and has
#   [probes](https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe)
#   of its own.
# - `CMD exec uvicorn ...`: what runs when a container starts; *uvicorn* is a web server for Python.
#   `0.0.0.0` means "answer whoever reaches this container". `exec` gives uvicorn the shell's place,
#   so that it gets the signal to stop; without it, every stop takes ten seconds.
#
# Every instruction makes a *layer*. Docker on a machine of yours keeps the layers, and takes them
# over in the next build up to the first change. (The registry's build machines, below, start afresh
# each time.) If the code were copied before `pip install`, one changed comma in `main.py` would
# install PyTorch anew. So dependencies come before code, and what changes most comes last.
#
# > **Caution.** `--host 127.0.0.1` in place of `0.0.0.0` is a favourite mistake: then the API
# > answers only inside of its own container, and the log looks perfectly well.
#
# ## Try it on this machine
#
# Before you build anything, run the same command with the same files. A mistake found here costs
# seconds.

# %%
import atexit
import socket
import subprocess
import sys

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]

# The Dockerfile copies these two folders into one; here they are joined by the search path.
path = os.pathsep.join(["../scoring/api", "../scoring/pytorch"])
with (build / "uvicorn.log").open("w") as log:
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=log,
        stderr=log,
    )
_ = atexit.register(process.terminate)

# %%
import requests

from helpers.wait import answers, until

here = f"http://127.0.0.1:{port}"
until(lambda: answers(here), "the API on this machine")
print(requests.get(here, timeout=60).json())
print("for your browser:", f"{here}/docs")

# %% [markdown]
# Open the last line's address: FastAPI made that page from the types in `schema.py`, and there you
# can send a digit by hand.
#
# Programs do it like this: digits as numbers, then one as a picture file. (`picture` draws it black
# on white, 160 pixels wide, as a phone might send it.)

# %%
from sklearn.datasets import load_digits

from practice.figures.picture import picture

images = load_digits().images

answer = requests.post(f"{here}/predict", json={"data": images[:5].tolist()}, timeout=60)
print("numbers:", [each["digit"] for each in answer.json()["predictions"]])

answer = requests.post(f"{here}/predict_file", files={"file": picture(images[1468])}, timeout=60)
print("picture:", [each["digit"] for each in answer.json()["predictions"]])

# %% [markdown]
# > **Before you run it.** In lesson 04, a digit of three numbers came back as 424. There is no
# > endpoint here. What comes back now?

# %%
from practice.widgets.quiz import predict

guess = predict("Which status code does the API answer with?", ["200", "400", "424", "500"])
guess

# %%
answer = requests.post(f"{here}/predict", json={"data": [[1, 2, 3]]}, timeout=60)
print(answer.json()["detail"])
guess.compare(str(answer.status_code))

# %% [markdown]
# **What happened.** Nobody stands between you and the API, so its own codes arrive, and you choose
# them. What an endpoint did for you is now your work as well: there is no key here, and nobody is
# kept out.

# %%
process.terminate()
process.wait(timeout=30)
print("The API on this machine has ended.")

# %% [markdown]
# > **Tip.** With Docker or Podman on your machine, you can build and try the image itself:
# >
# > ```bash
# > docker build -f scoring/api/Dockerfile -t digits:1 scoring
# > docker run --rm -p 8080:80 digits:1
# > ```
# >
# > The first line's last word is the *build context*, the folder that `COPY` sees;
# > [`.dockerignore`](../scoring/.dockerignore) says what of it stays out. `-p 8080:80` maps port
# > 8080 of your machine to the container's port 80.
#
# ## A registry
#
# Images live in a *registry*. Its name becomes the host name `{name}.azurecr.io`, so it has 5 to 50
# letters and digits, no dashes, and nobody else in all of Azure may have it.

# %%
from azure.mgmt.containerregistry.models import Registry, RegistryProperties, Sku

from helpers.wait import wait

registry_name = f"digits{suffix}"
registry = wait(
    registries.begin_create(
        resource_group,
        registry_name,
        Registry(
            location=location,
            sku=Sku(name="Basic"),
            properties=RegistryProperties(admin_user_enabled=True),
        ),
    ),
    "the registry",
)
server = registry.properties.login_server
print(server)

# %% [markdown]
# The *admin user* is a user name with two passwords, with which the container will fetch the
# image. It is the simplest way. In production, a [managed
# identity](https://learn.microsoft.com/azure/container-instances/using-azure-container-registry-mi)
# (an account that Azure keeps for the container) does without passwords.
#
# ## Build the image in the registry
#
# *ACR Tasks* are the build machines of Azure Container Registry. You send them the build context,
# they follow the Dockerfile, and the image is in the registry when they are done. First pack the
# folder and send it to the place that the registry offers:

# %%
import tarfile

from azure.storage.blob import BlobClient

context = build / "context.tar.gz"
with tarfile.open(context, "w:gz") as archive:
    archive.add(
        "../scoring",
        arcname=".",
        filter=lambda member: None if "__pycache__" in member.name else member,
    )

place = build_tasks.registries.get_build_source_upload_url(resource_group, registry_name)
with context.open("rb") as file:
    BlobClient.from_blob_url(place.upload_url).upload_blob(file)
print("sent, well below a megabyte:", context.stat().st_size < 1_000_000)

# %% [markdown]
# Then say what to do with it. `image_names` is the repository's name and, after the colon, the
# *tag*. A tag can be moved to another image later, so give each version its own.

# %%
from azure.mgmt.containerregistrytasks.models import (
    Argument,
    DockerBuildRequest,
    PlatformProperties,
)

settings = {"BASE_IMAGE": base_image}
if extra_index:
    settings["PIP_EXTRA_INDEX_URL"] = extra_index

run = build_tasks.registries.schedule_run(
    resource_group,
    registry_name,
    DockerBuildRequest(
        source_location=place.relative_path,
        docker_file_path="api/Dockerfile",
        image_names=["digits:1"],
        is_push_enabled=True,
        platform=PlatformProperties(os="Linux"),
        arguments=[Argument(name=name, value=settings[name]) for name in settings],
    ),
)

# %% [markdown]
# While it works, its log grows at an address of its own. `follow` reads it again and again and
# prints each instruction of the Dockerfile as its turn comes.

# %%
from helpers.image import follow

run, build_log = follow(build_tasks, resource_group, registry_name, run)
print("state:", run.status.value)
if run.status != "Succeeded":
    print(build_log[-3000:])

# %% [markdown]
# > **Tip.** On live Azure this takes some minutes, and PyTorch brings along gigabytes for graphics
# > cards that nobody here uses. [PyTorch's page](https://pytorch.org/get-started/locally/) has the
# > address of its builds for CPU: put that into the environment variable `PIP_EXTRA_INDEX_URL`
# > before you start this notebook, and the image is a tenth of the size.
#
# > **Tip.** With the CLI it is one line, which packs, sends and streams just as the cells above:
# > `az acr build --registry NAME --image digits:1 --file scoring/api/Dockerfile scoring`.
#
# The registry now has the image. Ask it, at its own address and with its own user:

# %%
admin = registries.list_credentials(resource_group, registry_name)
password = admin.passwords[0].value
tags = requests.get(
    f"https://{server}/v2/digits/tags/list",
    auth=(admin.username, password),
    timeout=60,
)
print("password:", names.masked(password))
print(tags.json())

# %% [markdown]
# ## A container group
#
# What Container Instances runs is called a *container group*: one container or several, on one
# machine, with one address. This lesson needs some of them, so a function describes them, from the
# inside out: the container, then the group around it.

# %%
import secrets

from azure.mgmt.containerinstance.models import (
    Container,
    ContainerGroup,
    ContainerPort,
    EnvironmentVariable,
    ImageRegistryCredential,
    IpAddress,
    Port,
    ResourceRequests,
    ResourceRequirements,
)


def describe(name, tag="1", restart_policy="Always", **variables):
    """Describe a group that runs the API, with these environment variables."""
    container = Container(
        name="digits",
        image=f"{server}/digits:{tag}",
        ports=[ContainerPort(port=80)],
        environment_variables=[
            *(EnvironmentVariable(name=k, value=v) for k, v in variables.items()),
            EnvironmentVariable(name="ADMIN_TOKEN", secure_value=secrets.token_hex()),
        ],
        resources=ResourceRequirements(requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)),
    )
    return ContainerGroup(
        location=location,
        os_type="Linux",
        restart_policy=restart_policy,
        image_registry_credentials=[
            ImageRegistryCredential(server=server, username=admin.username, password=password)
        ],
        containers=[container],
        ip_address=IpAddress(
            type="Public",
            dns_name_label=name,
            ports=[Port(port=80, protocol="TCP")],
        ),
    )


# %% [markdown]
# Line by line:
#
# - `ports` stand twice: the container listens on 80, and the group's address lets 80 through.
# - `secure_value` is for what nobody should read. The API does not need this one; it is here so
#   that you can look for it below.
# - `cpu` and `memory_in_gb` are what the container gets and what you pay for. A group has at least
#   one core and one gigabyte, all its containers together.
# - `restart_policy` says what happens when the program ends; we come to that.
# - The password comes from the registry when the cell runs. It stands in no file.
# - `dns_name_label` is the first part of the address. It has to be free in the region.

# %%
groups = instances.container_groups
group_name = f"digits-{suffix}"
group = wait(
    groups.begin_create_or_update(
        resource_group, group_name, describe(group_name, APP_VERSION="1")
    ),
    group_name,
)

url = f"http://{group.ip_address.fqdn}"
print("address:", url)

# %% [markdown]
# > **Before you run it.** The group is `Succeeded`. When will the API answer?

# %%
guess = predict("When will the API answer?", ["at once", "later"])
guess


# %%
def watch(name):
    """Return the instance view of a group's first container: its state, restarts, events."""
    return groups.get(resource_group, name).containers[0].instance_view


answered = answers(url)
print("container:", watch(group_name).current_state.state)
guess.compare("at once" if answered else "later")

# %%
until(lambda: answers(url), "the API on Azure")
print("Now it answers.")

# %% [markdown]
# **What happened.** `Succeeded` is about the group, and `Running` says that the program has been
# started. Until it has loaded PyTorch and the model, nobody listens. Container Instances does not
# wait for that, unless you give the container a *readiness probe*, a request that Azure sends until
# it is answered.
#
# > **Tip.** Local Azure runs the image with Docker or Podman where it finds one of them. Where it
# > finds none, it follows the Dockerfile as far as a plain process on your machine can, runs that,
# > and says so in the container's instance view. The requests, states and exit codes in this lesson
# > are real in both cases.
#
# ## Ask it
#
# The same calls as on your machine, with another address. On live Azure, open `/docs` below it in
# your browser as well. (The addresses of local Azure are known in its notebooks only, not to your
# browser.)

# %%
print("/docs:", requests.get(f"{url}/docs", timeout=60).status_code)
answer = requests.post(f"{url}/predict_file", files={"file": picture(images[1468])}, timeout=60)
print("/predict_file:", answer.status_code, answer.headers["X-App-Version"])

# %% [markdown]
# The figure shows six digits, sent as picture files one after the other, what came back, and what
# was written.

# %%
from practice.figures import plots

chosen = [7, 42, 449, 787, 1288, 1468]
probabilities = []
for digit in images[chosen]:
    answer = requests.post(f"{url}/predict_file", files={"file": picture(digit)}, timeout=60)
    probabilities.append(answer.json()["predictions"][0]["probabilities"])
plots.predictions(images[chosen], probabilities, load_digits().target[chosen])

# %% [markdown]
# ## What Azure shows, and what it keeps
#
# > **Before you run it.** Whoever may read the group can get its description. Which of these values
# > will be in it: `APP_VERSION`, `ADMIN_TOKEN`, the registry's password?

# %%
guess = predict(
    "Which values does Azure show?",
    ["APP_VERSION", "APP_VERSION and ADMIN_TOKEN", "all three"],
)
guess

# %%
seen = groups.get(resource_group, group_name)
values = {
    each.name: each.value or each.secure_value for each in seen.containers[0].environment_variables
}
values["password"] = seen.image_registry_credentials[0].password
print(values)
shown = [name for name, value in values.items() if value]
guess.compare("all three" if len(shown) == 3 else " and ".join(shown))

# %% [markdown]
# **What happened.** The plain value is there for everybody to read; the secure value and the
# password never come back. A secret in `value` would be as public as the group's description.
#
# ## Logs and events
#
# What the program prints is the container's *log*. What Azure did with the container are its
# *events*.


# %%
def log_of(name):
    """Return what the program of a group's container has printed."""
    container = groups.get(resource_group, name).containers[0].name
    return instances.containers.list_logs(resource_group, name, container, tail=500).content


print("pictures sent:", log_of(group_name).count('"POST /predict_file HTTP/1.1" 200'))
events = [event for event in watch(group_name).events if event.type == "Normal"]
print("events:", ", ".join(event.name for event in events))

# %% [markdown]
# ## When the program ends
#
# A container lives as long as its program. What comes after is decided by the restart policy:
# `Always` (the default), `OnFailure` or `Never`. Let us see it: six groups with the same image, but
# with a `command` of their own in place of the API. It ends at once: in three of them with exit
# code 1, which means failure, and in three with 0. They need no address.


# %%
def short_lived(name, restart_policy, code):
    """Describe a group that runs some lines of Python in place of the API."""
    group = describe(name, restart_policy=restart_policy)
    group.ip_address = None
    container = group.containers[0]
    container.command = ["python", "-c", code]
    container.ports = None
    container.resources.requests = ResourceRequests(cpu=1.0, memory_in_gb=1.0)
    return group


trials = {
    f"{group_name}-{policy.lower()}-{code}": (policy, code)
    for policy in ("Always", "OnFailure", "Never")
    for code in (1, 0)
}
for name, (policy, code) in trials.items():
    groups.begin_create_or_update(
        resource_group, name, short_lived(name, policy, f"raise SystemExit({code})")
    )

# %% [markdown]
# > **Before you run it.** Which of the six will be started again?

# %%
guess = predict(
    "Which of the six will be started again?",
    [
        "Always 1, OnFailure 1",
        "Always 1, Always 0, OnFailure 1",
        "Always 1, Always 0, OnFailure 1, OnFailure 0",
    ],
)
guess

# %% [markdown]
# The next cell waits for each until it has been started again twice, or has ended and stayed so for
# 15 seconds.

# %%
from helpers.wait import settled

views = {name: until(lambda name=name: settled(watch(name)), name) for name in trials}

# %%
print("policy     exit code   restarts   state")
for name, (policy, code) in trials.items():
    view = views[name]
    count = "2 or more" if view.restart_count >= 2 else view.restart_count
    state = f"{view.current_state.state}, {view.current_state.detail_status}"
    print(f"{policy:<10} {code:^9}   {count!s:<9}  {state}")

again = [f"{policy} {code}" for name, (policy, code) in trials.items() if views[name].restart_count]
guess.compare(", ".join(again))

# %% [markdown]
# **What happened.** `Always` starts again whatever the exit code was: right for an API, which has
# no reason to end. `OnFailure` starts again after a failure only: right for a job that should get
# through once. `Never` leaves it at that.
#
# `CrashLoopBackOff` is a word that you will meet again: the program ended too often, so Azure waits
# before the next start, ten seconds, then twice as long each time, up to five minutes. Meanwhile
# you pay: the group still runs. Delete these:

# %%
for poller in [groups.begin_delete(resource_group, name) for name in trials]:
    poller.wait()
print("deleted:", len(trials))

# %% [markdown]
# ## Three failures on purpose
#
# Three groups that do not come up, each for another reason. Look at them in this order, and you
# will find most reasons: Azure's answer, the container's state with its exit code, its events, its
# log.
#
# ### A bad image
#
# Somebody wants version 2, which nobody has built.

# %%
import textwrap

from azure.core.exceptions import HttpResponseError

bad_name = f"{group_name}-bad"
try:
    groups.begin_create_or_update(resource_group, bad_name, describe(bad_name, tag="2"))
except HttpResponseError as error:
    print(error.status_code, error.error.code)
    print(textwrap.fill(error.error.message, 88, break_on_hyphens=False))

# %% [markdown]
# - **Seen:** the call itself fails, with 400 and `InaccessibleImage`.
# - **Log:** none. There is no group, so the error's message is all there is.
# - **Cause:** a tag or repository that is not there, or credentials that the registry refuses:
#   Azure says the same of both, as it cannot look behind a closed door.
# - **Repair:** compare the name with the list that the registry gave above, letter by letter; then
#   the user name and password.
#
# ### A crash loop
#
# The API can be told where its model is, by the variable `MODEL_FILE`. Here it is told with a slip
# of the pen: the folder is called `model`, not `models`.

# %%
loop_name = f"{group_name}-loop"
wait(
    groups.begin_create_or_update(
        resource_group,
        loop_name,
        describe(loop_name, MODEL_FILE="models/digits.pt"),
    ),
    loop_name,
)
view = until(lambda: settled(watch(loop_name), restarts=1), loop_name)
print("state:   ", view.current_state.state, view.current_state.detail_status)
print("last run:", view.previous_state.state, view.previous_state.exit_code)

# %% [markdown]
# Again `Succeeded`, and nothing but restarts. *That* it fails, the state says, and *why* is in the
# log. Its last lines usually are enough. (The cell shows only the one with the exception.)

# %%
for line in log_of(loop_name).splitlines():
    if "Error: " in line:
        reason = line.strip()
print(textwrap.fill(reason, 88))

# %% [markdown]
# - **Seen:** the address does not answer; state `Waiting` with `CrashLoopBackOff`, a restart count
#   that grows, an exit code that is not 0 in `previous_state`.
# - **Log:** the container's, with Python's last words. It is the log of the last run only.
# - **Cause:** almost always a program that cannot find something: a file, a variable, a port.
# - **Repair:** send the corrected description under the same name. Azure then starts the container
#   anew.

# %%
repaired = describe(loop_name, MODEL_FILE="model/digits.pt")
wait(groups.begin_create_or_update(resource_group, loop_name, repaired), "the repair")
loop_url = f"http://{repaired.ip_address.dns_name_label}.{location}.azurecontainer.io"
until(lambda: answers(loop_url), "the repaired API")
print(requests.get(loop_url, timeout=60).json())

# %% [markdown]
# ### Out of memory
#
# A program that wants more memory than its container has: it takes 50 megabytes after 50 megabytes,
# and its limit is one gigabyte.
#
# > **Before you run it.** What will be the last that its log has to say?

# %%
guess = predict("What is the last line of its log?", ["a MemoryError", "a number of MB"])
guess

# %%
greedy = """
import time
taken = []
while True:
    taken.append(b"x" * 50_000_000)
    print(len(taken) * 50, "MB", flush=True)
    time.sleep(0.1)
"""
greedy_name = f"{group_name}-greedy"
wait(
    groups.begin_create_or_update(
        resource_group, greedy_name, short_lived(greedy_name, "Never", greedy)
    ),
    greedy_name,
)
view = until(lambda: settled(watch(greedy_name), quiet=0), greedy_name)
state = view.current_state
print(state.state, state.detail_status, "exit code", state.exit_code)
last = log_of(greedy_name).splitlines()[-1]
guess.compare("a number of MB" if last.endswith("MB") else "a MemoryError")

# %% [markdown]
# - **Seen:** `OOMKilled` (OOM is short for *out of memory*) and exit code 137.
# - **Log:** no exception and no last word, because the system killed the process from outside. 137
#   is 128 + 9, and 9 is the signal that cannot be refused.
# - **Cause:** more memory wanted than `memory_in_gb`. PyTorch itself takes some 200 megabytes
#   before the first digit.
# - **Repair:** more memory, or less to do. `cpu` and memory cannot be changed while a group exists:
#   [delete it and create it
#   again](https://learn.microsoft.com/azure/container-instances/container-instances-update).

# %%
for poller in [groups.begin_delete(resource_group, name) for name in (loop_name, greedy_name)]:
    poller.wait()

# %% [markdown]
# ## Why there is no https
#
# Every address in the lessons before began with `https://`. This one:

# %%
try:
    requests.get(url.replace("http://", "https://"), timeout=10)
except (requests.ConnectionError, requests.Timeout):
    print("https: no connection")
print("http: ", requests.get(url, timeout=60).status_code)

# %% [markdown]
# **What happened.** What listens is your program, and it speaks http. No gateway and no certificate
# stand before it, so everything that is sent, digits or passwords, can be read on the way. You can
# add a second container to the group that [ends
# TLS](https://learn.microsoft.com/azure/container-instances/container-instances-container-group-ssl)
# (the encryption under https), with a certificate that you get and renew yourself. Or take
# Container Apps, which has https from the start: lesson 07.
#
# ## Stop and start
#
# A stopped group keeps its name and description, and costs nothing.

# %%
groups.stop(resource_group, group_name)
print("group:", groups.get(resource_group, group_name).instance_view.state)
print("does it answer:", answers(url))

# %%
wait(groups.begin_start(resource_group, group_name), "starting it")
until(lambda: answers(url), "the API on Azure")
print("pictures sent:", log_of(group_name).count('"POST /predict_file HTTP/1.1" 200'))

# %% [markdown]
# **What happened.** The name still leads there, but the container is a new one: its log begins
# anew, and so would every file that the old one had written. On live Azure, its IP address may be
# another one as well. What has to stay belongs into a database or into storage.
#
# ## In the portal
#
# All that you have asked for by code in this lesson is on one page: choose *Container Instances* in
# the portal, and the group `digits-...`.
#
# > **Before you try it.** Keep the page in view, press *Stop*, and when the status has changed,
# > *Start*. Which of these will differ afterwards: address, start time, restart count, log?
#
# ![The page of a container group in the portal, with the buttons Start, Stop, Restart and Delete.
# The group is Running; its address is a link. The table of containers has image, state, start time
# and restart count; the table of events has Pulling, Pulled, Created and
# Started.](../docs/images/portal/container-group.png)
#
# **What you see.** *Stopped*, with a *Killing* among the events. Then a new start time, and under
# *Logs* a log that begins anew. The restart count is still 0: it counts what the restart policy
# does, not what you do. *Address* opens the API in a tab; add `/docs` to it, and try a picture.
#
# On live Azure: [Azure portal](https://portal.azure.com), *Container instances*, your group. The
# buttons are above *Overview*; *Events* and *Logs* are in *Settings*, *Containers*.
#
# ## Exercises
#
# ### A group of your own
#
# Run the API a second time, as a container group whose name is in `my_name`, with `my_name` as its
# DNS label too. Set its variable `APP_VERSION` to `2`, and let it be started again after failures
# only. The check asks Azure and then the API itself.

# %%
from practice.exercises import lesson_06 as exercises

my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.own_group.check(instances, resource_group, my_name)

# %% [markdown]
# ### A group that is ill
#
# The cell makes a group that somebody else has described, with one mistake in it. It is `Succeeded`
# and does not answer. Find out why, from its state and its log, and repair it. The check asks
# whether the API answers. (The second container in the group does nothing but wait: it is there
# because a group has at least one gigabyte.)

# %%
ill_name = f"{group_name}-ill"
exercises.make_ill(groups, resource_group, ill_name, describe(ill_name))

# Your code goes here.

# %%
exercises.ill.check(instances, resource_group, ill_name)

# %% [markdown]
# ### The bill
#
# The cell asks Azure's list of retail prices what a core and a gigabyte cost for an hour in Sweden
# Central, in US dollars. What would the group of this lesson, one core and 1.5 GB, cost there for
# 30 days, day and night? Put the sum into `month`.

# %%
from practice.pricing import prices

price = prices.container_instances("swedencentral")
print("a core for an hour:    ", price.vcpu_hour)
print("a gigabyte for an hour:", price.gb_hour)

month = ...

# %%
exercises.month.check(month)

# %% [markdown]
# ## Cleaning up
#
# Delete the groups, yours among them. Unlike a stop, this is for good. The first one you can delete
# with the mouse: *Delete* on its page in the portal wants its name typed, so that nobody deletes by
# a slip. (The Azure portal asks for a *Yes*.) The cell deletes what is left.


# %%
def my_groups():
    """Return the names of the groups that have your suffix in them."""
    return [
        each.name
        for each in groups.list_by_resource_group(resource_group)
        if suffix in each.name.split("-")
    ]


for poller in [groups.begin_delete(resource_group, name) for name in my_groups()]:
    poller.wait()
shutil.rmtree(build)
print("your groups:", my_groups())

# %% [markdown]
# Lesson 07 uses the image, so the registry stays. If you stop here, set `clean_up = True` in the
# first cell, run that cell, and then this one: with the registry goes every image in it.

# %%
if clean_up:
    wait(registries.begin_delete(resource_group, registry_name), "deleting it")
    shutil.rmtree(api / "model")

# %% [markdown]
# ## Recap
#
# - An image has everything in it: system, packages, code, model, and the command that starts it.
# - In a Dockerfile, what changes least comes first. Nothing runs as root.
# - The registry builds images from a folder that you send; no Docker is needed.
# - A container group has an address and no lock, no certificate and no scaling: all of that is
#   yours to add.
# - `Succeeded` and `Running` do not mean that it answers. When it does not: Azure's answer, state
#   and exit code, events, log.
# - The restart policy decides what follows an exit; 137 with `OOMKilled` is too little memory.
# - Secrets go into `secure_value`. A group is billed by the second, until it is stopped or deleted.
#
# The script [`scoring/create_container.py`](../scoring/create_container.py) does all of this in one
# go: image, group, test prediction and, with `--delete`, the cleaning up.
#
# [Troubleshooting](../docs/troubleshooting.md) has the failures of this lesson and the others,
# by error code.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("06")

# %% [markdown]
# **Next:** [07 Container Apps](07-container-apps.ipynb) takes the same image to a service with
# https, versions and scaling.
