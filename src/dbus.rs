//! D-Bus as it is spoken here: one connection to one bus, over a socket that bounds what peers can make us read.

pub mod connection;
pub mod socket;
