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
# # 03 Scoring script
#
# A model file cannot answer a request. A *scoring script* can: it loads the model once, and turns
# each request into a prediction. In this lesson you write one, run it under the same server that
# Azure uses, send it digits that you draw yourself, and make it many times faster.
#
# ## Goals
#
# Afterwards you can
#
# - write `init()` and `run()` for PyTorch and for Keras, and say when each is called;
# - try a scoring script on your own machine before you deploy it;
# - give a model what it was trained on, whatever the client sends;
# - answer a wrong request with a sentence that helps, instead of a traceback;
# - measure what a prediction costs, and make it cheaper;
# - load a model file without running code from it.
#
# **Time:** about 35 minutes.
#
# ## What this costs on live Azure
#
# Nothing: the script runs on your own machine. Only the two model files are downloaded, a few
# hundred kilobytes ([prices of data
# transfer](https://azure.microsoft.com/pricing/details/bandwidth/)).

# %% tags=["parameters"]
import os

from helpers import names

subscription_id = os.environ["AZURE_SUBSCRIPTION_ID"]
resource_group = os.environ["AZURE_RESOURCE_GROUP"]
workspace_name = os.environ["AZUREML_WORKSPACE"]
suffix = names.suffix()
repeats = 40

# %%
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential

from helpers.workspace import ensure_models

ml_client = MLClient(DefaultAzureCredential(), subscription_id, resource_group, workspace_name)
ensure_models(ml_client)

# %% [markdown]
# ## The model, where a deployment finds it
#
# Lesson 04 makes a *deployment*: machines on Azure that run your script with your model. When a
# deployment starts, Azure downloads the registered model and puts its folder's path into the
# environment variable `AZUREML_MODEL_DIR`. Here we do the same by hand.

# %%
from pathlib import Path

downloads = Path("../build/lesson-03")
for framework in ("pytorch", "keras"):
    model = ml_client.models.get(f"digits-{framework}", label="latest")
    ml_client.models.download(model.name, model.version, download_path=downloads)

for file in sorted(downloads.rglob("*")):
    print(file.relative_to(downloads).as_posix())

# %% [markdown]
# **What happened.** `digits-pytorch` is there twice: the outer folder was made by `download`, the
# inner one is the folder that you registered in lesson 00. A deployment's `AZUREML_MODEL_DIR` is
# the outer one.
#
# ## Two functions
#
# A scoring script is a Python file with two functions:
#
# - `init()` is called once, when the deployment starts. It loads the model and keeps it in a
#   global variable.
# - `run(raw_data)` is called for each request. It gets the request's body as text, and what it
#   returns becomes the answer.
#
# Both the request and the answer are JSON: numbers, lists and dicts written as text. This is all
# it takes in PyTorch. The file that lesson 00 saved is a *state dict*: it holds the network's
# numbers and not its layers, so the layers come from `network.py`.

# %%
import json
import sys

import numpy as np
import torch

sys.path.append("../scoring/pytorch")
from network import DigitNetwork


def init():
    global model
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = DigitNetwork()
    model.load_state_dict(torch.load(folder / "digits-pytorch" / "digits.pt", weights_only=True))
    model.eval()


def run(raw_data):
    digits = np.array(json.loads(raw_data)["data"], dtype=np.float32)
    digits = digits.reshape(-1, 8, 8)
    with torch.inference_mode():
        probabilities = model(torch.from_numpy(digits)).softmax(dim=1)
    return {"digits": probabilities.argmax(dim=1).tolist()}


# %% [markdown]
# Call them as the server will: `init()` once, then `run()` with text. The digits are the first
# five that scikit-learn has, which are a 0, 1, 2, 3 and 4.

# %%
from sklearn.datasets import load_digits

five = load_digits().images[:5]
request = json.dumps({"data": five.tolist()})

os.environ["AZUREML_MODEL_DIR"] = str(downloads / "digits-pytorch")
init()
run(request)

# %% [markdown]
# And the same in Keras. Only the loading and the call of the model differ; both get and give the
# same JSON.

# %%
import keras


def init():
    global model
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = keras.models.load_model(folder / "digits-keras" / "digits.keras")


def run(raw_data):
    digits = np.array(json.loads(raw_data)["data"], dtype=np.float32)
    digits = digits.reshape(-1, 8, 8)
    probabilities = model.predict(digits, verbose=0)
    return {"digits": probabilities.argmax(axis=1).tolist()}


os.environ["AZUREML_MODEL_DIR"] = str(downloads / "digits-keras")
init()
run(request)

# %% [markdown]
# Some lines deserve a second look:
#
# - `model.eval()` switches *dropout* off, which leaves out parts of the network at random while it
#   learns. Forget it, and the same digit gets another answer each time. Keras does that by itself
#   in `predict`.
# - `torch.inference_mode()` tells PyTorch that nobody will ask for *gradients*, the slopes that
#   training follows, so it keeps no notes for them.
# - `run` returns a dict, and the server turns it into JSON.
#
# > **Before you run it.** Older examples end with `return json.dumps(...)`, which is a text. The
# > server turns whatever `run` returns into JSON. The client then unpacks the answer with
# > `json.loads`. What does it hold?

# %%
from practice.widgets.quiz import predict

kinds = ["a dict", "a list", "a str"]
guess = predict("What does the client hold after `json.loads(answer)`?", kinds)
guess

# %%
returned = json.dumps({"digits": [0, 1, 2]})  # what such a run() returns
answer = json.dumps(returned)  # what the server sends
held = json.loads(answer)  # what the client makes of it
print("sent:", answer)
print("held:", repr(held))
guess.compare(f"a {type(held).__name__}")

# %% [markdown]
# **What happened.** JSON inside JSON: the client unpacks the answer and holds a text (Python's
# `str`), not a dict. It has to unpack twice, and every client has to know that. Return the dict.
#
# ## The script that the course deploys
#
# `scoring/pytorch/score.py` has the same two functions, and three things more: it takes digits as
# numbers or as a PNG file (in *base64*, which writes bytes as text), it answers with probabilities,
# and it explains what is wrong with a wrong request. This is its heart:

# %%
import inspect

import score

print(inspect.getsource(score.init))
print(inspect.getsource(score.run))

# %% [markdown]
# ## Under the real server
#
# On Azure, a scoring script runs under the [Azure Machine Learning inference HTTP
# server](https://learn.microsoft.com/azure/machine-learning/how-to-inference-server-http). It is a
# Python package, so you can start it on your own machine, with your script and your model. In a
# terminal that is
#
# ```bash
# azmlinfsrv --entry_script scoring/pytorch/score.py --model_dir FOLDER --port 5001
# ```
#
# and here it is the same command, once for each framework. A mistake that you find this way costs
# you seconds; the same mistake in a deployment costs minutes.

# %%
import atexit
import socket
import subprocess


def start_server(framework):
    """Start the inference server with the framework's script; return its process and URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "azureml_inference_server_http"]
    command += ["--entry_script", f"../scoring/{framework}/score.py"]
    command += ["--model_dir", str(downloads / f"digits-{framework}")]
    command += ["--port", str(port)]
    log = (downloads / f"{framework}.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    atexit.register(process.terminate)
    return process, f"http://127.0.0.1:{port}"


servers = {framework: start_server(framework) for framework in ("pytorch", "keras")}

# %% [markdown]
# A server that has just been started does not answer yet: it imports the framework and calls
# `init()` first. Azure asks it again and again until it does, and so do we.

# %%
import time

import requests


def wait_until_healthy(process, url, seconds=120):
    """Ask the server's health page until it answers."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            return requests.get(url, timeout=seconds).text
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError("The server is not healthy; its log says why.")


for framework, (process, url) in servers.items():
    print(framework, wait_until_healthy(process, url))

# %%
for framework, (_, url) in servers.items():
    answer = requests.post(f"{url}/score", data=request, timeout=30)
    digits = [prediction["digit"] for prediction in answer.json()["predictions"]]
    print(framework, answer.status_code, digits)

# %% [markdown]
# Both servers speak the same JSON, so a client need not know which framework is behind the
# address. An answer holds ten probabilities for each digit. For most digits one of them is 100 per
# cent, which makes dull pictures. So the next cell sends a thousand digits in one request, and
# draws the six that PyTorch is least sure about, each above its probabilities. Every title says
# first what the model read, and then what was written.

# %%
from practice.figures import plots

pytorch_url = servers["pytorch"][1] + "/score"
thousand, written = load_digits().images[-1000:], load_digits().target[-1000:]
answer = requests.post(pytorch_url, json={"data": thousand.tolist()}, timeout=30)
predictions = answer.json()["predictions"]
probabilities = np.array([each["probabilities"] for each in predictions])
doubtful = probabilities.max(axis=1).argsort()[:6]
plots.predictions(thousand[doubtful], probabilities[doubtful], written[doubtful])

# %% [markdown]
# **What happened.** Where no bar comes near 100 per cent, the model is often wrong. That is what
# the probabilities are for: when the highest one is low, a client can ask a human, or ask for a
# better picture.
#
# ## Draw a digit
#
# Now send it a digit of your own. The pad below calls `classify` with each drawing, as an image of
# 8x8 numbers from 0 to 16, and shows the ten probabilities that come back.

# %%
from practice.widgets.pad import DrawingPad


def classify(image):
    """Ask the server about one image; return its ten probabilities."""
    answer = requests.post(pytorch_url, json={"data": image.tolist()}, timeout=30)
    answer.raise_for_status()
    return answer.json()["predictions"][0]["probabilities"]


pad = DrawingPad(classify)
pad

# %% [markdown]
# Look at the small image. It is not simply your drawing made smaller: draw small or large, in a
# corner or in the middle, it stays nearly the same. The pad makes the image as those of the data
# set were made ([UCI's page](https://archive.ics.uci.edu/dataset/80) tells how): it cuts the digit
# out, stretches it to the full height, puts it in the middle and gives it as much ink as those
# have. Turning what a client has into what the model was trained on is called *preprocessing*.
#
# Does it matter? The next two figures take your last drawing, or a seven where you drew none, and
# put it on the page four times: as it is, at half the size in two corners, and in the middle a
# little smaller. For the first figure the page is made smaller and nothing else is done; for the
# second there is the pad's preprocessing. Each title says what the model reads.
#
# > **Before you run it.** How many of the four in the first figure will the model read right?

# %%
bands = ["none or one", "two or three", "all four"]
guess = predict("How many of the four will be right without preprocessing?", bands)
guess

# %%
from practice.widgets.drawing import SEVEN, like_training_data, shrunk

strokes = pad.strokes or SEVEN


def moved(scale, right, down):
    """Return the strokes made smaller and moved over the page, which is 1 wide and high."""
    return [[(x * scale + right, y * scale + down) for x, y in each] for each in strokes]


four = [
    strokes,
    moved(0.5, right=0.05, down=0.05),
    moved(0.5, right=0.45, down=0.45),
    moved(0.6, right=0.2, down=0.2),
]
headings = {shrunk: "Made smaller, and read as", like_training_data: "Preprocessed"}
read = {}
for form, heading in headings.items():
    images = [form(each) for each in four]
    read[form] = [int(np.argmax(classify(image))) for image in images]
    plots.digits(images, read[form], heading)

# %%
drawn = read[like_training_data][0]
correct = read[shrunk].count(drawn)
print("read as", drawn, "without preprocessing:", correct, "of 4")
guess.compare(bands[correct // 2])

# %% [markdown]
# **What happened.** A model knows what it was shown. Its digits filled the image, so a small seven
# in a corner is no seven to it, and yet it answers, and sounds sure of itself. No status code tells
# you of that: the request was fine and the answer was 200. So preprocessing belongs in the one
# place that every client passes, the scoring script. The course's script does it with each PNG
# file; 8x8 numbers it takes as they are.
#
# > **Tip.** Try a seven with a bar through it, and one without. Nearly all sevens in this data set
# > have the bar: [13 people wrote
# > it](https://scikit-learn.org/stable/datasets/toy_dataset.html#optical-recognition-of-handwritten-digits-dataset),
# > and that is how they write. No preprocessing makes up for what a model never saw.
#
# ## Wrong requests
#
# Sooner or later somebody sends something else than digits.
#
# > **Before you run it.** The short `run()` from the top of this lesson would raise an exception
# > at `{"data": "seven"}`. The course's `run()` looks first. With which HTTP status should it
# > answer, so that the client knows whose mistake it was?

# %%
guess = predict("How will `{'data': 'seven'}` be answered?", ["200", "400", "404", "500"])
guess

# %%
wrong_requests = [
    {"data": "seven"},
    {"data": [[1, 2, 3]]},
    {"data": [[255] * 64]},
    {"digits": five.tolist()},
]
answers = [requests.post(pytorch_url, json=wrong, timeout=30) for wrong in wrong_requests]
for answer in answers:
    print(answer.status_code, answer.json()["error"]["message"])
guess.compare(str(answers[0].status_code))

# %% [markdown]
# **What happened.** From the short `run()` the client would get a 500, which means "something is
# wrong here on the server", and not a word about what. Here each request is answered with **400**,
# which means "your request is wrong", and with a sentence that says what was expected and what
# came. That is the difference between an e-mail to you and a client who can help themselves.
#
# The server writes down each request with its status. The lines end with how it went:

# %%
import re
from collections import Counter

log = (downloads / "pytorch.log").read_text()
statuses = re.findall(r'"POST /score HTTP/1.1" (\d+)', log)
print("answers so far:", dict(sorted(Counter(statuses).items())))

# %% [markdown]
# ## How fast is a prediction?
#
# A client waits for every millisecond that `run` takes, and a machine that needs less time for
# each request serves more of them. So measure. The function in the next cell times one way of
# predicting one digit, over and over, and leaves the first call out: it has to build things that
# later calls reuse.


# %%
def measure(predict):
    """Return how many milliseconds each call of `predict` took."""
    predict()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        predict()
        times.append((time.perf_counter() - started) * 1000)
    return times


one = five[:1].astype(np.float32)

# %% [markdown]
# > **Before you run it.** Three ways to ask the same Keras model for one digit:
# > `model.predict(one)`, calling it with `model(one)`, and calling a `tf.function` made from it.
# > How far apart will the slowest and the fastest be?

# %%
bands = ["less than twice as long", "2 to 10 times", "more than 10 times"]
guess = predict("How long does the slowest take, against the fastest?", bands)
guess

# %%
import tensorflow as tf

graph = tf.function(
    lambda images: model(images, training=False),
    input_signature=[tf.TensorSpec([None, 8, 8], tf.float32)],
)
latency = {
    "Keras: model.predict(x)": measure(lambda: model.predict(one, verbose=0)),
    "Keras: model(x)": measure(lambda: model(one, training=False)),
    "Keras: tf.function": measure(lambda: graph(one)),
}
medians = [float(np.median(times)) for times in latency.values()]
ratio = max(medians) / min(medians)
guess.compare(bands[np.digitize(ratio, [2, 10])])

# %% [markdown]
# And PyTorch, with gradients, without them, and in inference mode:

# %%
network = score.DigitNetwork()
network.eval()
tensor = torch.from_numpy(one)


@torch.no_grad()
def without_gradients():
    return network(tensor)


@torch.inference_mode()
def in_inference_mode():
    return network(tensor)


latency |= {
    "PyTorch: gradients on": measure(lambda: network(tensor)),
    "PyTorch: no_grad": measure(without_gradients),
    "PyTorch: inference_mode": measure(in_inference_mode),
}

# %% [markdown]
# Each row of the figure is one way; a dot is one call, the line is the *median*: half of the calls
# took longer. Mind the scale: from one mark to the next it is ten times as long.

# %%
plots.latency(latency)

# %% [markdown]
# **What happened.** `predict` is made for long runs over many images: it sets up a data pipeline
# and a progress report each time, and for one digit that is nearly all it does. Calling the model
# leaves that out, but Python still walks through the layers one by one. `tf.function` walks once,
# writes down a *graph*, and from then on runs the graph. It takes one line more in `init()`, which
# makes the graph, and one changed in `run()`, which calls it. The course's Keras script,
# `scoring/keras/score.py`, does so.
#
# In PyTorch the three ways hardly differ for so small a network. `inference_mode` is the one to
# take all the same: it needs less memory, and the larger the network, the more it saves.
#
# > **Tip.** `input_signature` with `None` says "any number of images". Without it, TensorFlow
# > builds a new graph for each number that comes along, and each time a client waits for it.
#
# Many digits in one call are cheaper still, as what a call costs by itself is paid once; and in a
# request to an endpoint, the way there and back is paid once too:

# %%
many = np.repeat(one, 100, axis=0)
hundred = float(np.median(measure(lambda: graph(many))))
alone = float(np.median(latency["Keras: tf.function"]))
print("100 digits take less than 50 times as long as one:", hundred < 50 * alone)

# %% [markdown]
# ## What a model file may do
#
# A PyTorch file can hold anything that Python can *pickle*, its own way to write objects into
# files; and reading them back can run code. The next cell makes a file that looks like a model and
# isn't one, and loads it in two ways.
#
# > **Before you run it.** Which of the two runs code out of the file?

# %%
loads = ["weights_only=False", "weights_only=True", "both", "neither"]
guess = predict("Which load runs code out of the file?", loads)
guess


# %%
class Surprise:
    """When unpickled, calls print. It could as well delete your files."""

    def __reduce__(self):
        return print, ("This line was printed by the file!",)


torch.save(Surprise(), downloads / "surprise.pt")

print("weights_only=False:")
torch.load(downloads / "surprise.pt", weights_only=False)
print("weights_only=True:")
try:
    torch.load(downloads / "surprise.pt", weights_only=True)
    ran = "both"
except Exception as error:
    print("refused with", type(error).__name__)
    ran = "weights_only=False"
guess.compare(ran)

# %% [markdown]
# **What happened.** With `weights_only=True` PyTorch reads numbers and a few harmless types, and
# refuses the rest. Since version 2.6 that is the default; write it all the same, so that a reader
# sees it. It is also why lesson 00 saved a state dict and not the whole model. Keras has a similar
# guard for `.keras` files, `safe_mode`, which is on unless you switch it off. Both guards had holes
# in older versions ([PyTorch's](https://nvd.nist.gov/vuln/detail/CVE-2025-32434),
# [Keras's](https://nvd.nist.gov/vuln/detail/CVE-2025-1550)): keep the packages up to date, and load
# only files whose origin you know.
#
# > **Caution.** Older examples load a whole pickled model with `torch.load(path)`, import
# > `azure.ai.ml`, a package that the image need not have, in `score.py`, or call
# > `Model.get_model_path`, from the first version of the SDK. None of the three is needed:
# > `AZUREML_MODEL_DIR` and a state dict do it.
#
# ## Exercises
#
# ### The three best guesses
#
# Write a function `top_three(raw_data)` that takes the same JSON as `score.run` and returns
# `{"top": [[8, 3, 9], ...]}`: for each digit the three most probable ones, the best first. You may
# use `score.run`, once `score.init()` has loaded the model. The check calls your function with
# real digits.

# %%
from practice.exercises import lesson_03 as exercises

os.environ["AZUREML_MODEL_DIR"] = str(downloads / "digits-pytorch")
score.init()

# %%
top_three = ...

# %%
exercises.top_three.check(top_three, score.run)

# %% [markdown]
# ### A camera's digits
#
# A client's camera delivers digits of 8x8 as well, but from 0 (black) to 255 (white), as whole
# numbers of one byte (`uint8`): ink is the small number there. Write a function `as_trained(photo)`
# that takes such an image, a NumPy array, and returns it as the model knows digits: ink is the
# large number, from 0 (paper) to 16 (full ink). The check photographs a hundred digits, sends what
# your function makes of them to your server and counts how many it reads right.

# %%
as_trained = ...

# %%
exercises.as_trained.check(as_trained, pytorch_url)

# %% [markdown]
# ### A row too few
#
# You send one digit of seven rows with eight numbers each. Which HTTP status does the server
# answer? Put the number into `status`. The check sends that very request to your server.

# %%
status = ...

# %%
exercises.status.check(status, pytorch_url)

# %% [markdown]
# ## Cleaning up
#
# Stop both servers and remove the downloaded files.

# %%
import shutil

for process, _ in servers.values():
    process.terminate()
    process.wait()
shutil.rmtree(downloads)
print("stopped and removed")

# %% [markdown]
# ## Recap
#
# - `init()` loads once, `run()` answers each request and returns a dict.
# - The model is in the folder that `AZUREML_MODEL_DIR` names.
# - Try a script under `azmlinfsrv` before you deploy it: it is the server that Azure runs.
# - Give the model what it was trained on: wrong preprocessing answers 200 and a wrong digit.
# - A wrong request deserves a 400 and a sentence.
# - Measure before you deploy: `tf.function` instead of `predict` is the largest step there is
#   here.
# - Load files with `weights_only=True`, and only files whose origin you know.
#
# Your exercises of this lesson (`course progress` in a terminal shows those of all lessons):

# %%
from practice import progress

progress.show("03")

# %% [markdown]
# **Next:** [04 Deployment](04-deployment.ipynb) puts this script behind the endpoint.
