"""The store on disk: its layout, files that appear whole, and leases on the folders of runs."""
