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

# For systemctl --user; where the program is stands in them.
systemduserunitdir = $(prefix)/lib/systemd/user
SYSTEMD_UNITS = doc/systemd/bilge-guard.service doc/systemd/bilge-guard-once.service
nodist_systemduserunit_DATA = $(SYSTEMD_UNITS)
dist_systemduserunit_DATA = doc/systemd/bilge-guard.timer
$(SYSTEMD_UNITS): Makefile
	$(AM_V_GEN)$(MKDIR_P) doc/systemd && \
	sed 's|@bindir[@]|$(bindir)|' $(top_srcdir)/$@.in > $@.tmp && mv $@.tmp $@
doc/systemd/bilge-guard.service: doc/systemd/bilge-guard.service.in
doc/systemd/bilge-guard-once.service: doc/systemd/bilge-guard-once.service.in
EXTRA_DIST += doc/ARCHITECTURE.md doc/ENGINES.md $(SYSTEMD_UNITS:=.in)
CLEANFILES += $(SYSTEMD_UNITS)
