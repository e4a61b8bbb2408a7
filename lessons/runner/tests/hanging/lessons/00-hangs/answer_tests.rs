// Nothing to catch: the tests hang by themselves.
