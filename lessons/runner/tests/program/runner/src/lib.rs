// A member of the workspace that no stage has.
