"""Release a new version of a model behind an online endpoint, from a commit to all of its traffic.

    python -m scoring.release digits-ada --file deployment.yaml --version "$(git rev-parse HEAD)"
    python -m scoring.release digits-ada --roll-back

`__main__` is the program: its command line and its stages, one after another. `blue_green` is the
endpoint with its two places for a version, `measuring` asks both of them, and `judging` lets the
gates decide, which are a file of yours (`gates.py` is one to start from). `release.yml` runs the
program on GitHub; copy it to `.github/workflows/`.
"""
