//! A Kubernetes operator for Amazon CodeGuru Profiler.
