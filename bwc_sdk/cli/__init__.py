"""The command line: `app` finds the verb, `verbs` has a file for each. Nothing is loaded before the verb that needs it.

`arguments` is what several verbs take, `running` how a verb runs, `printing` how results are shown.
"""
