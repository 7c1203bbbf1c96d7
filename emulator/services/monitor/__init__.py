"""Azure Monitor: what is known of resources beside themselves.

https://learn.microsoft.com/rest/api/monitor/

Metrics:

metrics            the requests for a resource's metrics, their definitions and namespaces
metrics_batch      the host that answers for many resources at once
metric_answers     what both answer
metric_catalogue   Azure's metrics, and which of them are measured here
metric_query       what a request asks for; metric_filter its `$filter`
metric_series      the time series that answer it
metric_measures    how the numbers of a metric come of what was counted
metric_recorder    what was counted, minute by minute: taken from the data plane and from gauges,
                   stored, and read again
metric_minutes     where it is stored
resource_location  which region is asked

Activity log:

activity_log       who changed what, and how it ended
activity_event     its entries
activity_filter    what a list of them is filtered by

Autoscale, by these metrics and into this log, is in autoscale/.
"""
