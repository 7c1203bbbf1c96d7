"""Autoscale: settings that start and stop instances by metrics and by the clock.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-overview

settings         the requests
setting_spec     a setting as it is asked for; profile and rule are what it is made of
time_zones       Windows' names of time zones, which schedules have
decision         what a profile says there is to do: no clock, no store, no metrics
engine           looks at the settings, and scales; engine_state is what it remembers of each
rule_metrics     what the metrics of rules are
pace             how long an Azure minute takes here
scale_target     what a service offers whose resources can be scaled
autoscale_event  what is written to the activity log
"""
