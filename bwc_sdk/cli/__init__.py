"""The command line: one file a noun. Nothing here is loaded before the verb that needs it is used."""
