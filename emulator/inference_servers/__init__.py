"""Inference servers: azureml-inference-server-http, one process or more for each instance.

supervisor.py     starts, probes, restarts and stops them
server.py         one server: its specification, its states and the moves between them
fork_servers.py   which servers can be forked from one process, and which start plainly
fork_server.py    one process with the frameworks loaded, and the servers forked from it
starting.py       the plain start, and what a started server is
launcher.py       the program that becomes the server, or forks it
peer.py           whose the connection is that comes to it

mlflow_score_script.py is the scoring script of an MLflow model that is deployed without one, and
mlflow_batch_script.py the one in a batch deployment.
"""
