"""Who belongs to this library, who is present, and the open ways to them."""
