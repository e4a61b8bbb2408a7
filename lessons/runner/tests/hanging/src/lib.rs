//! Nothing stands here: the tests hang by themselves.
