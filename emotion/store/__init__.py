"""The store on disk: its layout, atomic files, and leases on run folders."""
