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
# Before a model can be deployed, Azure has to have it. In this lesson you train two small networks
# that read handwritten digits, one in PyTorch and one in Keras, and *register* both: you give them
# to an Azure Machine Learning workspace, which keeps them by name and version.
#
# ## Goals
#
# Afterwards you can
#
# - say what a registered model is, and what an environment is;
# - register a model from a folder, and see its version;
# - describe the packages that a model needs, and register that as an environment;
# - read from a confusion matrix which mistakes a model makes.
#
# **Time:** about 20 minutes.
#
# ## What this costs on live Azure
#
# Next to nothing. Training runs on your own machine. The workspace stores two files of a few
# hundred kilobytes each, which is far below one cent a month ([storage
# prices](https://azure.microsoft.com/pricing/details/storage/blobs/)). On local Azure nothing
# costs anything, here and in every lesson.
#
# ## Where this notebook runs
#
# Look at the kernel's name, at the top right. With **Azure (local)** everything you do reaches an
# Azure on your own machine, which comes with this course. With **Azure (live)** the same code
# reaches your subscription. No cell differs between the two.
#
# The next cell holds what can be different for you: where your workspace is, which the kernel
# knows, and a `suffix` that keeps your names apart from everybody else's.

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
epochs = 12

# %% [markdown]
# > **Tip.** If the cell above ends in `KeyError: 'AZURE_SUBSCRIPTION_ID'`, the notebook runs in a
# > plain Python kernel. Choose *Kernel*, *Change Kernel*, and then *Azure (local)*.
#
# ## The digits
#
# The data are 1,797 digits that people wrote by hand, collected at Boğaziçi University and kept in
# the [UCI repository](https://archive.ics.uci.edu/dataset/80). They come with scikit-learn, so
# nothing is downloaded. Each is an image of 8 rows and 8 columns; a pixel is a number from 0
# (paper) to 16 (ink). A fifth of them is *held out*: no model sees it while it learns.

# %%
from scoring.train import load_digits_split

split = load_digits_split()
print("to learn from:", split.train_images.shape)
print("held out:     ", split.test_images.shape)
print("pixel values: ", split.train_images.min(), "to", split.train_images.max())

# %% [markdown]
# The figure shows one held-out example of each digit, from 0 to 9. Eight by eight pixels is
# coarse, and still you can read nearly all of them.

# %%
import numpy as np

from helpers import plots

_, examples = np.unique(split.test_labels, return_index=True)
plots.digits(split.test_images[examples], titles=range(10))

# %% [markdown]
# ## Train two models
#
# Both networks are the same: two layers of convolution, one of pooling, two dense layers. Having
# them in two frameworks pays off later, when lesson 05 lets the one take over from the other. The
# code is in `scoring/train.py`; seeds are fixed, so you get the same models each time.
#
# > **Before you run it.** Guessing would get one digit in ten right. What share of the held-out
# > digits will a network get right that trains for some seconds on 1,437 tiny images: 80 %, 90 %
# > or more than 97 %?

# %%
from scoring.train import train

pytorch = train("pytorch", split, epochs)
keras = train("keras", split, epochs)
for trained in (pytorch, keras):
    print(f"{trained.framework}: {trained.accuracy:.1%} of held-out digits right")

# %% [markdown]
# ## Which mistakes they make
#
# One number hides a lot. A *confusion matrix* has a row for each true digit and a column for each
# prediction: what lies on the diagonal is right, and what lies off it is a mistake. In the figure
# the two models' matrices stand side by side, what is right in blue and mistakes in red.

# %%
plots.confusion({"PyTorch": pytorch.confusion, "Keras": keras.confusion})

# %% [markdown]
# Better still, look at the mistakes themselves. The next two figures show the digits that PyTorch
# and Keras got wrong; the titles say what each is and what it was read as.

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
# **What happened.** Nearly everything is on the diagonal, and most of the mistakes are ones that
# you might make too. The two networks have the same shape, but not the same weights, so they fail
# on different digits.
#
# ## Connect to the workspace
#
# `MLClient` is the door to a workspace, and `DefaultAzureCredential` finds out who you are. Lesson
# 01 takes both apart; here they are just needed.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

ml_client = MLClient(
    DefaultAzureCredential(), subscription_id, resource_group, workspace_name
)

# %% [markdown]
# ## Register the models
#
# First each model goes into a folder of its own. The PyTorch one is saved as a *state dict*: the
# numbers alone, without any code. The Keras one is a `.keras` file: numbers and layers, also
# without code. Lesson 03 shows why that matters.

# %%
from pathlib import Path

from scoring.train import save

for trained in (pytorch, keras):
    folder = Path("../build/models") / f"digits-{trained.framework}"
    print("saved as", save(trained, folder).as_posix())

# %% [markdown]
# `create_or_update` uploads the folder to the workspace's storage and adds an entry to its list of
# models. You choose the name; the workspace counts the versions, beginning with 1. Tags are yours
# to use; here they say which framework it is.

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
# **What happened.** The bars are the SDK's, and show the upload. A registered model is a name, a
# version and files, and it never changes: run the cell once more and you get version 2 beside
# version 1. That is how you can always tell which files a deployment uses, and go back to an
# earlier one.
#
# > **Caution.** `path` is the folder, so the folder itself becomes part of the model: a scoring
# > script will find the file at `AZUREML_MODEL_DIR/digits-pytorch/digits.pt`. Many a first
# > deployment fails because its script looks one level too high.
#
# ## Register the environments
#
# A model needs more than its file: Python, the framework, and the versions that go together. In
# Azure Machine Learning that is an *environment*: a container image to start from (an operating
# system and its programs, packed and ready to run), and a list of packages to install into it. The
# list is a `conda.yaml`, and the one for PyTorch reads

# %%
print(Path("../scoring/pytorch/conda.yaml").read_text())

# %% [markdown]
# Each environment holds what its scoring script imports and nothing else: every package more makes
# the image larger, the first deployment slower, and one more thing that can break.

# %%
from azure.ai.ml.entities import Environment

for framework in ("pytorch", "keras"):
    environment = ml_client.environments.create_or_update(
        Environment(
            name=f"digits-{framework}-env",
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest",
            conda_file=f"../scoring/{framework}/conda.yaml",
            description=f"What scoring/{framework}/score.py imports",
        )
    )
    print(f"{environment.name}, version {environment.version}")

# %% [markdown]
# > **Tip.** Registering an environment only writes the list down. The image is built when a
# > deployment first needs it; on live Azure that takes 5 to 15 minutes, once for each version.
#
# ## What the workspace has now
#
# > **Before you run it.** You registered four things. If you had run those cells twice, how many
# > lines would the next cell print: four or eight?

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print("model      ", model.name, "version", model.latest_version)

for env in ml_client.environments.list():
    if env.name.startswith("digits-"):
        print("environment", env.name, "version", env.latest_version)

# %% [markdown]
# **What happened.** Four lines, however often you registered: `list()` gives one line for each
# name, with its latest version. (The `if` leaves out what others registered in the same
# workspace.) To see one version whole, get it by name and version, or by the label `latest`.

# %%
model = ml_client.models.get("digits-pytorch", label="latest")
print("name:   ", model.name)
print("version:", model.version)
print("tags:   ", model.tags)
print("path ends in:", model.path.split("/")[-1])

# %% [markdown]
# ## Exercises
#
# Each exercise has a `check()`. It tells you one of three things: not attempted, not quite, or
# right. Take the `#` away in front of `hint()` or `solution()` when you want help.
#
# ### Which digit does Keras miss most?
#
# Look at the matrix again, or count with NumPy: which *true* digit does the Keras model get wrong
# most often? Write it in place of `...`.

# %%
from helpers.exercises import lesson_00 as exercises

most_missed = ...

# %%
exercises.most_missed.check(most_missed, keras.confusion)
# exercises.most_missed.hint()
# exercises.most_missed.solution()

# %% [markdown]
# ### Write the accuracy down where it belongs
#
# A model's tags can be changed after it was registered. Give the latest version of
# `digits-pytorch` a tag `accuracy` that holds `pytorch.accuracy`, rounded to four places. Azure
# keeps tags as text. The check looks into the workspace, so the tag has to arrive there.

# %%
# Your code goes here.

# %%
exercises.accuracy_tag.check(ml_client, pytorch.accuracy)
# exercises.accuracy_tag.hint()
# exercises.accuracy_tag.solution()

# %% [markdown]
# ## Cleaning up
#
# Keep everything: the next lessons deploy these models and environments, and they cost nothing
# worth mentioning. If you want to be rid of a version one day, archive it:
# `ml_client.models.archive("digits-pytorch", version="1")` takes it out of the list, and
# deployments that use it go on working.
#
# ## Recap
#
# - A registered model is a name, a version and files, and does not change any more.
# - What you register is a folder or a file; a folder keeps its name inside the model.
# - An environment is an image and a list of packages. It is built when it is first used.
# - Accuracy is one number; a confusion matrix says which digits it hides.
#
# **Next:** [01 Connect](01-connect.ipynb) takes a closer look at the two lines that opened the
# workspace.
