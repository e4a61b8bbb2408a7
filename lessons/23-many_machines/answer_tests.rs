// The answer key's tests in the place of the learner's.
