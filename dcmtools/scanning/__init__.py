"""Many files looked into at once: rows about instances, series, studies, patients, and searches."""
