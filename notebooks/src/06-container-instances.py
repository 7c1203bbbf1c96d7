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
# A managed endpoint brings its own server and asks for a script. A *container* turns that round:
# you bring everything, the server too, packed into one *image*, and Azure only runs it. That is
# more work and more freedom, and the image runs anywhere that runs containers.
#
# ```text
# Dockerfile, code, model ──build──> image in a registry ──run──> container
#                                    digits:1                     http://digits-....azurecontainer.io
# ```
#
# *Azure Container Instances* is the shortest way from an image to an address.
#
# ## Goals
#
# Afterwards you can
#
# - read a Dockerfile, and say why its lines stand in that order;
# - build an image in a registry, without Docker on your machine;
# - run it as a container group, find its address, and send it a digit as a file;
# - keep secrets out of code and out of what Azure shows;
# - say what happens when the program in the container ends, and find out why it did;
# - stop, start and delete the group.
#
# **Time:** about 35 minutes.
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
# are a fraction of a cent each. The last section deletes the groups, and says how to delete the
# registry.

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
# The SDK has a client for each service. One credential opens them all, and the region is the
# workspace's.

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
registries = ContainerRegistryManagementClient(
    credential, subscription_id
).registries
build_tasks = ContainerRegistryTasksMgmtClient(credential, subscription_id)

ensure_models(ml_client)
location = ml_client.workspaces.get(workspace_name).location

# %% [markdown]
# ## What goes into the image
#
# Three things: an API, the model, and the packages that both need.
#
# The API is a small [FastAPI](https://fastapi.tiangolo.com/) app,
# [`scoring/api/app`](../scoring/api/app/main.py). It reads digits with the very files that the
# managed endpoint's script uses. It has four addresses: `GET /` says whether it is well,
# `POST /predict` takes JSON, `POST /predict_file` takes a picture, and `GET /docs` is a page on
# which people can try it.
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
# - `ARG BASE_IMAGE=...` and `FROM`: what the image begins with. Here it is a small Linux with
#   Python 3.11. `ARG` makes it a setting of the build, so that a company can name its own copy.
# - `WORKDIR /app`: the folder in which everything that follows happens.
# - `COPY api/requirements.txt` and `RUN pip install`: the packages, in exact versions.
# - `COPY` of the code and of the model.
# - `RUN useradd` and `USER api`: from here on nothing is done as root. Whoever breaks into the API
#   then does not own the container.
# - `ENV PYTHONUNBUFFERED=1`: what the program prints appears in the log at once.
# - `EXPOSE 80`: a note for people and tools: it listens on port 80. It opens nothing.
# - `HEALTHCHECK`: how Docker finds out whether the API is well. Azure leaves it aside and has
#   [probes](https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe)
#   of its own.
# - `CMD exec uvicorn ...`: what runs when a container starts. `0.0.0.0` means "answer whoever
#   reaches this container".
#
# Every instruction makes a *layer*, and a build takes the layers up to the first change from the
# last build.
#
# > **Before you run it.** Suppose the two `COPY` lines of the code stood before `pip install`. What
# > would a change of one line in `main.py` cost?
#
# The layer of the packages would come after the change, so all of them would be installed again:
# PyTorch, for one comma. That is why dependencies come before code, and what changes most comes
# last.
#
# > **Caution.** `--host 127.0.0.1` in place of `0.0.0.0` is a favourite mistake: then the API
# > answers only inside of its own container, and the log looks perfectly well.
#
# > **Caution.** Often the last line is a list, `CMD ["uvicorn", "app.main:app", ...]`. It runs
# > without a shell, so `${PORT:-80}` would stay as it stands. As plain text it runs in a shell, and
# > then it wants `exec`: without it the shell keeps the signal to stop to itself, and every stop
# > takes ten seconds.
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

from helpers.containers import answers, until

here = f"http://127.0.0.1:{port}"
until(lambda: answers(here), "the API on this machine")
print(requests.get(here, timeout=60).json())
print("for your browser:", f"{here}/docs")

# %% [markdown]
# Open the last line's address: FastAPI made that page from the types in `schema.py`, and there you
# can send a digit by hand.
#
# Programs do it like this: a digit as numbers, then one as a picture file.

# %%
import io

from PIL import Image
from sklearn.datasets import load_digits

images = load_digits().images


def picture(digit, side=160):
    """Draw a digit (8, 8), values 0 to 16, black on white; return the content of a PNG file."""
    ink = Image.fromarray((255 - digit * 15.9).astype("uint8"))
    file = io.BytesIO()
    ink.resize((side, side), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


(build / "digit.png").write_bytes(picture(images[1468]))

answer = requests.post(
    f"{here}/predict", json={"data": images[:5].tolist()}, timeout=60
)
print("numbers:", [each["digit"] for each in answer.json()["predictions"]])

with (build / "digit.png").open("rb") as file:
    answer = requests.post(f"{here}/predict_file", files={"file": file}, timeout=60)
print("picture:", [each["digit"] for each in answer.json()["predictions"]])

# %% [markdown]
# > **Before you run it.** In lesson 04 a wrong request came back as 424. There is no endpoint here.
# > What comes back now?

# %%
answer = requests.post(f"{here}/predict", json={"data": [[1, 2, 3]]}, timeout=60)
print(answer.status_code, answer.json()["detail"])

answer = requests.post(f"{here}/predict", json={"digits": []}, timeout=60)
print(answer.status_code, answer.json()["detail"])

# %% [markdown]
# **What happened.** Nobody stands between you and the API, so its own codes arrive: 400 for digits
# that are none, 422 for a request of another shape. They are yours to choose, and so is all that
# an endpoint did for you: there is no key here, and nobody is kept out.

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
# > The first line's last word is the *build context*: the folder that `COPY` sees.
# > [`.dockerignore`](../scoring/.dockerignore) says what of it stays out. The second one's `-p
# > 8080:80` maps port 8080 of your machine to the container's port 80.
#
# ## A registry
#
# Images live in a *registry*. Its name becomes the host name `{name}.azurecr.io`, so it is taken
# from 5 to 50 letters and digits, without dashes, and nobody else in all of Azure may have it.

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
# does without passwords.
#
# ## Build the image in the registry
#
# *ACR Tasks* are the registry's own build machines. You send them the build context, they follow
# the Dockerfile, and the image is in the registry when they are done. Nothing has to be installed
# on your machine, and nothing large leaves it.
#
# First pack the folder and send it to the place that the registry offers:

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

place = build_tasks.registries.get_build_source_upload_url(
    resource_group, registry_name
)
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
# While it works, the log grows at an address of its own. The next cell reads it again and again
# and prints each instruction as it comes.

# %%
import re
import time
from contextlib import suppress

from azure.core.exceptions import ResourceNotFoundError

# As Docker and as Podman write it; what is not worth reading is left out.
STEP = re.compile(
    r"^STEP [\d/]+ ?: ((?:WORKDIR|COPY|RUN|USER|CMD) .*)$", re.I | re.M
)


def follow(run):
    """Print a build's steps as they come; return the run when it has ended, and its log."""
    link = build_tasks.runs.get_log_sas_url(
        resource_group, registry_name, run.run_id
    )
    blob, text, shown = BlobClient.from_blob_url(link.log_link), "", 0
    while True:
        run = build_tasks.runs.get(resource_group, registry_name, run.run_id)
        # A run that waits for its turn has no log yet.
        with suppress(ResourceNotFoundError):
            text = blob.download_blob().readall().decode()
        steps = STEP.findall(text)
        for step in steps[shown:]:
            print(step.strip())
        shown = len(steps)
        if run.status not in ("Queued", "Started", "Running"):
            return run, text
        time.sleep(1)


run, build_log = follow(run)
print("state:", run.status.value)
if run.status != "Succeeded":
    print(build_log[-3000:])

# %% [markdown]
# > **Tip.** On live Azure this takes some minutes. PyTorch from the usual place brings along what
# > it needs for graphics cards, several gigabytes that nobody here uses. PyTorch's own page on
# > [how to install it](https://pytorch.org/get-started/locally/) has the address of its builds for
# > CPU: put that into the environment variable `PIP_EXTRA_INDEX_URL` before you start this
# > notebook, and the image is a tenth of the size.
#
# > **Tip.** With the CLI it is one line, which packs, sends and streams just as the cells above:
# > `az acr build --registry NAME --image digits:1 --file scoring/api/Dockerfile scoring`.
#
# What does the registry have now? It speaks the same protocol as every other registry, at its own
# address and with its own user.

# %%
admin = registries.list_credentials(resource_group, registry_name)
password = admin.passwords[0].value

print("user:", admin.username)
print("password:", names.masked(password))
print(
    requests.get(
        f"https://{server}/v2/digits/tags/list",
        auth=(admin.username, password),
        timeout=60,
    ).json()
)

# %% [markdown]
# ## A container group
#
# What Container Instances runs is called a *container group*: one container or several, on one
# machine, with one address. Describe it from the inside out: the container, then the group.
#
# > **Caution.** Older pages describe a group without `restart_policy`, `dns_name_label` and
# > `image_registry_credentials`, and never wait for the result. Then it restarts for ever, has an
# > address that is only a number, cannot fetch a private image, and nobody sees that it failed.

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

image = f"{server}/digits:1"
pull = ImageRegistryCredential(
    server=server, username=admin.username, password=password
)

container = Container(
    name="digits",
    image=image,
    ports=[ContainerPort(port=80)],
    environment_variables=[
        EnvironmentVariable(name="APP_VERSION", value="1"),
        EnvironmentVariable(
            name="ADMIN_TOKEN", secure_value=secrets.token_urlsafe()
        ),
    ],
    resources=ResourceRequirements(
        requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)
    ),
)

group_name = f"digits-{suffix}"
group = ContainerGroup(
    location=location,
    os_type="Linux",
    restart_policy="Always",
    image_registry_credentials=[pull],
    containers=[container],
    ip_address=IpAddress(
        type="Public",
        dns_name_label=group_name,
        ports=[Port(port=80, protocol="TCP")],
    ),
)

# %% [markdown]
# Line by line:
#
# - `ports` stand twice: the container listens on 80, and the group's address lets 80 through.
# - `cpu` and `memory_in_gb` are what the container gets and what you pay.
# - `secure_value` is for what nobody should read. The API does not need this one; it is here so
#   that you can look for it below.
# - `dns_name_label` is the first part of the address. It has to be free in the region.
# - The password comes from the registry when the cell runs. It stands in no file.

# %%
groups = instances.container_groups
group = wait(
    groups.begin_create_or_update(resource_group, group_name, group), group_name
)

url = f"http://{group.ip_address.fqdn}"
print("state:  ", group.provisioning_state)
print("address:", url)

# %% [markdown]
# > **Before you run it.** The group is `Succeeded`. Does the API answer?


# %%
def watch(name):
    """Return the instance view of a group's first container: its state, restarts and events."""
    return groups.get(resource_group, name).containers[0].instance_view


print("container:", watch(group_name).current_state.state)
until(lambda: answers(url), "the API on Azure")
print("Now it answers.")

# %% [markdown]
# **What happened.** `Succeeded` is about the group, and `Running` says that the program has been
# started. Until it has loaded PyTorch and the model, nobody listens. Container Instances does not
# wait for that, unless you give the container a readiness probe.
#
# > **Tip.** Local Azure runs the image with Docker or Podman, where it finds one of them. Where it
# > finds none, it follows the Dockerfile as far as a plain process on your machine can, runs that,
# > and says so in the container's instance view, as its `detail_status` and as an event. The
# > requests, states and exit codes in this lesson are real in both cases.
#
# ## Ask it
#
# The same calls as on your machine, with another address. On live Azure, open `/docs` below it in
# your browser as well. (The addresses of local Azure are known in its notebooks only, not to your
# browser.)

# %%
print(requests.get(url, timeout=60).json())
print("/docs:", requests.get(f"{url}/docs", timeout=60).status_code)
paths = requests.get(f"{url}/openapi.json", timeout=60).json()["paths"]
for path, methods in paths.items():
    print(path, "->", ", ".join(methods))

# %%
with (build / "digit.png").open("rb") as file:
    answer = requests.post(f"{url}/predict_file", files={"file": file}, timeout=60)
print(answer.status_code, "version", answer.headers["X-App-Version"])

# %% [markdown]
# The figure shows six digits, sent as picture files one after the other, and what came back.

# %%
from helpers import plots

some = images[[7, 42, 449, 787, 1288, 1468]]
probabilities = []
for digit in some:
    answer = requests.post(
        f"{url}/predict_file", files={"file": picture(digit)}, timeout=60
    )
    probabilities.append(answer.json()["predictions"][0]["probabilities"])
plots.predictions(some, probabilities)

# %% [markdown]
# ## What Azure shows, and what it keeps
#
# > **Before you run it.** Whoever may read the group can get its description. Which of the three
# > values will be in it: `APP_VERSION`, `ADMIN_TOKEN`, the registry's password?

# %%
seen = groups.get(resource_group, group_name)
for variable in seen.containers[0].environment_variables:
    print(variable.name, "=", variable.value, "/", variable.secure_value)
print("password =", seen.image_registry_credentials[0].password)

# %% [markdown]
# **What happened.** The plain value is there for everybody to read; the secure value and the
# password never come back. A secret in `value` would be as public as the group's description.
#
# ## Logs and events
#
# What the program prints is the container's log. What Azure did with the container are its events.

# %%
log = instances.containers.list_logs(
    resource_group, group_name, container_name="digits", tail=500
).content
print("pictures sent:", log.count('"POST /predict_file HTTP/1.1" 200'))

events = [event for event in watch(group_name).events if event.type == "Normal"]
print("events:", ", ".join(event.name for event in events))

# %% [markdown]
# ## When the program ends
#
# A container lives as long as its program. What comes after is decided by the *restart policy*:
# `Always` (the default), `OnFailure` or `Never`. Let us see it: six groups with the same image, but
# with a command of their own, which ends at once. Three of them end with exit code 1, which means
# failure, and three with 0.
#
# > **Before you run it.** Which of the six will be started again?


# %%
def short_lived(policy, code, memory=0.5):
    """Describe a group that runs some lines of Python in place of the API."""
    return ContainerGroup(
        location=location,
        os_type="Linux",
        restart_policy=policy,
        image_registry_credentials=[pull],
        containers=[
            Container(
                name="main",
                image=image,
                command=["python", "-c", code],
                resources=ResourceRequirements(
                    requests=ResourceRequests(cpu=0.5, memory_in_gb=memory)
                ),
            )
        ],
    )


trials = {
    f"{group_name}-{policy.lower()}-{code}": (policy, code)
    for policy in ("Always", "OnFailure", "Never")
    for code in (1, 0)
}
for name, (policy, code) in trials.items():
    groups.begin_create_or_update(
        resource_group, name, short_lived(policy, f"raise SystemExit({code})")
    )

# %% [markdown]
# All six are on their way at the same time. The next cell waits for each until it has been started
# again twice, or has ended and stayed so for 15 seconds.

# %%
from datetime import UTC, datetime


def settled(name):
    """Return the instance view once it is plain whether the container is started again."""
    view = watch(name)
    state = view.current_state if view else None
    if state and state.state == "Waiting" and view.restart_count >= 2:
        return view
    if state and state.state == "Terminated":
        quiet = datetime.now(UTC) - state.finish_time
        return view if quiet.total_seconds() > 15 else None
    return None


views = {name: until(lambda name=name: settled(name), name) for name in trials}

# %%
print("policy     exit code   restarts   state")
for name, (policy, code) in trials.items():
    view = views[name]
    count = "2 or more" if view.restart_count >= 2 else view.restart_count
    state = f"{view.current_state.state}, {view.current_state.detail_status}"
    print(f"{policy:<10} {code:^9}   {count!s:<9}  {state}")

# %% [markdown]
# **What happened.** `Always` starts again whatever the exit code was: right for an API, which has
# no reason to end. `OnFailure` starts again after a failure only: right for a job that should get
# through once. `Never` leaves it at that.
#
# `CrashLoopBackOff` is a word that you will meet again: the program ended too often, so Azure waits
# before the next start, ten seconds, then twice as long each time, up to five minutes. Meanwhile
# you pay: the group still runs.
#
# > **Tip.** The exit code of the last run is in `instance_view.previous_state`, and what it printed
# > is in the logs. A container that restarts for ever is almost always a program that cannot find
# > something: a file, a variable, a port.
#
# ## Out of memory
#
# The same with a program that wants more memory than its container has: it takes 50 megabytes after
# 50 megabytes, and its limit is half a gigabyte.
#
# > **Before you run it.** Will Python raise a `MemoryError`?

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
groups.begin_create_or_update(
    resource_group, greedy_name, short_lived("Never", greedy, memory=0.5)
)


def ended(name):
    """Return the last state of a group's container, once it is Terminated."""
    view = watch(name)
    state = view.current_state if view else None
    return state if state and state.state == "Terminated" else None


state = until(lambda: ended(greedy_name), "the greedy program")
print(state.state, state.detail_status, "exit code", state.exit_code)

# %%
log = instances.containers.list_logs(resource_group, greedy_name, "main").content
print("MemoryError in the log:", "MemoryError" in log)
print("it got as far as 200 MB:", "200 MB" in log)

# %% [markdown]
# **What happened.** No exception and no last word: the system killed the process from outside.
# Exit code 137 is 128 + 9, and 9 is the signal that cannot be refused. When a log ends in the
# middle of a sentence, look for `OOMKilled`, and give the container more memory, or the program
# less to do.
#
# Seven groups with nothing left to do; delete them.

# %%
for poller in [
    groups.begin_delete(resource_group, name) for name in (*trials, greedy_name)
]:
    poller.wait()
print(
    "left:",
    [
        each.name
        for each in groups.list_by_resource_group(resource_group)
        if each.name.startswith(group_name)
    ],
)

# %% [markdown]
# ## Why there is no https
#
# > **Before you run it.** Every address in the lessons before began with `https://`. What will this
# > one do?

# %%
try:
    requests.get(url.replace("http://", "https://"), timeout=10)
except (requests.ConnectionError, requests.Timeout):
    print("https: no connection")
print("http: ", requests.get(url, timeout=60).status_code)

# %% [markdown]
# **What happened.** Between the address and your container is nothing: no gateway, no certificate.
# What listens is your program, and it speaks http. So everything that is sent, digits or
# passwords, can be read on the way. What to do about it:
#
# - run a second container in the group that ends TLS, such as [nginx or
#   Caddy](https://learn.microsoft.com/azure/container-instances/container-instances-container-group-ssl),
#   with a certificate that you get and renew;
# - put an [Application
#   Gateway](https://learn.microsoft.com/azure/application-gateway/quick-create-portal) before it,
#   which costs more than the container;
# - or take Container Apps, which has https from the start: lesson 07.
#
# ## Stop and start
#
# A stopped group keeps its name and description, and costs nothing.

# %%
groups.stop(resource_group, group_name)
print("group:", groups.get(resource_group, group_name).instance_view.state)
print("does it answer:", answers(url))

# %% [markdown]
# > **Before you run it.** After the start, is it the same container that goes on?

# %%
wait(groups.begin_start(resource_group, group_name), "starting it")
until(lambda: answers(url), "the API on Azure")

log = instances.containers.list_logs(resource_group, group_name, "digits").content
print("pictures sent:", log.count('"POST /predict_file HTTP/1.1" 200'))

# %% [markdown]
# **What happened.** The label still leads there, but the container is a new one: its log begins
# anew, and so would every file that the old one had written. On live Azure, its IP address may be
# another one as well. What has to stay belongs into a database or into storage.
#
# ## Exercises
#
# ### A group of your own
#
# Run the API a second time, as a container group whose name is in `my_name`, with `my_name` as its
# DNS label too. Set its variable `APP_VERSION` to `2`, and let it be started again after failures
# only. The check asks Azure and then the API itself.

# %%
from helpers.exercises import lesson_06 as exercises

my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.own_group.check(instances, resource_group, my_name)
# exercises.own_group.hint()
# exercises.own_group.solution()

# %% [markdown]
# ### A picture
#
# Send digit number 1,000 of the data set (`images[1000]`) to the API as a picture file, and put
# what the API names it into `named`. The check asks the API too.

# %%
named = ...

# %%
exercises.named.check(url, named)
# exercises.named.hint()
# exercises.named.solution()

# %% [markdown]
# ### The bill
#
# What would the group of this lesson, one core and 1.5 GB, cost for 30 days, day and night? Take
# the prices from the beginning of the lesson and put the sum, in US dollars, into `month`.

# %%
month = ...

# %%
exercises.month.check(month)
# exercises.month.hint()
# exercises.month.solution()

# %% [markdown]
# ## Cleaning up
#
# Delete the groups, yours among them. Unlike a stop, this is for good.


# %%
def my_groups():
    """Return the names of the groups that have your suffix in them."""
    return [
        each.name
        for each in groups.list_by_resource_group(resource_group)
        if suffix in each.name.split("-")
    ]


for name in my_groups():
    wait(groups.begin_delete(resource_group, name), f"deleting {name}")
shutil.rmtree(build)
print("your groups:", my_groups())

# %% [markdown]
# Lesson 07 uses the image, so the registry stays. If you stop here, set `clean_up = True` and run
# this: with the registry goes every image in it.

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
# - `Succeeded` and `Running` do not mean that it answers.
# - The restart policy decides what follows an exit; 137 with `OOMKilled` is too little memory.
# - Secrets go into `secure_value`. It is billed by the second, until it is stopped or deleted.
#
# The script [`scoring/create_container.py`](../scoring/create_container.py) does all of this in one
# go: image, group, test prediction and, with `--delete`, the cleaning up.
#
# **Next:** [07 Container Apps](07-container-apps.ipynb) takes the same image to a service with
# https, versions and scaling.
