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
# # 00 Train and register the models
#
# A model that lives in a notebook can only answer you. When you *deploy* it, you put it where any
# program can send it data and get a prediction back: at an address, on machines that somebody looks
# after. In this course you deploy one small model, which reads handwritten digits, on three
# services of Azure, Microsoft's cloud.
#
# Before you can deploy a model, Azure has to have it. So here you train two small neural networks
# and *register* them: you hand them to an Azure Machine Learning *workspace*, the place where Azure
# keeps a team's models by name and version.
#
# ## Goals
#
# By the end you can
#
# - say what a registered model is, and what an environment is;
# - register a model from a folder and find its version;
# - list the packages a model needs and register that list as an environment;
# - see in a confusion matrix which mistakes a model makes.
#
# **Time:** about 30 minutes.
#
# ## What this costs on live Azure
#
# Next to nothing. Training runs on your own machine. The workspace stores two files of a few
# hundred kilobytes, which costs far less than a cent a month ([storage
# prices](https://azure.microsoft.com/pricing/details/storage/blobs/)). On local Azure nothing costs
# anything, in any lesson.
#
# ## Where this notebook runs
#
# The *kernel* is the program that runs a notebook's cells. Its name is at the top right. With
# **Azure (local)**, everything you do goes to an Azure on your own machine, which comes with this
# course. With **Azure (live)**, the same code goes to the real Azure, and you pay for what you
# make. Not one cell differs between the two. Lesson 01 shows how that works.
#
# The next cell holds everything that may be different for you: where your workspace is (the kernel
# knows), a `suffix` that keeps your names apart from everybody else's, and the number of *epochs*,
# which is how often a network sees all of its training digits. Run this cell, and each one after
# it, with Shift+Enter.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
epochs = 12

# %% [markdown]
# > **Tip.** Did the cell stop with `KeyError: 'AZURE_SUBSCRIPTION_ID'`? Then the notebook runs in a
# > plain Python kernel. Choose *Kernel*, *Change Kernel*, *Azure (local)*.
#
# The course installed every package for you. Outside it, this lesson needs `pip install azure-ai-ml
# azure-identity scikit-learn torch tensorflow keras`.
#
# ## The digits
#
# The data are 1,797 digits written by hand, collected at Boğaziçi University and kept in the [UCI
# repository](https://archive.ics.uci.edu/dataset/80). They come with scikit-learn, so you download
# nothing. Each is an image of 8 rows and 8 columns, and each pixel is a number from 0 (paper) to 16
# (ink). A fifth of them is *held out*: no model sees these digits while it learns, so they show how
# well a model copes with something new.

# %%
from scoring.train import load_digits_split

split = load_digits_split()
print("to learn from:", split.train_images.shape)
print("held out:     ", split.test_images.shape)
print("pixel values: ", split.train_images.min(), "to", split.train_images.max())

# %% [markdown]
# The figure shows one held-out example of each digit. Eight by eight pixels is coarse, yet you can
# read nearly all of them.

# %%
import numpy as np

from practice.figures import plots

_, examples = np.unique(split.test_labels, return_index=True)
plots.digits(split.test_images[examples], titles=range(10))

# %% [markdown]
# ## Train two models
#
# You train the same network twice, with PyTorch and with Keras, two *frameworks* (libraries for
# building and training networks). That pays off in lesson 05, where one model takes over from the
# other and no client notices. The code is in `scoring/train.py`. Its random numbers always start at
# the same point, so you get the same models every time.
#
# > **Before you run it.** Guessing would get one digit in ten right. What share of the 360 held-out
# > digits will a network get right after a few seconds of training? Choose before you go on: you
# > remember best what you predicted yourself.

# %%
from practice.widgets.quiz import predict

bands = ["less than 80 %", "80 to 95 %", "more than 95 %"]
guess = predict("What share of the held-out digits will PyTorch get right?", bands)
guess

# %%
from scoring.train import train

pytorch = train("pytorch", split, epochs)
keras = train("keras", split, epochs)
for trained in (pytorch, keras):
    print(f"{trained.framework}: {trained.accuracy:.1%} of held-out digits right")

guess.compare(bands[np.digitize(pytorch.accuracy, [0.80, 0.95])])

# %% [markdown]
# **What happened.** A handful of mistakes in 360 digits, after a few seconds. In this course the
# model is the quick part. The work is in getting it to an address.
#
# ## Which mistakes they make
#
# One number hides a lot. A *confusion matrix* has a row for each true digit and a column for each
# prediction. Right answers lie on the diagonal, and mistakes lie off it. The figure puts the two
# models' matrices side by side, right answers in blue and mistakes in red.

# %%
plots.confusion({"PyTorch": pytorch.confusion, "Keras": keras.confusion})

# %% [markdown]
# The next two figures show the digits that each model got wrong. Each title says what the digit is
# and what it was read as.

# %%
for trained in (pytorch, keras):
    missed = np.flatnonzero(trained.predictions != split.test_labels)
    pairs = zip(split.test_labels[missed], trained.predictions[missed], strict=True)
    plots.digits(
        split.test_images[missed],
        titles=[f"{truth} as {prediction}" for truth, prediction in pairs],
        heading=f"What the {trained.framework} model got wrong",
    )

# %% [markdown]
# **What happened.** You might have misread most of these yourself. The two networks have the same
# shape, but they learned different numbers, so they fail on different digits.
#
# ## Connect to the workspace
#
# From here on you use Microsoft's *SDK* (software development kit) for Azure Machine Learning:
# Python functions that talk to Azure for you. `MLClient` is the door to a workspace, and
# `DefaultAzureCredential` works out who you are. Lesson 01 takes both apart. Here you just need
# them.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)

# %% [markdown]
# ## Register the models
#
# First, save each model in a folder of its own. PyTorch saves a *state dict*: the network's numbers
# and no code. Keras saves a `.keras` file: numbers and layers, again without code. Lesson 03 shows
# why that matters.

# %%
from pathlib import Path

from scoring.train import save

for trained in (pytorch, keras):
    folder = Path("../build/models") / f"digits-{trained.framework}"
    print("saved as", save(trained, folder).as_posix())

# %% [markdown]
# `create_or_update` uploads the folder to the workspace's storage and adds it to the list of
# models. You choose the name, and the workspace counts the versions, starting with 1. *Tags* are
# notes that you can attach to nearly anything in Azure, each with a name and a text. Here they name
# the framework. `CUSTOM_MODEL` means "any files at all": Azure need not understand them.

# %%
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Model

for trained in (pytorch, keras):
    registered = ml_client.models.create_or_update(
        Model(
            name=f"digits-{trained.framework}",
            path=f"../build/models/digits-{trained.framework}",
            type=AssetTypes.CUSTOM_MODEL,
            description="Reads handwritten digits, 8x8 pixels",
            tags={"framework": trained.framework},
        )
    )
    print(f"{registered.name}, version {registered.version}")

# %% [markdown]
# **What happened.** The green bars come from the SDK and show the upload. A registered model is a
# name, a version and files, and those files never change. Run the cell again and you get version 2
# beside version 1. So you can always tell which files a deployment uses, and go back to older ones.
#
# ## Where the file is now
#
# Later, a *scoring script* (the code that answers requests, lesson 03) must find its file inside
# the registered model. All that Azure tells it is the folder in which the model begins.
#
# > **Before you run it.** You gave Azure the folder `../build/models/digits-pytorch`, which holds
# > one file, `digits.pt`. What is the file's path inside the model?

# %%
paths = ["digits.pt", "digits-pytorch/digits.pt", "build/models/digits-pytorch/digits.pt"]
guess = predict("Where in the registered model is the file?", paths)
guess

# %% [markdown]
# Download the model and look. The SDK makes a folder with the model's name, and the model begins
# inside that folder.

# %%
latest = ml_client.models.get("digits-pytorch", label="latest")
downloads = Path("../build/lesson-00")
ml_client.models.download(latest.name, latest.version, download_path=downloads)

begins = downloads / latest.name
inside = next(begins.rglob("*.pt")).relative_to(begins).as_posix()
print(inside)
guess.compare(inside)

# %% [markdown]
# **What happened.** A registered folder keeps its own name inside the model, and everything above
# it is left behind. It's the *folder's* name, not the model's, though here both are
# `digits-pytorch`. Had you registered the file itself, you'd find `digits.pt` and no folder.
#
# > **Caution.** Many a first deployment fails because its script looks one level too high. When
# > yours can't find its file, download the model and look, as you just did.
#
# ## Register the environments
#
# A model needs more than its file. It needs Python, the framework, and versions that fit together.
# Azure Machine Learning calls that an *environment*. It has two parts: a *container image* to start
# from (an operating system with its programs, packed and ready to run) and a list of packages to
# install on top. The list is a file for the package manager conda. This is the one for PyTorch:

# %%
print(Path("../scoring/pytorch/conda.yaml").read_text())

# %% [markdown]
# Read it from the bottom. `torch` runs the network, `numpy` and `pillow` handle images, and
# `azureml-inference-server-http` listens for requests. `==` pins a package to one version, so a
# build next year won't pick up a newer one that your model was never tried with. Every extra
# package makes the image larger and the first deployment slower, and is one more thing that can
# break.
#
# The line with `--extra-index-url` saves money. On Linux, plain `pip install torch` also installs
# NVIDIA's CUDA libraries, gigabytes of them, for graphics cards ([a course of their
# own](https://learn.microsoft.com/training/paths/develop-custom-object-detection-models-with-nvidia-and-azure-machine-learning/)).
# Ours have none, and so large an image takes longer to build and start. This address is PyTorch's
# [index of builds for plain processors](https://pytorch.org/get-started/locally/), and pip prefers
# what it finds there.

# %%
from azure.ai.ml.entities import Environment

base_image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"

for framework in ("pytorch", "keras"):
    environment = ml_client.environments.create_or_update(
        Environment(
            name=f"digits-{framework}-env",
            image=base_image,
            conda_file=f"../scoring/{framework}/conda.yaml",
            description=f"What scoring/{framework}/score.py imports",
        )
    )
    print(f"{environment.name}, version {environment.version}")

# %% [markdown]
# > **Tip.** Registering an environment only writes the list down. Azure builds the image when a
# > deployment first needs it, which can take up to {{online_endpoints.first_deployment_minutes}}
# > minutes on live Azure. As long as image and list stay the same, it's built only once.
#
# ## What the workspace has now
#
# `list()` gives you one entry for each name, with its latest version. (The `if` leaves out what
# others registered in the same workspace.)

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print("model      ", model.name, "version", model.latest_version)

for env in ml_client.environments.list():
    if env.name.startswith("digits-"):
        print("environment", env.name, "version", env.latest_version)

# %% [markdown]
# To see one version in full, get it by name and version, or by the label `latest`.

# %%
model = ml_client.models.get("digits-pytorch", label="latest")
print("name:   ", model.name)
print("version:", model.version)
print("tags:   ", model.tags)
print("path ends in:", model.path.split("/")[-1])

# %% [markdown]
# Nothing here says how good the model is. The second exercise changes that.
#
# The portal (tile *Portal* in JupyterLab's launcher, then *Machine Learning*) lists the same under
# *Models* and *Environments*. On live Azure these pages are in [Azure Machine Learning
# studio](https://ml.azure.com), where you can also register both by form.
#
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a `check()`. Run the check whenever you
# like. Its box says not attempted (grey), not quite (amber) or right (green). *Hint* gives you one
# more hint each time, and *Solution* shows code that passes.
#
# ### Which digit do they miss most?
#
# Count the mistakes of both models together. Which *true* digit do they miss most often? Count in
# the figure or use NumPy, and write the digit in place of `...`.

# %%
from practice.exercises import lesson_00 as exercises

most_missed = ...

# %%
exercises.most_missed.check(most_missed, pytorch.confusion + keras.confusion)

# %% [markdown]
# ### Write the accuracy down where it belongs
#
# A registered model's files can't change, but its tags can. Give the latest version of
# `digits-pytorch` a tag `accuracy` that holds `pytorch.accuracy`, rounded to four places. Azure
# keeps tags as text. The check looks in the workspace, so the tag has to get there.

# %%
# Your code goes here.

# %%
exercises.accuracy_tag.check(ml_client, pytorch.accuracy)

# %% [markdown]
# ### An environment for another model
#
# A colleague's model comes from scikit-learn, neither PyTorch nor Keras, and needs an environment.
# Register one under the name in `my_env`, from the same `base_image`. It needs Python 3.11 and,
# from pip, two packages pinned to a version. One of them is `scikit_learn`, which holds the version
# you have here. Which is the other, without which no deployment could answer? Leave out everything
# that this model won't use.

# %%
import sklearn

my_env = f"mine-{suffix}-env"
scikit_learn = f"scikit-learn=={sklearn.__version__}"

# Your code goes here.

# %%
exercises.own_environment.check(ml_client, my_env)

# %% [markdown]
# ## Cleaning up
#
# Keep everything: the next lessons deploy these models and environments, and they cost almost
# nothing. To hide a version that you no longer use, archive it:
# `ml_client.models.archive("digits-pytorch", version="1")`. It disappears from the list, but its
# files stay, and deployments that use it keep working.
#
# ## Recap
#
# - A registered model is a name, a version and files that never change.
# - You register a folder or a file. A folder keeps its name inside the model.
# - An environment is an image and a list of packages. Azure builds it when it's first used.
# - Accuracy is one number. A confusion matrix shows the mistakes that this number hides.
#
# More from Microsoft: [Azure Machine Learning
# documentation](https://learn.microsoft.com/azure/machine-learning/), [manage
# models](https://learn.microsoft.com/azure/machine-learning/how-to-manage-models), [manage
# environments](https://learn.microsoft.com/azure/machine-learning/how-to-manage-environments-v2).
#
# Your exercises in this lesson (`course progress` in a terminal shows all lessons):

# %%
from practice import progress

progress.show("00")

# %% [markdown]
# **Next:** [01 Connect](01-connect.ipynb) takes a closer look at the two lines that opened the
# workspace.
