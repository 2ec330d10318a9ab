# The commands. A library but for main(), so that the unit tests can link with it.
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	cli/ask.c \
	cli/ask.h \
	cli/build.c \
	cli/command.c \
	cli/command.h \
	cli/dedupe.c \
	cli/doctor.c \
	cli/du.c \
	cli/guard.c \
	cli/helper.c \
	cli/helper.h \
	cli/history.c \
	cli/json.c \
	cli/json.h \
	cli/listing.c \
	cli/listing.h \
	cli/options.c \
	cli/options.h \
	cli/plan_view.c \
	cli/plan_view.h \
	cli/program.c \
	cli/program.h \
	cli/prune.c \
	cli/restore.c \
	cli/selectors.c \
	cli/selectors.h \
	cli/session.c \
	cli/session.h \
	cli/settings.c \
	cli/status.c \
	cli/stream.c \
	cli/stream.h \
	cli/table.c \
	cli/table.h \
	cli/verify.c
libcli_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS) \
	-DBINDIR='"$(bindir)"' -DPKGLIBEXECDIR='"$(pkglibexecdir)"'
bilge_SOURCES += cli/main.c

# "docker bilge": the docker CLI looks for its plugins here.
pluginsdir = $(libexecdir)/docker/cli-plugins
install-exec-hook:
	$(MKDIR_P) '$(DESTDIR)$(pluginsdir)'
	rm -f '$(DESTDIR)$(pluginsdir)/docker-bilge'
	$(LN_S) '$(bindir)/bilge$(EXEEXT)' '$(DESTDIR)$(pluginsdir)/docker-bilge'
uninstall-hook:
	rm -f '$(DESTDIR)$(pluginsdir)/docker-bilge'
