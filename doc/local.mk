# Man page, completions and news.
