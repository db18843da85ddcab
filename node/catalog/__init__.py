"""The catalog: what a library holds, merged from every device's log of operations. No I/O."""
