"""The capstone's checker (lesson 12): it looks at what stands in Azure, and asks it.

terms.py has what the letter asks for; hand_in.py finds the service, of which endpoint.py, group.py
and app.py each know one kind; door.py sends requests.
"""
