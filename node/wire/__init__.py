"""What devices, trackers and seeds say to each other, as bytes in and values out. No I/O."""
