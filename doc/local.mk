# Man page, completions and news. tests/cli/manual.sh holds them against the
# tables of options that the program has.
dist_man1_MANS += doc/bilge.1
dist_doc_DATA = doc/NEWS
bashcompletionsdir = $(datadir)/bash-completion/completions
dist_bashcompletions_DATA = doc/completions/bilge.bash
zshcompletionsdir = $(datadir)/zsh/site-functions
dist_zshcompletions_DATA = doc/completions/_bilge
fishcompletionsdir = $(datadir)/fish/vendor_completions.d
dist_fishcompletions_DATA = doc/completions/bilge.fish
