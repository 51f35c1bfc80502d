//! The store on Postgres.
