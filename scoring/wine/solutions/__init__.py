"""Three solutions of the capstone, one for each service; the tests hand them in to its checker.

managed_endpoint.py has score.py and conda.yaml; container_group.py and container_app.py run the
image of main.py, Dockerfile and requirements.txt. client.py is the client of all three.
"""
