# Every test speaks TAP, so that single cases are counted, skipped ones too.
# A program that can't run here prints "1..0 # SKIP reason".
# BILGE_PROC: a build that somebody runs on this machine makes every cache
# busy; the tests see no processes but those that they make up.
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	BILGE_TEST_DATA='$(abs_top_srcdir)/tests/data'; export BILGE_TEST_DATA; \
	BILGE_TEST_SUPPORT='$(abs_top_srcdir)/tests/support'; export BILGE_TEST_SUPPORT; \
	BILGE_TEST_CORPUS='$(abs_top_srcdir)/tests/fuzz/corpus'; export BILGE_TEST_CORPUS; \
	BILGE_TEST_GOLDEN='$(abs_top_srcdir)/tests/screen/golden'; export BILGE_TEST_GOLDEN; \
	BILGE_TEST_TOY='$(abs_top_builddir)/tests/screen/toy$(EXEEXT)'; export BILGE_TEST_TOY; \
	BILGE_TEST_FAKE_ENGINE='$(abs_top_builddir)/tests/support/fake-engine$(EXEEXT)'; \
	export BILGE_TEST_FAKE_ENGINE; \
	BILGE_TEST_BIN='$(abs_top_builddir)/bilge$(EXEEXT)'; export BILGE_TEST_BIN; \
	BILGE_TEST_BINDIR='$(bindir)'; export BILGE_TEST_BINDIR; \
	BILGE_TEST_PKGLIBEXECDIR='$(pkglibexecdir)'; export BILGE_TEST_PKGLIBEXECDIR; \
	BILGE_TEST_LATER='$(abs_top_builddir)/tests/screen/bilge-later$(EXEEXT)'; \
	export BILGE_TEST_LATER; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	BILGE_TEST_FLOODER='$(abs_top_builddir)/tests/support/flood$(EXEEXT)'; \
	export BILGE_TEST_FLOODER; \
	BILGE_PROC='$(abs_top_builddir)/tests/nobody-else'; export BILGE_PROC; \
	LC_ALL=C.UTF-8; export LC_ALL; TZ=UTC; export TZ;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
LOG_COMPILER = $(top_srcdir)/tests/support/tap
PY_LOG_DRIVER = $(LOG_DRIVER)
PY_LOG_COMPILER = $(PYTHON3)
TEST_EXTENSIONS = .sh .py
XFAIL_TESTS =

# Programs that name no libraries of their own get these; each takes what it needs.
LDADD =
if HAVE_CMOCKA
LDADD += $(TEST_KITS)
endif
LDADD += libbench.a libcli.a libtui.a libbilge.a $(CORE_LIBS) $(CMOCKA_LIBS) $(VTERM_LIBS)
TEST_KITS = tests/unit/libunitkit.a
if HAVE_VTERM
TEST_KITS += tests/engine/liblab.a tests/screen/libscreenkit.a
endif
TEST_KITS += tests/support/libtestkit.a

# First what takes longest: the tests of one engine go one after the other.
if HAVE_CMOCKA
if HAVE_VTERM
include $(top_srcdir)/tests/engine/local.mk
endif
endif
include $(top_srcdir)/tests/bench/local.mk
include $(top_srcdir)/tests/fuzz/local.mk

include $(top_srcdir)/tests/attack/layouts/local.mk
include $(top_srcdir)/tests/cli/local.mk
include $(top_srcdir)/tests/stack/local.mk
include $(top_srcdir)/tests/tree/local.mk
include $(top_srcdir)/tests/workspace/local.mk

if HAVE_CMOCKA
include $(top_srcdir)/tests/support/local.mk
include $(top_srcdir)/tests/attack/local.mk
include $(top_srcdir)/tests/unit/local.mk
if HAVE_VTERM
include $(top_srcdir)/tests/screen/local.mk
endif
endif
