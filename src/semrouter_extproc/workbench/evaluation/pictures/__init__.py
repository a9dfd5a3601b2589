"""The page's pictures, as SVG that is the same for the same figures."""
