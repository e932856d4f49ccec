//! The backend-neutral contract between control plane and packet plane.
