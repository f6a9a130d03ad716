"""Documents drawn: templates, languages, charts."""
