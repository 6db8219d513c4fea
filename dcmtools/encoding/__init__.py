"""PS3.5 and PS3.6: elements, tags, values, character sets, transfer syntaxes, the JSON model."""
