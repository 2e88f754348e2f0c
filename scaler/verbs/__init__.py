"""The work behind the verbs of the command line, one function each; what they find is a record."""
