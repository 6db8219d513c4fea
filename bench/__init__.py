"""Side-by-side timings against real peers; run one as ``python -m bench.NAME``."""
