"""HTTP Archives, as browsers' developer tools write and read them."""
