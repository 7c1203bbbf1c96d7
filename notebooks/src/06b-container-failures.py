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
# # 06b When a container fails
#
# In lesson 06 everything worked. Now it doesn't. You break a container group in four ways, and each
# time you do the same four things: see it, read the log, find the cause, repair it.
#
# ## Goals
#
# Afterwards you can
#
# - tell *running* from *ready*;
# - say what happens when a container's program ends, and choose a restart policy;
# - find the one line of a log that says why;
# - recognize a bad image, a crash loop, a wrong port and too little memory by what Azure shows;
# - say what Container Instances is good for, and what it isn't.
#
# **Time:** about 30 minutes. On live Azure you wait about fifteen minutes more.
#
# ## What this costs on live Azure
#
# Eleven small groups run for a few minutes each. At {{container_instances.core_hour}} US dollars
# for a core for an hour in Sweden Central
# ([prices](https://azure.microsoft.com/pricing/details/container-instances/)) that's less than ten
# cents. The last section deletes them. The registry costs what it cost in lesson 06. It stays for
# lesson 07, unless you set `clean_up = True`.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
clean_up = False

# %% [markdown]
# The image is lesson 06's; if it isn't in your registry, this builds it. Outside this course you'd
# `pip install azure-mgmt-containerinstance`.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from helpers.image import ensure_image
from helpers.workspace import ensure_models

credential = DefaultAzureCredential()
ml_client = MLClient(credential, subscription_id, resource_group, workspace_name)
instances = ContainerInstanceManagementClient(credential, subscription_id)
groups = instances.container_groups

ensure_models(ml_client)
location = ml_client.workspaces.get(workspace_name).location
image = ensure_image(subscription_id, resource_group, suffix, tag="1")

# %% [markdown]
# `describe` is lesson 06's, with a choice of tag and restart policy. `watch` returns a container's
# *instance view*: its state, its restarts, and the *events*, which are what Azure did with it.

# %%
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

group_name = f"digits-{suffix}"


def describe(name, tag="1", restart_policy="Always", **variables):
    """Describe a group that runs the API, with these environment variables."""
    container = Container(
        name="digits",
        image=f"{image.server}/digits:{tag}",
        ports=[ContainerPort(port=8080)],
        environment_variables=[EnvironmentVariable(name=k, value=v) for k, v in variables.items()],
        resources=ResourceRequirements(requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5)),
    )
    password = ImageRegistryCredential(
        server=image.server, username=image.username, password=image.password
    )
    return ContainerGroup(
        location=location,
        os_type="Linux",
        restart_policy=restart_policy,
        image_registry_credentials=[password],
        containers=[container],
        ip_address=IpAddress(
            type="Public", dns_name_label=name, ports=[Port(port=8080, protocol="TCP")]
        ),
    )


def watch(name):
    """Return the instance view of a group's first container."""
    return groups.get(resource_group, name).containers[0].instance_view


def log_of(name):
    """Return what the program of a group's container has printed."""
    return instances.containers.list_logs(resource_group, name, "digits", tail=500).content or ""


# %% [markdown]
# ## Running isn't ready
#
# First, a healthy group.
#
# > **Before you run it.** The group will be `Succeeded`. When will the API answer?

# %%
from practice.widgets.quiz import predict

guess = predict("When will the API answer?", ["at once", "later"])
guess

# %%
from helpers.wait import answers, until, wait

well_name = f"{group_name}-well"
group = wait(
    groups.begin_create_or_update(resource_group, well_name, describe(well_name)), well_name
)
url = f"http://{group.ip_address.fqdn}:8080"
answered = answers(url)
print("container:", watch(well_name).current_state.state)
guess.compare("at once" if answered else "later")
_ = until(lambda: answers(url), "the API")

# %% [markdown]
# **What happened.** `Succeeded` is about the group, and `Running` says that the program was
# started. Until it has loaded PyTorch and the model, nobody listens. Azure doesn't wait for that,
# unless you give the container a [readiness
# probe](https://learn.microsoft.com/azure/container-instances/container-instances-readiness-probe):
# a request that Azure sends again and again until it's answered. A [liveness
# probe](https://learn.microsoft.com/azure/container-instances/container-instances-liveness-probe)
# goes on asking, and restarts a program that hangs.
#
# ## When the program ends
#
# A container lives as long as its program. What comes next is up to the restart policy: `Always`
# (the default), `OnFailure` or `Never`. Here are five groups with a `command` of their own in place
# of the API. It ends at once: with *exit code* 1, which means failure, or with 0. They need no
# address.


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


policies = [("Always", 1), ("Always", 0), ("OnFailure", 1), ("OnFailure", 0), ("Never", 0)]
trials = {f"{group_name}-{policy.lower()}-{code}": (policy, code) for policy, code in policies}
for name, (policy, code) in trials.items():
    groups.begin_create_or_update(
        resource_group, name, short_lived(name, policy, f"raise SystemExit({code})")
    )

# %% [markdown]
# > **Before you run it.** Which of the five will be started again? The cell waits for each until
# > it was started twice more, or has stayed ended for 15 seconds.

# %%
guess = predict(
    "Which of the five will be started again?",
    [
        "Always 1, OnFailure 1",
        "Always 1, Always 0, OnFailure 1",
        "Always 1, Always 0, OnFailure 1, OnFailure 0",
    ],
)
guess

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
for poller in [groups.begin_delete(resource_group, name) for name in trials]:
    poller.wait()

# %% [markdown]
# **What happened.** `Always` starts again whatever the exit code was. That's right for an API,
# which has no reason to end. `OnFailure` starts again after a failure only, which is right for a
# job that has to get through.
#
# The sixth combination is missing on purpose. After a failure, `Never` doesn't mean never: Azure
# [may still
# restart](https://learn.microsoft.com/azure/container-instances/container-instances-restart-policy#restart-behavior-with-nonzero-exit-codes)
# a program that ended with anything but 0. Local Azure doesn't, but don't rely on it.
#
# `CrashLoopBackOff` means that the program ended too often, so Azure waits before the next start.
# The wait doubles each time, as in Kubernetes, where it goes [from
# {{container_instances.back_off_first}} seconds to {{container_instances.back_off_most}}
# minutes](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy).
# Meanwhile you pay, because the group still runs.
#
# ## A bad image
#
# Somebody asks for version 2, and nobody has built it.

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
# - **Log:** none. There's no group, so the message is all you get.
# - **Cause:** no such tag or repository, or a password that the registry refuses. Azure says the
#   same of both: it can't look behind a closed door.
# - **Repair:** compare the name with the registry's list of tags, letter by letter. Then the user
#   name and password.
#
# ## A crash loop
#
# The variable `MODEL_FILE` tells the API where its model is. This group gets it wrong.

# %%
loop_name = f"{group_name}-loop"
wait(
    groups.begin_create_or_update(
        resource_group, loop_name, describe(loop_name, MODEL_FILE="models/digits.pt")
    ),
    loop_name,
)
view = until(lambda: settled(watch(loop_name), restarts=1), loop_name)
print("state:   ", view.current_state.state, view.current_state.detail_status)
print("last run:", view.previous_state.state, view.previous_state.exit_code)

# %% [markdown]
# `Succeeded` again, and nothing but restarts. The state says *that* it fails; the log says *why*.
# Here it is, whole:

# %%
from practice.widgets.log_pane import LogPane

log = until(lambda: log_of(loop_name), "the log")
LogPane(log)

# %% [markdown]
# ### The line that says why
#
# Put the number of the line that tells you what to repair into `line`.

# %%
from practice.exercises import lesson_06b as exercises

line = ...

# %%
exercises.telling_line.check(log, line)

# %% [markdown]
# Read a traceback from its end: the last lines have the exception, and the lines above say how it
# came to that. When you know what you're looking for, a filter is quicker:

# %%
for each in log.splitlines():
    if "Error: " in each:
        print(textwrap.fill(each.strip(), 88))

# %% [markdown]
# - **Seen:** the address doesn't answer. State `Waiting` with `CrashLoopBackOff`, a restart count
#   that grows, and an exit code that isn't 0 in `previous_state`.
# - **Log:** Python's last words. It's the log of the last run only. [Log
#   Analytics](https://learn.microsoft.com/azure/container-instances/container-instances-log-analytics)
#   keeps those before, too.
# - **Cause:** nearly always a program that can't find something: a file, a variable, a package.
# - **Repair:** send the corrected description under the same name. Azure then starts the container
#   anew.

# %%
repaired = describe(loop_name, MODEL_FILE="model/digits.pt")
wait(groups.begin_create_or_update(resource_group, loop_name, repaired), "the repair")
loop_url = f"http://{loop_name}.{location}.azurecontainer.io:8080"
_ = until(lambda: answers(loop_url), "the repaired API")

# %% [markdown]
# ## A wrong port
#
# The next group is asked to listen on port 8000. Its address still opens port 8080.

# %%
port_name = f"{group_name}-port"
wait(
    groups.begin_create_or_update(resource_group, port_name, describe(port_name, PORT="8000")),
    port_name,
)
port_url = f"http://{port_name}.{location}.azurecontainer.io:8080"
until(lambda: "startup complete" in log_of(port_name), "the program's start")
view = watch(port_name)
print("state:", view.current_state.state, "restarts:", view.restart_count)
print("does it answer:", answers(port_url))
LogPane(log_of(port_name))

# %% [markdown]
# - **Seen:** `Running`, no restarts, and no answer. This is the quiet failure.
# - **Log:** nothing unusual. Its last line has the port. (If local Azure runs without Docker,
#   `127.0.0.1` and a free port stand for `0.0.0.0:8000`.)
# - **Cause:** program and address disagree. Container Instances [doesn't map
#   ports](https://learn.microsoft.com/azure/container-instances/container-instances-troubleshooting#container-group-ip-address-may-not-be-accessible-due-to-mismatched-ports)
#   as Docker's `-p` does. A program that listens on `127.0.0.1` looks just the same.
# - **Repair:** one port in all three places: program, container, address.
#
# A readiness probe makes the quiet failure loud. It asks the port that clients will ask:

# %%
from azure.mgmt.containerinstance.models import ContainerHttpGet, ContainerProbe

probe = ContainerProbe(
    http_get=ContainerHttpGet(path="/", port=8080, scheme="http"), period_seconds=2
)
probed = describe(port_name, PORT="8000")
probed.containers[0].readiness_probe = probe
wait(groups.begin_create_or_update(resource_group, port_name, probed), "with a probe")


def unhealthy(name):
    """Return the event of a probe that failed; None if there is none."""
    view = watch(name)
    events = view.events if view else None
    return next((event for event in events or () if event.name == "Unhealthy"), None)


event = until(lambda: unhealthy(port_name), "an event")
print(event.type, event.name, event.message.partition(":")[0])

repaired = describe(port_name)
repaired.containers[0].readiness_probe = probe
wait(groups.begin_create_or_update(resource_group, port_name, repaired), "the repair")
_ = until(lambda: answers(port_url), "the repaired API")

# %% [markdown]
# ## Out of memory
#
# This program takes 50 megabytes, then 50 more, and so on. Its limit is one gigabyte.
#
# > **Before you run it.** What will its log say last?

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


def ended(name):
    """Return the state in which a container's program last ended; None if it never did."""
    view = watch(name)
    states = [view.current_state, view.previous_state] if view else []
    return next((state for state in states if state and state.exit_code), None)


state = until(lambda: ended(greedy_name), greedy_name)
print(state.state, state.detail_status, "exit code", state.exit_code)
last = until(lambda: log_of(greedy_name), "its log").splitlines()[-1]
guess.compare("a number of MB" if last.endswith("MB") else "a MemoryError")

# %% [markdown]
# - **Seen:** exit code 137. `OOMKilled` (*out of memory*) beside it is
#   [Kubernetes'
#   word](https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/#exceed-a-container-s-memory-limit)
#   for it. Microsoft's pages don't list the word, so go by the number.
# - **Log:** no exception and no last word. The system killed the process from outside: 137 is 128 +
#   9, and signal 9 can't be refused.
# - **Cause:** more memory wanted than `memory_in_gb`. PyTorch takes some 200 megabytes before the
#   first digit.
# - **Repair:** more memory, or less to do. Cores, memory and restart policy can't be changed while
#   a group exists: [delete it and create it
#   again](https://learn.microsoft.com/azure/container-instances/container-instances-update).

# %%
failed = [well_name, loop_name, port_name, greedy_name]
for poller in [groups.begin_delete(resource_group, name) for name in failed]:
    poller.wait()

# %% [markdown]
# > **Tip.** In the portal, the group's page has all of this: the state and the restart count in the
# > table of containers, *Events* below it, and *Logs*, which follows. On live Azure, exit code and
# > reason are in *JSON view* on *Overview*.
#
# ## What it's good for
#
# You've seen what the service does, and what it leaves to you.
#
# For it:
#
# - It's simple: one call from an image to an address.
# - It's flexible: any program, any port, status codes of your own.
# - You pay by the second, and nothing while the group is stopped.
# - A program that ends is started again.
#
# Against it:
#
# - There's no https and no key.
# - It's one machine. For more requests you add groups, and share the requests out yourself.
# - A repair interrupts: there's no second version beside the first.
# - What the container wrote is gone after a restart.
#
# So it suits jobs, tests, and small APIs behind something else. It doesn't suit a service that many
# people wait for. For many groups at once there are
# [NGroups](https://learn.microsoft.com/azure/container-instances/container-instance-ngroups/container-instances-about-ngroups),
# which are a preview. Versions and scaling are what Container Apps adds: lesson 07.
#
# ## Exercises
#
# ### A group that is ill
#
# The cell creates a group that somebody else has described, with one mistake in it. It's
# `Succeeded` and doesn't answer. Find out why, and repair it. (The second container only waits: a
# group has at least {{container_instances.least_memory}} gigabyte in all.)

# %%
ill_name = f"{group_name}-ill"
exercises.make_ill(groups, resource_group, ill_name, describe(ill_name))

# Your code goes here.

# %%
exercises.ill.check(instances, resource_group, ill_name)

# %% [markdown]
# ### Once, and only once
#
# `job` sends a bill, and then it fails. If Azure starts it again, the customer gets two bills. Run
# it as the group `once_name`, with the policy `Never`, so that Azure promises not to start it
# again. The log must still tell you what went wrong. (Delete a failed attempt before you try
# again.)

# %%
once_name = f"{group_name}-once"
job = """
print("bill sent to customer 7", flush=True)
raise ConnectionError("the ledger does not answer")
"""

# Your code goes here.

# %%
exercises.once.check(instances, resource_group, once_name)

# %% [markdown]
# ## Cleaning up


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
print("your groups:", my_groups())

# %% [markdown]
# Lesson 07 uses the image, so the registry stays. If you stop here, set `clean_up = True` in the
# first cell, run that cell, and then this one.

# %%
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

if clean_up:
    registries = ContainerRegistryManagementClient(credential, subscription_id).registries
    wait(registries.begin_delete(resource_group, f"digits{suffix}"), "deleting it")

# %% [markdown]
# ## Recap
#
# - `Succeeded` and `Running` don't mean that it answers. Ask it, or let a readiness probe ask.
# - Look in this order: Azure's answer, state and exit code, events, log.
# - `Running` and silent: the port. 137: memory. Restarts: the last lines of the log.
# - `Never` holds after exit code 0 only.
#
# [Troubleshooting](../docs/troubleshooting.md) has these failures by code. More from Microsoft:
#
# - [Troubleshoot Container
#   Instances](https://learn.microsoft.com/azure/container-instances/container-instances-troubleshooting)
# - [States of groups and
#   containers](https://learn.microsoft.com/azure/container-instances/container-state)
# - [Logs and
#   events](https://learn.microsoft.com/azure/container-instances/container-instances-get-logs)

# %%
from practice import progress

progress.show("06b")

# %% [markdown]
# **Next:** [07 Container Apps](07-container-apps.ipynb) takes the same image to a service with
# https, versions and scaling.
