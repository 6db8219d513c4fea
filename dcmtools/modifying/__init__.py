"""Files with elements set and taken out, as a person asks for it: what ``dcmtools modify`` does."""
