"""Azure Container Instances: groups of containers that run on this machine.

https://learn.microsoft.com/rest/api/container-instances/

groups             the requests for groups; container_actions those for their containers;
                   operations where long-running ones are polled
group_spec         what a group is asked to be, with container_spec, resources_spec,
                   volume_spec, address_spec and diagnostics_spec
group_record       how a group is stored and shown; views what is seen of its containers
group_lifecycle    its states, and the work of its changes
group_runner       what runs of a group; container_runner of one container
group_gauges       what is measured of it for Azure Monitor
images, addresses, quota
                   what a group needs beside its containers
terminals, logs    what exec, attach and the logs answer with
"""
