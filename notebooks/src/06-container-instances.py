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
# around: you pack everything, the server too, and Azure only runs it. That's more work and more
# freedom.
#
# An *image* is a read-only copy of a small Linux disk: system, packages, code, model. A *container*
# is a running program that sees only that disk. *Azure Container Instances* is the shortest way
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
# - test an API on your own machine before you pack it;
# - read a Dockerfile, and say why its lines stand in that order;
# - build an image in a registry, without Docker;
# - run it as a container group, and send it a digit as a file;
# - keep secrets out of what Azure shows;
# - stop, start and delete a group, by code and in the portal.
#
# **Time:** about 35 minutes. On live Azure you wait about ten minutes more. Lesson 06b breaks what
# you build here, and repairs it.
#
# ## What this costs on live Azure
#
# A container group is billed by the second while it runs. From here on we take the prices of Sweden
# Central, the region for which we have all of them. An hour costs
# {{container_instances.core_hour}} US dollars for each processor core and
# {{container_instances.gb_hour}} for each gigabyte of memory
# ([prices](https://azure.microsoft.com/pricing/details/container-instances/)). A *Basic* registry
# costs {{container_registry.basic_day}} US dollars [a
# day](https://azure.microsoft.com/pricing/details/container-registry/). All of this lesson comes to
# less than a quarter of a dollar. At the end the groups are deleted. The registry stays for 06b and
# 07, unless you set `clean_up = True`.
#
# A subscription on free credits can't build the image: [ACR Tasks are paused for
# it](https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview).

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
base_image = os.environ.get("BASE_IMAGE", "")
clean_up = False

# %% [markdown]
# The SDK has a client for each service. Outside this course you'd install them with `pip install
# azure-mgmt-containerinstance azure-mgmt-containerregistry azure-mgmt-containerregistrytasks`. The
# last one is a
# [beta](https://github.com/Azure/azure-sdk-for-python/tree/main/sdk/containerregistry/azure-mgmt-containerregistrytasks),
# so its calls
# may still change.

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
# ## Try it on this machine first
#
# The API is a small [FastAPI](https://fastapi.tiangolo.com/) app,
# [`scoring/api/app`](../scoring/api/app/main.py), with four addresses. `GET /` says whether it's
# healthy. `POST /predict` takes JSON, `POST /predict_file` takes a picture, and `GET /docs` is a
# page for people. It reads digits with the very files of the managed endpoint's script.
#
# An image is built from a folder, so the registered model has to be in it:

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
# Before you pack anything, run it here. *uvicorn* is a web server for Python. A mistake that you
# find now costs seconds.

# %%
import atexit
import socket
import subprocess
import sys

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]

# The Dockerfile copies these two folders into one; here the search path joins them.
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
# Open that address: FastAPI made the page from the types in `schema.py`. Programs send digits as
# numbers, or one digit as a picture file:

# %%
from sklearn.datasets import load_digits

from practice.figures.picture import picture

images = load_digits().images

answer = requests.post(f"{here}/predict", json={"data": images[:5].tolist()}, timeout=60)
print("numbers:", [each["digit"] for each in answer.json()["predictions"]])

answer = requests.post(f"{here}/predict_file", files={"file": picture(images[1468])}, timeout=60)
print("picture:", [each["digit"] for each in answer.json()["predictions"]])

# %% [markdown]
# > **Before you run it.** In lesson 04, a digit of three numbers came back as 424. There's no
# > endpoint here. What comes back now?

# %%
from practice.widgets.quiz import predict

guess = predict("Which status code does the API answer with?", ["200", "400", "424", "500"])
guess

# %%
answer = requests.post(f"{here}/predict", json={"data": [[1, 2, 3]]}, timeout=60)
print(answer.json()["detail"])
guess.compare(str(answer.status_code))
process.terminate()
_ = process.wait(timeout=30)

# %% [markdown]
# **What happened.** Nobody stands between you and the API, so its own codes arrive, and you choose
# them. The endpoint's other work is yours too: there's no key here, and nobody is kept out.
#
# ## The recipe of the image
#
# The *Dockerfile* says how the parts come together, one instruction per line. Here it is without
# comments:

# %%
dockerfile = (api / "Dockerfile").read_text()
for line in dockerfile.splitlines():
    if line and not line.startswith("#"):
        print(line)

# %% [markdown]
# - `FROM` names what the image begins with, a small Linux with Python; `ARG` makes it a setting of
#   the build. It's Docker Hub's image in Microsoft's copy, because Docker Hub [limits how often one
#   IP address may
#   pull](https://learn.microsoft.com/azure/container-registry/buffer-gate-public-content), and
#   Azure's build machines share their addresses.
# - `COPY requirements.txt` and `RUN pip install`: the packages, in exact versions. PyTorch comes
#   from its index for CPU, which saves gigabytes.
# - `COPY` of code and model.
# - `USER api`: from here on nothing runs as root, the user who may do everything. If somebody
#   breaks into the API, they don't own the container. On Azure [only root may listen on a port
#   below {{container_instances.first_free_port}}](https://azureossd.github.io/2024/06/10/Container-Apps-Binding-to-ports-under-1024/),
#   so the API takes 8080 and not 80.
# - `EXPOSE 8080` is a note for people and tools. It opens nothing.
# - `HEALTHCHECK` is Docker's. Azure ignores it and has [probes of its
#   own](https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe).
# - `CMD` comes last: it's what runs when a container starts. `0.0.0.0` means "answer whoever
#   reaches this container". `exec` hands uvicorn the signal to stop; without it, every stop takes
#   ten seconds.
#
# Each instruction makes a *layer*. Docker keeps the layers and reuses them in the next build, up to
# the first change. So dependencies come before code, and what changes most comes last. (The
# registry's build machines, below, [keep none](https://github.com/Azure/acr/issues/204).)
#
# > **Caution.** `--host 127.0.0.1` in place of `0.0.0.0` is a favourite mistake. The API then
# > answers only inside its own container, and its log looks perfectly normal.
#
# If you have Docker or Podman, build the image and test it in a real container. The last word is
# the *build context*, the folder that `COPY` sees. `-p 8080:8080` joins your machine's port 8080,
# the first one, to the container's, so the API answers at `http://localhost:8080`.
#
# ```bash
# docker build -f scoring/api/Dockerfile -t digits:1 scoring
# docker run --rm -p 8080:8080 digits:1
# ```
#
# ## Build it in a registry
#
# Images live in a *registry*. Its name becomes the host name `{name}.azurecr.io`, so nobody else in
# Azure may have it: {{container_registry.name_least}} to {{container_registry.name_most}} letters
# and digits, no dashes.

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
# The *admin user* has a password with which the group will fetch the image. That's the simplest
# way. In production, a [managed
# identity](https://learn.microsoft.com/azure/container-instances/using-azure-container-registry-mi),
# an account that Azure keeps for the group, needs no password.
#
# *ACR Tasks* are Azure Container Registry's build machines. You send them the build context, and
# they follow the Dockerfile. First pack the folder and upload it where the registry says:

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
# `image_names` is the repository's name and, after the colon, the *tag*. Give each version its own
# tag. `follow` prints each instruction as its turn comes; on live Azure that takes minutes.

# %%
from azure.mgmt.containerregistrytasks.models import (
    Argument,
    DockerBuildRequest,
    PlatformProperties,
)

from helpers.image import follow

run = build_tasks.registries.schedule_run(
    resource_group,
    registry_name,
    DockerBuildRequest(
        source_location=place.relative_path,
        docker_file_path="api/Dockerfile",
        image_names=["digits:1"],
        is_push_enabled=True,
        platform=PlatformProperties(os="Linux"),
        # Another image to begin with, if the environment variable BASE_IMAGE names one.
        arguments=[Argument(name="BASE_IMAGE", value=base_image)] if base_image else [],
    ),
)
run, build_log = follow(build_tasks, resource_group, registry_name, run)
print("state:", run.status.value)
if run.status != "Succeeded":
    print(build_log[-3000:])

# %% [markdown]
# > **Tip.** The CLI packs, uploads and follows in one line: `az acr build --registry NAME --image
# > digits:1 --file scoring/api/Dockerfile scoring`.
#
# Ask the registry itself, as its admin user, which tags it has:

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
# ## Run it as a container group
#
# Container Instances runs *container groups*: one container or several, on one machine, with one
# address. A function describes one, from the inside out:

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


def describe(name, **variables):
    """Describe a group that runs the API, with these environment variables."""
    container = Container(
        name="digits",
        image=f"{server}/digits:1",
        ports=[ContainerPort(port=8080)],
        environment_variables=[
            *(EnvironmentVariable(name=k, value=v) for k, v in variables.items()),
            EnvironmentVariable(name="ADMIN_TOKEN", secure_value=secrets.token_hex()),
        ],
        resources=ResourceRequirements(requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)),
    )
    return ContainerGroup(
        location=location,
        os_type="Linux",
        restart_policy="Always",
        image_registry_credentials=[
            ImageRegistryCredential(server=server, username=admin.username, password=password)
        ],
        containers=[container],
        ip_address=IpAddress(
            type="Public",
            dns_name_label=name,
            ports=[Port(port=8080, protocol="TCP")],
        ),
    )


# %% [markdown]
# - `ports` come twice: the container listens on 8080, and the group's address lets 8080
#   through.
# - `secure_value` is for what nobody should read. The API doesn't use `ADMIN_TOKEN`; you'll look
#   for it below.
# - `cpu` and `memory_in_gb` are what the container gets and what you pay for. A group has [at least
#   {{container_instances.least_cores}} core and {{container_instances.least_memory}}
#   GB](https://learn.microsoft.com/azure/container-instances/container-instances-container-groups)
#   in all.
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

url = f"http://{group.ip_address.fqdn}:8080"
print("address:", url)
_ = until(lambda: answers(url), "the API on Azure")

# %%
answer = requests.post(f"{url}/predict_file", files={"file": picture(images[1468])}, timeout=60)
print("/predict_file:", answer.status_code, answer.headers["X-App-Version"])

# %% [markdown]
# The same call as on your machine, at another address. (Local Azure's addresses are known in its
# notebooks and in the portal, not to your browser.) The figure shows six digits sent as files, what
# came back, and what was written.

# %%
from practice.figures import plots

chosen = [7, 42, 449, 787, 1288, 1468]
probabilities = []
for digit in images[chosen]:
    answer = requests.post(f"{url}/predict_file", files={"file": picture(digit)}, timeout=60)
    probabilities.append(answer.json()["predictions"][0]["probabilities"])
plots.predictions(images[chosen], probabilities, load_digits().target[chosen])

# %% [markdown]
# > **Before you run it.** Anyone who may read the group can get its description. Which of these
# > values are in it?

# %%
guess = predict(
    "Which values does Azure show?",
    ["APP_VERSION", "APP_VERSION and ADMIN_TOKEN", "all, the registry's password too"],
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
guess.compare("all, the registry's password too" if "password" in shown else " and ".join(shown))

# %% [markdown]
# **What happened.** Everybody can read the plain value. The secure value and the password never
# come back.
#
# ## https is yours to add
#
# Every Azure address so far began with `https://`. This one:

# %%
try:
    requests.get(url.replace("http://", "https://"), timeout=10)
except (requests.ConnectionError, requests.Timeout):
    print("https: no connection")
print("http: ", requests.get(url, timeout=60).status_code)

# %% [markdown]
# What listens is your program, and it speaks http: digits and passwords can be read on the way. To
# encrypt them, put something in front that *ends TLS*, the encryption under https:
#
# - a second container in the group, a *sidecar*:
#   [Caddy](https://learn.microsoft.com/azure/container-instances/container-instances-container-group-automatic-ssl),
#   which gets and renews the certificate itself, or
#   [nginx](https://learn.microsoft.com/azure/container-instances/container-instances-container-group-ssl)
#   with a certificate of yours;
# - [Application
#   Gateway](https://learn.microsoft.com/azure/container-instances/container-instances-application-gateway),
#   a service of its own, with [a price of its
#   own](https://azure.microsoft.com/pricing/details/application-gateway/), before a group in a
#   *virtual network*, a private network of yours in Azure;
# - or Container Apps, which has https from the start: lesson 07.
#
# ## Stop and start
#
# A stopped group keeps its name and description, and costs nothing.

# %%
groups.stop(resource_group, group_name)
print("group:", groups.get(resource_group, group_name).instance_view.state)
print("does it answer:", answers(url))
wait(groups.begin_start(resource_group, group_name), "starting it")
until(lambda: answers(url), "the API on Azure")
log = instances.containers.list_logs(resource_group, group_name, "digits").content
print("pictures sent:", log.count('"POST /predict_file HTTP/1.1" 200'))

# %% [markdown]
# **What happened.** You sent seven pictures, and the log knows of none. The name still leads there,
# but the container is new: its log begins anew, and so would every file that the old one had
# written. On live Azure its IP address may change too.
#
# ## In the portal
#
# Choose *Container Instances* in the portal, and the group `digits-...`. Press *Stop*, and when the
# status has changed, *Start*. Which of these differ afterwards: address, start time, restart count,
# log?
#
# ![The page of a container group in the portal, with the buttons Start, Stop, Restart and Delete.
# The group is Running; its address is a link. The table of containers has image, state, start time
# and restart count; the table of events has Pulling, Pulled, Created and
# Started.](../docs/images/portal/container-group.png)
#
# You see *Stopped*, and *Killing* among the events. Then there's a new start time, and a new log
# under *Logs*. The restart count is still 0: it counts what the restart policy does, not what you
# do. *Address* opens the API in a tab; add `/docs` and try a picture. *Delete* asks you to type the
# name.
#
# On live Azure it's [portal.azure.com](https://portal.azure.com), *Container instances*. The
# buttons are on *Overview*; events and logs are below *Containers*. There, *Delete* asks for a
# *Yes*.
#
# ## Exercises
#
# ### What is built again?
#
# You've built the image with Docker on your machine. Then you change one file, and build again. For
# each file, put into `first` the number of the first step that Docker has to run anew.

# %%
from practice.exercises import lesson_06 as exercises

exercises.show_steps(dockerfile)

first = {"api/app/main.py": ..., "api/requirements.txt": ..., "api/model/digits.pt": ...}

# %%
exercises.built_again.check(dockerfile, first)

# %% [markdown]
# ### Another port
#
# Run the API a second time, as the group `my_name` with that DNS label, on port 8000 and on no
# other. The image doesn't have to change: read its `CMD` once more. The check sends a request to
# port 8000.

# %%
my_name = f"mine-{suffix}"

# Your code goes here.

# %%
exercises.other_port.check(instances, resource_group, my_name)

# %% [markdown]
# ### Office hours
#
# The group of this lesson runs from 8 a.m. to 6 p.m. on the 22 working days of a month, and is
# stopped in between. The registry is there for all 30 days. Put the month's bill, in US dollars in
# Sweden Central, into `month`.

# %%
from practice.pricing import prices

price = prices.container_instances("swedencentral")
print("a core for an hour:    ", price.vcpu_hour)
print("a gigabyte for an hour:", price.gb_hour)
print("a registry for a day:  ", prices.registry("swedencentral").usd)

month = ...

# %%
exercises.month.check(month)

# %% [markdown]
# ## Cleaning up
#
# A deleted group is gone for good. You can delete the first one in the portal; this cell deletes
# what's left, your own group too.


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
# Lessons 06b and 07 use the image, so the registry stays. If you stop here, set `clean_up = True`
# in the first cell, run that cell, and then this one. Every image goes with the registry.

# %%
if clean_up:
    wait(registries.begin_delete(resource_group, registry_name), "deleting it")
    shutil.rmtree(api / "model")

# %% [markdown]
# ## Recap
#
# - Test on your machine first. Then build, in a registry or with Docker.
# - In a Dockerfile, what changes least comes first. Nothing runs as root.
# - A container group has an address, and no key, no certificate and no scaling: those are yours.
# - Secrets go into `secure_value`. You pay by the second until the group is stopped or deleted.
#
# [`scoring/create_container.py`](../scoring/create_container.py) does all of this in one go.
# [Troubleshooting](../docs/troubleshooting.md) has the failures by error code. More from Microsoft:
#
# - [Container Instances, all of its
#   documentation](https://learn.microsoft.com/azure/container-instances/)
# - [Tutorial: an image, from Dockerfile to
#   container](https://learn.microsoft.com/azure/container-instances/container-instances-tutorial-prepare-app)
# - [ACR Tasks](https://learn.microsoft.com/azure/container-registry/container-registry-tasks-overview)

# %%
from practice import progress

progress.show("06")

# %% [markdown]
# **Next:** [06b When a container fails](06b-container-failures.ipynb). It crashes, starves and
# listens at the wrong door, and you find out why.
