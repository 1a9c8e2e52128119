"""Events: the HDF5 layout, streaming readers, splits, samples and conversion."""
