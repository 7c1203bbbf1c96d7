"""Stand-ins for well-known public images, where there is no engine that could pull them.

catalogue.py      which images have one, and what each is made of
images.py         making one when its image is asked for
web_page.py       the program of those that serve a page; pages/ has the pages
sidecar.py        of mcr.microsoft.com/azuredocs/aci-tutorial-sidecar
word_count.py     of mcr.microsoft.com/azuredocs/aci-wordcount
hello_world.py    of hello-world
sample_job.py     of mcr.microsoft.com/k8se/quickstart-jobs

The programs are copied into the stand-in's folder and run there, by this machine's Python and with
its standard library alone.
"""
