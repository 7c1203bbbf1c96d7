"""Wrong answers to the exercises of lesson 04."""

from __future__ import annotations

from tests.notebooks.wrong_answers.answers import Answers

ANSWERS = [
    Answers("04", "least_sure", {"least_sure = 0": "is 0", "least_sure = 100": "from 0 to 99"}),
    Answers(
        "04",
        "mystery",
        {
            'bring_up("mystery", build / "mystery")': "'Failed'",  # nothing was repaired
            # The exception is gone, and so is the model.
            """
script = build / "mystery" / "score.py"
loading = "network.load_state_dict(torch.load(model_file(), weights_only=True))"
script.write_text(script.read_text().replace(loading, "pass"))
bring_up("mystery", build / "mystery")
""": "of 100",
            # The exception comes later, when somebody asks.
            """
script = build / "mystery" / "score.py"
script.write_text(script.read_text().replace("network = DigitNetwork()", "return"))
bring_up("mystery", build / "mystery")
""": "is 424",
        },
    ),
    Answers(
        "04",
        "both_keys",
        {
            # the key that the client holds goes first
            """
for key_type in ("primary", "secondary"):
    ml_client.online_endpoints.begin_regenerate_keys(endpoint_name, key_type=key_type).result()
client.key = ml_client.online_endpoints.get_keys(endpoint_name).primary_key
""": "refused is 1",
            # nobody tells the client
            """
for key_type in ("secondary", "primary"):
    ml_client.online_endpoints.begin_regenerate_keys(endpoint_name, key_type=key_type).result()
""": "refused is 1",
            """
ml_client.online_endpoints.begin_regenerate_keys(endpoint_name, key_type="secondary").result()
client.key = ml_client.online_endpoints.get_keys(endpoint_name).secondary_key
""": "'primary'",
        },
    ),
]
