//! One room on many machines, over NATS JetStream.
