"""The storage of a camera: closed recordings and what belongs to them."""
