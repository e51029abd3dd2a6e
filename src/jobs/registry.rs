//! Every kind of job that this version knows.
