"""Tools around the router: what fits, shows and checks it. Never needed to serve."""
