"""Wrong answers to the exercises of lesson 00."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers


def registered(*packages: str) -> str:
    """Code that registers an environment with these dependencies, each as Python writes it."""
    return f"""
packages = {{"name": my_env, "channels": ["conda-forge"], "dependencies": [{", ".join(packages)}]}}
ml_client.environments.create_or_update(
    Environment(name=my_env, image=base_image, conda_file=packages)
)
"""


PYTHON, SERVER = "'python=3.11', 'pip'", "'azureml-inference-server-http==1.5.1'"
NO_LIST = """
ml_client.environments.create_or_update(Environment(name=my_env, image=base_image))
"""

ANSWERS = [
    Answers("00", "most_missed", {"most_missed = 0": "is 0", "most_missed = 'eight'": "'eight'"}),
    Answers(
        "00",
        "accuracy_tag",
        {
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "0.5"
ml_client.models.create_or_update(model)
""": "'0.5'",
            """
model = ml_client.models.get("digits-pytorch", label="latest")
model.tags["accuracy"] = "very good"
ml_client.models.create_or_update(model)
""": "'very good'",
        },
    ),
    Answers(
        "00",
        "own_environment",
        {
            registered(PYTHON, "{'pip': [scikit_learn]}"): "azureml-inference-server-http is mis",
            registered(PYTHON, f"{{'pip': [{SERVER}]}}"): "scikit-learn is missing",
            registered(PYTHON, f"{{'pip': [{SERVER}, 'scikit-learn']}}"): "scikit-learn is not pin",
            registered("'python=3.12'", f"{{'pip': [{SERVER}, scikit_learn]}}"): "python=3.11 is",
            registered(PYTHON, SERVER, "scikit_learn"): "pip in version",
            registered(
                PYTHON, f"{{'pip': [{SERVER}, scikit_learn, 'torch==2.13.0']}}"
            ): "use torch",
            NO_LIST: "dependencies in version",
        },
    ),
]
