"""An embedded Azure: the Resource Manager protocol on loopback."""
