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
# A trained model in a notebook answers you alone. To *deploy* it is to put it where any program can
# send it data and get a prediction back: behind an address, on machines that somebody looks after.
# That is what this course does with one small model that reads handwritten digits, on three
# services of Azure, Microsoft's cloud.
#
# Before a model can be deployed, Azure has to have it. In this lesson you train two small neural
# networks and *register* both: you give them to an Azure Machine Learning *workspace*, the place
# where Azure keeps a team's models by name and version.
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
# **Time:** about 25 minutes. The exercises, in every lesson, take some ten more.
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
# The *kernel* is the program that runs a notebook's cells. Look at its name, at the top right. With
# **Azure (local)** everything you do reaches an Azure on your own machine, which comes with this
# course. With **Azure (live)** the same code reaches Azure itself, and what you make there is put
# on your bill. No cell differs between the two. Lesson 01 shows how that works.
#
# The next cell holds what can be different for you: where your workspace is, which the kernel
# knows; a `suffix` that keeps the names of what you make apart from everybody else's; and how many
# *epochs* to train, that is, how often a network sees all the digits that it learns from. Run it,
# and each cell after it, with Shift+Enter.

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
# (paper) to 16 (ink). A fifth of them is *held out*: no model sees it while it learns, so it shows
# how a model does with digits that are new to it.

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

from practice.figures import plots

_, examples = np.unique(split.test_labels, return_index=True)
plots.digits(split.test_images[examples], titles=range(10))

# %% [markdown]
# ## Train two models
#
# You train the same network twice, with PyTorch and with Keras, two widely used *frameworks*
# (libraries to build and train networks with). That pays off later: lesson 05 lets the one take
# over from the other, and the programs that ask it do not notice. The network is a small one of the
# usual kind for images: two layers that look for strokes and corners, two that weigh them up. The
# code is in `scoring/train.py`; it shows each digit three times, as it is and moved by one pixel to
# either side. Its random numbers begin at the same point each time, so you get the same models
# whenever you run it.
#
# > **Before you run it.** Guessing would get one digit in ten right. What share of the 360
# > held-out digits will a network get right that trains for some seconds on 1,437 tiny images?
# > Choose before you go on: what you expected, and then saw, stays with you.

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
# **What happened.** A handful of mistakes in 360 digits, after a few seconds on a plain processor.
# Digits this small are an easy task for such a network. That is why they are here: in this course
# the model is the quick part, and getting it to an address is what there is to learn.
#
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
# you might make too. The two networks have the same shape, but they did not learn the same
# numbers, so they fail on different digits.
#
# ## Connect to the workspace
#
# The packages that you use from here on are Microsoft's *SDK* (software development kit) for
# Azure Machine Learning: Python functions that talk to Azure for you. `MLClient` is the door to a
# workspace, and `DefaultAzureCredential` finds out who you are. Lesson 01 takes both apart; here
# they are just needed.

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)

# %% [markdown]
# ## Register the models
#
# First each model goes into a folder of its own on your disk. The PyTorch one is saved as a *state
# dict*: the numbers alone, without any code. The Keras one is a `.keras` file: numbers and layers,
# also without code. Lesson 03 shows why that matters.

# %%
from pathlib import Path

from scoring.train import save

for trained in (pytorch, keras):
    folder = Path("../build/models") / f"digits-{trained.framework}"
    print("saved as", save(trained, folder).as_posix())

# %% [markdown]
# `create_or_update` uploads the folder to the workspace's storage and adds an entry to its list of
# models. You choose the name; the workspace counts the versions, beginning with 1. *Tags* are
# words that you may attach to nearly everything in Azure, each a name and a text; here they say
# which framework it is. `CUSTOM_MODEL` means: any files, Azure need not understand them.

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
# name, a version and files, and the files never change: run the cell once more and you get version
# 2 beside version 1. That is how you can always tell which files a deployment uses, and go back to
# earlier ones.
#
# ## Where the file is now
#
# Later, a *scoring script* (the code that answers requests, lesson 03) has to find the file inside
# the registered model. Azure tells it only where the model begins.
#
# > **Before you run it.** You gave Azure the folder `../build/models/digits-pytorch`, in which
# > there is one file, `digits.pt`. Under which path will that file be inside the model?

# %%
paths = ["digits.pt", "digits-pytorch/digits.pt", "build/models/digits-pytorch/digits.pt"]
guess = predict("Where in the registered model is the file?", paths)
guess

# %% [markdown]
# Download the model and look. The SDK puts it into a folder that has the model's name, and inside
# that folder the model begins.

# %%
latest = ml_client.models.get("digits-pytorch", label="latest")
downloads = Path("../build/lesson-00")
ml_client.models.download(latest.name, latest.version, download_path=downloads)

begins = downloads / latest.name
inside = next(begins.rglob("*.pt")).relative_to(begins).as_posix()
print(inside)
guess.compare(inside)

# %% [markdown]
# **What happened.** A folder that you register keeps its own name inside the model; what was above
# it is left behind. It is the *folder's* name, not the model's, though here both are
# `digits-pytorch`. Had you registered the file instead of the folder, there would be `digits.pt`
# alone.
#
# > **Caution.** Many a first deployment fails because its script looks one level too high. When
# > yours does not find its file, download the model and look, as you just did.
#
# ## Register the environments
#
# A model needs more than its file: Python, the framework, and versions that go together. In Azure
# Machine Learning that is an *environment*. It has two parts: a *container image* to start from
# (an operating system and its programs, packed and ready to run), and a list of packages to
# install on top. The list is a file in the form that the package manager conda reads. This is the
# one for PyTorch:

# %%
print(Path("../scoring/pytorch/conda.yaml").read_text())

# %% [markdown]
# Read it from below: `torch` runs the network, `numpy` and `pillow` handle images, and
# `azureml-inference-server-http` is the server that will listen for requests. `==` pins a package
# to one version, so that a build next year does not bring in a newer one that your model was never
# tried with. (The image below is `:latest` and does move: Microsoft puts security fixes into it.
# Where that matters, name a dated one.) And there is nothing in the list that the scoring script
# does not use: every package more makes the image larger, the first deployment slower, and is one
# more thing that can break.

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
# > **Tip.** Registering an environment only writes the list down. The image is built when a
# > deployment first needs it; on live Azure that takes 5 to 15 minutes, and is not done again while
# > image and list stay the same.
#
# ## What the workspace has now
#
# `list()` gives one line for each name, with its latest version, however many versions there are.
# (The `if` leaves out what others registered in the same workspace.)

# %%
for model in ml_client.models.list():
    if model.name.startswith("digits-"):
        print("model      ", model.name, "version", model.latest_version)

for env in ml_client.environments.list():
    if env.name.startswith("digits-"):
        print("environment", env.name, "version", env.latest_version)

# %% [markdown]
# To see one version whole, get it by name and version, or by the label `latest`.

# %%
model = ml_client.models.get("digits-pytorch", label="latest")
print("name:   ", model.name)
print("version:", model.version)
print("tags:   ", model.tags)
print("path ends in:", model.path.split("/")[-1])

# %% [markdown]
# The path ends in the folder that you registered. That there are no tags is a pity: nothing here
# says how good the model is. The second exercise changes that.
#
# ## Exercises
#
# Each exercise has a cell for your answer and below it one with a `check()`. Run it at any time: it
# shows a box that says one of three things, not attempted (grey), not quite (amber) or right
# (green). What is right is noted on your machine, and the end of the lesson shows it. In the box,
# each press of *Hint* shows one more hint, and *Solution* opens code that passes.
#
# ### Which digit do they miss most?
#
# Add up what both models got wrong: which *true* digit do they miss most often, together? Count in
# the figure, or with NumPy, and write the digit in place of `...`.

# %%
from practice.exercises import lesson_00 as exercises

most_missed = ...

# %%
exercises.most_missed.check(most_missed, pytorch.confusion + keras.confusion)

# %% [markdown]
# ### Write the accuracy down where it belongs
#
# A registered model's files stay as they are, but its tags can change. Give the latest version of
# `digits-pytorch` a tag `accuracy` that holds `pytorch.accuracy`, rounded to four places. Azure
# keeps tags as text. The check looks into the workspace, so the tag has to arrive there.

# %%
# Your code goes here.

# %%
exercises.accuracy_tag.check(ml_client, pytorch.accuracy)

# %% [markdown]
# ### An environment for another model
#
# A colleague has a model from scikit-learn, which is neither PyTorch nor Keras, and asks you for an
# environment. Register one under the name in `my_env`, from the same `base_image`. Its list has
# Python 3.11, and from pip the inference server and scikit-learn, both pinned to a version. The
# file for PyTorch shows the form, and `scikit_learn` below the version that you have here.

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
# Keep everything: the next lessons deploy these models and environments, and they cost nothing
# worth mentioning. To hide a version that you no longer use, archive it:
# `ml_client.models.archive("digits-pytorch", version="1")`. It is not listed any more; its files
# stay, and deployments that use it go on working.
#
# ## Recap
#
# - A registered model is a name, a version and files, and the files do not change any more.
# - What you register is a folder or a file; a folder keeps its name inside the model.
# - An environment is an image and a list of packages. It is built when it is first used.
# - Accuracy is one number; a confusion matrix says which digits it hides.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("00")

# %% [markdown]
# **Next:** [01 Connect](01-connect.ipynb) takes a closer look at the two lines that opened the
# workspace.
