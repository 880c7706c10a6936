//! An array with an item for each dimension, for serde, which knows none so long.

use super::constants::DIMENSIONS;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub fn serialize<T: Serialize, S: Serializer>(items: &[T; DIMENSIONS], serializer: S) -> Result<S::Ok, S::Error> {
    items.as_slice().serialize(serializer)
}

pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<[T; DIMENSIONS], D::Error> {
    let items = Vec::deserialize(from)?;
    items.try_into().map_err(|items: Vec<T>| D::Error::invalid_length(items.len(), &"an item for each dimension"))
}
