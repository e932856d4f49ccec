//! Candidate, commit history and atomic persistence of configurations.
