"""The pure domain, without IO or a clock."""
